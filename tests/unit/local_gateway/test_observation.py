from __future__ import annotations

import logging
from threading import Thread
from typing import TYPE_CHECKING

from local_gateway.observation import observed_log, unlogged
from mtls_authorizer.telemetry.decision_log import logger

if TYPE_CHECKING:
    import pytest


def test_what_is_logged_while_the_block_runs_is_observed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mtls_authorizer")
    logger.info("before")
    with observed_log() as records:
        logger.info("in the block")
    logger.info("after")
    assert [record.getMessage() for record in records] == ["in the block"]


def test_only_this_thread_is_not_logged_and_only_while_the_block_runs(caplog: pytest.LogCaptureFixture) -> None:
    with unlogged():
        logger.error("in the block")
        thread = Thread(target=logger.error, args=("on another thread",))
        thread.start()
        thread.join()
    logger.error("after")
    assert caplog.messages == ["on another thread", "after"]
