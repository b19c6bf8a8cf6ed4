"""Findings about single values of a rules document: the warnings that the authorizer logs when it loads one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtls_authorizer.policy.rule_warnings import rule_warnings
from mtls_authorizer_cli.rules.checks.findings import Finding, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator


def value_findings(document: dict[str, Any]) -> Iterator[Finding]:
    """Return the findings about the values of a valid document."""
    for kind, place, message in rule_warnings(document):
        yield Finding(Kind(kind.value), place, message)
