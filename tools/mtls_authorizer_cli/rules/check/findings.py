"""Findings about a rules document: rules and values that are valid, but probably mean something else than intended."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mtls_authorizer.policy.rule_warnings import RuleWarningKind


class Kind(StrEnum):
    """The kinds of findings about rules, as in the JSON output. Those about values are the authorizer's warnings."""

    NEVER_MATCHES = "never_matches"
    VALUE_NEVER_MATCHES = "value_never_matches"
    COVERED = "covered"
    DUPLICATE = "duplicate"
    EXPIRED = "expired"


class Finding(NamedTuple):
    """A finding about one rule.

    ``place`` is the location in the document, such as ``rules[0].match.issuer``; ``message`` continues a sentence that
    begins with it.
    """

    kind: Kind | RuleWarningKind
    place: str
    message: str
