"""What API Gateway would check, given a truststore."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule import Rule
from mtls_authorizer_cli.explanation.explanation import explain
from mtls_authorizer_cli.explanation.report.advice import advise
from mtls_authorizer_cli.explanation.result import Verdict
from mtls_authorizer_cli.explanation.truststore import read_bundle
from mtls_authorizer_cli.main import main
from tests.pki import der
from tests.pki.certificate_authorities import (
    ALGORITHMS,
    DAY,
    IS_A_CA,
    IS_NO_CA,
    MD5,
    NOW,
    SHA1,
    SUBJECT_KEY_IDENTIFIER,
    CertificateAuthority,
)
from tests.pki.certificates import (
    BASIC_CONSTRAINTS,
    KEY_USAGE,
    certificate_der,
    extension,
    name,
    pem,
    subject_alt_names,
)
from tests.questions import question

if TYPE_CHECKING:
    from pathlib import Path

    from mtls_authorizer_cli.explanation.explanation import Explanation
    from mtls_authorizer_cli.explanation.truststore import TruststoreBundle

ANYONE = Rule("anyone", (), ALL_ROUTES, anyone=True)
NOBODY = Rule("nobody", (), ALL_ROUTES)

ROOT = CertificateAuthority("Root")
ISSUING = CertificateAuthority("Issuing", parent=ROOT)
IMPOSTOR = CertificateAuthority("Issuing", parent=ROOT)
EXPIRED = CertificateAuthority("Issuing", parent=ROOT, key=ISSUING.key, not_after=NOW - DAY)
NOT_A_CA = CertificateAuthority("Issuing", parent=ROOT, key=ISSUING.key, extensions=[IS_NO_CA])
WITHOUT_EXTENSIONS = CertificateAuthority("Issuing", parent=ROOT, key=ISSUING.key, extensions=[])
BROKEN = extension(BASIC_CONSTRAINTS, der.tlv(der.NULL))
WITH_BROKEN_EXTENSIONS = CertificateAuthority("Issuing", parent=ROOT, key=ISSUING.key, extensions=[BROKEN])
TRUE_IN_BER = der.sequence(der.tlv(der.BOOLEAN, b"\1")) + der.tlv(der.NULL)
USAGE_IN_BER = der.tlv(der.BIT_STRING, b"\2\7")
IN_BER = CertificateAuthority(
    "Issuing",
    parent=ROOT,
    key=ISSUING.key,
    extensions=[extension(BASIC_CONSTRAINTS, TRUE_IN_BER), extension(KEY_USAGE, USAGE_IN_BER)],
)
CLIENT = ISSUING.issue()
SELF_SIGNED = CertificateAuthority("self-signed client", extensions=[IS_NO_CA]).certificate


def truststore(*certificates: bytes) -> TruststoreBundle:
    return read_bundle("".join(map(pem, certificates)).encode())


def chain(length: int) -> list[CertificateAuthority]:
    authorities = [CertificateAuthority("CA 0")]
    for number in range(1, length):
        authorities.append(CertificateAuthority(f"CA {number}", parent=authorities[-1]))
    return authorities


def certificates(*authorities: CertificateAuthority) -> list[bytes]:
    return [authority.certificate for authority in authorities]


def explained(certificate: bytes | None, *bundle: bytes, rule: Rule = ANYONE, days: int = 0) -> Explanation:
    subject = None if certificate is None else pem(certificate)
    return explain(question(subject, rule, truststore=truststore(*bundle), now=NOW + days * DAY))


def failed(explanation: Explanation) -> set[str]:
    return {check.name for check in explanation.gateway.checks if check.verdict is Verdict.FAILED}


FOUR = chain(4)
FIVE = chain(5)


@pytest.mark.parametrize(
    ("certificate", "bundle"),
    [
        (CLIENT, certificates(ROOT, ISSUING)),
        (CLIENT, certificates(ISSUING, ROOT)),
        (CLIENT, certificates(IMPOSTOR, ISSUING, ROOT)),
        (CLIENT, certificates(EXPIRED, ISSUING, ROOT)),
        (CLIENT, certificates(WITHOUT_EXTENSIONS, ROOT)),
        (CLIENT, certificates(IN_BER, ROOT)),
        (FOUR[-1].issue(), certificates(*FOUR)),
        (SELF_SIGNED, [SELF_SIGNED]),
        (CertificateAuthority("RSA", algorithm=ALGORITHMS["RSA with SHA-256"]).certificate, None),
        (CertificateAuthority("P-384", algorithm=ALGORITHMS["ECDSA with P-384"]).certificate, None),
    ],
)
def test_a_certificate_without_a_documented_reason_against_it_is_not_rejected(
    certificate: bytes, bundle: list[bytes] | None
) -> None:
    explanation = explained(certificate, *(bundle or [certificate]))
    assert {check.verdict for check in explanation.gateway.checks} == {Verdict.PASSED}
    assert explanation.allowed
    assert advise(explanation) is None


WEAK_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 -- to be rejected
WEAK = WEAK_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
P_521 = (
    ec.generate_private_key(ec.SECP521R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)
ED25519 = CertificateAuthority("Ed25519", algorithm=ALGORITHMS["Ed25519"]).public_key
ML_DSA = der.sequence(der.sequence(der.oid("2.16.840.1.101.3.4.3.18")), der.bits(bytes(1952)))
ML_DSA_CA = ROOT.issue(subject=ISSUING.name, public_key=ML_DSA, extensions=[IS_A_CA])
WEAK_CA = CertificateAuthority("Weak", parent=ROOT, algorithm=ALGORITHMS["ECDSA with P-521"])
SHA1_CA, MD5_CA = CertificateAuthority("SHA-1", algorithm=SHA1), CertificateAuthority("MD5", algorithm=MD5)
NOT_FOUND, SELF_SIGNED_LOG = "Could not find issuer for certificate", "self signed certificate"
INSECURE = "Client cert using an insecure Signature Algorithm"


@pytest.mark.parametrize(
    ("certificate", "bundle", "check", "found", "log_message"),
    [
        (CLIENT, certificates(ROOT), "issuer", "no certificate with the subject 'CN=Issuing'", NOT_FOUND),
        (CLIENT, certificates(ROOT, IMPOSTOR), "issuer", "made with another key", NOT_FOUND),
        (CLIENT, certificates(ROOT, IMPOSTOR, IMPOSTOR), "issuer", "and 1 more, but", NOT_FOUND),
        (CLIENT, certificates(ROOT, NOT_A_CA), "issuer", "certificate 2 of the truststore ('CN=Issuing')", NOT_FOUND),
        (CLIENT, certificates(ROOT, WITH_BROKEN_EXTENSIONS), "issuer", "certificate 2 of the truststore", NOT_FOUND),
        (SELF_SIGNED, certificates(ROOT), "issuer", "'CN=self-signed client'", SELF_SIGNED_LOG),
        (CLIENT, certificates(ISSUING), "chain", "its issuer 'CN=Root' is missing", NOT_FOUND),
        (FIVE[-1].issue(), certificates(*FIVE), "chain", "more than 4", NOT_FOUND),
        (CLIENT, certificates(EXPIRED, ROOT), "validity", "('CN=Issuing'): expired on 2026-05-31T12:00:00Z", None),
        (ISSUING.issue(not_after=NOW - DAY), certificates(ISSUING, ROOT), "validity", "expired on 2026-05-31", None),
        (
            ISSUING.issue(not_before=NOW + DAY),
            certificates(ISSUING, ROOT),
            "validity",
            "not valid before 2026-06",
            None,
        ),
        (ISSUING.issue(public_key=WEAK), certificates(ISSUING, ROOT), "key", "RSA with 1024 bits", None),
        (ISSUING.issue(public_key=P_521), certificates(ISSUING, ROOT), "key", "ECDSA on secp521r1", None),
        (ISSUING.issue(public_key=ED25519), certificates(ISSUING, ROOT), "key", "of another kind (Ed25519)", None),
        (ISSUING.issue(public_key=ML_DSA), certificates(ISSUING, ROOT), "key", "of another kind (ML-DSA-65)", None),
        (CLIENT, [ROOT.certificate, ML_DSA_CA], "issuer", "('CN=Issuing'), but its key is not supported", NOT_FOUND),
        (WEAK_CA.issue(), certificates(WEAK_CA, ROOT), "key", "('CN=Weak'): ECDSA on secp521r1", None),
    ],
)
def test_a_certificate_that_api_gateway_would_reject_is_not_allowed(
    certificate: bytes, bundle: list[bytes], check: str, found: str, log_message: str | None
) -> None:
    explanation = explained(certificate, *bundle)
    rejection = explanation.gateway.rejection
    assert rejection is not None
    assert rejection.name == check
    assert rejection.found is not None
    assert found in rejection.found
    assert explanation.gateway.log_message == log_message
    assert not explanation.allowed
    advice = advise(explanation)
    assert advice is not None
    assert found in advice.problem


@pytest.mark.parametrize(
    "extensions",
    [
        [IS_NO_CA],
        [extension(BASIC_CONSTRAINTS, der.sequence(der.tlv(der.BOOLEAN, b"\0")))],
        [extension(BASIC_CONSTRAINTS, der.sequence(der.tlv(der.BOOLEAN, b"\xff\xff")))],
        [BROKEN],
        [IS_A_CA, subject_alt_names(der.tlv(der.NULL))],
        [IS_A_CA, extension(KEY_USAGE, der.tlv(der.NULL))],
        [IS_A_CA, extension(SUBJECT_KEY_IDENTIFIER, der.tlv(der.NULL))],
    ],
)
@pytest.mark.parametrize("parent", [None, ROOT])
def test_a_certificate_that_openssl_does_not_accept_as_a_ca_has_no_clients(
    extensions: list[bytes], parent: CertificateAuthority | None
) -> None:
    authority = CertificateAuthority("Odd", extensions=extensions, parent=parent)
    assert failed(explained(authority.issue(), authority.certificate, ROOT.certificate)) == {"issuer"}


USAGE_FOR_CRLS = extension(KEY_USAGE, der.bits(b"\2"))
UNKNOWN = extension("1.2.3", der.tlv(der.NULL), critical=True)
PATH_LENGTH_0 = extension(BASIC_CONSTRAINTS, der.sequence(der.tlv(der.BOOLEAN, b"\xff"), der.integer(0)))


@pytest.mark.parametrize(
    ("extensions", "problem"),
    [
        ([], "it has no basic constraints"),
        ([extension(KEY_USAGE, USAGE_IN_BER)], "it has no basic constraints"),
        ([IS_A_CA, USAGE_FOR_CRLS], "its key usage does not include keyCertSign"),
        ([IS_A_CA, UNKNOWN], "it has a critical extension that OpenSSL does not handle (1.2.3)"),
        ([PATH_LENGTH_0], "its path length is 0, and the number of CAs between it and clients is 1"),
    ],
)
def test_a_ca_that_only_openssl_is_known_to_reject_is_a_warning(extensions: list[bytes], problem: str) -> None:
    odd = CertificateAuthority("Odd", extensions=extensions)
    authority = CertificateAuthority("Issuing", parent=odd)
    explanation = explained(authority.issue(), *certificates(authority, odd))
    assert explanation.allowed
    (warning,) = explanation.gateway.warnings
    assert warning.startswith(f"openssl verify rejects certificate 2 of the truststore ('CN=Odd') as a CA: {problem}. ")


def test_a_path_without_a_warning_is_preferred() -> None:
    bundle = certificates(WITHOUT_EXTENSIONS, ISSUING, ROOT)
    assert explained(CLIENT, *bundle).gateway.warnings == []


def test_a_clients_own_certificate_need_not_be_a_cas() -> None:
    own = CertificateAuthority("self-signed client", extensions=[]).certificate
    assert explained(own, own).gateway.warnings == []


@pytest.mark.parametrize("authority", [SHA1_CA, MD5_CA])
def test_a_weak_signature_is_reported_even_if_it_cannot_be_verified(authority: CertificateAuthority) -> None:
    explanation = explained(authority.issue(), authority.certificate)
    assert "signature" in failed(explanation)
    assert not explanation.allowed
    assert explanation.gateway.rejection is not None
    assert explanation.gateway.rejection.name == "signature"
    assert explanation.gateway.log_message == INSECURE


def test_the_certificate_itself_is_checked_whatever_its_issuer_is() -> None:
    expired = ISSUING.issue(not_after=NOW - DAY, public_key=WEAK)
    explanation = explained(expired, ROOT.certificate)
    assert failed(explanation) == {"issuer", "validity", "key"}
    assert {check.name: check.skipped for check in explanation.gateway.checks}["chain"] == "issuer failed"


def test_the_decision_is_made_for_the_time_of_the_question() -> None:
    bundle = certificates(ISSUING, ROOT)
    assert failed(explained(CLIENT, *bundle, days=99)) == set()
    assert failed(explained(CLIENT, *bundle, days=101)) == {"validity"}
    last_moment = explain(question(pem(CLIENT), ANYONE, truststore=truststore(*bundle), now=NOW + 100 * DAY))
    assert last_moment.allowed
    too_late = last_moment.question._replace(now=NOW + 100 * DAY + timedelta(seconds=1))
    assert failed(explain(too_late)) == {"validity"}


def test_a_loop_of_cross_signed_cas_is_no_chain() -> None:
    first = CertificateAuthority("A", parent=ROOT)
    second = CertificateAuthority("B", parent=first)
    first_by_second = CertificateAuthority("A", parent=second, key=first.key)
    assert failed(explained(second.issue(), *certificates(second, first_by_second))) == {"chain"}


def test_very_many_certificates_for_one_key_do_not_take_very_long() -> None:
    same_key = [
        CertificateAuthority(f"{'AB'[number % 2]}", parent=None, key=ROOT.key, serial_number=number)
        for number in range(4)
    ]
    crossed = [
        CertificateAuthority("A", key=ROOT.key, parent=same_key[1], serial_number=100 + number) for number in range(8)
    ] + [CertificateAuthority("B", key=ROOT.key, parent=same_key[0], serial_number=200 + number) for number in range(8)]
    explanation = explained(same_key[0].issue(), *certificates(*crossed))
    assert failed(explanation) == {"chain"}


def test_both_rejections_are_explained() -> None:
    explanation = explained(CLIENT, ROOT.certificate, rule=NOBODY)
    assert explanation.denial is DenyReason.NO_ALLOWLIST_CONFIGURED
    assert explanation.gateway.rejection is not None


def test_nothing_is_checked_without_a_certificate_or_a_truststore() -> None:
    for certificate in (None, b"broken"):
        gateway = explained(certificate, ROOT.certificate).gateway
        assert (gateway.checks, gateway.rejection) == ((), None)
        assert gateway.skipped == "there is no certificate that can be read"
    without = explain(question(pem(CLIENT), ANYONE)).gateway
    assert without.checks == ()
    assert without.skipped is not None
    assert "there is no truststore" in without.skipped


def test_a_key_that_cannot_be_decoded_is_no_error() -> None:
    unknown = der.sequence(der.sequence(der.oid("1.2.3")), der.bits(b"\0"))
    assert failed(explained(ISSUING.issue(public_key=unknown), *certificates(ISSUING, ROOT))) == {"key"}


def test_a_subject_that_cannot_be_decoded_does_not_matter_to_the_chain() -> None:
    subject = der.sequence(der.tlv(der.SET, der.sequence(der.oid("2.5.4.3"), der.tlv(der.T61_STRING, b"\xe9"))))
    certificate = ISSUING.issue(subject=subject)
    assert failed(explained(certificate, *certificates(ISSUING, ROOT))) == set()
    explanation = explained(certificate, ROOT.certificate)
    assert failed(explanation) == {"issuer"}
    assert explanation.gateway.log_message == NOT_FOUND


# Truststores.


def test_a_name_that_is_not_text_is_printed_in_hexadecimal() -> None:
    subject = der.sequence(der.tlv(der.SET, der.sequence(der.oid("2.5.4.45"), der.bits(b"\0"))))
    authority = CertificateAuthority(subject=subject)
    (certificate,) = truststore(authority.certificate).certificates
    assert str(certificate) == f"certificate 1 of the truststore ('#{subject.hex()}')"
    assert len(truststore(authority.certificate).issuers(certificate.certificate)) == 1


def test_certificates_that_cannot_be_read_are_skipped_with_a_warning() -> None:
    broken = pem(certificate_der(name(("CN", "x")), version=77))
    content = "".join([pem(ROOT.certificate), broken, pem(ISSUING.certificate)]).encode()
    bundle = read_bundle(content)
    assert [position for position, _ in bundle.certificates] == [1, 3]
    (warning,) = bundle.warnings
    assert warning.startswith("certificate 2 of the truststore cannot be read")
    explanation = explain(question(pem(CLIENT), ANYONE, truststore=bundle, now=NOW))
    assert explanation.allowed
    assert explanation.gateway.warnings == [warning]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty. Name the truststore"),
        (b"hello", "it is text, but not PEM. Name the truststore"),
        (b"MIIB\n-----END CERTIFICATE-----\n", r"it is text, but not PEM \(its BEGIN line is missing\). Name the"),
        (b'{"Certificate": "x"}', "it is JSON. Name the truststore"),
        (
            json.dumps({"Certificate": ROOT.pem.decode()}).encode(),
            "it is JSON. Extract all certificates: jq -r '.. | str",
        ),
        # Parsing would take hundreds of megabytes.
        (json.dumps([{}] * 2_000_000 + [ROOT.pem.decode()]).encode(), "it is JSON. Name the truststore"),
        (
            ROOT.pem.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE"),
            r"it is a certificate in OpenSSL's own format. Convert it: openssl crl2pkcs7 -nocrl -certfile FILE \| o",
        ),
        (b"\xfe\xed\xfe\xed", "it is a Java keystore. Export each CA: keytool -exportcert -rfc -keystore FILE"),
        (ROOT.pem.replace(b"\nMII", b"\n> MII"), "cannot be read, so it is ignored: its lines are not valid base64"),
        (pem(b"broken").encode(), "certificate 1 of the truststore cannot be read"),
        (pem(b"").encode(), "certificate 1 of the truststore cannot be read"),
        (pem(ROOT.revoke()).encode(), "it is a certificate revocation list with the label of a certificate"),
    ],
)
def test_a_truststore_without_a_certificate_is_an_error(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_bundle(content)


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        (ROOT.certificate, "the truststore is in DER, and API Gateway requires PEM"),
        (ROOT.pem.decode().encode("utf-16"), "the truststore is in UTF-16, and API Gateway requires PEM"),
        (ROOT.pem.strip() + ROOT.pem, "a BEGIN or END line contains something else"),
        (ROOT.pem * 1001, "the truststore has 1,001 certificates; API Gateway accepts 1,000"),
        (ROOT.pem.ljust(1_000_001), "the truststore has 1,000,001 bytes; API Gateway accepts 1,000,000"),
    ],
)
def test_a_truststore_beyond_the_limits_of_api_gateway_is_used_with_a_warning(content: bytes, warning: str) -> None:
    (found,) = read_bundle(content).warnings
    assert found.startswith(warning)


def test_the_truststore_is_a_file_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "client.pem").write_text(pem(CLIENT))
    (tmp_path / "truststore.pem").write_bytes(ROOT.pem)
    arguments = ["explain", str(tmp_path / "client.pem"), "--at", "2026-06-01T00:00:00Z", "--truststore"]
    allowed = {"ALLOWED_COMMON_NAMES": "client"}
    assert main([*arguments, str(tmp_path / "truststore.pem")], allowed) == 1
    output, errors = capsys.readouterr()
    assert output.startswith("REJECTED by API Gateway: issuer\n")
    assert "The client sees HTTP 403" in output
    assert "not verified on AWS" in output
    assert "would allow it" in output
    assert NOT_FOUND in output
    for content, problem in (
        (b"", "it is empty. Name the truststore, a bundle of CA certificates in PEM"),
        (pem(b"0\0").encode(), "certificate 1 of the truststore cannot be read"),
    ):
        (tmp_path / "unusable").write_bytes(content)
        assert main([*arguments, str(tmp_path / "unusable")], allowed) == 2
        output, errors = capsys.readouterr()
        assert output == ""
        assert errors.startswith(f"mtls-authorizer explain: {tmp_path / 'unusable'}: {problem}")
