"""The kinds of warnings about whole rules."""

from __future__ import annotations

from enum import StrEnum


class WarningKind(StrEnum):
    """The kinds of warnings about rules, as in the JSON output. Those about values are the authorizer's warnings."""

    NEVER_MATCHES = "never_matches"
    VALUE_NEVER_MATCHES = "value_never_matches"
    COVERED = "covered"
    DUPLICATE = "duplicate"
    EXPIRED = "expired"
