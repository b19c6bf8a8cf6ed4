from __future__ import annotations

from typing import Any

import pytest

from client_certificate_auth import ExtractionFailureReason, extract_client_certificate_from_lambda_event
from tests.pki import der
from tests.pki.certificates import certificate_der, client_pem, extension, name, pem

MISSING = "lambda_event_missing_clientcert"
MALFORMED = "lambda_event_clientcert_malformed"

FIRST = client_pem(("CN", "first"))
SECOND = client_pem(("CN", "second"))


def payload_1_0(pem: object) -> dict[str, Any]:
    return {"requestContext": {"identity": {"clientCert": {"clientCertPem": pem}}}}


def payload_2_0(pem: object) -> dict[str, Any]:
    return {"requestContext": {"authentication": {"clientCert": {"clientCertPem": pem}}}}


def both(pem_2_0: object, pem_1_0: object) -> dict[str, Any]:
    return {"requestContext": {**payload_2_0(pem_2_0)["requestContext"], **payload_1_0(pem_1_0)["requestContext"]}}


@pytest.mark.parametrize(
    ("event", "common_name"),
    [
        (payload_1_0(FIRST), "first"),
        (payload_2_0(FIRST), "first"),
        (both(FIRST, SECOND), "first"),
        (both(None, SECOND), "second"),
        (both("", SECOND), "second"),
        (payload_1_0("Certificate:\n    Data:\n" + FIRST), "first"),
        (payload_1_0(FIRST.replace("\n", "\r\n")), "first"),
        (payload_1_0(FIRST.rstrip("\n")), "first"),
    ],
)
def test_the_certificate_is_extracted_from_either_payload_and_2_0_comes_first(event: object, common_name: str) -> None:
    result = extract_client_certificate_from_lambda_event(event)
    assert result.success
    assert result
    assert common_name == result.certificate.subject.CN
    assert result.reason is None


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "event",
        7,
        {},
        {"requestContext": None},
        {"requestContext": 3.5},
        {"requestContext": []},
        {"requestContext": {"identity": None, "authentication": None}},
        {"requestContext": {"identity": "x", "authentication": 7}},
        {"requestContext": {"identity": {"clientCert": None}, "authentication": {"clientCert": [FIRST]}}},
        {"requestContext": {"identity": {"clientCert": {"subjectDN": "CN=admin"}}}},
        payload_1_0(None),
        payload_1_0(""),
        both("", ""),
        both(None, None),
        {"headers": {"x-amzn-mtls-clientcert-leaf": FIRST}},
        {"identity": {"clientCert": {"clientCertPem": FIRST}}},
    ],
)
def test_an_event_without_a_certificate_is_missing_it(event: object) -> None:
    result = extract_client_certificate_from_lambda_event(event)
    assert not result.success
    assert not result
    assert result.certificate is None
    assert result.reason == MISSING
    assert result.reason is ExtractionFailureReason.MISSING


@pytest.mark.parametrize(
    "broken",
    [
        "garbage",
        " ",
        7,
        0,
        False,
        [FIRST],
        {"pem": FIRST},
        FIRST[: len(FIRST) // 2],
        FIRST.replace("BEGIN CERTIFICATE", "BEGIN PUBLIC KEY").replace("END CERTIFICATE", "END PUBLIC KEY"),
        FIRST + SECOND,
        FIRST + FIRST,
        FIRST + SECOND[: len(SECOND) // 2],
        SECOND.replace("CERTIFICATE", "TRUSTED CERTIFICATE") + FIRST,
        FIRST + "-----BEGIN PRIVATE KEY-----",
        FIRST.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
        FIRST.replace("CERTIFICATE", "ÇERTIFICATE"),
        FIRST + "\ud800",
        pem(b"\x30\x00"),
        pem(certificate_der() + b"\x00"),
        pem(certificate_der()[:-1]),
        pem(certificate_der(subject=b"\x30\x02\x30\x00")),
        pem(certificate_der(subject=name(der.sequence(der.oid("2.5.4.3"), der.tlv(der.UTF8_STRING, b"\xff"))))),
        pem(certificate_der(subject=name(der.sequence(der.oid("2.5.4.3"), der.tlv(der.BMP_STRING, b"\xd8\x00"))))),
        pem(certificate_der(subject=name(der.sequence(der.oid("2.5.4.3"), der.tlv(der.OCTET_STRING, b"admin"))))),
        pem(certificate_der(subject=name(der.sequence(der.oid("2.5.4.45"), der.bits(b"\x01"))))),
        pem(certificate_der(issuer=name(der.sequence(der.oid("2.5.4.3"), der.integer(5))))),
        pem(certificate_der(serial_number=der.tlv(der.INTEGER, b""))),
        pem(certificate_der(not_before=der.tlv(der.UTC_TIME, b"yesterday"))),
        pem(certificate_der(not_after=der.tlv(der.UTC_TIME, b"400230000000Z"))),
    ],
)
def test_anything_but_one_decodable_certificate_is_malformed_in_both_payloads(broken: object) -> None:
    for event in (payload_1_0(broken), payload_2_0(broken)):
        result = extract_client_certificate_from_lambda_event(event)
        assert not result.success
        assert not result
        assert result.certificate is None
        assert result.reason == MALFORMED


def test_a_broken_2_0_certificate_does_not_fall_back_to_the_one_of_1_0() -> None:
    assert extract_client_certificate_from_lambda_event(both("garbage", FIRST)).reason == MALFORMED
    assert extract_client_certificate_from_lambda_event(both(0, FIRST)).reason == MALFORMED


def test_a_certificate_whose_extensions_cannot_be_decoded_still_has_its_names() -> None:
    undecodable = pem(certificate_der(name(("CN", "first")), extensions=[extension("2.5.29.17", b"garbage")]))
    result = extract_client_certificate_from_lambda_event(payload_1_0(undecodable))
    assert result.success
    assert result.certificate.subject.CN == "first"
    assert result.certificate.subject_alt_names == ()


def test_reasons_are_the_strings_that_are_documented() -> None:
    assert list(ExtractionFailureReason) == [
        *("lambda_event_missing_clientcert", "lambda_event_clientcert_malformed"),
        *("alb_event_missing_clientcert", "alb_event_clientcert_malformed"),
        *("cloudfront_event_missing_clientcert", "cloudfront_event_clientcert_malformed"),
    ]
