"""The clients of the load test: certificates of every kind, the rules that apply to them, and the expected responses.

The expectations follow from how a certificate was created, not from code of the authorizer.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import cycle, islice
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH, SERVER_AUTH
from tests.pki import der
from tests.pki.certificate_authorities import DAY, CertificateAuthority
from tests.pki.certificates import EXTENDED_KEY_USAGE, attribute, extension, name, pem, subject_alt_names, uri

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

TENANTS = 50
OPERATOR = "operator"
LAST_EDITION = 2
"""Editions of the rules are numbered from 1. The document after the last one is broken."""


class Kind(StrEnum):
    """The kinds of clients."""

    TENANT = "its rule has routes"
    OPERATOR = "listed by name, may call everything"
    LARGE = "listed by name, with a certificate that is too long for the cache"
    NEWCOMER = "allowed by the second edition of the rules"
    LEAVER = "allowed by the first edition only"
    LAPSING = "a tenant whose certificate expires meanwhile"
    STRANGER = "no rule matches"
    IMPOSTOR = "no rule matches, but its name has those of others in it, and would like to be a record of the log"
    EXPIRED = "a tenant whose certificate has expired"
    EARLY = "a tenant whose certificate isn't valid yet"
    SERVER = "a tenant whose certificate is for servers"
    UNPRINTABLE = "has a control character in its name"
    UNDECODABLE_EXTENSION = "a tenant with an irrelevant extension that cannot be decoded"
    UNDECODABLE_SUBJECT = "has a subject with a value that is not text"
    NO_CERTIFICATE = "sends what isn't a certificate"
    MISSING = "sends none"


# Of 20 certificates.
_MIX = (
    *[Kind.TENANT] * 6,
    *[Kind.OPERATOR] * 2,
    *(Kind.NEWCOMER, Kind.LEAVER, Kind.LAPSING, Kind.STRANGER, Kind.IMPOSTOR, Kind.EXPIRED, Kind.EARLY, Kind.SERVER),
    *(Kind.UNPRINTABLE, Kind.UNDECODABLE_EXTENSION, Kind.UNDECODABLE_SUBJECT, Kind.LARGE),
)
REJECTED_BY_TLS = frozenset({Kind.EXPIRED, Kind.EARLY, Kind.SERVER})
"""The kinds whose handshake is rejected by a server that verifies certificates."""
UNAUTHENTICATED = frozenset({Kind.UNDECODABLE_SUBJECT, Kind.NO_CERTIFICATE, Kind.MISSING})

_PADDING = 16 * 1024
_NO_CERTIFICATES = 50
_COUNTRY = "ZZ"
_YEAR = 365 * DAY
# RFC 7633. OpenSSL ignores it.
_TLS_FEATURE = "1.3.6.1.5.5.7.1.24"
_NOBODYS_EXTENSION = "1.3.6.1.4.1.55555.1"


class Client(NamedTuple):
    """A client, and the facts about its certificate. ``not_after`` is in seconds since the epoch."""

    kind: Kind
    pem: str | None = None
    common_name: str = ""
    tenant: int = 0
    serial_number: str = ""
    fingerprint: str = ""
    not_after: float = float("inf")


class Route(NamedTuple):
    """A method and a path that a client requests."""

    method: str
    path: str


class Entitlement(NamedTuple):
    """The expected response to a client: the reason why it is denied everything, or the ``edition`` that allows it."""

    client: Client
    reason: str | None
    edition: int = 0

    def may_call(self, route: Route) -> bool:
        """Return whether the client may call a route."""
        if self.reason is not None:
            return False
        if self.client.kind in {Kind.OPERATOR, Kind.LARGE}:
            return True
        if self.client.kind in {Kind.NEWCOMER, Kind.LEAVER}:
            return route == Route("GET", "/reports")
        own = f"/tenants/{self.client.tenant}"
        below = route.method == "GET" and route.path.startswith(own + "/") and ".." not in route.path
        return (below and "%" not in route.path) or route == Route("POST", own)

    def context(self) -> dict[str, str]:
        """Return the values that the context must contain, among others."""
        if self.reason is not None:
            return {"reason": self.reason}
        client = self.client
        by_name = client.kind in {Kind.OPERATOR, Kind.LARGE}
        by_tenant = client.kind in {Kind.TENANT, Kind.LAPSING}
        return {
            "clientCertCN": client.common_name,
            "clientCertSerialNumber": client.serial_number,
            "clientCertFingerprint256": client.fingerprint,
            **({} if by_name else {"edition": str(self.edition)}),
            **({"tenant": str(client.tenant)} if by_tenant else {}),
        }

    def principal(self) -> str:
        """Return the principal's identifier."""
        if self.client.kind in UNAUTHENTICATED:
            return "unauthenticated"
        return self.client.fingerprint if self.client.kind is Kind.UNPRINTABLE else self.client.common_name


def entitlement(client: Client, edition: int, *, lapsed: bool) -> Entitlement:
    """Return the expected response under an edition. ``lapsed`` is whether the certificate has expired."""
    reasons = {
        Kind.STRANGER: "no_rule_matched",
        Kind.IMPOSTOR: "no_rule_matched",
        Kind.EXPIRED: "certificate_expired",
        Kind.EARLY: "certificate_not_yet_valid",
        Kind.SERVER: "extended_key_usage_not_allowed",
        Kind.UNPRINTABLE: "subject_not_printable",
        Kind.UNDECODABLE_SUBJECT: "lambda_event_clientcert_malformed",
        Kind.NO_CERTIFICATE: "lambda_event_clientcert_malformed",
        Kind.MISSING: "lambda_event_missing_clientcert",
    }
    only_in = {Kind.LEAVER: 1, Kind.NEWCOMER: LAST_EDITION}
    reason = reasons.get(client.kind)
    if only_in.get(client.kind, edition) != edition:
        reason = "no_rule_matched"
    if lapsed and client.kind is Kind.LAPSING:
        reason = "certificate_expired"
    return Entitlement(client, reason, edition)


def routes_to_request(client: Client) -> list[Route]:
    """Return the routes that a client requests: its own, another client's, and attempts to leave its own."""
    own, other = f"/tenants/{client.tenant}", f"/tenants/{(client.tenant + 1) % TENANTS}"
    return [
        *[Route("GET", f"{own}/orders"), Route("GET", f"{own}/orders/1/items"), Route("POST", own)] * 2,
        *(Route("GET", "/reports"), Route("GET", f"{other}/orders"), Route("POST", other), Route("DELETE", own)),
        *(Route("GET", f"{own}0/orders"), Route("GET", f"{own}/../{TENANTS}"), Route("GET", f"{own}/%2e%2e/reports")),
    ]


class Authority:
    """A CA that issues certificates of all kinds, all for one key, because creating keys takes long."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC).replace(microsecond=0)
        self._ca = CertificateAuthority(
            subject=name(("O", "Soak"), ("CN", "Soak CA")), not_before=self._now - 3 * DAY, not_after=self._now + _YEAR
        )
        self.certificate = self._ca.pem
        """In PEM, for a truststore."""
        key = ec.generate_private_key(ec.SECP256R1())
        self.clients_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        """The private key of all clients, in PEM."""
        self._public_key = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def make_clients(self, count: int, seconds: float, random: Random) -> list[Client]:
        """Create clients with certificates of all kinds, in mixed order. Some expire within ``seconds`` from now."""
        kinds = islice(cycle(_MIX), count)
        clients = [self._make_client(kind, number, seconds, random) for number, kind in enumerate(kinds)]
        random.shuffle(clients)
        return clients

    def _make_client(self, kind: Kind, number: int, seconds: float, random: Random) -> Client:
        tenant, serial_number = random.randrange(TENANTS), random.getrandbits(159)
        common_name, unit = _names(kind, number, tenant)
        start, end = self._now - 2 * DAY, self._now + _YEAR
        if kind is Kind.EXPIRED:
            end = self._now - DAY
        elif kind is Kind.EARLY:
            start = end - DAY
        elif kind is Kind.LAPSING:
            end = (datetime.now(UTC) + timedelta(seconds=random.uniform(1, seconds))).replace(microsecond=0)
        # OpenSSL accepts a BIT STRING, here of 8 bits.
        is_odd = kind is Kind.UNDECODABLE_SUBJECT
        country = attribute("C", "\0\1", der.BIT_STRING) if is_odd else attribute("C", _COUNTRY, der.PRINTABLE_STRING)
        encoded = self._ca.issue(
            serial_number,
            subject=name(country, ("OU", unit), ("CN", common_name)),
            public_key=self._public_key,
            not_before=start,
            not_after=end,
            extensions=list(_extensions(kind, number)),
        )
        digits = f"{serial_number:X}"
        return Client(
            kind,
            pem(encoded),
            common_name,
            tenant,
            digits.zfill(len(digits) + len(digits) % 2),
            ":".join(f"{byte:02X}" for byte in hashlib.sha256(encoded).digest()),
            end.timestamp(),
        )


def _extensions(kind: Kind, number: int) -> Iterator[bytes]:
    yield extension(EXTENDED_KEY_USAGE, der.sequence(der.oid(SERVER_AUTH if kind is Kind.SERVER else CLIENT_AUTH)))
    folder = "newcomers" if kind is Kind.NEWCOMER else "others/newcomers"
    yield subject_alt_names(uri(f"spiffe://soak.example/{folder}/{number}"))
    if kind is Kind.UNDECODABLE_EXTENSION:
        yield extension(_TLS_FEATURE, b"\x30\x03\x02\x01")
    elif kind is Kind.LARGE:
        yield extension(_NOBODYS_EXTENSION, bytes(_PADDING))


def _names(kind: Kind, number: int, tenant: int) -> tuple[str, str]:
    """Return a client's common name and organizational unit."""
    unit = f"tenant-{tenant}"
    common_names = {
        Kind.OPERATOR: OPERATOR,
        Kind.LARGE: OPERATOR,
        Kind.UNPRINTABLE: f"{OPERATOR}\x1b[2J{number}",
        Kind.IMPOSTOR: f'x,CN={OPERATOR},OU={unit},"}}\u2028\u202e\\n{{"decision": "allow",{number}',
    }
    if kind in {Kind.NEWCOMER, Kind.LEAVER, Kind.STRANGER, Kind.IMPOSTOR}:
        unit = f"{kind.name.lower()}s"
    return common_names.get(kind, f"client-{number}"), unit


def clients_without_certificates(clients: list[Client]) -> list[Client]:
    """Return a client without a certificate, and clients that send parts of certificates or other text."""
    texts = [" ", "null", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "\x00" * 1000, "CN=operator"]
    pems = [client.pem for client in clients[:_NO_CERTIFICATES] if client.pem]
    texts += [pem[: len(pem) * number // (len(pems) + 1)] for number, pem in enumerate(pems)]
    texts += [pem.replace("CERTIFICATE", "PUBLIC KEY") for pem in pems[:5]]
    return [Client(Kind.MISSING), *(Client(Kind.NO_CERTIFICATE, text) for text in dict.fromkeys(texts) if text)]


def rules_document(edition: int) -> bytes:
    """Return an edition of the rules. The one after the last would allow every client, but is truncated."""
    rules: list[dict[str, object]] = [
        {
            "name": f"tenant-{tenant}",
            "match": {"organizational_unit": f"tenant-{tenant}", "issuer": {"O": "Soak"}},
            "allow": [f"GET /tenants/{tenant}/*", f"POST /tenants/{tenant}"],
            "context": {"edition": str(edition), "tenant": str(tenant)},
        }
        for tenant in range(TENANTS)
    ]
    if edition > LAST_EDITION:
        everybody = {"name": "everybody", "match": {"issuer": {"O": "Soak"}}}
        return json.dumps({"rules": [everybody, *rules]}).encode()[:-1]
    matches: dict[int, dict[str, object]] = {
        1: {"organizational_unit": "leavers"},
        LAST_EDITION: {"subject_alt_name": {"uri": {"prefix": "spiffe://soak.example/newcomers/"}}},
    }
    visitors = {"name": "visitors", "match": matches[edition], "allow": ["GET /reports"]}
    return json.dumps({"rules": [*rules, {**visitors, "context": {"edition": str(edition)}}]}).encode()


def sequence_of(clients: list[Client], without: list[Client], random: Random) -> Iterator[Client]:
    """Yield clients without end: each once, then some often and most rarely.

    One in ten has no certificate: it sends none, or something else.
    """
    once = iter(clients)
    missing, *others = without
    while True:
        if random.random() < 0.1:  # noqa: PLR2004 -- said above
            yield random.choice((missing, random.choice(others)))
        else:
            often = clients[int(len(clients) * random.random() ** 2)]
            yield next(once, often)
