"""``issuer_key``: only a certificate that a CA of the truststore signed with that key matches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from client_certificate_auth import PeerCertificate
from client_certificate_auth.x509.public_key import equal_encodings
from mtls_authorizer.metrics import Metric
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.settings import SettingsError, load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer.rules.grant import Grant
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer.telemetry.decision_metrics import measure
from tests.decisions import decision_on
from tests.observations import observation
from tests.pki import der
from tests.pki.certificate_authorities import (
    ALGORITHMS,
    IS_A_CA,
    MAY_SIGN_LISTS,
    PSS_BY_DEFAULT,
    SHA1,
    CertificateAuthority,
    authority_key,
)
from tests.pki.certificates import dns, extension, name, pem, subject_alt_names
from tests.rules_documents import rule

if TYPE_CHECKING:
    from mtls_authorizer.rules.grant import Evaluation

CA, NAMESAKE, OTHER = CertificateAuthority("CA"), CertificateAuthority("CA"), CertificateAuthority("Other")
INTERMEDIATE = CertificateAuthority("Intermediate", parent=CA)
BUNDLE = CA.pem + NAMESAKE.pem + OTHER.pem + INTERMEDIATE.pem
RULES = {"ALLOWED_ISSUER_KEYS": CA.signer, "TRUSTSTORE_URI": "file:///truststore.pem"}
RULES_BY_KEY = json.dumps({"rules": [rule(match={"issuer_key": CA.signer})]})
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def outcome(certificate: bytes, bundle: bytes | None = BUNDLE, /, **variables: str) -> Evaluation:
    settings = load_settings(variables or RULES)
    policy = AccessPolicy(RuleSet(settings.rules), truststore=None if bundle is None else read_truststore(bundle))
    return policy.with_issuer_keys().rules.evaluate(PeerCertificate.from_der(certificate))


def test_a_certificate_of_the_ca_with_the_key_matches() -> None:
    assert isinstance(outcome(CA.issue()), Grant)
    for bundle in (CA.pem, NAMESAKE.pem + CA.pem, OTHER.pem + CA.pem):
        assert isinstance(outcome(CA.issue(), bundle), Grant)


@pytest.mark.parametrize("algorithm", ["ECDSA with P-256", "RSA-PSS"])
def test_the_key_is_named_by_the_digest_of_its_encoding_or_of_the_usual_one(algorithm: str) -> None:
    ca = CertificateAuthority(algorithm=ALGORITHMS[algorithm])
    for encoded in equal_encodings(ca.public_key):
        bundle = pem(ca.issue(1000, subject=ca.name, public_key=encoded, extensions=[IS_A_CA])).encode()
        for digest in (sha256(encoded).hexdigest(), ca.signer):
            assert isinstance(outcome(ca.issue(), bundle, **RULES | {"ALLOWED_ISSUER_KEYS": digest}), Grant)


@pytest.mark.parametrize(
    "written",
    [CA.signer.upper(), f"SHA256:{CA.signer}", ":".join(CA.signer[i : i + 2] for i in range(0, 64, 2))],
    ids=["upper case", "with a prefix", "with colons"],
)
def test_a_key_is_written_like_a_fingerprint(written: str) -> None:
    assert isinstance(outcome(CA.issue(), **{**RULES, "ALLOWED_ISSUER_KEYS": f"{'ab' * 32}, {written}"}), Grant)


def test_rules_limit_the_names_of_a_ca_because_its_name_constraints_are_not_checked() -> None:
    subtree = der.sequence(der.tagged(2, b"acme.example"))
    constraints = extension("2.5.29.30", der.sequence(der.tagged(0, subtree, constructed=True)), critical=True)
    ca = CertificateAuthority("Acme", parent=CA, extensions=[IS_A_CA, constraints])
    certificate = ca.issue(extensions=[subject_alt_names(dns("client.other.example"))])
    match: dict[str, object] = {"issuer_key": ca.signer}
    suffix = {"subject_alt_name": {"dns": {"suffix": ".acme.example"}}}
    for narrower, is_allowed in (({}, True), (suffix, False)):
        rules = json.dumps({"rules": [rule(match=match | narrower)]})
        found = outcome(certificate, CA.pem + ca.pem, AUTHORIZER_RULES=rules, TRUSTSTORE_URI="file:///truststore.pem")
        assert isinstance(found, Grant) is is_allowed


def test_a_certificate_of_a_ca_with_the_same_name_and_another_key_does_not_match() -> None:
    for certificate in (NAMESAKE.issue(), OTHER.issue(), OTHER.issue(issuer=CA.name), INTERMEDIATE.issue()):
        assert outcome(certificate) is DenyReason.ISSUER_KEY_NOT_ALLOWED
    both = {**RULES, "ALLOWED_ISSUERS": "CN=CA"}
    assert outcome(NAMESAKE.issue(), **both) is DenyReason.ISSUER_KEY_NOT_ALLOWED
    assert isinstance(outcome(CA.issue(), **both), Grant)


def test_only_the_key_of_the_immediate_issuer_matches() -> None:
    key = {**RULES, "ALLOWED_ISSUER_KEYS": INTERMEDIATE.signer}
    assert isinstance(outcome(INTERMEDIATE.issue(), **key), Grant)
    assert outcome(CA.issue(), **key) is DenyReason.ISSUER_KEY_NOT_ALLOWED


def test_without_the_ca_in_a_usable_truststore_no_certificate_matches() -> None:
    for bundle in (None, OTHER.pem, NAMESAKE.pem):
        assert outcome(CA.issue(), bundle) is DenyReason.ISSUER_KEY_NOT_ALLOWED


@pytest.mark.parametrize("algorithm", [SHA1, PSS_BY_DEFAULT], ids=["SHA-1", "SHA-1 with RSA-PSS"])
def test_a_weak_signature_proves_nothing(algorithm: object) -> None:
    weak = CertificateAuthority("Weak", algorithm=algorithm)  # type: ignore[arg-type]
    key = {**RULES, "ALLOWED_ISSUER_KEYS": weak.signer}
    assert outcome(weak.issue(), weak.pem, **key) is DenyReason.ISSUER_KEY_NOT_ALLOWED


def test_a_signature_of_an_unknown_kind_proves_nothing() -> None:
    certificate = CA.issue().replace(CA.algorithm.identifier, der.sequence(der.oid("1.2.840.10045.4.3.9")))
    assert outcome(certificate) is DenyReason.ISSUER_KEY_NOT_ALLOWED


def test_an_issuer_that_may_not_sign_certificates_does_not_match() -> None:
    ca = CertificateAuthority("Lists", extensions=(IS_A_CA, MAY_SIGN_LISTS))
    key = {**RULES, "ALLOWED_ISSUER_KEYS": ca.signer}
    assert outcome(ca.issue(), ca.pem, **key) is DenyReason.ISSUER_KEY_NOT_ALLOWED
    identified = CertificateAuthority("CA", key=CA.key, key_identifier=b"a")
    assert isinstance(outcome(CA.issue(extensions=[authority_key(b"a")]), identified.pem), Grant)
    assert outcome(CA.issue(extensions=[authority_key(b"b")]), identified.pem) is DenyReason.ISSUER_KEY_NOT_ALLOWED


def test_rules_and_shadow_rules_read_the_same_truststore() -> None:
    match = {"issuer_key": CA.signer, "common_name": "client"}
    document = json.dumps({"rules": [rule(match=match, allow=["GET /a"])]})
    settings = load_settings(
        {"AUTHORIZER_RULES": document, "AUTHORIZER_SHADOW_RULES": document, "TRUSTSTORE_URI": "file:///a"}
    )
    policy = AccessPolicy(RuleSet(settings.rules), RuleSet(settings.shadow_rules), truststore=read_truststore(BUNDLE))
    for ca, reason in ((CA, None), (NAMESAKE, DenyReason.ISSUER_KEY_NOT_ALLOWED)):
        certificate = PeerCertificate.from_der(ca.issue(subject=name(("CN", "client"))))
        decision = decision_on(certificate, settings, NOW, "GET/a", policy=policy.with_issuer_keys())
        assert (decision.reason, decision.shadow_reason) == (reason, reason)


def test_certificates_of_the_truststore_that_cannot_be_used_are_counted_without_crls_too() -> None:
    with_broken_block = BUNDLE + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    for bundle, skipped in ((with_broken_block, 1), (BUNDLE, None)):
        policy = AccessPolicy(RuleSet(()), truststore=read_truststore(bundle))
        values = measure(observation()._replace(policy=policy))
        assert values.get(Metric.TRUSTSTORE_CERTIFICATES_SKIPPED) == skipped


def test_rules_without_keys_are_not_changed() -> None:
    rules = RuleSet(load_settings({"ALLOWED_COMMON_NAMES": "client"}).rules)
    policy = AccessPolicy(rules, rules, truststore=read_truststore(BUNDLE)).with_issuer_keys()
    assert policy.rules is policy.shadow_rules is rules
    alone = AccessPolicy(rules, truststore=read_truststore(BUNDLE))
    assert alone.with_issuer_keys() == alone
    by_key = RuleSet(load_settings(RULES).rules)
    tried = AccessPolicy(rules, by_key, truststore=read_truststore(BUNDLE)).with_issuer_keys()
    assert tried.rules is rules
    assert tried.shadow_rules is not by_key


def test_a_truststore_needs_no_crls_if_a_rule_may_need_it() -> None:
    truststore = {"TRUSTSTORE_URI": "file:///a.pem", "CRL_REFRESH_SECONDS": "60"}
    for variables in (
        {"ALLOWED_ISSUER_KEYS": CA.signer},
        {"AUTHORIZER_RULES": RULES_BY_KEY},
        {"AUTHORIZER_SHADOW_RULES": RULES_BY_KEY, "ALLOWED_COMMON_NAMES": "a"},
        {"AUTHORIZER_RULES_URI": "file:///rules.json"},
        {"AUTHORIZER_SHADOW_RULES_URI": "file:///rules.json"},
    ):
        settings = load_settings(variables | truststore)
        assert (settings.truststore_uri, settings.crl_refresh_seconds) == ("file:///a.pem", 60)
        assert settings.revocation_settings is None
    with_crls = load_settings({"CRL_URIS": "file:///a.crl"} | truststore)
    assert (with_crls.truststore_uri, with_crls.crl_refresh_seconds) == ("file:///a.pem", 60)
    assert with_crls.revocation_settings is not None
    in_s3 = load_settings(RULES | {"TRUSTSTORE_URI": "s3://bucket/ca.pem"})
    assert in_s3.trusts_any_bucket_owner
    settings = load_settings(RULES)
    assert (settings.truststore_uri, settings.crl_refresh_seconds) == ("file:///truststore.pem", 300)


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"ALLOWED_ISSUER_KEYS": CA.signer}, "ALLOWED_ISSUER_KEYS requires TRUSTSTORE_URI"),
        ({"AUTHORIZER_RULES": RULES_BY_KEY}, "AUTHORIZER_RULES requires TRUSTSTORE_URI"),
        (
            {"AUTHORIZER_SHADOW_RULES": RULES_BY_KEY, "ALLOWED_COMMON_NAMES": "a"},
            "^invalid configuration: AUTHORIZER_SHADOW_RULES requires TRUSTSTORE_URI[^;]*$",
        ),
        (
            {"ALLOWED_ISSUER_KEYS": CA.signer, "AUTHORIZER_RULES": '{"deny": {"common_name": "a"}}'},
            "^invalid configuration: ALLOWED_ISSUER_KEYS requires TRUSTSTORE_URI[^;]*$",
        ),
        ({"ALLOWED_ISSUER_KEYS": "CN=CA"}, "ALLOWED_ISSUER_KEYS 'CN=CA' is not a SHA-256"),
        ({"ALLOWED_ISSUER_KEYS": "ab" * 64}, "is a SHA-512: write the SHA-256"),
        (
            {"ALLOWED_COMMON_NAMES": "a", "TRUSTSTORE_URI": "file:///a.pem"},
            "TRUSTSTORE_URI is set without CRL_URIS, so no certificate would be checked: set both",
        ),
        ({"ALLOWED_COMMON_NAMES": "a", "CRL_REFRESH_SECONDS": "60"}, "CRL_REFRESH_SECONDS is set without CRL_URIS"),
        ({**RULES, "CRL_FAILURE_MODE": "allow"}, "CRL_FAILURE_MODE is set without CRL_URIS"),
    ],
)
def test_a_key_without_a_truststore_and_a_truststore_without_a_use_are_errors(
    variables: dict[str, str], problem: str
) -> None:
    with pytest.raises(SettingsError, match=problem):
        load_settings(variables)
