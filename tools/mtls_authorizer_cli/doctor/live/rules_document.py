"""The check of the rules document that the authorizer's function uses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mtls_authorizer_cli.doctor.findings import Check, Finding, suspicious_rule
from mtls_authorizer_cli.rules.check.report import check_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtls_authorizer_cli.doctor.account.function import Function


def rules_document(function: Function) -> Iterator[Finding]:
    """Yield the errors and warnings of ``rules check`` about the document at a URI, if the function has one."""
    document, uri = function.rules_document, function.settings.rules_uri
    if document is None or uri is None:
        return
    report = check_document(uri, document, datetime.now(UTC))
    for error in report.errors:
        yield Finding(
            Check.RULES_DOCUMENT,
            uri,
            f"invalid: {error.text}",
            "The function keeps its last valid rules while it runs, and does not start with these: then the API "
            "responds with 500.",
            "Correct the document with mtls-authorizer rules check, and upload it",
        )
    for warning in report.warnings:
        yield suspicious_rule(Check.RULES_DOCUMENT, uri, warning)
