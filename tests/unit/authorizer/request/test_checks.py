"""The table of checks: complete, ordered, and each reason belongs to one check."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from client_certificate_auth import ExtractionFailure, ExtractionFailureReason, ExtractionSuccess, PeerCertificate
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.settings import Settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.checks import (
    CERTIFICATE_CHECKS,
    CHECKS,
    EXTRACTION_CHECKS,
    GRANT_CHECKS,
    ROUTE,
    RequestFacts,
    first_failure,
)
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.settings import CrlFailureMode, RevocationSettings
from mtls_authorizer.revocation.status import RevocationState, RevocationStatus
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer.rules.grant import Grant
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule_set import RuleSet
from tests.pki.certificate_authorities import CertificateAuthority
from tests.pki.certificates import NOT_AFTER, NOT_BEFORE, certificate_der, client_pem, extension

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NOBODY = AccessPolicy(RuleSet(()))


def facts(**changes: Any) -> RequestFacts:  # noqa: ANN401 -- any field
    grant = Grant(("rule",), ALL_ROUTES, {}, None)
    passing = RequestFacts(grant, NOT_BEFORE, NOT_AFTER, NOW, Settings(), NOBODY, "GET/hello")
    return passing._replace(**changes)


def test_every_deny_reason_belongs_to_exactly_one_check() -> None:
    assert Counter(reason for check in CHECKS for reason in check.reasons) == Counter(DenyReason)


def test_the_checks_have_different_names_and_prerequisites_come_first() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    for number, check in enumerate(CHECKS):
        assert check.prerequisites <= {earlier.name for earlier in CHECKS[:number]}
        assert check.requirement


@pytest.mark.parametrize(
    ("extraction", "reason"),
    [
        (ExtractionFailure(ExtractionFailureReason.MISSING), DenyReason.CERTIFICATE_MISSING),
        (ExtractionFailure(ExtractionFailureReason.MALFORMED), DenyReason.CERTIFICATE_MALFORMED),
        (ExtractionFailure(ExtractionFailureReason.ALB_MISSING), DenyReason.CERTIFICATE_MALFORMED),
        (ExtractionSuccess(PeerCertificate.from_pem(client_pem(("CN", "client")))), None),
    ],
)
def test_a_failed_extraction_fails_a_check(
    extraction: ExtractionFailure | ExtractionSuccess, reason: DenyReason | None
) -> None:
    assert first_failure(EXTRACTION_CHECKS, extraction) is reason


@pytest.mark.parametrize(
    ("critical", "reason"), [(True, DenyReason.CRITICAL_EXTENSION_UNKNOWN), (False, None)], ids=["critical", "other"]
)
def test_an_unknown_critical_extension_fails_a_check(critical: bool, reason: DenyReason | None) -> None:  # noqa: FBT001 -- a table's column
    certificate = certificate_der(extensions=[extension("1.2.3.4", b"", critical=critical)])
    assert first_failure(CERTIFICATE_CHECKS, PeerCertificate.from_der(certificate)) is reason


@pytest.mark.parametrize(
    "reason", [DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED, DenyReason.NO_RULE_MATCHED, DenyReason.RULE_NOT_IN_EFFECT]
)
def test_the_reason_of_the_rules_fails_a_check(reason: DenyReason) -> None:
    assert first_failure(GRANT_CHECKS, facts(outcome=reason)) is reason


def test_facts_without_a_grant_fail_whatever_else_they_say() -> None:
    assert first_failure((*GRANT_CHECKS, ROUTE), facts()) is None
    denied = facts(outcome=DenyReason.NO_RULE_MATCHED)
    assert first_failure(GRANT_CHECKS, denied) is DenyReason.NO_RULE_MATCHED
    assert ROUTE.failure(denied) is DenyReason.ROUTE_NOT_ALLOWED


def test_crls_that_are_configured_but_not_loaded_make_the_revocation_status_unknown() -> None:
    settings = Settings(revocation_settings=RevocationSettings(("file:///ca.crl",)))
    assert first_failure(GRANT_CHECKS, facts(settings=settings)) is DenyReason.REVOCATION_STATUS_UNKNOWN


def test_the_revocation_status_is_unknown_if_crls_were_not_consulted() -> None:
    revocation = RevocationLists([], read_truststore(CertificateAuthority("CA").pem))
    asked = facts(policy=NOBODY._replace(revocation=revocation), revocation_status=None)
    assert first_failure(GRANT_CHECKS, asked) is DenyReason.REVOCATION_STATUS_UNKNOWN


@pytest.mark.parametrize(
    ("state", "mode", "reason"),
    [
        (RevocationState.GOOD, CrlFailureMode.DENY, None),
        (RevocationState.REVOKED, CrlFailureMode.ALLOW, DenyReason.CERTIFICATE_REVOKED),
        (RevocationState.UNKNOWN, CrlFailureMode.DENY, DenyReason.REVOCATION_STATUS_UNKNOWN),
        (RevocationState.UNKNOWN, CrlFailureMode.ALLOW, None),
    ],
)
def test_the_failure_mode_of_the_lists_determines_the_reason(
    state: RevocationState, mode: CrlFailureMode, reason: DenyReason | None
) -> None:
    revocation = RevocationLists([], read_truststore(CertificateAuthority("CA").pem), failure_mode=mode)
    asked = facts(policy=NOBODY._replace(revocation=revocation), revocation_status=RevocationStatus(state))
    assert first_failure(GRANT_CHECKS, asked) is reason


@pytest.mark.parametrize("now", [NOT_BEFORE, NOT_AFTER])
def test_both_ends_of_the_validity_are_included(now: datetime) -> None:
    assert first_failure(GRANT_CHECKS, facts(now=now)) is None
