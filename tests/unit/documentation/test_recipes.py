"""The rules on the pages are accepted, allow the certificates that they are for, and deny similar ones."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH, SERVER_AUTH
from tests.decisions import decision_on
from tests.pki import der
from tests.pki.certificates import (
    EXTENDED_KEY_USAGE,
    certificate_der,
    dns,
    email,
    extension,
    name,
    pem,
    subject_alt_names,
    uri,
)
from tests.pki.psd2_statements import psd2_statement
from tests.unit.documentation.markdown import PROJECT, Fence, fences

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ACME_CA = name(("O", "Acme"), ("CN", "Acme Issuing CA"))


class Case(NamedTuple):
    """A certificate and a request."""

    certificate: bytes
    invocation: str = "GET/anything"


def issued(*subject: tuple[str, str], issuer: bytes = ACME_CA, names: Sequence[bytes] = (), serial: int = 1) -> bytes:
    """Return a certificate in DER."""
    extensions = [subject_alt_names(*names)] if names else []
    return certificate_der(name(*subject), issuer, serial_number=der.integer(serial), extensions=extensions)


def client(*subject: tuple[str, str], invocation: str = "GET/anything") -> Case:
    return Case(issued(*subject), invocation)


def with_names(*names: bytes) -> Case:
    return Case(issued(("CN", "client"), names=names))


ACME, OTHER = ("O", "Acme"), ("O", "Other")
ALPHA, BETA = ("CN", "alpha"), ("CN", "beta")

PUBLIC_CA = name(("C", "US"), ("O", "Example Trust"), ("CN", "Example TLS CA 1"))


def public(*usages: str) -> bytes:
    """Return a partner's certificate of a public CA."""
    extensions = [
        subject_alt_names(dns("client.acme.example")),
        extension(EXTENDED_KEY_USAGE, der.sequence(*map(der.oid, usages))),
    ]
    return certificate_der(name(("CN", "client.acme.example")), PUBLIC_CA, extensions=extensions)


def provider(identifier: str, *roles: str) -> bytes:
    """Return the certificate of a payment service provider."""
    issuer = name(("C", "DE"), ("O", "Example Trust"), ("CN", "Example QWAC CA 1"))
    return certificate_der(name(("2.5.4.97", identifier)), issuer, extensions=[psd2_statement(*roles)])


# By the number of the recipe: what its document allows, and what it denies.
RECIPES: dict[int, tuple[list[Case], list[Case]]] = {
    1: ([client(ALPHA)], [client(BETA), client(("CN", "Alpha"))]),
    2: ([client(ALPHA), client(BETA)], [client(("CN", "delta"))]),
    3: (
        [client(ACME, ("OU", "payments")), client(ACME, ("OU", "treasury"))],
        [client(ACME, ("OU", "sales")), client(OTHER, ("OU", "payments"))],
    ),
    4: (
        [client(("OU", "audit"), invocation="GET/reports/1")],
        [client(("OU", "audit"), invocation="POST/reports"), client(("OU", "sales"))],
    ),
    5: (
        [
            client(("CN", "order-client"), invocation=each)
            for each in ("GET/orders", "POST/orders", "DELETE/orders/1/x")
        ],
        [client(("CN", "order-client"), invocation=each) for each in ("GET/payments", "GET/orders/../payments")],
    ),
    6: (
        [
            client(ACME, invocation="GET/reports/1"),
            client(ACME, ("OU", "batch"), invocation="POST/reports"),
            client(ACME, ("OU", "batch"), invocation="GET/reports/1"),
        ],
        [client(ACME, invocation="POST/reports"), client(OTHER, ("OU", "batch"), invocation="POST/reports")],
    ),
    7: ([client(ALPHA)], [Case(issued(ALPHA, issuer=name(("O", "Other"), ("CN", "Acme Issuing CA")))), client(BETA)]),
    8: (
        [Case(issued(BETA)), Case(issued(BETA, issuer=name(("C", "DE"), ("O", "Acme"), ("CN", "Acme Issuing CA"))))],
        [Case(issued(BETA, issuer=name(("CN", "Acme Issuing CA"))))],
    ),
    9: (
        [Case(issued(ALPHA, issuer=name(ACME, ("CN", f"Acme Issuing CA {number}")))) for number in (1, 2)],
        [Case(issued(ALPHA, issuer=name(ACME, ("CN", "Acme Issuing CA 3"))))],
    ),
    10: (
        [with_names(dns("client.acme.example"))],
        [with_names(dns("other.example")), client(("CN", "client.acme.example"))],
    ),
    11: (
        [with_names(dns("a.acme.example")), with_names(dns("other.example"), dns("a.b.acme.example"))],
        [with_names(dns("acme.example")), with_names(dns("evilacme.example"))],
    ),
    12: (
        [with_names(uri("spiffe://acme.example/billing")), with_names(uri("spiffe://acme.example/billing/cron"))],
        [with_names(uri("spiffe://acme.example/billing2")), with_names(uri("spiffe://acme.example.evil/billing/cron"))],
    ),
    13: (
        [with_names(email("ops@acme.example")), with_names(email("a@pay.acme.example"))],
        [with_names(email("dev@acme.example")), with_names(email("a@evilpay.acme.example"))],
    ),
    14: (
        [client(("2.5.4.97", "PSDDE-BAFIN-123456"))],
        [client(("2.5.4.97", "PSDDE-BAFIN-654321")), client(("O", "PSDDE-BAFIN-123456"))],
    ),
    15: ([], [client(ALPHA)]),
    16: (
        [Case(issued(ALPHA, issuer=name(ACME, ("CN", "Device CA")), serial=0x075BCD15))],
        [Case(issued(ALPHA, serial=0x075BCD15)), Case(issued(ALPHA, issuer=name(ACME, ("CN", "Device CA")), serial=7))],
    ),
    17: (
        [client(ACME, ("OU", "staff"))],
        [client(ACME, ("OU", "interns")), client(ACME, ("OU", "staff"), ("OU", "interns"))],
    ),
    18: (
        [client(ACME), Case(issued(ACME, issuer=name(("CN", "Other")), serial=0x0A1B2C))],
        [Case(issued(ACME, serial=0x0A1B2C))],
    ),
    19: ([client(ACME)], [client(OTHER)]),
    20: ([client(ACME)], [client(OTHER)]),
    21: (
        [client(ACME), client(OTHER, ("CN", "acme-batch"))],
        [client(ACME, ("CN", "acme-batch")), Case(issued(ACME, serial=0x0A1B2C))],
    ),
    22: ([], [client(ALPHA)]),
    23: (
        [with_names(uri("spiffe://acme.example/billing")), with_names(dns("a"), uri("spiffe://acme.example/a/b"))],
        [
            with_names(uri("spiffe://acme.example.evil/billing")),
            with_names(uri("spiffe://acme.example/a"), uri("spiffe://acme.example/b")),
        ],
    ),
}
# By page, for the rules elsewhere.
OTHERS: dict[str, tuple[list[Case], list[Case]]] = {
    "docs/block-a-client-now.md": ([client(ACME, ALPHA)], [client(ACME, ("CN", "acme-batch")), client(OTHER)]),
    "docs/issuer-keys.md": ([], [client(ACME)]),
    "docs/psd2.md": (
        [Case(provider("PSDDE-BAFIN-1", "PSP_PI", "PSP_AI"), "GET/accounts/1")],
        [
            Case(provider("PSDDE-BAFIN-1", "PSP_PI"), "GET/accounts/1"),
            Case(provider("PSDFR-ACPR-1", "PSP_AI"), "GET/accounts/1"),
            Case(provider("PSDDE-BAFIN-1", "PSP_AI"), "POST/payments"),
        ],
    ),
    "docs/public-certificates.md": (
        [Case(public(SERVER_AUTH), "POST/orders"), Case(public(SERVER_AUTH, CLIENT_AUTH), "POST/orders")],
        [
            Case(public(SERVER_AUTH), "GET/orders"),
            Case(public("1.3.6.1.5.5.7.3.3"), "POST/orders"),
            Case(issued(ALPHA, names=[dns("client.acme.example")]), "POST/orders"),
        ],
    ),
    "docs/onboard-a-partner.md": (
        [client(ACME, ("CN", "acme-batch"), invocation=each) for each in ("GET/orders/1", "POST/orders")],
        [
            client(ACME, ("CN", "acme-batch"), invocation="DELETE/orders/1"),
            client(ACME, ALPHA, invocation="GET/orders/1"),
        ],
    ),
    "docs/rotate-a-certificate.md": ([], [client(ACME)]),
    "docs/rules-limits-and-values.md": (
        [Case(issued(ACME, ("OU", "2026"), ("CN", "acme"), names=[uri("spiffe://acme.example/payments")]))],
        [client(ACME, ("CN", "acme")), client(OTHER, ("OU", "2026"))],
    ),
}


def recipes() -> dict[int, str]:
    """Return the documents of the cookbook, by the number of the recipe."""
    page = (PROJECT / "docs" / "rules.md").read_text(encoding="utf-8")
    found = re.findall(r"^### (\d+)\. [^\n]+\n.*?```json\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    return {int(number): document for number, document in found}


def outcomes(document: str, cases: list[Case]) -> list[bool]:
    truststore = {"TRUSTSTORE_URI": "file:///truststore.pem"} if "issuer_key" in document else {}
    settings = load_settings({"AUTHORIZER_RULES": document, **truststore})
    return [
        decision_on(PeerCertificate.from_pem(pem(case.certificate)), settings, NOW, case.invocation).allowed
        for case in cases
    ]


def test_the_recipes_of_the_cookbook_are_in_order() -> None:
    assert list(recipes()) == list(RECIPES) == list(range(1, len(RECIPES) + 1))


@pytest.mark.parametrize("fence", [each for each in fences("json") if each.page == "docs/rules.md"])
def test_every_document_on_the_page_about_rules_is_accepted(fence: Fence) -> None:
    assert parse_rules(fence.text.encode())


@pytest.mark.parametrize("number", RECIPES)
def test_a_recipe_allows_and_denies(number: int) -> None:
    allowed, denied = RECIPES[number]
    assert outcomes(recipes()[number], allowed) == [True] * len(allowed)
    assert outcomes(recipes()[number], denied) == [False] * len(denied)
    assert denied


@pytest.mark.parametrize("fence", [each for each in fences("json") if each.page in OTHERS], ids=str)
def test_the_rules_of_a_runbook_allow_and_deny(fence: Fence) -> None:
    allowed, denied = OTHERS[fence.page]
    assert outcomes(fence.text, allowed) == [True] * len(allowed)
    assert outcomes(fence.text, denied) == [False] * len(denied)


@pytest.mark.parametrize(
    "document",
    [recipes()[15], *(each.text for each in fences("json") if "rotate" in each.page and "fingerprint" in each.text)],
)
def test_a_rule_by_fingerprint_allows_that_certificate(document: str) -> None:
    certificate = issued(ALPHA)
    (shown, *_) = re.findall(r"[0-9A-F]{64}", document)
    fitting = document.replace(shown, sha256(certificate).hexdigest())
    assert outcomes(fitting, [Case(certificate), client(BETA)]) == [True, False]


def test_constants_and_usage_plan_keys_reach_the_response() -> None:
    certificate = PeerCertificate.from_pem(pem(issued(ACME)))
    with_context = decision_on(certificate, load_settings({"AUTHORIZER_RULES": recipes()[19]}), NOW)
    assert (with_context.context["tenant"], with_context.context["tier"]) == ("acme", "gold")
    with_key = decision_on(certificate, load_settings({"AUTHORIZER_RULES": recipes()[20]}), NOW)
    assert with_key.grant is not None
    assert with_key.grant.usage_identifier_key == certificate.fingerprint256.replace(":", "")
