"""What is logged of a certificate that could not be parsed."""

from __future__ import annotations

import hashlib
import json
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.request.response import Unauthorized
from mtls_authorizer.telemetry.malformed_certificate import LONGEST_UNVERIFIED
from tests.aws.api_events import EVENTS, http_2_0_event, rest_event
from tests.observations import LISTED
from tests.pki import der
from tests.pki.certificates import certificate_der, client_pem, name, pem
from tests.strategies import json_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNVERIFIED = {
    "subjectDN": "unverified_subject_dn",
    "issuerDN": "unverified_issuer_dn",
    "serialNumber": "unverified_serial_number",
}
FIELDS = {"certificate_sha256", *UNVERIFIED.values()}
# A serial number without a byte.
MALFORMED = [
    certificate_der(name(("CN", client)), serial_number=der.tlv(der.INTEGER, b"")) for client in ("one", "two")
]

each_event = pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)


@pytest.fixture(scope="module", autouse=True)
def level() -> Iterator[None]:
    logger = logging.getLogger("mtls_authorizer")
    before = logger.level
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(before)


def logged(event: object, caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    """Return the record of a request."""
    caplog.clear()
    with suppress(Unauthorized):
        Authorizer(load_settings(LISTED)).authorize(event)
    (record,) = caplog.records
    return vars(record)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@each_event
def test_malformed_certificates_can_be_told_apart(
    make_event: Callable[..., dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    records = [logged(make_event(pem(certificate)), caplog) for certificate in MALFORMED]
    assert {record["reason"] for record in records} == {"lambda_event_clientcert_malformed"}
    assert [record["certificate_sha256"] for record in records] == [digest(certificate) for certificate in MALFORMED]
    assert {record[field] for record in records for field in UNVERIFIED.values()} == {"CN=admin", "1"}
    # What is not verified is in no other field.
    assert {record[field] for record in records for field in ("subject_dn", "issuer_dn", "serial_number")} == {None}


@each_event
def test_of_other_certificates_nothing_unverified_is_logged(
    make_event: Callable[..., dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    for certificate in (client_pem(("CN", "client")), client_pem(("CN", "other")), client_pem(("CN", "a\x00")), None):
        assert not logged(make_event(certificate), caplog).keys() & FIELDS


@pytest.mark.parametrize(
    "text",
    [
        "garbage",
        pem(MALFORMED[0]) + pem(MALFORMED[1]),
        pem(MALFORMED[0]).replace("\n-----END", "!\n-----END"),
        pem(MALFORMED[0]).replace("M", "\u00c4"),
        "-----BEGIN CERTIFICATE-----",
        "\ud800",
    ],
)
def test_the_digest_is_that_of_the_text_if_it_is_not_one_pem_block(text: str, caplog: pytest.LogCaptureFixture) -> None:
    record = logged(http_2_0_event(text), caplog)
    assert record["certificate_sha256"] == digest(text.encode(errors="surrogatepass"))


@pytest.mark.parametrize("form", [str.strip, lambda text: f" \n{text}\n", lambda text: text.replace("\n", "\r\n")])
def test_the_digest_does_not_depend_on_the_whitespace_of_the_pem(
    form: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    record = logged(http_2_0_event(form(pem(MALFORMED[0]))), caplog)
    assert record["certificate_sha256"] == digest(MALFORMED[0])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("CN=M\u00fcller,O=\u6771\u4eac", "CN=M\u00fcller,O=\u6771\u4eac"),
        ("a\r\nb\x00\x1b[31m\x85\u2028\u202e\ud800", r"a\r\nb\x00\x1b[31m\x85\u2028\u202e\ud800"),
        ("x" * LONGEST_UNVERIFIED, "x" * LONGEST_UNVERIFIED),
        ("x" * (LONGEST_UNVERIFIED + 1), "x" * (LONGEST_UNVERIFIED - 1) + "\u2026"),
        ("\n" * LONGEST_UNVERIFIED, (r"\n" * LONGEST_UNVERIFIED)[: LONGEST_UNVERIFIED - 1] + "\u2026"),
        ("", ""),
        (None, None),
        (7, None),
        (["CN=admin"], None),
    ],
)
@pytest.mark.parametrize("key", UNVERIFIED)
def test_a_reported_value_is_escaped_and_truncated(
    key: str, value: object, expected: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    event = http_2_0_event("garbage")
    event["requestContext"]["authentication"]["clientCert"][key] = value
    assert logged(event, caplog)[UNVERIFIED[key]] == expected


def test_the_unverified_values_are_those_reported_with_the_certificate_that_is_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    event = http_2_0_event("garbage")
    event["requestContext"]["identity"] = rest_event("another")["requestContext"]["identity"]
    event["requestContext"]["identity"]["clientCert"]["subjectDN"] = "CN=another"
    assert logged(event, caplog)["unverified_subject_dn"] == "CN=admin"
    event["requestContext"]["authentication"] = {"clientCert": {"clientCertPem": "", "subjectDN": "CN=none"}}
    record = logged(event, caplog)
    assert record["unverified_subject_dn"] == "CN=another"
    assert record["certificate_sha256"] == digest(b"another")


@each_event
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    certificate=st.text(min_size=1) | json_values.filter(lambda value: value is not None and value != ""),
    reported=st.lists(st.text() | json_values, min_size=3, max_size=3),
)
def test_hostile_values_stay_in_their_fields_and_are_bounded(
    make_event: Callable[..., dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
    certificate: object,
    reported: list[object],
) -> None:
    event = make_event(certificate)
    place = "authentication" if "authentication" in event["requestContext"] else "identity"
    event["requestContext"][place]["clientCert"] |= dict(zip(UNVERIFIED, reported, strict=True))
    record = logged(event, caplog)
    assert record["message"] == "deny: lambda_event_clientcert_malformed"
    assert record.keys() >= FIELDS
    for field, value in zip(UNVERIFIED.values(), reported, strict=True):
        assert (record[field] is None) == (not isinstance(value, str))
        assert record[field] is None or (len(record[field]) <= LONGEST_UNVERIFIED and record[field].isprintable())
    assert (record["certificate_sha256"] is None) == (not isinstance(certificate, str))
    assert record["certificate_sha256"] is None or len(record["certificate_sha256"]) == 64
    assert record["principal"] == "unauthenticated"


def test_neither_the_pem_nor_a_key_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0c2VjcmV0c2VjcmV0\n-----END PRIVATE KEY-----\n"
    for text in (key, pem(MALFORMED[0]), pem(MALFORMED[0]) + key):
        record = {field: value for field, value in logged(http_2_0_event(text), caplog).items() if field != "msg"}
        written = json.dumps(record, default=str)
        assert not any(line in written for line in text.splitlines() if line)
