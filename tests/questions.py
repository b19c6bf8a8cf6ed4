"""Questions for ``explain``, and rules and a certificate that they are about."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from client_certificate_auth import find_client_certificate
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.settings import Settings
from mtls_authorizer.request.event import read_request
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.rule import Rule
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.explanation.question import Question
from tests.aws.api_events import rest_event
from tests.pki.certificate_authorities import CertificateAuthority
from tests.pki.certificates import certificate_der, name, pem
from tests.rules_documents import ISSUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer_cli.explanation.truststore import TruststoreBundle

NOW = datetime(2026, 11, 22, tzinfo=UTC)
AT = "2026-11-22T00:00:00Z"

CLIENT = pem(
    certificate_der(
        name(("O", "Acme"), ("OU", "payments"), ("CN", "Ledger")), name(("O", "Acme"), ("CN", "Acme Issuing CA"))
    )
)
AUTHORITY = CertificateAuthority("Issuing CA")
TRUSTSTORE = read_truststore(AUTHORITY.pem)
ISSUED = pem(AUTHORITY.issue(7, subject=name(("O", "Acme"))))
(PAYMENTS,) = ISSUE["rules"]
REPORTS = {"name": "acme-reports", "match": {"organization": "Acme"}, "allow": ["GET /reports/*", "* /status"]}
NO_ONE = {"name": "nobody", "match": {"organization": "Acme"}, "not": {"common_name": ["Ledger", "Journal"]}}


def document(*rules: object) -> bytes:
    return json.dumps({"rules": rules}).encode()


def question(  # noqa: PLR0913 -- one for each part of a question
    certificate: object = CLIENT,
    rules: Rule | bytes | RuleSet = b"",
    *,
    route: str | None = None,
    now: datetime = NOW,
    make_event: Callable[..., dict[str, Any]] = rest_event,
    truststore: TruststoreBundle | None = None,
    **configuration: Any,  # noqa: ANN401 -- its fields
) -> Question:
    if isinstance(rules, bytes):
        rules = RuleSet(parse_rules(rules) if rules else ())
    elif isinstance(rules, Rule):
        rules = RuleSet((rules,))
    method, _, path = (route or "GET /hello").partition(" ")
    event = make_event(certificate, method, path)
    return Question(
        find_client_certificate(event),
        Settings(**{name: value for name, value in configuration.items() if name in Settings._fields}),
        AccessPolicy(rules, **{name: value for name, value in configuration.items() if name in AccessPolicy._fields}),
        read_request(event),
        route is not None,
        now,
        truststore,
    )
