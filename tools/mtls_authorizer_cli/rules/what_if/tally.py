"""What other rules would change: logged decisions, counted by client, route and reason."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mtls_authorizer_cli.decision_log.records import LogRecord
    from mtls_authorizer_cli.rules.what_if.replay import ReplayedDecision


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
