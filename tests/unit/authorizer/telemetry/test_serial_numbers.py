"""Collisions of serial numbers: what is detected, and what a client can do to the detection."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations, product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from client_certificate_auth import PeerCertificate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.request.assessment import MAX_CACHED_PEM_LENGTH, Client
from mtls_authorizer.telemetry.serial_numbers import MAX_ISSUERS, MAX_REMEMBERED, SerialNumberRegister
from tests.aws.api_events import http_2_0_event
from tests.pki import der
from tests.pki.certificates import certificate_der, name, pem

if TYPE_CHECKING:
    from collections.abc import Callable

ISSUER = name(("CN", "Test CA"))


def certificate(common_name: str, number: int = 1, issuer: bytes = ISSUER) -> str:
    return pem(certificate_der(name(("CN", common_name)), issuer, serial_number=der.integer(number)))


def signed_again(text: str) -> str:
    """Return a certificate with another signature: the last bytes are not all zero."""
    content = PeerCertificate.from_pem(text).raw
    return pem(content[:-1] + b"\1")


def collisions(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.message == "serial number collision"]


def make_authorize(**variables: str) -> Callable[[object], object]:
    return Authorizer(load_settings({"ALLOWED_COMMON_NAMES": "one", **variables})).authorize


FIRST, SECOND = certificate("one"), certificate("two")


@pytest.mark.parametrize("log_decisions", ["all", "none"])
def test_two_certificates_with_one_serial_number_are_logged_and_counted(
    log_decisions: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    authorize = make_authorize(LOG_DECISIONS=log_decisions, METRICS_NAMESPACE="authorizer")
    for text in (FIRST, SECOND):
        authorize(http_2_0_event(text))
    (record,) = collisions(caplog)
    assert record["levelname"] == "WARNING"
    assert (
        record.items()
        >= {
            "issuer_dn": "CN=Test CA",
            "serial_number": "01",
            "fingerprint": PeerCertificate.from_pem(SECOND).fingerprint256,
            "other_fingerprint": PeerCertificate.from_pem(FIRST).fingerprint256,
        }.items()
    )
    counted = [json.loads(line).get("SerialNumberCollision") for line in capsys.readouterr().out.splitlines()]
    assert counted == [None, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (FIRST, FIRST),
        (FIRST, signed_again(FIRST)),
        (FIRST, FIRST.replace("\n", "\r\n")),
        (FIRST, certificate("two", 2)),
        (FIRST, certificate("two", -1)),
        (FIRST, certificate("two", issuer=name(("CN", "Other CA")))),
        (FIRST, certificate("two", issuer=name())),
        (None, None),
        ("garbage", "other garbage"),
        (7, 8),
    ],
)
def test_there_is_no_collision_without_two_certificates_of_one_issuer_and_number(
    one: object, other: object, caplog: pytest.LogCaptureFixture
) -> None:
    authorize = make_authorize()
    for text in (one, other, one):
        authorize(http_2_0_event(text))
    assert collisions(caplog) == []


@pytest.mark.parametrize("order", list(permutations([certificate(each) for each in ("one", "two", "a\0b")])))
def test_a_collision_is_found_in_any_order_and_whatever_is_decided(
    order: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    alone = [make_authorize()(http_2_0_event(text)) for text in order]
    authorize = make_authorize()
    # The decisions are those without a collision.
    assert [authorize(http_2_0_event(text)) for text in order] == alone
    assert len(collisions(caplog)) == 1


def test_the_strings_are_compared_that_identify_the_certificate_to_api_gateway(
    caplog: pytest.LogCaptureFixture,
) -> None:
    printable = der.sequence(
        der.tlv(der.SET, der.sequence(der.oid("2.5.4.3"), der.tlv(der.PRINTABLE_STRING, b"Test CA")))
    )
    assert printable != ISSUER
    authorize = make_authorize()
    for text in (FIRST, certificate("two", issuer=printable)):
        authorize(http_2_0_event(text))
    assert len(collisions(caplog)) == 1


def test_a_serial_number_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    authorize = make_authorize()
    # These are not kept in the cache of assessments, so that each request is a chance to fill the log.
    long = [text + "\n" * MAX_CACHED_PEM_LENGTH for text in (FIRST, SECOND, signed_again(SECOND), certificate("three"))]
    for text in long * 3:
        authorize(http_2_0_event(text))
    assert len(collisions(caplog)) == 1


def test_a_collision_is_found_after_the_rules_have_changed(caplog: pytest.LogCaptureFixture) -> None:
    authorizer = Authorizer(load_settings({"ALLOWED_COMMON_NAMES": "one"}))
    authorizer.authorize(http_2_0_event(FIRST))
    policy = authorizer._current_policy  # noqa: SLF001 -- as a reload of the rules does
    policy._latest = policy.get()._replace(rules_version="2")  # noqa: SLF001 -- likewise
    authorizer.authorize(http_2_0_event(SECOND))
    assert len(collisions(caplog)) == 1


def client(number: int, issuer: str = "CN=CA", tbs: bytes = b"first") -> Client:
    return Client("principal", "CN=client", issuer, f"{number:X}", tbs.hex(), hash(tbs))


def test_the_register_forgets_the_least_recently_seen_serial_number() -> None:
    register = SerialNumberRegister(max_remembered=3)
    for number in (1, 2, 3, 1, 4):
        assert register.observe(client(number)) is None
    found = [register.observe(client(number, tbs=b"second")) is not None for number in (1, 3, 4, 2)]
    assert found == [True, True, True, False]


def test_an_issuer_that_issues_many_certificates_displaces_its_own() -> None:
    register = SerialNumberRegister(max_remembered=100)
    for number in range(50):
        register.observe(client(number, "CN=Quiet CA"))
    for number in range(10_000):
        register.observe(client(number, "CN=Loud CA"))
    for number in range(50):
        assert register.observe(client(number, "CN=Quiet CA", b"second")) == b"first".hex()


def test_many_issuers_displace_those_with_the_fewest_certificates() -> None:
    register = SerialNumberRegister(max_remembered=1000, max_issuers=100)
    for number in range(2):
        register.observe(client(number, "CN=Quiet CA"))
    for number in range(1000):
        register.observe(client(1, f"CN={number}"))
    assert len(register._issuers) == 100  # noqa: SLF001 -- the memory that it takes
    assert register._remembered == 101  # noqa: SLF001 -- likewise
    found = [register.observe(client(1, f"CN={name}", b"second")) for name in ("Quiet CA", "999", "901", "900")]
    assert [each is not None for each in found] == [True, True, True, False]


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 30)), max_size=300))
@example([(issuer, number) for issuer in range(6) for number in range(2)])
def test_the_memory_is_bounded_whatever_is_observed(observed: list[tuple[int, int]]) -> None:
    register = SerialNumberRegister(max_remembered=20, max_issuers=5)
    for issuer, number in observed:
        assert register.observe(client(number, f"CN={issuer}")) is None
        kept = register._issuers  # noqa: SLF001 -- the memory that it takes
        assert sum(map(len, kept.values())) == register._remembered <= 20  # noqa: SLF001 -- likewise
        assert len(kept) <= 5
        # What was seen last is known.
        assert f"{number:X}" in kept[f"CN={issuer}"]


def test_the_names_do_not_determine_the_memory(caplog: pytest.LogCaptureFixture) -> None:
    long = "x" * 10_000
    issuers = [name(("CN", long + end)) for end in ("a", "b")]
    register = SerialNumberRegister()
    register.observe(client(1, long))
    (issuer,) = register._issuers  # noqa: SLF001 -- the memory that it takes
    assert len(issuer) == 32
    authorize = make_authorize()
    for text in (certificate("one", issuer=issuers[0]), certificate("two", issuer=issuers[1])):
        authorize(http_2_0_event(text))
    assert collisions(caplog) == []
    authorize(http_2_0_event(certificate("two", issuer=issuers[0])))
    assert len(collisions(caplog)) == 1


def test_the_limits_are_those_on_the_page() -> None:
    assert (MAX_REMEMBERED, MAX_ISSUERS) == (4096, 256)


def test_threads_find_each_collision_once() -> None:
    register = SerialNumberRegister()
    observed = [client(number, tbs=tbs) for number, tbs in product(range(200), (b"first", b"second", b"third"))] * 5
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(register.observe, observed))
    reported = [each.serial_number for each, other in zip(observed, found, strict=True) if other is not None]
    assert sorted(map(str, reported)) == sorted(f"{number:X}" for number in range(200))


@pytest.fixture(autouse=True)
def level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mtls_authorizer")
