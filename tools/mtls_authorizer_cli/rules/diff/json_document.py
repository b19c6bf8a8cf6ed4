"""The differences between two documents as JSON, for a program. ``docs/change-rules.md`` describes the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer_cli.explanation.wording import listed_routes
from mtls_authorizer_cli.printed import json_text
from mtls_authorizer_cli.rules.diff.parts import limits_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtls_authorizer_cli.rules.diff.clients import Access, LimitedRoutes
    from mtls_authorizer_cli.rules.diff.comparison import PartChange
    from mtls_authorizer_cli.rules.diff.report import ClientDifference, Report


def as_json(report: Report) -> str:
    """Return a report as JSON."""
    comparison = report.comparison
    document = {
        "different": report.has_differences,
        "rules": [
            {
                "name": change.name,
                "old_name": change.old_name,
                "change": change.change,
                "gained": listed_routes(change.gained),
                "lost": listed_routes(change.lost),
                "routes": listed_routes(change.routes),
                "parts": list(map(_part, change.parts)),
            }
            for change in comparison.rules
        ],
        "deny": None if comparison.denials is None else _part(comparison.denials),
        "unchanged_rules": comparison.unchanged,
        "reordered": comparison.is_reordered,
        "clients": None if report.clients is None else list(map(_client, report.changed_clients)),
        "unchanged_clients": None if report.clients is None else len(report.clients) - len(report.changed_clients),
        "skipped": [{"file": file.name, "problem": file.problem} for file in report.unreadable],
    }
    return json_text(document)


def _part(part: PartChange) -> dict[str, object]:
    return {"part": part.part, "added": part.added, "removed": part.removed}


def _client(client: ClientDifference) -> dict[str, object]:
    change = client.change
    return {
        "file": client.file,
        "subject_dn": client.certificate.subject.rfc4514_string(),
        "fingerprint256": client.certificate.fingerprint256,
        "gained": _limited(change.gained),
        "lost": _limited(change.lost),
        "routes": _limited(change.new.limited_routes()),
        "context_changes": change.context_changes,
        "old_rules": _matching(change.old),
        "new_rules": _matching(change.new),
    }


def _limited(several: Sequence[LimitedRoutes]) -> list[dict[str, object]]:
    return [
        {"routes": listed_routes(routes), "limits": None if limits is None else limits_text(limits)}
        for routes, limits in several
    ]


def _matching(access: Access) -> list[str]:
    return [name for grant, _ in access.grants for name in grant.rules]
