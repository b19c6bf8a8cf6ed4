"""The differences between two documents: for a person, in printable text, and for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer_cli.command_line import printable
from mtls_authorizer_cli.explanation.wording import listed_routes, printed_routes
from mtls_authorizer_cli.printed import counted, json_text, plain, quoted
from mtls_authorizer_cli.rules.diff.comparison import ChangeKind, limits_text
from mtls_authorizer_cli.tables import joined, notes, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.rules.routes import Routes
    from mtls_authorizer_cli.certificates.files import CertificateFile
    from mtls_authorizer_cli.rules.diff.clients import Access, ClientChange, LimitedRoutes
    from mtls_authorizer_cli.rules.diff.comparison import Comparison, PartChange, RuleChange

_MARKS = {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.CHANGED: "~", ChangeKind.RENAMED: "="}
_LONGEST_NAME = 60
_REORDERED = (
    "rules with a context or a usage plan key are in another order. If several match a client, those of the first rule "
    "are used."
)


class ClientDifference(NamedTuple):
    """The difference for the client of a certificate, and the file that contains it."""

    file: str
    certificate: PeerCertificate
    change: ClientChange


class DiffReport(NamedTuple):
    """The differences between two documents. ``arguments`` are those with which the new one can be tried.

    ``clients`` has an item for each certificate, and is None if no certificates were given. ``unreadable`` are files
    without a certificate that can be read.
    """

    arguments: str
    comparison: Comparison
    clients: tuple[ClientDifference, ...] | None = None
    unreadable: tuple[CertificateFile, ...] = ()

    @property
    def changed_clients(self) -> tuple[ClientDifference, ...]:
        """The clients that notice something."""
        return tuple(client for client in self.clients or () if not client.change.is_empty)

    @property
    def has_differences(self) -> bool:
        """Whether a rule or a client differs."""
        return not self.comparison.is_empty or bool(self.changed_clients)


def as_text(report: DiffReport) -> str:
    """Return a report: the answer first, the next step last."""
    return joined([*_summary(report), *_clients(report), *_rules(report), *_notes(report), "", *_next_step(report)])


def _summary(report: DiffReport) -> Iterator[str]:
    comparison = report.comparison
    if report.clients is not None:
        changed = report.changed_clients
        losing = sum(bool(each.change.lost) for each in changed)
        gaining = sum(bool(each.change.gained) for each in changed)
        total = counted(len(report.clients), "client")
        yield f"{len(changed)} of {total} changed: routes lost by {losing}, gained by {gaining}"
    kinds = {kind: sum(change.change is kind for change in comparison.rules) for kind in ChangeKind}
    numbers = [f"{number} {kind}" for kind, number in kinds.items() if number]
    yield f"rules: {', '.join([*numbers, f'{comparison.unchanged} unchanged'])}"
    if comparison.denials is not None:
        added, removed = len(comparison.denials.added), len(comparison.denials.removed)
        yield f"deny: {added} added, {removed} removed"


def _clients(report: DiffReport) -> Iterator[str]:
    for client in report.changed_clients:
        change = client.change
        yield ""
        yield from wrap(f"client {quoted(_client_name(client), _LONGEST_NAME)} in {plain(client.file)}", first="")
        remaining = change.new.limited_routes() if change.lost else ()
        for verb, several in (("gains", change.gained), ("loses", change.lost), ("now", remaining)):
            for routes, limits in several:
                yield from _routes(verb, routes, "" if limits is None else f" (only for {limits_text(limits)})")
        if change.context_changes:
            yield "  the context or the usage plan key changes"
        yield from wrap(f"{'rules':8}{_matching(change.old)} -> {_matching(change.new)}", others=" " * 10)


def _routes(verb: str, routes: Routes, limits: str = "") -> Iterator[str]:
    if routes:
        yield from wrap(f"{verb:8}{printed_routes(routes, everything=True)}{limits}", others=" " * 10)


def _matching(access: Access) -> str:
    return ", ".join(access.rules) or f"none ({access.denial})"


def _rules(report: DiffReport) -> Iterator[str]:
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


def _notes(report: DiffReport) -> Iterator[str]:
    if report.comparison.is_reordered:
        yield from ["", *notes([_REORDERED])]
    for file in report.unreadable:
        yield from ["", *notes([f"skipped: {file.problem}"])]


def _next_step(report: DiffReport) -> Iterator[str]:
    if not report.has_differences:
        yield "Nothing differs."
    elif report.clients is None:
        yield "Next step: add --certs FOLDER to see what changes for which client."
    else:
        yield "Next step: try the new rules on logged requests:"
        yield f"  mtls-authorizer rules what-if --log FILE {printable(report.arguments)}"


def _client_name(client: ClientDifference) -> str:
    return client.certificate.subject.get_single("CN") or client.certificate.subject.rfc4514_string() or "-"


def as_json(report: DiffReport) -> str:
    """Return a report as JSON. ``docs/change-rules.md`` describes the keys."""
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
                "parts": [part._asdict() for part in change.parts],
            }
            for change in comparison.rules
        ],
        "deny": None if comparison.denials is None else comparison.denials._asdict(),
        "unchanged_rules": comparison.unchanged,
        "reordered": comparison.is_reordered,
        "clients": None if report.clients is None else list(map(_client_json, report.changed_clients)),
        "unchanged_clients": None if report.clients is None else len(report.clients) - len(report.changed_clients),
        "skipped": [{"file": file.name, "problem": file.problem} for file in report.unreadable],
    }
    return json_text(document)


def _client_json(client: ClientDifference) -> dict[str, object]:
    change = client.change
    return {
        "file": client.file,
        "subject_dn": client.certificate.subject.rfc4514_string(),
        "fingerprint256": client.certificate.fingerprint256,
        "gained": _limited(change.gained),
        "lost": _limited(change.lost),
        "routes": _limited(change.new.limited_routes()),
        "context_changes": change.context_changes,
        "old_rules": change.old.rules,
        "new_rules": change.new.rules,
    }


def _limited(several: Sequence[LimitedRoutes]) -> list[dict[str, object]]:
    return [
        {"routes": listed_routes(routes), "limits": None if limits is None else limits_text(limits)}
        for routes, limits in several
    ]
