"""The scenarios as data, and the result of each over a real TLS connection."""

from __future__ import annotations

import http.client
import json
import ssl
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from client_certificate_auth import ExtractionFailureReason
from local_gateway.api_gateway.api import ApiKind
from local_gateway.front_doors import FrontDoorKind, forged_header
from local_gateway.observation import observed_log
from local_gateway.pki.certificates import PARTS, Ca, Client, Pki
from local_gateway.tls import client_context
from mtls_authorizer.reasons import DenyReason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_gateway.deployment import Endpoint

Kind: TypeAlias = ApiKind | FrontDoorKind

_TIMEOUT_SECONDS = 10

LISTED_CN = Client("listed-cn", (("CN", "authorized-client"),))
LISTED_OU = Client("listed-ou", (("OU", "Payments"), ("CN", "invoice-run")))
TWO_OUS = Client("two-ous", (("OU", "Operations"), ("OU", "Payments"), ("CN", "night-run")))
OTHER_CN = Client("other-cn", (("CN", "other-client"),))
OTHER_OU = Client("other-ou", (("OU", "Marketing"), ("CN", "newsletter-run")))
CN_WITHIN_O = Client("cn-within-o", (("O", "x,CN=admin"), ("CN", "nobody")))
TWO_CNS = Client("two-cns", (("CN", "authorized-client"), ("CN", "nobody")))
EXPIRED = Client("expired", LISTED_CN.subject, expired=True)
REVOKED = Client("revoked", LISTED_CN.subject, revoked=True)
TO_BE_REVOKED = Client("to-be-revoked", LISTED_CN.subject)
# A rule allows it to read some routes.
READER = Client("reader", (("O", "Acme"), ("CN", "reader")))
# A list and two rules allow it, and the rules document denies it.
BLOCKED = Client("blocked", (("O", "Acme"), ("OU", "Payments"), ("CN", "blocked")))
# A rule allows it if the CA with the key that the rule names has issued the certificate.
PINNED_CA = Client("pinned-ca", (("CN", "pinned-ca"),))
NAMESAKE_OF_CA = Client("namesake-of-ca", PINNED_CA.subject, ca=Ca.NAMESAKE)
UNTRUSTED = Client("untrusted", LISTED_CN.subject, ca=Ca.UNTRUSTED)
PARTNER = Client("partner", LISTED_CN.subject, ca=Ca.PARTNER)
REVOKED_PARTNER = Client("revoked-partner", LISTED_CN.subject, ca=Ca.PARTNER, revoked=True)
PARTITIONED = Client("partitioned", LISTED_CN.subject, ca=Ca.PARTITIONED, part=3)
REVOKED_IN_PART = Client("revoked-in-part", LISTED_CN.subject, ca=Ca.PARTITIONED, part=3, revoked=True)
OF_MISSING_PART = Client("of-missing-part", LISTED_CN.subject, ca=Ca.PARTITIONED, part=PARTS)
# Its CA is in the truststore, in a damaged block.
UNREADABLE_CA = Client("unreadable-ca", LISTED_CN.subject, ca=Ca.UNREADABLE)
# Its organizational unit is listed: it is denied only because of the line feed.
CONTROL_CHARACTER = Client("control-character", (("OU", "Payments"), ("CN", "invoice\nrun")))


@dataclass(frozen=True)
class Outcome:
    """The result of a request.

    ``status`` is None if the TLS handshake was rejected. ``reason`` is the one that the authorizer logged. ``context``
    is the part of the authorizer's context that the scenario is about, as the function's response shows it. If there is
    no authorizer, ``authorizer_invoked`` is None, and ``reason`` is the function's complete response.
    """

    status: int | None
    reason: str | None = None
    authorizer_invoked: bool | None = True
    context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """A client, with or without a certificate, its request, and the expected result.

    That is ``expected`` on all kinds except those that ``expected_instead`` names.
    """

    name: str
    client: Client | None
    expected: Outcome
    expected_instead: Mapping[Kind, Outcome] = field(default_factory=dict)
    path: str = "/hello"
    mutual_tls: bool = True
    kinds: type[ApiKind | FrontDoorKind] = ApiKind
    header_client: Client | None = None
    """The client whose certificate is sent in a header, without its key."""

    @property
    def clients(self) -> tuple[Client, ...]:
        """The certificate that the scenario needs, if any."""
        return () if self.client is None else (self.client,)

    def expected_on(self, kind: Kind) -> Outcome:
        """Return the expected result on a kind."""
        return self.expected_instead.get(kind, self.expected)

    def headers(self, kind: Kind, pki: Pki) -> dict[str, str]:
        """Return the headers that the client sends to a kind."""
        return {} if self.header_client is None else forged_header(kind, pki.certificate(self.header_client))


_HANDSHAKE_REJECTED = Outcome(None, authorizer_invoked=False)
_NOT_ALLOWED = Outcome(403, DenyReason.NO_RULE_MATCHED)
_ROUTE_NOT_ALLOWED = Outcome(403, DenyReason.ROUTE_NOT_ALLOWED)
_READS = Outcome(200, context={"clientCertCN": "reader", "tenant": "acme"})

_API_SCENARIOS = (
    Scenario("listed CN", LISTED_CN, Outcome(200, context={"clientCertCN": "authorized-client"})),
    Scenario("listed OU", LISTED_OU, Outcome(200, context={"clientCertOU": "Payments"})),
    Scenario("two OUs, one listed", TWO_OUS, Outcome(200, context={"clientCertOUs": '["Operations", "Payments"]'})),
    Scenario("other CN", OTHER_CN, _NOT_ALLOWED),
    Scenario("other OU", OTHER_OU, _NOT_ALLOWED),
    Scenario('O="x,CN=admin", CN=nobody; admin is listed', CN_WITHIN_O, _NOT_ALLOWED),
    Scenario("two CNs, one listed", TWO_CNS, _NOT_ALLOWED),
    Scenario(
        "control character in the CN, OU listed", CONTROL_CHARACTER, Outcome(403, DenyReason.SUBJECT_NOT_PRINTABLE)
    ),
    Scenario("listed CN, revoked", REVOKED, Outcome(403, DenyReason.CERTIFICATE_REVOKED)),
    Scenario("listed CN, to be revoked with make revoke", TO_BE_REVOKED, Outcome(200)),
    Scenario("listed CN, from a CA whose CRL is fetched", PARTNER, Outcome(200)),
    Scenario("... and revoked by it", REVOKED_PARTNER, Outcome(403, DenyReason.CERTIFICATE_REVOKED)),
    Scenario(f"listed CN, from a CA with {PARTS} CRLs", PARTITIONED, Outcome(200)),
    Scenario("... and revoked by one of them", REVOKED_IN_PART, Outcome(403, DenyReason.CERTIFICATE_REVOKED)),
    Scenario("... whose own CRL is missing", OF_MISSING_PART, Outcome(403, DenyReason.REVOCATION_STATUS_UNKNOWN)),
    Scenario("a rule for GET /hello", READER, _READS),
    Scenario("... and for GET /hello/public/*", READER, _READS, path="/hello/public/a"),
    Scenario("... requests /hello/private", READER, _ROUTE_NOT_ALLOWED, path="/hello/private"),
    Scenario("... for /hello/public/../private", READER, _ROUTE_NOT_ALLOWED, path="/hello/public/../private"),
    Scenario("... for /hello/public/%2e%2e/private", READER, _ROUTE_NOT_ALLOWED, path="/hello/public/%2e%2e/private"),
    Scenario("listed OU and two rules, blocked by deny", BLOCKED, Outcome(403, DenyReason.CERTIFICATE_EXCLUDED)),
    Scenario("a rule for a CA's key", PINNED_CA, Outcome(200, context={"clientCertCN": "pinned-ca"})),
    Scenario("... from a CA with the same name and another key", NAMESAKE_OF_CA, _NOT_ALLOWED),
    Scenario("listed CN, expired", EXPIRED, _HANDSHAKE_REJECTED),
    Scenario("listed CN, from a CA not in the truststore", UNTRUSTED, _HANDSHAKE_REJECTED),
    Scenario("listed CN, from a CA that is damaged in the truststore", UNREADABLE_CA, _HANDSHAKE_REJECTED),
    Scenario("no certificate", None, _HANDSHAKE_REJECTED),
    Scenario(
        "no certificate, port without mTLS",
        None,
        Outcome(403, DenyReason.CERTIFICATE_MISSING),
        {ApiKind.REST: Outcome(401, DenyReason.CERTIFICATE_MISSING)},
        mutual_tls=False,
    ),
    Scenario("layer only, listed CN", LISTED_CN, Outcome(200, authorizer_invoked=False), path="/layer-only"),
    Scenario("layer only, other CN", OTHER_CN, Outcome(403, authorizer_invoked=False), path="/layer-only"),
)

_HELLO = Outcome(200, "Hello authorized-client", None)
_FORBIDDEN = Outcome(403, "Forbidden", None)
_NO_HANDSHAKE = Outcome(None, None, None)
_MISSING: dict[Kind, Outcome] = {
    FrontDoorKind.ALB_PASSTHROUGH: Outcome(401, ExtractionFailureReason.ALB_MISSING, None),
    FrontDoorKind.CLOUDFRONT: Outcome(401, ExtractionFailureReason.CLOUDFRONT_MISSING, None),
}
_LEFT_TO_THE_FUNCTION: dict[Kind, Outcome] = {FrontDoorKind.ALB_PASSTHROUGH: Outcome(403, "Not verified", None)}

_before_functions = partial(Scenario, kinds=FrontDoorKind)
_FRONT_DOOR_SCENARIOS = (
    _before_functions("listed CN", LISTED_CN, _HELLO),
    _before_functions("other CN", OTHER_CN, _FORBIDDEN),
    _before_functions("listed CN, expired", EXPIRED, _NO_HANDSHAKE, _LEFT_TO_THE_FUNCTION),
    _before_functions("listed CN, from a CA not in the truststore", UNTRUSTED, _NO_HANDSHAKE, _LEFT_TO_THE_FUNCTION),
    _before_functions("no certificate", None, _NO_HANDSHAKE, _MISSING),
    _before_functions("other CN, the listed one's in a header", OTHER_CN, _FORBIDDEN, header_client=LISTED_CN),
    _before_functions(
        "no certificate, a listed one in a header", None, _NO_HANDSHAKE, _MISSING, header_client=LISTED_CN
    ),
)

SCENARIOS = (*_API_SCENARIOS, *_FRONT_DOOR_SCENARIOS)

CLIENTS = tuple(dict.fromkeys(client for scenario in SCENARIOS for client in scenario.clients))
"""All clients of the scenarios."""


def play(scenario: Scenario, endpoint: Endpoint, pki: Pki) -> Outcome:
    """Send a scenario's request and return the result. No other client may send requests meanwhile.

    Raises OSError if there is no server, or if the client does not trust it.
    """
    url = endpoint.url(scenario.path, mutual_tls=scenario.mutual_tls)
    context, headers = client_context(pki, scenario.client), scenario.headers(endpoint.kind, pki)
    if endpoint.authorizer is None:
        status, body = _get(url, context, headers) or (None, b"")
        return Outcome(status, body.decode(errors="replace") or None, authorizer_invoked=None)
    with observed_log() as records:
        calls = endpoint.authorizer.calls
        status, body = _get(url, context, headers) or (None, b"")
        invoked = endpoint.authorizer.calls > calls
    return Outcome(
        status,
        getattr(records[-1], "reason", None) if records else None,
        authorizer_invoked=invoked,
        context=_shown(body, scenario.expected_on(endpoint.kind).context),
    )


def _shown(body: bytes, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return the wanted parts of the context that a response shows."""
    try:
        shown = json.loads(body)
    except ValueError:
        return {}
    return {key: shown[key] for key in wanted if key in shown} if isinstance(shown, dict) else {}


def _get(url: str, context: ssl.SSLContext, headers: dict[str, str]) -> tuple[int, bytes] | None:
    """Return the status and the body, None if the server rejected the handshake."""
    address = urlsplit(url)
    connection = http.client.HTTPSConnection(address.netloc, timeout=_TIMEOUT_SECONDS, context=context)
    try:
        connection.connect()
    except ssl.SSLCertVerificationError:
        # The client rejects the server.
        raise
    except (ssl.SSLError, ConnectionResetError):
        return None
    try:
        connection.request("GET", address.path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
