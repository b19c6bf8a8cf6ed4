from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from client_certificate_auth import ExtractionFailure, ExtractionFailureReason, PeerCertificate
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.settings import Settings, load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.assessment import Client
from mtls_authorizer.revocation.crl.reader import read_crl
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.status import RevocationState
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer.rules.conditions import make_matcher
from mtls_authorizer.rules.fields import parse_exact
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule import Rule
from mtls_authorizer.rules.rule_set import RuleSet
from tests.decisions import decision_on
from tests.pki import der
from tests.pki.certificate_authorities import DAY, CertificateAuthority, entry
from tests.pki.certificate_authorities import NOW as SIGNED
from tests.pki.certificates import (
    EXTENDED_KEY_USAGE,
    NOT_AFTER,
    NOT_BEFORE,
    SUBJECT_ALT_NAME,
    certificate_der,
    client_pem,
    extension,
    name,
    pem,
)
from tests.rules_documents import document, rule

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BY_NAME = load_settings({"ALLOWED_COMMON_NAMES": "client"})
BY_UNIT = load_settings({"ALLOWED_ORGANIZATIONAL_UNITS": "payments, refunds"})
ANYONE = load_settings({"ALLOW_ANY_CLIENT_CERTIFICATE": "true"})

CLIENT = PeerCertificate.from_pem(client_pem(("CN", "client"), ("OU", "payments")))
# The layer's tests have all of them.
FIRST_AND_LAST_CONTROL_CHARACTERS = ["\0", "\n", "\x1f", "\x7f", "\x80", "\x9f"]


@pytest.mark.parametrize("settings", [BY_NAME, BY_UNIT, ANYONE])
def test_a_certificate_that_a_rule_matches_is_allowed_with_its_context(settings: Settings) -> None:
    decision = decision_on(CLIENT, settings, NOW)
    assert decision.allowed is True
    assert decision.reason is None
    assert decision.context["clientCertCN"] == "client"
    assert decision.client.principal == "client"


@pytest.mark.parametrize(
    ("certificate", "settings", "reason"),
    [
        (CLIENT, Settings(), DenyReason.NO_ALLOWLIST_CONFIGURED),
        (PeerCertificate.from_pem(client_pem(("CN", "other"))), BY_NAME, DenyReason.COMMON_NAME_NOT_ALLOWED),
        (PeerCertificate.from_pem(client_pem(("OU", "client"))), BY_NAME, DenyReason.COMMON_NAME_NOT_ALLOWED),
        (PeerCertificate.from_pem(client_pem()), BY_NAME, DenyReason.COMMON_NAME_NOT_ALLOWED),
        (PeerCertificate.from_pem(client_pem(("OU", "other"))), BY_UNIT, DenyReason.ORGANIZATIONAL_UNIT_NOT_ALLOWED),
        (PeerCertificate.from_pem(client_pem(("CN", "payments"))), BY_UNIT, DenyReason.ORGANIZATIONAL_UNIT_NOT_ALLOWED),
    ],
)
def test_a_certificate_that_no_rule_matches_is_denied_for_a_reason(
    certificate: PeerCertificate, settings: Settings, reason: DenyReason
) -> None:
    decision = decision_on(certificate, settings, NOW)
    assert decision.allowed is False
    assert decision.reason is reason
    assert decision.context == {"reason": reason.value}


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (NOT_BEFORE - timedelta(microseconds=1), DenyReason.CERTIFICATE_NOT_YET_VALID),
        (NOT_BEFORE, None),
        (NOT_AFTER, None),
        (NOT_AFTER + timedelta(microseconds=1), DenyReason.CERTIFICATE_EXPIRED),
    ],
)
@pytest.mark.parametrize("settings", [BY_NAME, ANYONE])
def test_both_ends_of_the_validity_belong_to_it(now: datetime, reason: DenyReason | None, settings: Settings) -> None:
    decision = decision_on(CLIENT, settings, now)
    assert decision.reason is reason
    assert decision.allowed is (reason is None)


@pytest.mark.parametrize("character", FIRST_AND_LAST_CONTROL_CHARACTERS)
def test_a_control_character_anywhere_in_a_subject_or_an_issuer_is_denied(character: str) -> None:
    hostile = f"a{character}b"
    for certificate in (
        client_pem(("CN", "client"), ("O", hostile)),
        client_pem(("CN", "client"), ("1.2.3.4", hostile)),
        client_pem(("OU", "one"), ("OU", hostile), ("CN", "client")),
        pem(certificate_der(name(("CN", "client")), issuer=name(("CN", hostile)))),
    ):
        decision = decision_on(PeerCertificate.from_pem(certificate), ANYONE, NOW)
        assert decision.reason is DenyReason.SUBJECT_NOT_PRINTABLE
        assert decision.allowed is False


@pytest.mark.parametrize("character", FIRST_AND_LAST_CONTROL_CHARACTERS)
def test_no_control_character_leaves_with_a_deny_even_if_it_is_listed(character: str) -> None:
    hostile = f"client{character}client"
    # A list with such a name is rejected, so that the rule is made here.
    matcher = make_matcher("common_name", [frozenset([parse_exact("common_name", hostile)])])
    listed = Settings(rules=(Rule("listed", (matcher,), ALL_ROUTES),))
    decision = decision_on(PeerCertificate.from_pem(client_pem(("CN", hostile))), listed, NOW)
    assert decision.allowed is False
    assert character not in "".join([*map(str, decision.client), *decision.context.values()])


@pytest.mark.parametrize("fault", [extension(SUBJECT_ALT_NAME, b"garbage"), extension("1.2.3.4", b"", critical=True)])
def test_a_control_character_is_the_reason_before_a_faulty_extension_and_not_in_the_principal(fault: bytes) -> None:
    certificate = PeerCertificate.from_der(certificate_der(name(("CN", "a\nb")), extensions=[fault]))
    for settings in (ANYONE, ANYONE._replace(principal_id="subject_dn")):
        decision = decision_on(certificate, settings, NOW)
        assert decision.reason is DenyReason.SUBJECT_NOT_PRINTABLE
        assert decision.client.principal == certificate.fingerprint256


def test_an_unprintable_subject_is_the_reason_before_any_rule_and_the_dates_are_last() -> None:
    unprintable = PeerCertificate.from_pem(client_pem(("CN", "other\n")))
    later = NOT_AFTER + timedelta(days=1)
    for settings in (Settings(), BY_NAME, BY_UNIT):
        assert decision_on(unprintable, settings, later).reason is DenyReason.SUBJECT_NOT_PRINTABLE
    assert decision_on(CLIENT, Settings(), later).reason is DenyReason.NO_ALLOWLIST_CONFIGURED
    other = PeerCertificate.from_pem(client_pem(("CN", "other")))
    assert decision_on(other, BY_NAME, later).reason is DenyReason.COMMON_NAME_NOT_ALLOWED


@pytest.mark.parametrize("value", ["é", "Ł", "😀", "\u2028", "\u202e", "\xa0", "\xad", "\ufeff"])
def test_other_characters_may_pass(value: str) -> None:
    certificate = PeerCertificate.from_pem(client_pem(("CN", "client"), ("O", value)))
    assert decision_on(certificate, BY_NAME, NOW).allowed is True


def test_a_decision_depends_on_its_arguments_only() -> None:
    assert decision_on(CLIENT, BY_NAME, NOW) == decision_on(CLIENT, BY_NAME, NOW)
    assert decision_on(CLIENT, BY_NAME, NOT_AFTER + timedelta(days=1)) != decision_on(CLIENT, BY_NAME, NOW)


@pytest.mark.parametrize("failure", [ExtractionFailureReason.MISSING, ExtractionFailureReason.MALFORMED])
def test_a_client_without_a_readable_certificate_is_denied_as_unauthenticated(failure: ExtractionFailureReason) -> None:
    settings = load_settings({"ALLOW_ANY_CLIENT_CERTIFICATE": "true"})
    decision = decision_on(ExtractionFailure(failure), settings, NOT_BEFORE)
    assert (decision.allowed, decision.reason, decision.grant) == (False, DenyReason(failure.value), None)
    assert decision.client == Client("unauthenticated", None, None, None, None)
    assert decision.context == {"reason": failure.value}
    assert decision.shadow_reason is None
    with_shadow_rules = AccessPolicy(RuleSet(settings.rules), RuleSet(()))
    shadowed = decision_on(ExtractionFailure(failure), settings, NOT_BEFORE, policy=with_shadow_rules)
    assert shadowed == decision._replace(shadow_reason=decision.reason)


CA = CertificateAuthority()
TRUSTSTORE = read_truststore(CA.pem)
LISTS = RevocationLists([read_crl(CA.revoke(entry(2)), TRUSTSTORE, SIGNED)], TRUSTSTORE)
GOOD, REVOKED, UNKNOWN, _ = RevocationState


@pytest.mark.parametrize(
    ("serial_number", "now", "settings", "reason", "state"),
    [
        (1, SIGNED, BY_NAME, None, GOOD),
        (2, SIGNED, BY_NAME, DenyReason.CERTIFICATE_REVOKED, REVOKED),
        (1, SIGNED + 2 * DAY, BY_NAME, DenyReason.REVOCATION_STATUS_UNKNOWN, UNKNOWN),
        # The status is determined only for a certificate that is valid and has a grant.
        (2, SIGNED + 101 * DAY, BY_NAME, DenyReason.CERTIFICATE_EXPIRED, None),
        (2, SIGNED - 101 * DAY, BY_NAME, DenyReason.CERTIFICATE_NOT_YET_VALID, None),
        (2, SIGNED, BY_UNIT, DenyReason.ORGANIZATIONAL_UNIT_NOT_ALLOWED, None),
    ],
)
def test_a_decision_has_the_revocation_status_at_its_time(
    serial_number: int, now: datetime, settings: Settings, reason: DenyReason | None, state: RevocationState | None
) -> None:
    policy = AccessPolicy(RuleSet(settings.rules), revocation=LISTS)
    decision = decision_on(PeerCertificate.from_der(CA.issue(serial_number)), settings, now, policy=policy)
    status = decision.revocation_status
    assert (decision.reason, None if status is None else status.state) == (reason, state)


@pytest.mark.parametrize(("settings", "loses"), [(BY_NAME, True), (BY_UNIT, False)])
def test_a_decision_states_whether_its_grant_depends_on_client_auth(settings: Settings, loses: bool) -> None:  # noqa: FBT001 -- a table's column
    usages = der.sequence(der.oid("1.3.6.1.5.5.7.3.1"), der.oid("1.3.6.1.5.5.7.3.2"))
    certificate = certificate_der(name(("CN", "client")), extensions=[extension(EXTENDED_KEY_USAGE, usages)])
    assert decision_on(PeerCertificate.from_der(certificate), settings, NOW).loses_client_auth is loses


def test_a_shadow_rule_is_in_effect_until_its_end() -> None:
    limited = document(rule(not_after="2026-11-22T00:00:00Z")).decode()
    settings = load_settings({"ALLOWED_COMMON_NAMES": "client", "AUTHORIZER_SHADOW_RULES": limited})
    assert decision_on(CLIENT, settings, NOW).shadow_reason is None
    later = decision_on(CLIENT, settings, NOW + timedelta(seconds=1))
    assert (later.reason, later.shadow_reason) == (None, DenyReason.RULE_NOT_IN_EFFECT)
