"""The rule that is made for a certificate: the narrowest one that a renewal matches, or a clear error."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.access_policy import rules_with_issuer_keys
from mtls_authorizer.policy.settings import Settings, load_settings
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.rules.change.client_rule import client_rule_of
from mtls_authorizer_cli.rules.change.target import Trust, read_trust
from tests.pki import der
from tests.pki.certificate_authorities import IS_NO_CA, CertificateAuthority
from tests.pki.certificates import (
    BASIC_CONSTRAINTS,
    EXTENDED_KEY_USAGE,
    attribute,
    certificate_der,
    dns,
    email,
    extension,
    ip,
    name,
    pem,
    subject_alt_names,
    uri,
)

if TYPE_CHECKING:
    from pathlib import Path

    from mtls_authorizer_cli.rules.change.client_rule import ClientRule

NOW = datetime(2026, 6, 1, tzinfo=UTC)
LATER = datetime(2050, 1, 1, tzinfo=UTC)
ACME = name(("O", "Acme"), ("CN", "acme-batch"))
SERVER_AUTH, CLIENT_AUTH, EMAIL = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4"
ISSUER = "CN=Test CA"
DEFAULT = Settings()
SPIRE, SERIAL = name(("C", "US"), ("O", "SPIRE")), "serialNumber=7,O=Acme"
NOT_VERIFIED = "the chain is not verified, and every CA in the truststore"


def usages(*oids: str) -> bytes:
    return extension(EXTENDED_KEY_USAGE, der.sequence(*map(der.oid, oids)))


def made(
    folder: Path,
    certificate: bytes,
    trust: Trust | None = None,
    *,
    settings: Settings = DEFAULT,
    now: datetime = NOW,
) -> ClientRule:
    file = folder / "client.pem"
    file.write_text(pem(certificate))
    rule = client_rule_of(str(file), trust, settings, now)
    rules = RuleSet(parse_rules(json.dumps({"rules": [{"name": "a", **rule.keys}]}).encode()))
    if trust is not None:
        rules = rules_with_issuer_keys(rules, trust.authorities)
    assert rules.matching(PeerCertificate.from_pem(pem(certificate)), settings.required_usages)
    return rule


@pytest.mark.parametrize(
    ("subject", "extensions", "match"),
    [
        (ACME, [], {"subject": "CN=acme-batch,O=Acme"}),
        (ACME, [subject_alt_names(dns("a.example"))], {"subject": "CN=acme-batch,O=Acme"}),
        (name(("CN", "*"), ("CN", 'a,b"')), [], {"subject": {"exact": r"CN=a\,b\",CN=*"}}),
        # OpenSSL's uid is ambiguous in a document, so that its OID is written.
        (name(attribute("0.9.2342.19200300.100.1.44", "x")), [], {"subject": "0.9.2342.19200300.100.1.44=x"}),
        (name(), [subject_alt_names(dns("a.example"))], {"subject_alt_name": "DNS:a.example"}),
        (name(), [subject_alt_names(dns("*.a.example"))], {"subject_alt_name": {"exact": "DNS:*.a.example"}}),
        (
            name(),
            [subject_alt_names(ip(bytes(4)), email("a@b.example"), dns("a.example"), uri("spiffe://a.example/b"))],
            {"subject_alt_name": "URI:spiffe://a.example/b"},
        ),
        # A name that others may read differently matches no rule.
        (
            SPIRE,
            [subject_alt_names(uri("spiffe://a.example/b/../c"), dns("b.example"), dns("a.example"))],
            {"subject": "O=SPIRE,C=US", "subject_alt_name": "DNS:b.example"},
        ),
        # The workloads of a trust domain, and the clients of a company, can have the same subject.
        (
            SPIRE,
            [subject_alt_names(uri("spiffe://a.example/b"))],
            {"subject": "O=SPIRE,C=US", "subject_alt_name": "URI:spiffe://a.example/b"},
        ),
        (
            ACME,
            [subject_alt_names(uri("spiffe://a.example/b"))],
            {"subject": "CN=acme-batch,O=Acme", "subject_alt_name": "URI:spiffe://a.example/b"},
        ),
        (
            name(("O", "Acme")),
            [subject_alt_names(dns("a.example"))],
            {"subject": "O=Acme", "subject_alt_name": "DNS:a.example"},
        ),
        (name(("O", "Acme"), ("serialNumber", "7")), [subject_alt_names(dns("a.example"))], {"subject": SERIAL}),
    ],
)
def test_a_rule_has_the_whole_subject_or_one_alternative_name_and_the_issuer(
    subject: bytes, extensions: list[bytes], match: dict[str, Any], tmp_path: Path
) -> None:
    rule = made(tmp_path, certificate_der(subject, extensions=extensions))
    assert rule.keys == {"match": {**match, "issuer": ISSUER}}


def test_a_renewal_matches_and_a_certificate_of_another_ca_or_client_does_not(tmp_path: Path) -> None:
    rule = made(tmp_path, certificate_der(ACME))
    rules = RuleSet(parse_rules(json.dumps({"rules": [{"name": "a", **rule.keys}]}).encode()))
    for certificate, matches in (
        (certificate_der(ACME, serial_number=der.integer(77)), True),
        (certificate_der(ACME, name(("CN", "Other CA"))), False),
        (certificate_der(name(("O", "Acme"), ("CN", "acme-batch-2"))), False),
    ):
        assert bool(rules.matching(PeerCertificate.from_pem(pem(certificate)))) is matches


def test_with_a_truststore_the_rule_names_the_key_of_the_ca_that_signed_the_certificate(tmp_path: Path) -> None:
    authority, namesake = CertificateAuthority("CA"), CertificateAuthority("CA")
    trust = read_trust(namesake.pem + authority.pem)
    rule = made(tmp_path, authority.issue(subject=ACME), trust)
    key = bytes.fromhex(authority.signer).hex(":").upper()
    assert rule.keys == {"match": {"subject": "CN=acme-batch,O=Acme", "issuer": "CN=CA", "issuer_key": key}}
    assert rule.warnings == ()


def test_a_chain_that_api_gateway_would_reject_is_rejected(tmp_path: Path) -> None:
    authority = CertificateAuthority("CA")
    trust = read_trust(authority.pem)
    for certificate, now, problem in (
        (CertificateAuthority("CA").issue(), NOW, "issuer: "),
        (CertificateAuthority("Other").issue(), NOW, "issuer: "),
        (authority.issue(), LATER, "validity: "),
    ):
        with pytest.raises(
            CommandError,
            match=rf"client\.pem: API Gateway would reject .* with this truststore: {problem}",
        ):
            made(tmp_path, certificate, trust, now=now)


def test_a_certificate_whose_issuer_the_authorizer_cannot_verify_is_rejected(tmp_path: Path) -> None:
    # For API Gateway, a client's own certificate in the truststore is enough; the authorizer uses CAs only.
    client = CertificateAuthority(subject=ACME, extensions=[IS_NO_CA])
    trust = read_trust(client.pem + CertificateAuthority("CA").pem)
    with pytest.raises(CommandError, match=r"client\.pem: no CA of the truststore is known to have signed"):
        made(tmp_path, client.certificate, trust)


@pytest.mark.parametrize(
    ("certificate", "now", "warnings"),
    [
        (certificate_der(ACME), NOW, [NOT_VERIFIED]),
        (certificate_der(ACME), LATER, [NOT_VERIFIED, "the certificate expired on 2040-01-01T00:00:00Z"]),
        (certificate_der(ACME, extensions=[usages(CLIENT_AUTH)]), NOW, [NOT_VERIFIED]),
        (
            certificate_der(ACME, extensions=[usages(CLIENT_AUTH, SERVER_AUTH)]),
            NOW,
            [NOT_VERIFIED, "public CAs stop issuing certificates with clientAuth"],
        ),
        (
            certificate_der(name(), extensions=[subject_alt_names(dns("a.example"), dns("b.example"))]),
            NOW,
            [NOT_VERIFIED, "the rule requires one alternative name, 'DNS:a.example', and the certificate has 1 more"],
        ),
        (
            certificate_der(name(), extensions=[subject_alt_names(dns("*.a.example"), dns("b.example"))]),
            NOW,
            [NOT_VERIFIED, r"the rule requires one alternative name, 'DNS:*.a.example'"],
        ),
        # The only alternative name, and several that the rule does not require.
        (certificate_der(SPIRE, extensions=[subject_alt_names(uri("spiffe://a.example/b"))]), NOW, [NOT_VERIFIED]),
        (
            certificate_der(ACME, extensions=[subject_alt_names(dns("a.example"), dns("b.example"))]),
            NOW,
            [NOT_VERIFIED],
        ),
        (certificate_der(name(("O", "Acme"))), NOW, [NOT_VERIFIED, "the subject 'O=Acme' has no common name"]),
    ],
)
def test_warnings_say_what_the_rule_does_not_ensure(
    certificate: bytes, now: datetime, warnings: list[str], tmp_path: Path
) -> None:
    found = made(tmp_path, certificate, now=now).warnings
    assert len(found) == len(warnings)
    assert all(text.startswith(beginning) for text, beginning in zip(found, warnings, strict=True))


@pytest.mark.parametrize(
    ("subject", "extensions", "match"),
    [
        (name(("CN", "a.example")), [subject_alt_names(dns("a.example"))], {"subject_alt_name": "DNS:a.example"}),
        (name(("O", "Acme")), [subject_alt_names(dns("a.example"))], {"subject_alt_name": "DNS:a.example"}),
        (name(("CN", "a")), [], {"subject": "CN=a", "common_name": "a"}),
    ],
)
def test_a_certificate_for_servers_gets_a_rule_that_names_the_ca_and_the_client_exactly(
    subject: bytes, extensions: list[bytes], match: dict[str, Any], tmp_path: Path
) -> None:
    rule = made(tmp_path, certificate_der(subject, extensions=[usages(SERVER_AUTH), *extensions]))
    assert rule.keys == {"match": {**match, "issuer": ISSUER}, "extended_key_usage": ["serverAuth"]}
    assert "docs/public-certificates.md" in rule.warnings[1]


def test_a_certificate_for_servers_without_any_usable_name_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"client\.pem: the certificate has no name that a rule can match"):
        made(tmp_path, certificate_der(name(("O", "Acme")), extensions=[usages(SERVER_AUTH)]))
    with pytest.raises(CommandError, match=r"client\.pem: the certificate has no name that a rule can match"):
        made(tmp_path, certificate_der(name()))


REQUIRED = load_settings({"REQUIRED_EXTENDED_KEY_USAGE": "clientAuth"})
SPECIAL = load_settings({"REQUIRED_EXTENDED_KEY_USAGE": "1.2.3"})


@pytest.mark.parametrize(
    ("certificate", "settings", "problem"),
    [
        (certificate_der(ACME, extensions=[usages(EMAIL)]), Settings(), "has the usages emailProtection, and the"),
        (certificate_der(ACME), REQUIRED, "has no extended key usages, and the authorizer requires clientAuth"),
        (certificate_der(ACME, extensions=[usages(SERVER_AUTH)]), SPECIAL, "and the authorizer requires 1.2.3"),
        (
            certificate_der(extensions=[extension(BASIC_CONSTRAINTS, der.sequence(der.tlv(der.BOOLEAN, b"\xff")))]),
            Settings(),
            "this is a CA's certificate: name the client's",
        ),
        (certificate_der(name(("CN", "a\n"))), Settings(), "no rule can allow this certificate: subject_not_printable"),
        (b"\x30\x03\x02\x01\x01", Settings(), ""),
    ],
)
def test_a_certificate_that_cannot_be_allowed_safely_is_rejected_with_the_reason(
    certificate: bytes, settings: Settings, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(CommandError) as raised:
        made(tmp_path, certificate, settings=settings)
    assert problem in str(raised.value)


def test_a_required_usage_that_the_certificate_has_is_sufficient(tmp_path: Path) -> None:
    rule = made(tmp_path, certificate_der(ACME, extensions=[usages("1.2.3")]), settings=SPECIAL)
    assert "extended_key_usage" not in rule.keys
