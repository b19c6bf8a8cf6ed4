"""Whatever comes in, the layer answers with a certificate or a reason."""

from __future__ import annotations

import base64
import inspect
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_certificate_auth import (
    ExtractionFailureReason,
    MalformedCertificateError,
    PeerCertificate,
    all_of,
    allow_cn,
    allow_email,
    allow_fingerprints,
    allow_issuer,
    allow_organization,
    allow_ou,
    allow_san,
    allow_serial,
    allow_subject,
    any_of,
    extract_client_certificate_from_lambda_event,
)
from tests.pki.certificates import certificate_der, pem
from tests.strategies import broken_certificates, json_values, lambda_events

CHECKS = [
    allow_cn(["client"]),
    allow_ou(["client"]),
    allow_organization(["client"]),
    allow_fingerprints(["00" * 32]),
    allow_issuer([{"CN": "client", "OU": "client"}]),
    allow_subject([{"CN": "client", "OU": "client"}]),
    allow_serial(["0102030405"]),
    allow_san(["DNS:client"]),
    allow_email(["client@example.com"]),
]
CHECKS += [all_of(CHECKS), any_of(CHECKS)]

ATTRIBUTES = [
    name for name in [*vars(PeerCertificate), "subject", "issuer"] if not name.startswith("_") and name != "x509"
]


def exercise(event: object) -> None:
    result = extract_client_certificate_from_lambda_event(event)
    if not result.success:
        assert result.reason in set(ExtractionFailureReason)
        assert result.certificate is None
        return
    for name in ATTRIBUTES:
        getattr(result.certificate, name)
    with suppress(MalformedCertificateError):
        _ = result.certificate.x509
    repr(result.certificate)
    result.certificate.to_dict()
    for distinguished_name in (result.certificate.subject, result.certificate.issuer):
        assert distinguished_name.rfc4514_string().isascii()
    for check in CHECKS:
        assert check(result.certificate) in {True, False}


def test_every_public_attribute_is_exercised() -> None:
    annotated = set(inspect.get_annotations(PeerCertificate))
    assert {"subject_alt_names", "modulus", "fingerprint256", "to_dict"} <= set(ATTRIBUTES)
    assert annotated - {"serial_number", "not_before", "not_after"} <= set(ATTRIBUTES)


@given(json_values)
def test_no_json_value_raises(event: object) -> None:
    exercise(event)


@given(lambda_events(json_values | st.text() | st.builds(pem, broken_certificates())))
def test_no_event_around_anything_raises(event: dict[str, Any]) -> None:
    exercise(event)


@given(broken_certificates())
def test_no_certificate_of_broken_parts_raises(certificate: bytes) -> None:
    exercise({"requestContext": {"identity": {"clientCert": {"clientCertPem": pem(certificate)}}}})


@given(st.data())
def test_no_certificate_with_changed_bytes_raises(data: st.DataObject) -> None:
    certificate = bytearray(certificate_der())
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(certificate) - 1))
        certificate[position] = data.draw(st.integers(0, 255))
    exercise({"requestContext": {"authentication": {"clientCert": {"clientCertPem": pem(bytes(certificate))}}}})


@given(st.binary(max_size=300))
def test_no_bytes_in_a_pem_raise(content: bytes) -> None:
    text = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(content).decode()}\n-----END CERTIFICATE-----\n"
    exercise({"requestContext": {"identity": {"clientCert": {"clientCertPem": text}}}})


@pytest.mark.parametrize("depth", [10_000])
def test_no_depth_raises(depth: int) -> None:
    event: dict[str, Any] = {}
    for _ in range(depth):
        event = {"requestContext": event, "identity": event, "clientCert": event}
    exercise(event)
