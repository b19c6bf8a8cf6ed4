from __future__ import annotations

import json
from collections import UserDict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_certificate_auth import (
    ExtractionFailureReason,
    ExtractionResult,
    MalformedCertificateError,
    PeerCertificate,
    extract_client_certificate_from_alb_event,
    extract_client_certificate_from_cloudfront_event,
    extract_client_certificate_from_lambda_event,
)
from client_certificate_auth.testing import Request, alb_event, http_api_event, rest_api_event
from tests.pki.certificates import client_pem
from tests.strategies import header_events, json_values

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = sorted((Path(__file__).parents[2] / "golden" / "certificates").glob("*.pem"))

FIRST, SECOND, THIRD = (client_pem(("CN", name)) for name in ("first", "second", "third"))

Event: TypeAlias = dict[str, Any]


class FrontDoor(NamedTuple):
    header: str
    extract: Callable[[object], ExtractionResult]
    missing: str
    malformed: str


VERIFY = FrontDoor(
    "x-amzn-mtls-clientcert-leaf",
    extract_client_certificate_from_alb_event,
    "alb_event_missing_clientcert",
    "alb_event_clientcert_malformed",
)
PASSTHROUGH = VERIFY._replace(
    header="x-amzn-mtls-clientcert", extract=partial(extract_client_certificate_from_alb_event, mode="passthrough")
)
CLOUDFRONT = FrontDoor(
    "CloudFront-Viewer-Cert-Pem",
    extract_client_certificate_from_cloudfront_event,
    "cloudfront_event_missing_clientcert",
    "cloudfront_event_clientcert_malformed",
)
FRONT_DOORS = {"verify": VERIFY, "passthrough": PASSTHROUGH, "cloudfront": CLOUDFRONT}
every_front_door = pytest.mark.parametrize("front_door", FRONT_DOORS.values(), ids=FRONT_DOORS)


def test_every_reason_is_that_of_a_front_door_or_of_api_gateway() -> None:
    reasons: set[str] = {ExtractionFailureReason.MISSING, ExtractionFailureReason.MALFORMED}
    reasons |= {reason for each in FRONT_DOORS.values() for reason in (each.missing, each.malformed)}
    assert reasons == set(ExtractionFailureReason)


def encode(pem: str) -> str:
    """As the load balancer encodes it."""
    return quote(pem, safe="+=/")


def single(front_door: FrontDoor, value: object) -> Event:
    return {"headers": {"host": "api.example.com", front_door.header: value}}


def multiple(front_door: FrontDoor, *values: object) -> Event:
    return {"multiValueHeaders": {"host": ["api.example.com"], front_door.header: list(values)}}


def common_name(result: ExtractionResult) -> object:
    return result.certificate.subject.CN if result.success else result.reason


ENCODINGS: dict[str, Callable[[str], str]] = {
    "+, = and / as they are": encode,
    "= escaped, as in an example of AWS's": partial(quote, safe="+/"),
    "all escaped": partial(quote, safe=""),
    "escaped in lower case": lambda pem: quote(pem, safe="+=/").replace("%0A", "%0a"),
    "every character escaped": lambda pem: "".join(f"%{ord(character):02X}" for character in pem),
    "carriage returns": lambda pem: quote(pem.replace("\n", "\r\n"), safe="+=/"),
    "no line feed at the end": lambda pem: quote(pem.rstrip("\n"), safe="+=/"),
}


@every_front_door
@pytest.mark.parametrize("encoded", ENCODINGS.values(), ids=ENCODINGS)
def test_the_certificate_is_extracted_however_its_pem_is_percent_encoded(
    front_door: FrontDoor, encoded: Callable[[str], str]
) -> None:
    for event in (single(front_door, encoded(FIRST)), multiple(front_door, encoded(FIRST))):
        result = front_door.extract(event)
        assert result.success
        assert result.certificate.subject.CN == "first"
        assert result.reason is None
        assert result.intermediates == ()


@every_front_door
@pytest.mark.parametrize("spell", [str, str.lower, str.upper, str.title, str.swapcase])
def test_the_headers_name_may_be_in_any_case(front_door: FrontDoor, spell: Callable[[str], str]) -> None:
    value = encode(FIRST)
    for event in (
        {"headers": {spell(front_door.header): value}},
        {"multiValueHeaders": {spell(front_door.header): [value]}},
    ):
        assert common_name(front_door.extract(event)) == "first"


@every_front_door
def test_headers_may_be_any_mapping_and_be_repeated_if_both_agree(front_door: FrontDoor) -> None:
    event = UserDict(
        headers=UserDict(single(front_door, encode(FIRST))["headers"]), **multiple(front_door, encode(FIRST))
    )
    assert common_name(front_door.extract(event)) == "first"
    no_headers: list[object] = [None, 7, "headers", []]
    for absent in no_headers:
        assert (
            common_name(front_door.extract({**single(front_door, encode(FIRST)), "multiValueHeaders": absent}))
            == "first"
        )
        assert common_name(front_door.extract({**multiple(front_door, encode(FIRST)), "headers": absent})) == "first"


@every_front_door
@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "event",
        7,
        {},
        {"headers": None},
        {"headers": 7, "multiValueHeaders": 3.5},
        {"headers": [FIRST], "multiValueHeaders": "headers"},
        {"headers": {}, "multiValueHeaders": {}},
        {"headers": {7: FIRST, None: FIRST, ("x",): FIRST}},
        {"headers": {"host": "api.example.com"}},
        {"headers": {"x-client-cert": encode(FIRST)}},
        {"requestContext": {"identity": {"clientCert": {"clientCertPem": FIRST}}}},
        {"requestContext": {"authentication": {"clientCert": {"clientCertPem": FIRST}}}},
    ],
)
def test_an_event_without_the_header_is_missing_the_certificate(front_door: FrontDoor, event: object) -> None:
    result = front_door.extract(event)
    assert not result.success
    assert result.certificate is None
    assert result.reason == front_door.missing
    assert result.reason in set(ExtractionFailureReason)


@every_front_door
def test_a_header_that_is_empty_or_null_is_missing(front_door: FrontDoor) -> None:
    for event in (single(front_door, ""), single(front_door, None), multiple(front_door), multiple(front_door, "")):
        assert front_door.extract(event).reason == front_door.missing


@pytest.mark.parametrize("sent", FRONT_DOORS.values(), ids=FRONT_DOORS)
@every_front_door
def test_the_header_of_another_front_door_is_not_read(front_door: FrontDoor, sent: FrontDoor) -> None:
    assert common_name(front_door.extract(single(sent, encode(FIRST)))) == (
        "first" if sent is front_door else front_door.missing
    )
    assert extract_client_certificate_from_lambda_event(single(sent, FIRST)).reason == ExtractionFailureReason.MISSING


API_EVENTS: dict[str, Callable[[str | None, Request], Event]] = {
    "REST API": rest_api_event,
    "HTTP API or function URL": http_api_event,
    "HTTP API, payload 1.0": partial(http_api_event, payload="1.0"),
}


@pytest.mark.parametrize("api_event", API_EVENTS.values(), ids=API_EVENTS)
def test_at_an_api_the_headers_of_a_load_balancer_are_the_clients_own(
    api_event: Callable[[str | None, Request], Event],
) -> None:
    for front_door in (VERIFY, PASSTHROUGH):
        forged = Request(headers={front_door.header: encode(FIRST)})
        assert front_door.extract(api_event(None, forged)).reason == front_door.missing
        assert front_door.extract(api_event(SECOND, forged)).reason == front_door.missing
        assert common_name(extract_client_certificate_from_lambda_event(api_event(SECOND, forged))) == "second"


ABSENT_OR_A_LOAD_BALANCERS: list[object] = [None, alb_event(None)["requestContext"], UserDict(elb={})]


@pytest.mark.parametrize(
    "context", [{}, {"elb": None}, {"serviceNetworkArn": "arn:aws:vpc-lattice"}, "elb", ["elb"], 0]
)
def test_a_request_context_that_is_not_a_load_balancers_is_missing_the_certificate(context: object) -> None:
    for front_door in (VERIFY, PASSTHROUGH):
        for event in (single(front_door, VALUE), multiple(front_door, VALUE, OTHER)):
            assert front_door.extract({**event, "requestContext": context}).reason == front_door.missing
        for elb in ABSENT_OR_A_LOAD_BALANCERS:
            assert common_name(front_door.extract({**single(front_door, VALUE), "requestContext": elb})) == "first"


def test_in_an_event_of_vpc_lattice_without_a_request_context_they_are_the_clients_own_too() -> None:
    others = {"raw_path": "/", "method": "GET", "body": "", "is_base64_encoded": False, "query_string_parameters": {}}
    for front_door in (VERIFY, PASSTHROUGH):
        assert front_door.extract({**single(front_door, VALUE), **others}).reason == front_door.missing


def test_the_other_headers_about_the_certificate_are_not_read() -> None:
    lies = {"X-Amzn-Mtls-Clientcert-Subject": "CN=admin", "CloudFront-Viewer-Cert-Subject": "CN=admin"}
    for front_door in FRONT_DOORS.values():
        assert (
            common_name(front_door.extract({"headers": {**single(front_door, encode(FIRST))["headers"], **lies}}))
            == "first"
        )


VALUE = encode(FIRST)
OTHER = encode(SECOND)
AMBIGUOUS: dict[str, Callable[[str], Event]] = {
    "two spellings": lambda name: {"headers": {name.lower(): VALUE, name.upper(): OTHER}},
    "two spellings of the same value": lambda name: {"headers": {name.lower(): VALUE, name.upper(): VALUE}},
    "two spellings, one empty": lambda name: {"headers": {name.lower(): VALUE, name.upper(): ""}},
    "two spellings with several values": lambda name: {
        "multiValueHeaders": {name.lower(): [VALUE], name.upper(): [OTHER]}
    },
    "several values": lambda name: {"multiValueHeaders": {name: [VALUE, OTHER]}},
    "the same value twice": lambda name: {"multiValueHeaders": {name: [VALUE, VALUE]}},
    "several values, the first empty": lambda name: {"multiValueHeaders": {name: ["", VALUE]}},
    "several values, the last null": lambda name: {"multiValueHeaders": {name: [VALUE, None]}},
    "another value in headers": lambda name: {"headers": {name: VALUE}, "multiValueHeaders": {name: [OTHER]}},
    "the last of several values in headers": lambda name: {
        "headers": {name: OTHER},
        "multiValueHeaders": {name: [VALUE, OTHER]},
    },
    "in headers only": lambda name: {"headers": {name: VALUE}, "multiValueHeaders": {}},
    "in multiValueHeaders only": lambda name: {"headers": {}, "multiValueHeaders": {name: [VALUE]}},
    "joined by a comma": lambda name: {"headers": {name: f"{VALUE},{OTHER}"}},
    "joined by a comma and a space": lambda name: {"headers": {name: f"{VALUE}, {OTHER}"}},
    "joined by an encoded comma": lambda name: {"headers": {name: f"{VALUE}%2C{OTHER}"}},
}


@every_front_door
@pytest.mark.parametrize("make_event", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_more_than_one_value_is_malformed_and_never_a_choice(
    front_door: FrontDoor, make_event: Callable[[str], Event]
) -> None:
    result = front_door.extract(make_event(front_door.header))
    assert not result.success
    assert result.certificate is None
    assert result.reason == front_door.malformed


BROKEN: dict[str, object] = {
    "a number": 7,
    "false": False,
    "an object": {"pem": VALUE},
    "a list of lists": [[VALUE]],
    "text": "garbage",
    "a space": " ",
    "an escaped space": "%20",
    "not encoded": FIRST,
    "half of it": VALUE[: len(VALUE) // 2],
    "spaces as +": VALUE.replace("%20", "+"),
    "spaces as they are": VALUE.replace("%20", " "),
    "line feeds as they are": VALUE.replace("%0A", "\n"),
    "line feeds as spaces": VALUE.replace("%0A", "%20"),
    "encoded twice": quote(VALUE),
    "an escape of one digit": VALUE + "%0",
    "an escape of no digits": VALUE + "%",
    "an escape that isn't hexadecimal": VALUE + "%0G",
    "an escape with a sign": VALUE.replace("%0A", "%+A"),
    "an escape with digits that aren't ASCII": VALUE.replace("%20", "%\u0662\u0660"),
    "a doubled percent sign": VALUE.replace("%20", "%%20"),
    "text before": "Certificate:%0A" + VALUE,
    "text after": VALUE + "x",
    "a line feed before": "%0A" + VALUE,
    "an empty line after": VALUE + "%0A",
    "a null character after": VALUE + "%00",
    "a tab after": VALUE + "\t",
    "quotes around": f'"{VALUE}"',
    "a header in the PEM": encode(FIRST.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\n\n", 1)),
    "a trusted certificate": encode(FIRST.replace("CERTIFICATE", "TRUSTED CERTIFICATE")),
    "a public key": encode(FIRST.replace("CERTIFICATE", "PUBLIC KEY")),
    "a private key after": VALUE + encode("-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n"),
    "an end before its beginning": encode(FIRST.replace("BEGIN", "x").replace("END", "BEGIN").replace("-x ", "-END ")),
    "a beginning in a certificate": encode(FIRST.replace("\nM", "\n-----BEGIN CERTIFICATE-----\nM", 1)),
    "not ASCII": VALUE.replace("CERTIFICATE", "\u00c7ERTIFICATE"),
    "not ASCII, escaped": VALUE.replace("CERTIFICATE", "%C3%87ERTIFICATE"),
    "half of a surrogate pair": VALUE + "\ud800",
    "not Base64": encode("-----BEGIN CERTIFICATE-----\n====\n-----END CERTIFICATE-----\n"),
    "no certificate inside": encode("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
    "nothing inside": encode("-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----\n"),
    "a million percent signs": "%" * 1_000_000,
}


@every_front_door
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_value_that_is_not_percent_encoded_pem_is_malformed(front_door: FrontDoor, broken: object) -> None:
    for event in (single(front_door, broken), multiple(front_door, broken)):
        result = front_door.extract(event)
        assert not result.success
        assert result.certificate is None
        assert result.reason == front_door.malformed


LONG = client_pem(("CN", "first"), ("O", "x" * 46_000))


def as_long_as(length: int) -> str:
    """Return a long certificate in a value of this length, with escapes where none are needed."""
    value = encode(LONG)
    missing = length - len(value)
    return value.replace("%0A", "%0D%0A", missing % 2).replace("e", "%65", (missing - 3 * (missing % 2)) // 2)


@every_front_door
def test_a_value_is_at_most_64_kib_long(front_door: FrontDoor) -> None:
    for length, expected in ((65_535, "first"), (65_536, "first"), (65_537, front_door.malformed)):
        assert len(as_long_as(length)) == length
        assert common_name(front_door.extract(single(front_door, as_long_as(length)))) == expected


@pytest.mark.parametrize("front_door", [VERIFY, CLOUDFRONT])
@pytest.mark.parametrize("pems", [(FIRST, SECOND), (FIRST, FIRST), (FIRST, "garbage")])
def test_more_than_one_certificate_is_malformed_where_one_belongs(front_door: FrontDoor, pems: tuple[str, ...]) -> None:
    assert front_door.extract(single(front_door, encode("".join(pems)))).reason == front_door.malformed


def test_the_first_of_a_chain_is_the_clients_and_the_others_follow_in_their_order() -> None:
    event = single(PASSTHROUGH, encode(FIRST + SECOND + THIRD.rstrip("\n")))
    result = extract_client_certificate_from_alb_event(event, mode="passthrough")
    assert result.success
    assert result.certificate.subject.CN == "first"
    assert [certificate.subject.CN for certificate in result.intermediates] == ["second", "third"]


@pytest.mark.parametrize(
    "chain",
    [
        FIRST + "garbage",
        FIRST + SECOND[: len(SECOND) // 2],
        FIRST + SECOND.replace("CERTIFICATE", "PUBLIC KEY"),
        FIRST + "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" + SECOND,
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n" + FIRST,
        FIRST + "\n" + SECOND,
        FIRST + "# comment\n" + SECOND,
        FIRST.rstrip("\n") + SECOND,
        FIRST.rstrip("\n") + "\r" + SECOND,
    ],
)
def test_a_chain_with_anything_unreadable_in_it_is_malformed(chain: str) -> None:
    assert PASSTHROUGH.extract(single(PASSTHROUGH, encode(chain))).reason == PASSTHROUGH.malformed


def test_passthrough_must_be_asked_for_by_name() -> None:
    assert extract_client_certificate_from_alb_event(single(PASSTHROUGH, VALUE)).reason == VERIFY.missing
    assert extract_client_certificate_from_alb_event(single(VERIFY, VALUE), mode="passthrough").reason == VERIFY.missing


@pytest.mark.parametrize("mode", ["verify", "passthrough"])
@pytest.mark.parametrize("other", [OTHER, "garbage", VALUE])
def test_an_event_with_the_headers_of_both_modes_is_malformed(mode: Any, other: str) -> None:  # noqa: ANN401 -- a literal
    # A client of a listener in passthrough mode can send the header of verify mode itself.
    for verify, passthrough in ((VALUE, other), (other, VALUE)):
        both = {"headers": {**single(VERIFY, verify)["headers"], **single(PASSTHROUGH, passthrough)["headers"]}}
        assert extract_client_certificate_from_alb_event(both, mode=mode).reason == VERIFY.malformed


@pytest.mark.parametrize(
    ("mode", "own", "other"), [("verify", VERIFY, PASSTHROUGH), ("passthrough", PASSTHROUGH, VERIFY)]
)
def test_an_empty_header_of_the_other_mode_is_malformed_too(mode: Any, own: FrontDoor, other: FrontDoor) -> None:  # noqa: ANN401 -- a literal
    # A load balancer could send it for a client without a certificate.
    both = {"headers": {**single(own, VALUE)["headers"], **single(other, "")["headers"]}}
    assert extract_client_certificate_from_alb_event(both, mode=mode).reason == VERIFY.malformed


@pytest.mark.parametrize("mode", ["Passthrough", "", "off", None, True, ["verify"]])
def test_an_unknown_mode_is_an_error_that_names_the_modes(mode: Any) -> None:  # noqa: ANN401 -- none fits
    with pytest.raises(ValueError, match=r"^mode is .*: write 'verify' or 'passthrough'$"):
        extract_client_certificate_from_alb_event(None, mode=mode)


PRESENT = "CloudFront-Viewer-Cert-Present"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({CLOUDFRONT.header: VALUE, PRESENT: "1"}, "first"),
        ({CLOUDFRONT.header: VALUE, PRESENT.lower(): "1"}, "first"),
        ({CLOUDFRONT.header: VALUE}, "first"),
        ({CLOUDFRONT.header: VALUE, PRESENT: "0"}, CLOUDFRONT.malformed),
        ({CLOUDFRONT.header: VALUE, PRESENT: ""}, CLOUDFRONT.malformed),
        ({CLOUDFRONT.header: VALUE, PRESENT: "true"}, CLOUDFRONT.malformed),
        ({CLOUDFRONT.header: VALUE, PRESENT: "1,1"}, CLOUDFRONT.malformed),
        ({CLOUDFRONT.header: VALUE, PRESENT: 1}, CLOUDFRONT.malformed),
        ({CLOUDFRONT.header: VALUE, PRESENT: "1", PRESENT.lower(): "1"}, CLOUDFRONT.malformed),
        ({PRESENT: "1"}, CLOUDFRONT.missing),
        ({PRESENT: "0"}, CLOUDFRONT.missing),
        ({PRESENT: "0", CLOUDFRONT.header: ""}, CLOUDFRONT.missing),
        ({PRESENT: "true"}, CLOUDFRONT.missing),
    ],
)
def test_the_header_of_cloudfront_about_the_presence_of_a_certificate_is_read(headers: Event, expected: str) -> None:
    assert common_name(extract_client_certificate_from_cloudfront_event({"headers": headers})) == expected


@pytest.mark.without_coverage
@every_front_door
def test_a_certificate_is_decoded_from_the_header_as_it_was_encoded(front_door: FrontDoor) -> None:
    assert len(GOLDEN) > 200
    for path in GOLDEN:
        pem = path.read_text()
        result = front_door.extract(single(front_door, encode(pem)))
        try:
            expected = PeerCertificate.from_pem(pem).raw
        except MalformedCertificateError:
            assert result.reason == front_door.malformed, path.stem
        else:
            assert result.success, path.stem
            assert result.certificate.raw == expected, path.stem


CHAIN = VALUE + OTHER
READABLE = {
    VERIFY: {VALUE: "first", OTHER: "second"},
    PASSTHROUGH: {VALUE: "first", OTHER: "second", CHAIN: "first"},
    CLOUDFRONT: {VALUE: "first", OTHER: "second"},
}
readable = st.sampled_from([VALUE, OTHER, CHAIN])
# Mostly readable: otherwise, many runs would have no event with a certificate.
anything = readable | readable | readable | json_values | st.text() | st.sampled_from([f"{VALUE},{OTHER}", "1", "0"])


def values_of(header: str, headers: object) -> list[object]:
    if not isinstance(headers, dict):
        return []
    found = [value for name, value in headers.items() if name.lower() == header.lower()]
    return [value for item in found for value in (item if isinstance(item, list) else [item])]


@given(header_events([*(front_door.header for front_door in FRONT_DOORS.values()), PRESENT], anything))
def test_no_event_raises_and_the_result_is_the_only_value_in_it(event: Event) -> None:
    for front_door in FRONT_DOORS.values():
        result = front_door.extract(event)
        if not result.success:
            assert result.reason in {front_door.missing, front_door.malformed}
            continue
        values = [values_of(front_door.header, event.get(key)) for key in ("headers", "multiValueHeaders")]
        (only,) = {json.dumps([value for value in found if value is not None]) for found in values if found}
        (value,) = json.loads(only)
        assert READABLE[front_door][value] == result.certificate.subject.CN


@given(json_values)
def test_no_json_value_raises(event: object) -> None:
    for front_door in FRONT_DOORS.values():
        assert front_door.extract(event).reason == front_door.missing


@given(st.text(st.sampled_from("%0A2BbM+=/-EGIN CRTFDn\n\r,\0\u00e7"), max_size=40), st.integers(0, len(VALUE)))
def test_nothing_that_is_put_into_a_value_makes_another_certificate_of_it(text: str, position: int) -> None:
    changed = VALUE[:position] + text + VALUE[position:]
    for front_door in FRONT_DOORS.values():
        result = front_door.extract(json.loads(json.dumps(single(front_door, changed))))
        if result.success:
            assert result.certificate.fingerprint256 == PeerCertificate.from_pem(FIRST).fingerprint256


@every_front_door
def test_no_depth_raises(front_door: FrontDoor) -> None:
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    event = {"headers": {front_door.header: deep}, "multiValueHeaders": {front_door.header: deep}}
    assert front_door.extract(event).reason == front_door.malformed
