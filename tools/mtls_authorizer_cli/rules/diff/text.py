"""The differences between two documents for a person, in printable ASCII."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mtls_authorizer_cli.explanation.wording import printed_routes
from mtls_authorizer_cli.printed import counted, plain, quoted
from mtls_authorizer_cli.rules.diff.comparison import Change
from mtls_authorizer_cli.rules.diff.parts import limits_text
from mtls_authorizer_cli.tables import joined, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtls_authorizer.rules.routes import Routes
    from mtls_authorizer_cli.rules.diff.clients import Access
    from mtls_authorizer_cli.rules.diff.comparison import PartChange, RuleChange
    from mtls_authorizer_cli.rules.diff.report import ClientDifference, Report

_MARKS = {Change.ADDED: "+", Change.REMOVED: "-", Change.CHANGED: "~", Change.RENAMED: "="}
_LONGEST_NAME = 60


def as_text(report: Report) -> str:
    """Return a report: the answer first, the next step last."""
    return joined([*_summary(report), *_clients(report), *_rules(report), *_notes(report), "", *_next_step(report)])


def _summary(report: Report) -> Iterator[str]:
    comparison = report.comparison
    if report.clients is not None:
        changed = report.changed_clients
        losing = sum(bool(each.change.lost) for each in changed)
        gaining = sum(bool(each.change.gained) for each in changed)
        total = counted(len(report.clients), "client")
        yield f"{len(changed)} of {total} changed: routes lost by {losing}, gained by {gaining}"
    kinds = {kind: sum(change.change is kind for change in comparison.rules) for kind in Change}
    numbers = [f"{number} {kind}" for kind, number in kinds.items() if number]
    yield f"rules: {', '.join([*numbers, f'{comparison.unchanged} unchanged'])}"
    if comparison.denials is not None:
        added, removed = len(comparison.denials.added), len(comparison.denials.removed)
        yield f"deny: {added} added, {removed} removed"


def _clients(report: Report) -> Iterator[str]:
    for client in report.changed_clients:
        change = client.change
        yield ""
        yield from wrap(f"client {quoted(_client_name(client), _LONGEST_NAME)} in {plain(client.file)}", first="")
        for verb, several in (("gains", change.gained), ("loses", change.lost), ("now", change.new.limited_routes())):
            for routes, limits in several if verb != "now" or change.lost else ():
                yield from _routes(verb, routes, "" if limits is None else f" (only for {limits_text(limits)})")
        if change.context_changes:
            yield "  the context or the usage plan key changes"
        yield from wrap(f"{'rules':8}{_matching(change.old)} -> {_matching(change.new)}", others=" " * 10)


def _routes(verb: str, routes: Routes, limits: str = "") -> Iterator[str]:
    if routes:
        yield from wrap(f"{verb:8}{printed_routes(routes, everything=True)}{limits}", others=" " * 10)


def _matching(access: Access) -> str:
    names = [name for grant, _ in access.grants for name in grant.rules]
    return ", ".join(names) or f"none ({access.denial})"


def _rules(report: Report) -> Iterator[str]:
    for change in report.comparison.rules:
        yield ""
        yield from _rule(change)
    if report.comparison.denials is not None:
        yield ""
        yield "deny (these clients are denied, whatever rules match)"
        yield from _part(report.comparison.denials, label=False)


def _rule(change: RuleChange) -> Iterator[str]:
    renamed = f", was {change.old_name}" if change.old_name != change.name else ""
    yield f"{_MARKS[change.change]} rule {change.name}: {change.change}{renamed}"
    yield from _routes("gains", change.gained)
    yield from _routes("loses", change.lost)
    if change.lost:
        yield from _routes("now", change.routes)
    for part in change.parts:
        yield from _part(part)


def _part(part: PartChange, *, label: bool = True) -> Iterator[str]:
    if label:
        yield f"  {part.part}"
    for mark, texts in (("+", part.added), ("-", part.removed)):
        for text in texts:
            yield from wrap(f"{mark} {text}", first="    ", others="      ")


def _notes(report: Report) -> Iterator[str]:
    if report.comparison.is_reordered:
        yield ""
        yield from wrap(
            "note: rules with a context or a usage plan key are in another order. If several match a client, those of "
            "the first rule are used.",
            first="",
        )
    for file in report.unreadable:
        yield ""
        yield from wrap(f"note: skipped: {plain(file.problem or '')}", first="")


def _next_step(report: Report) -> Iterator[str]:
    if not report.has_differences:
        yield "Nothing differs."
    elif report.clients is None:
        yield "Next step: add --certs FOLDER to see what changes for which client."
    else:
        yield "Next step: try the new rules on logged requests:"
        yield f"  mtls-authorizer rules what-if --log FILE --rules {plain(shlex.quote(report.new))}"


def _client_name(client: ClientDifference) -> str:
    return client.certificate.subject.get_single("CN") or client.certificate.subject.rfc4514_string() or "-"
