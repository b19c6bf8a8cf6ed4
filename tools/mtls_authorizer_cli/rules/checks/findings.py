"""Findings about a rules document: rules and values that are valid, but probably mean something else than intended."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """The kinds of findings, as in the JSON output."""

    NEVER_MATCHES = "never_matches"
    VALUE_NEVER_MATCHES = "value_never_matches"
    COVERED = "covered"
    DUPLICATE = "duplicate"
    EXPIRED = "expired"
    SURROUNDING_WHITESPACE = "surrounding_whitespace"
    REVERSED_NAME = "reversed_name"
    SPLIT_NAME = "split_name"
    OPEN_DOMAIN = "open_domain"


class Finding(NamedTuple):
    """A finding about one rule.

    ``place`` is the location in the document, such as ``rules[0].match.issuer``; ``message`` continues a sentence that
    begins with it.
    """

    kind: Kind
    place: str
    message: str
