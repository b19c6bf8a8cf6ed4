from __future__ import annotations

from threading import Thread

import pytest

from local_gateway.observation import observed_log, unlogged
from mtls_authorizer.log import get_logger


@pytest.mark.usefixtures("log")
def test_records_that_are_logged_within_the_block_are_observed() -> None:
    get_logger().info("before")
    with observed_log() as records:
        get_logger().info("in the block")
    get_logger().info("after")
    assert [record.getMessage() for record in records] == ["in the block"]


def test_only_this_thread_is_not_logged_and_only_while_the_block_runs(caplog: pytest.LogCaptureFixture) -> None:
    with unlogged():
        get_logger().error("in the block")
        thread = Thread(target=get_logger().error, args=("on another thread",))
        thread.start()
        thread.join()
    get_logger().error("after")
    assert caplog.messages == ["on another thread", "after"]
