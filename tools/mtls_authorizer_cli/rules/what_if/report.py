"""What other rules would change: logged decisions, counted by client, route and reason, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.rules.fields import ISSUER_KEY
from mtls_authorizer_cli.printed import counted, json_text, plain, quoted
from mtls_authorizer_cli.tables import joined, next_step, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtls_authorizer_cli.decision_log.records import LogRecord
    from mtls_authorizer_cli.rules.what_if.replay import ReplayedDecision

_MOST_LINES = 50
_LONGEST_NAME = 200


class Changed(NamedTuple):
    """Requests of one client to one route whose decision changes. Names are those in the log, None if it lacks them."""

    allowed: bool
    client: str | None
    issuer_dn: str | None
    route: str | None
    why: str


class Tally:
    """Counts decisions.

    ``same`` is the number of unchanged decisions, and ``changed`` counts the others. ``undetermined`` counts decisions
    that cannot be determined, by the missing facts. ``clients`` contains the fingerprints of their certificates.
    """

    def __init__(self) -> None:
        self.same = 0
        self.changed: Counter[Changed] = Counter()
        self.undetermined: Counter[tuple[str, ...]] = Counter()
        self.clients: dict[tuple[str, ...], set[str | None]] = {}

    @property
    def total(self) -> int:
        """The number of decisions."""
        return self.same + self.changed.total() + self.undetermined.total()

    def requests(self, *, allowed: bool) -> int:
        """Return how many requests would be allowed that were denied, or the other way round."""
        return sum(number for changed, number in self.changed.items() if changed.allowed is allowed)

    def add(self, record: LogRecord, decision: ReplayedDecision) -> None:
        """Count a decision."""
        allowed, missing = decision.allowed.value, tuple(sorted(decision.allowed.missing))
        if allowed is None:
            self.undetermined[missing] += 1
            self.clients.setdefault(missing, set()).add(record.text("fingerprint"))
        elif allowed is (record.decision == "allow"):
            self.same += 1
        else:
            client = record.text("subject_dn") or record.text("principal")
            key = Changed(allowed, client, record.text("issuer_dn"), record.text("route"), decision.why)
            self.changed[key] += 1


class WhatIfReport(NamedTuple):
    """The result. ``skipped`` is how many entries of the log are not decisions."""

    tally: Tally
    skipped: int
    has_certificates: bool
    has_truststore: bool


def as_json(report: WhatIfReport) -> str:
    """Return a report as JSON. ``docs/change-rules.md`` describes the keys."""
    tally = report.tally
    document = {
        "decisions": tally.total,
        "unchanged": tally.same,
        "changed": [
            {
                "from": "deny" if changed.allowed else "allow",
                "to": "allow" if changed.allowed else "deny",
                "requests": number,
                "subject_dn": changed.client,
                "issuer_dn": changed.issuer_dn,
                "route": changed.route,
                "why": changed.why,
            }
            for changed, number in tally.changed.most_common()
        ],
        "undetermined": [
            {"missing": missing, "requests": number, "clients": len(tally.clients[missing])}
            for missing, number in tally.undetermined.most_common()
        ],
        "skipped": report.skipped,
    }
    return json_text(document)


def as_text(report: WhatIfReport) -> str:
    """Return a report for a person: the answer first, the next step last."""
    lines = [
        *_answer(report),
        *_changed(report.tally, allowed=False),
        *_changed(report.tally, allowed=True),
        *_undetermined(report.tally),
        "",
        *next_step(f"{_next_step(report)}."),
    ]
    return joined(lines)


def _answer(report: WhatIfReport) -> Iterator[str]:
    tally = report.tally
    yield (
        f"{tally.changed.total():,} of {counted(tally.total, 'logged decision')} would change: "
        f"{tally.requests(allowed=False):,} would be denied, {tally.requests(allowed=True):,} would be allowed"
    )
    yield f"{tally.same:,} would stay the same, {tally.undetermined.total():,} cannot be determined"
    if report.skipped:
        yield f"log entries that are not decisions were skipped: {report.skipped:,}"


def _changed(tally: Tally, *, allowed: bool) -> Iterator[str]:
    changed = [(each, number) for each, number in tally.changed.most_common() if each.allowed is allowed]
    if changed:
        yield ""
        yield "were denied, would be allowed" if allowed else "were allowed, would be denied"
    for each, number in changed[:_MOST_LINES]:
        client = quoted(each.client or "-", _LONGEST_NAME)
        yield from wrap(f"{number:>8,}  {plain(each.route or '-')}  {client}", first="", others=" " * 10)
        yield from wrap(
            f"{each.why}; issuer {quoted(each.issuer_dn or '-', _LONGEST_NAME)}", first=" " * 10, others=" " * 10
        )
    if len(changed) > _MOST_LINES:
        yield f"          and {len(changed) - _MOST_LINES:,} more: --json prints all"


def _undetermined(tally: Tally) -> Iterator[str]:
    if tally.undetermined:
        yield ""
        yield "cannot be determined, because the log lacks"
    for missing, number in tally.undetermined.most_common():
        clients = len(tally.clients[missing])
        certificates = counted(clients, "certificate")
        yield from wrap(f"{number:>8,}  {', '.join(missing)} ({certificates})", first="", others=" " * 10)


def _next_step(report: WhatIfReport) -> str:
    tally = report.tally
    if not tally.total:
        return "name a file with entries of the decision log"
    options = [] if report.has_certificates else ["--certs FOLDER with the certificates of the clients"]
    if not report.has_truststore and any(ISSUER_KEY in missing for missing in tally.undetermined):
        options.append("--truststore FILE with the CAs of the clients")
    if tally.undetermined and options:
        return f"add {' and '.join(options)} to determine the others"
    if tally.changed:
        return "correct the rules if a change is not intended; see mtls-authorizer rules diff"
    return "use the rules as shadow rules to try them on all requests (docs/try-rules-first.md)"
