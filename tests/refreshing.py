"""Refreshing documents, and what has changed by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mtls_authorizer.refresh.refresher import Refresher


def has_changed(refresher: Refresher) -> bool:
    """Refresh documents if they are due, and return whether any value has changed."""
    before = [value for value, _is_invalid in refresher.states]
    refresher.refresh_if_due()
    return [value for value, _is_invalid in refresher.states] != before
