"""Refreshing documents, and what has changed by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.policy.current_policy import WaitSeconds
from tests.clocks import LONG

if TYPE_CHECKING:
    from mtls_authorizer.refresh.refresher import Refresher

LONG_WAITS = WaitSeconds(LONG, LONG, LONG, LONG, request=3 * LONG, needed=LONG)
"""For stores that answer: with the default, a test would fail on a machine that is too busy for two seconds."""


def has_changed(refresher: Refresher) -> bool:
    """Refresh documents if they are due, and return whether any value has changed."""
    before = [value for value, _is_invalid in refresher.states]
    refresher.refresh_if_due()
    return [value for value, _is_invalid in refresher.states] != before
