"""The decisions that the documentation promises while documents change, and those that it leaves open."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.pki.certificate_authorities import DAY
from tests.pki.certificates import name, pem
from tests.pki.kept_lists import NOW, authority

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tests.pki.certificate_authorities import CertificateAuthority

INTERVAL = 100
"""In seconds: the interval at which documents are reloaded."""

_ROOT, _OF_ISSUING = authority("Root"), 77
# Two have the same name.
CAS: dict[str, CertificateAuthority] = {
    "acme": authority("Acme"),
    "rekeyed": authority("Acme"),
    "other": authority("Other"),
    "root": _ROOT,
    "issuing": authority("Issuing", parent=_ROOT, serial_number=_OF_ISSUING),
}


class Client(NamedTuple):
    """A client, whose common name is unique. Its serial number is not."""

    common_name: str
    ca: str
    serial_number: int
    not_before: datetime
    not_after: datetime
    pem: str


def _client(
    common_name: str,
    ca: str,
    serial_number: int,
    not_before: datetime = NOW - DAY,
    not_after: datetime = NOW + 100 * DAY,
) -> Client:
    subject = name(("CN", common_name))
    issued = CAS[ca].issue(serial_number, subject=subject, not_before=not_before, not_after=not_after)
    return Client(common_name, ca, serial_number, not_before, not_after, pem(issued))


CLIENTS = {
    client.common_name: client
    for client in (
        _client("alpha", "acme", 1),
        _client("beta", "acme", 2),
        _client("gamma", "rekeyed", 1),
        _client("delta", "other", 1),
        _client("brief", "other", 2, NOW + timedelta(hours=1), NOW + timedelta(hours=3)),
        _client("epsilon", "issuing", 1),
        _client("zeta", "issuing", 2),
    )
}
SERIAL_NUMBERS = {ca: [each.serial_number for each in CLIENTS.values() if each.ca == ca] for ca in CAS}
SERIAL_NUMBERS["root"] = [_OF_ISSUING]


class Rules(NamedTuple):
    """A rules document: its version is in the context. ``pinned`` rules name the key of the client's CA.

    All are in effect from ``begins`` to ``ends``.
    """

    version: int
    granted: tuple[str, ...] = tuple(CLIENTS)
    limited: bool = False
    pinned: bool = False
    denied: tuple[str, ...] = ()
    begins: datetime = NOW - DAY
    ends: datetime = NOW + 100 * DAY

    def encode(self) -> bytes:
        rules: list[dict[str, Any]] = [{"name": f"of-nobody-{i}", "match": {"common_name": "nobody"}} for i in (1, 2)]
        for each in map(CLIENTS.__getitem__, self.granted):
            key = {"issuer_key": CAS[each.ca].signer} if self.pinned else {}
            routes = {"allow": ["GET /hello"]} if self.limited else {}
            match = {"common_name": each.common_name, **key}
            times = {"not_before": _encoded(self.begins), "not_after": _encoded(self.ends)}
            context = {"version": str(self.version)}
            rules.append({"name": each.common_name, "match": match, **routes, **times, "context": context})
        return json.dumps(
            {"rules": rules, "deny": [{"common_name": each} for each in ("nobody", *self.denied)]}
        ).encode()


def _encoded(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class Crl(NamedTuple):
    """A CRL. Numbers and dates of CRLs increase, and no revocation is undone."""

    ca: str
    number: int
    next_update: datetime
    revoked: frozenset[int]
    encoded: bytes


class Stored:
    """A document in a store. ``content`` is None if it is missing or invalid."""

    content: Any = None
    is_faulty = False
    since = stored_at = float("-inf")
    """When it was stored, or could be read again; and when it was stored. By the clock of intervals."""
    stored_before = NOW

    def is_readable(self, clock: float) -> bool:
        """Return whether a request can read a valid document."""
        if self.is_faulty:
            self.since = clock
        return not self.is_faulty and self.content is not None


class Expected:
    """The decisions of one execution environment."""

    def __init__(self, failure_mode: str, check: str) -> None:
        self._is_lenient, self._is_chain = failure_mode == "allow", check == "chain"
        self.rules: set[Rules] = set()
        """Each may be in force, and so may each of the truststores."""
        self._truststores: set[frozenset[str]] = {frozenset()}
        self._seen: dict[str, list[Crl]] = {ca: [] for ca in CAS}
        """CRLs that may have been loaded."""
        self._loaded: dict[str, list[Crl]] = {ca: [] for ca in CAS}
        """Those that must have been, and not before a newer one, since their CA was trusted last."""
        self._revoked: dict[str, set[int]] = {ca: set() for ca in CAS}
        """The serial numbers in those that must have been."""
        self._ever_loaded: set[str] = set()
        """The CAs of which one must have been."""
        self._displacing: set[int] = set()
        """The numbers of CRLs that had not expired when they may have been loaded."""

    def observe(self, stored: Mapping[str, Stored], clock: float, now: datetime, *, is_certain: bool = True) -> None:
        """Observe a request. What was readable for an interval before it must have been loaded."""
        readable = {place: each for place, each in stored.items() if each.is_readable(clock)}
        certain = {place for place, each in readable.items() if is_certain and clock - each.since >= INTERVAL}
        for place, possible in (("rules.json", self.rules), ("truststore.pem", self._truststores)):
            if place in certain:
                possible.clear()
            if place in readable:
                possible.add(readable[place].content)
        trusted = frozenset.intersection(*self._truststores)
        for ca in CAS.keys() - trusted:
            self._loaded[ca] = []
        crls = {place: each for place, each in readable.items() if isinstance(each.content, Crl)}
        for crl in (each.content for each in crls.values()):
            if crl not in self._seen[crl.ca] and any(crl.ca in truststore for truststore in self._truststores):
                self._seen[crl.ca].append(crl)
        self._displacing |= {crl.number for seen in self._seen.values() for crl in seen if now < crl.next_update}
        for place, each in crls.items():
            is_urgent = is_certain and each.since == each.stored_at and self._replaces_stale(each, now)
            if (place in certain or is_urgent) and each.content.ca in trusted:
                self._load(each.content)

    def _load(self, crl: Crl) -> None:
        self._revoked[crl.ca] |= crl.revoked
        self._ever_loaded.add(crl.ca)
        if crl not in self._loaded[crl.ca] and all(other.number <= crl.number for other in self._seen[crl.ca]):
            self._loaded[crl.ca].append(crl)

    def _replaces_stale(self, stored: Stored, now: datetime) -> bool:
        """Return whether a CRL was stored before the nextUpdate of the last one, which has just passed."""
        ends = [each.next_update for each in self._loaded[stored.content.ca][-1:]]
        return any(stored.stored_before < end <= now < end + timedelta(seconds=INTERVAL) for end in ends)

    def outcomes(self, client: Client, path: str, now: datetime) -> set[tuple[str | None, int | None]]:
        """Return what may be decided: a deny reason, None for an Allow; and for an Allow the version of the rules."""
        return {
            (reason, None if reason else rules.version)
            for rules in self.rules
            for trusted in self._truststores
            for reason in self._reasons(client, path, rules, trusted, now)
        }

    def _reasons(
        self, client: Client, path: str, rules: Rules, trusted: frozenset[str], now: datetime
    ) -> set[str | None]:
        if client.common_name in rules.denied:
            return {"certificate_excluded"}
        if client.common_name not in rules.granted or (rules.pinned and client.ca not in trusted):
            return {"no_rule_matched"}
        if not rules.begins <= now <= rules.ends:
            return {"rule_not_in_effect"}
        if now < client.not_before:
            return {"certificate_not_yet_valid"}
        if now > client.not_after:
            return {"certificate_expired"}
        granted = "route_not_allowed" if rules.limited and path != "/hello" else None
        unknown = granted if self._is_lenient else "revocation_status_unknown"
        reasons = {"revoked": "certificate_revoked", "unknown": unknown, "good": granted}
        return {reasons[status] for status in self._statuses(client, trusted, now)}

    def _statuses(self, client: Client, trusted: frozenset[str], now: datetime) -> set[str]:
        """Return what the revocation status may be."""
        own = self._of_certificate(client.ca, client.serial_number, now, is_required=True)
        if client.ca not in trusted:
            return self._without_trust(client, own - {"good"}, trusted)
        if client.ca != "issuing":
            return own
        if "root" not in trusted:
            may_be_good = not self._is_chain and "root" not in self._ever_loaded
            return self._without_trust(client, own if may_be_good else own - {"good"}, trusted)
        above = self._of_certificate("root", _OF_ISSUING, now, is_required=self._is_chain)
        return {min(each, other, key=["revoked", "unknown", "good"].index) for each in own for other in above}

    def _without_trust(self, client: Client, own: set[str], trusted: frozenset[str]) -> set[str]:
        """Return what the status may be if a CA above a client may have left the truststore. Its CRLs still revoke."""
        is_below_root = client.ca == "issuing"
        if client.serial_number in self._revoked[client.ca]:
            return {"revoked"}
        if is_below_root and client.ca in trusted and _OF_ISSUING in self._revoked["root"]:
            return {"revoked"}
        if client.ca in trusted and not self._seen["root"]:
            return own | ({"unknown"} if self._is_chain else set())
        may_be_listed = is_below_root and any(_OF_ISSUING in crl.revoked for crl in self._seen["root"])
        return {"unknown", *own, *(["revoked"] if may_be_listed else [])}

    def _of_certificate(self, ca: str, serial_number: int, now: datetime, *, is_required: bool) -> set[str]:
        seen, loaded = self._seen[ca], self._loaded[ca]
        if serial_number in self._revoked[ca]:
            # Never good again. CRLs need not stay in memory while their CA is not in the truststore.
            return {"revoked"} if any(serial_number in crl.revoked for crl in loaded) else {"revoked", "unknown"}
        statuses = {"revoked" for crl in seen if serial_number in crl.revoked}
        if any(now < crl.next_update for crl in seen) or not (is_required or loaded):
            statuses.add("good")
        usable = max((crl.number for crl in loaded if now < crl.next_update), default=None)
        displacing = [crl for crl in seen if crl.number in self._displacing and now >= crl.next_update]
        is_proven = usable is not None and all(crl.number < usable for crl in displacing)
        if not is_proven and (is_required or seen):
            statuses.add("unknown")
        return statuses
