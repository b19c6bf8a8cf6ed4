"""Starting the authorizer's function, as Lambda does: its entry point reads the environment when it is imported."""

from __future__ import annotations

import importlib
import logging
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.policy.settings import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

_HANDLER = "mtls_authorizer.handler"


@pytest.fixture
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Remove what a function's environment may contain, and at the end what a start leaves behind."""
    for name in ("AWS_LAMBDA_LOG_LEVEL", "AWS_LAMBDA_INITIALIZATION_TYPE", *VARIABLES):
        monkeypatch.delenv(name, raising=False)
    logger = logging.getLogger("mtls_authorizer")
    level = logger.level
    yield
    logger.setLevel(level)
    sys.modules.pop(_HANDLER, None)


def start() -> ModuleType:
    """Return the entry point, imported anew. It waits long for stores: the machine may be busy."""
    from mtls_authorizer.policy import current_policy  # noqa: PLC0415 -- this is a plugin, which is imported early
    from tests.refreshing import LONG_WAITS  # noqa: PLC0415 -- likewise

    sys.modules.pop(_HANDLER, None)
    patient = partial(current_policy.CurrentPolicy, wait_seconds=LONG_WAITS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(current_policy, "CurrentPolicy", patient)
        return importlib.import_module(_HANDLER)
