from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from client_certificate_auth import ExtractionFailure, ExtractionFailureReason, PeerCertificate
from mtls_authorizer.policy.settings import Configuration, load_configuration
from mtls_authorizer.reasons import DenyReason as Reason
from mtls_authorizer.request.decision import Client, assess_extraction, decide, decide_at
from tests.certificates import NOT_AFTER, NOT_BEFORE, certificate_der, client_pem, name, pem

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BY_NAME = load_configuration({"ALLOWED_COMMON_NAMES": "client"})
BY_UNIT = load_configuration({"ALLOWED_ORGANIZATIONAL_UNITS": "payments, refunds"})
ANYONE = load_configuration({"ALLOW_ANY_CLIENT_CERTIFICATE": "true"})

CLIENT = PeerCertificate.from_pem(client_pem(("CN", "client"), ("OU", "payments")))
CONTROL_CHARACTERS = [chr(code) for code in [*range(0x20), *range(0x7F, 0xA0)]]


@pytest.mark.parametrize("configuration", [BY_NAME, BY_UNIT, ANYONE])
def test_a_certificate_that_a_rule_matches_is_let_in_with_its_context(configuration: Configuration) -> None:
    decision = decide(CLIENT, configuration, NOW)
    assert decision.allowed is True
    assert decision.reason is None
    assert decision.context["clientCertCN"] == "client"
    assert decision.client.principal == "client"


@pytest.mark.parametrize(
    ("certificate", "configuration", "reason"),
    [
        (CLIENT, Configuration(), Reason.NO_ALLOWLIST_CONFIGURED),
        (PeerCertificate.from_pem(client_pem(("CN", "other"))), BY_NAME, Reason.COMMON_NAME_NOT_ALLOWED),
        (PeerCertificate.from_pem(client_pem(("OU", "client"))), BY_NAME, Reason.COMMON_NAME_NOT_ALLOWED),
        (PeerCertificate.from_pem(client_pem()), BY_NAME, Reason.COMMON_NAME_NOT_ALLOWED),
        (PeerCertificate.from_pem(client_pem(("OU", "other"))), BY_UNIT, Reason.ORGANIZATIONAL_UNIT_NOT_ALLOWED),
        (PeerCertificate.from_pem(client_pem(("CN", "payments"))), BY_UNIT, Reason.ORGANIZATIONAL_UNIT_NOT_ALLOWED),
    ],
)
def test_a_certificate_that_no_rule_matches_is_denied_for_a_reason(
    certificate: PeerCertificate, configuration: Configuration, reason: Reason
) -> None:
    decision = decide(certificate, configuration, NOW)
    assert decision.allowed is False
    assert decision.reason is reason
    assert decision.context == {"reason": reason.value}


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (NOT_BEFORE - timedelta(microseconds=1), Reason.CERTIFICATE_NOT_YET_VALID),
        (NOT_BEFORE, None),
        (NOT_AFTER, None),
        (NOT_AFTER + timedelta(microseconds=1), Reason.CERTIFICATE_EXPIRED),
    ],
)
@pytest.mark.parametrize("configuration", [BY_NAME, ANYONE])
def test_both_ends_of_the_validity_belong_to_it(
    now: datetime, reason: Reason | None, configuration: Configuration
) -> None:
    decision = decide(CLIENT, configuration, now)
    assert decision.reason is reason
    assert decision.allowed is (reason is None)


@pytest.mark.parametrize("character", CONTROL_CHARACTERS)
def test_a_control_character_anywhere_in_a_subject_or_an_issuer_is_denied(character: str) -> None:
    hostile = f"a{character}b"
    for certificate in (
        client_pem(("CN", "client"), ("O", hostile)),
        client_pem(("CN", "client"), ("1.2.3.4", hostile)),
        client_pem(("OU", "one"), ("OU", hostile), ("CN", "client")),
        pem(certificate_der(name(("CN", "client")), issuer=name(("CN", hostile)))),
    ):
        decision = decide(PeerCertificate.from_pem(certificate), ANYONE, NOW)
        assert decision.reason is Reason.SUBJECT_NOT_PRINTABLE
        assert decision.allowed is False


@pytest.mark.parametrize("character", CONTROL_CHARACTERS)
def test_no_control_character_leaves_with_a_deny_even_if_it_is_listed(character: str) -> None:
    hostile = f"client{character}client"
    listed = load_configuration({"ALLOWED_COMMON_NAMES": json.dumps([hostile])})
    decision = decide(PeerCertificate.from_pem(client_pem(("CN", hostile))), listed, NOW)
    assert decision.allowed is False
    assert character not in "".join([*map(str, decision.client), *decision.context.values()])


def test_an_unprintable_subject_is_the_reason_before_any_rule_and_the_dates_come_last() -> None:
    unprintable = PeerCertificate.from_pem(client_pem(("CN", "other\n")))
    later = NOT_AFTER + timedelta(days=1)
    for configuration in (Configuration(), BY_NAME, BY_UNIT):
        assert decide(unprintable, configuration, later).reason is Reason.SUBJECT_NOT_PRINTABLE
    assert decide(CLIENT, Configuration(), later).reason is Reason.NO_ALLOWLIST_CONFIGURED
    other = PeerCertificate.from_pem(client_pem(("CN", "other")))
    assert decide(other, BY_NAME, later).reason is Reason.COMMON_NAME_NOT_ALLOWED


@pytest.mark.parametrize("value", ["é", "Ł", "😀", "\u2028", "\u202e", "\xa0", "\xad", "\ufeff"])
def test_other_characters_may_pass(value: str) -> None:
    certificate = PeerCertificate.from_pem(client_pem(("CN", "client"), ("O", value)))
    assert decide(certificate, BY_NAME, NOW).allowed is True


def test_a_decision_depends_on_its_arguments_only() -> None:
    assert decide(CLIENT, BY_NAME, NOW) == decide(CLIENT, BY_NAME, NOW)
    assert decide(CLIENT, BY_NAME, NOT_AFTER + timedelta(days=1)) != decide(CLIENT, BY_NAME, NOW)


@pytest.mark.parametrize("failure", [ExtractionFailureReason.MISSING, ExtractionFailureReason.MALFORMED])
def test_who_has_no_certificate_that_can_be_read_is_denied_as_nobody(failure: ExtractionFailureReason) -> None:
    configuration = load_configuration({"ALLOW_ANY_CLIENT_CERTIFICATE": "true"})
    decision = decide_at(assess_extraction(ExtractionFailure(failure), configuration), configuration, NOT_BEFORE)
    assert (decision.allowed, decision.reason, decision.grant) == (False, Reason(failure.value), None)
    assert decision.client == Client("unauthenticated", None, None, None, None)
    assert decision.context == {"reason": failure.value}
