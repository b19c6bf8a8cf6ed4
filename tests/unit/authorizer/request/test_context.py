from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_certificate_auth import PeerCertificate
from mtls_authorizer.request.context import LONGEST_HEADER, build_context, principal_identifier
from tests.pki import der
from tests.pki.certificates import certificate_der, client_pem, dns, extension, name, pem, subject_alt_names, uri

if TYPE_CHECKING:
    from mtls_authorizer.policy.settings import PrincipalId


def test_the_context_of_a_whole_certificate() -> None:
    certificate = PeerCertificate.from_pem(
        pem(
            certificate_der(
                name(
                    *(("C", "DE"), ("ST", "Berlin"), ("L", "Berlin"), ("O", "Acmé, Inc."), ("OU", "payments")),
                    *(("CN", "client"), ("emailAddress", "client@example.com")),
                ),
                name(("O", "Acme"), ("CN", "Acme Issuing CA")),
                extensions=[subject_alt_names(dns("a.example"), uri("spiffe://example/é"))],
            )
        )
    )
    assert build_context(certificate) == {
        "clientCertSubjectDN": (
            r"1.2.840.113549.1.9.1=client@example.com,CN=client,OU=payments,O=Acm\C3\A9\, Inc.,L=Berlin,ST=Berlin,C=DE"
        ),
        "clientCertIssuerDN": "CN=Acme Issuing CA,O=Acme",
        "clientCertCN": "client",
        "clientCertOU": "payments",
        "clientCertO": "Acmé, Inc.",
        "clientCertC": "DE",
        "clientCertST": "Berlin",
        "clientCertL": "Berlin",
        "clientCertEmailAddress": "client@example.com",
        "clientCertIssuerCN": "Acme Issuing CA",
        "clientCertOUs": '["payments"]',
        "clientCertSubjectAltNames": '["DNS:a.example", "URI:spiffe://example/\\u00c3\\u00a9"]',
        "clientCertSerialNumber": "0102030405",
        "clientCertFingerprint256": certificate.fingerprint256,
        "clientCertNotBefore": "2020-01-01T00:00:00Z",
        "clientCertNotAfter": "2040-01-01T00:00:00Z",
    }


def test_an_absent_or_repeated_attribute_has_no_key() -> None:
    certificate = PeerCertificate.from_pem(
        pem(certificate_der(name(("OU", "one"), ("OU", "two")), issuer=name(("CN", "a"), ("CN", "b"))))
    )
    context = build_context(certificate)
    assert set(context) == {
        *("clientCertSubjectDN", "clientCertIssuerDN", "clientCertOUs", "clientCertSubjectAltNames"),
        *("clientCertSerialNumber", "clientCertFingerprint256", "clientCertNotBefore", "clientCertNotAfter"),
    }
    assert json.loads(context["clientCertOUs"]) == ["one", "two"]
    assert json.loads(context["clientCertSubjectAltNames"]) == []


def test_an_empty_value_is_a_value() -> None:
    context = build_context(PeerCertificate.from_pem(client_pem(("CN", ""), ("O", ""))))
    assert context["clientCertCN"] == context["clientCertO"] == ""


def test_undecodable_alternative_names_are_an_empty_list() -> None:
    undecodable = pem(certificate_der(extensions=[extension("2.5.29.17", b"garbage")]))
    assert build_context(PeerCertificate.from_pem(undecodable))["clientCertSubjectAltNames"] == "[]"


def test_values_for_headers_are_printable_ascii_whatever_the_certificate_contains() -> None:
    certificate = PeerCertificate.from_pem(
        pem(
            certificate_der(
                name(("CN", "Łódź \u2028"), ("OU", "😀")),
                extensions=[subject_alt_names(dns("a\r\nX-Admin: 1"), dns("é"))],
            )
        )
    )
    context = build_context(certificate)
    for key in ("SubjectDN", "IssuerDN", "OUs", "SubjectAltNames", "SerialNumber", "Fingerprint256", "NotAfter"):
        value = context[f"clientCert{key}"]
        assert value.isascii()
        assert value.isprintable()
    assert json.loads(context["clientCertSubjectAltNames"]) == ["DNS:a\r\nX-Admin: 1", "DNS:Ã©"]


@pytest.mark.parametrize(
    ("principal_id", "expected"),
    [
        ("common_name", "client"),
        ("subject_dn", r"CN=client,O=Acm\C3\A9"),
        ("serial_number", "0102030405"),
    ],
)
def test_the_principal_is_what_the_configuration_says(principal_id: PrincipalId, expected: str) -> None:
    certificate = PeerCertificate.from_pem(client_pem(("O", "Acmé"), ("CN", "client")))
    assert principal_identifier(certificate, principal_id) == expected
    assert principal_identifier(certificate, "fingerprint") == certificate.fingerprint256


@pytest.mark.parametrize(
    ("attributes", "principal_id"),
    [
        ([], "common_name"),
        ([], "subject_dn"),
        ([("CN", "")], "common_name"),
        ([("CN", "one"), ("CN", "two")], "common_name"),
        ([("OU", "one")], "common_name"),
    ],
)
def test_the_fingerprint_replaces_a_principal_that_is_missing_or_ambiguous(
    attributes: list[tuple[str, str]], principal_id: PrincipalId
) -> None:
    certificate = PeerCertificate.from_pem(client_pem(*attributes))
    assert principal_identifier(certificate, principal_id) == certificate.fingerprint256


def test_other_attributes_of_the_subject_have_no_key_of_their_own() -> None:
    certificate = PeerCertificate.from_pem(client_pem(("CN", "client"), ("serialNumber", "7"), ("title", "payer")))
    context = build_context(certificate)
    assert all(isinstance(key, str) and key.startswith("clientCert") for key in context)
    assert {key for key, value in context.items() if value in {"7", "payer"}} == set()


def test_dates_are_written_as_iso_8601() -> None:
    for written in (
        "0001-01-01T00:00:00Z",
        "0999-12-31T23:59:59Z",
        "1950-10-20T10:09:08Z",
        "2049-02-03T04:05:06Z",
        "9999-12-31T23:59:59Z",
    ):
        time = der.tlv(der.GENERALIZED_TIME, re.sub("[-T:]", "", written).encode())
        context = build_context(PeerCertificate.from_pem(pem(certificate_der(not_before=time, not_after=time))))
        assert (context["clientCertNotBefore"], context["clientCertNotAfter"]) == (written, written)


@given(st.datetimes(datetime(1950, 1, 1), datetime(9999, 12, 31)))  # noqa: DTZ001 -- they are given UTC below
def test_any_date_is_written_as_datetime_would(date: datetime) -> None:
    date = date.replace(microsecond=0, tzinfo=UTC)
    context = build_context(PeerCertificate.from_pem(pem(certificate_der(not_before=der.time(date)))))
    assert datetime.fromisoformat(context["clientCertNotBefore"]) == date


def test_the_certificate_can_be_passed_on_as_in_the_header_client_cert_unless_it_is_too_long() -> None:
    certificate = PeerCertificate.from_pem(client_pem(("CN", "client")))
    context = build_context(certificate, with_header=True)
    header = context.pop("clientCertHeader")
    assert re.fullmatch(r":[A-Za-z0-9+/]+={0,2}:", header)
    assert base64.b64decode(header.strip(":"), validate=True) == certificate.raw
    assert context == build_context(certificate)
    for length, present in ((4100, True), (4500, False)):
        long = certificate_der(extensions=[extension("1.2.3", bytes(length))])
        context = build_context(PeerCertificate.from_der(long), with_header=True)
        assert ("clientCertHeader" in context) is present
        assert all(len(value) <= LONGEST_HEADER for value in context.values())
