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
    CHECKS,
    EXTRACTION_CHECKS,
    GRANT_CHECKS,
    ROUTE_CHECK,
    CheckName,
    RequestFacts,
    first_failure,
)
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.settings import CrlSources
from mtls_authorizer.revocation.truststore import read_truststore
from mtls_authorizer.rules.grant import Grant
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule_set import RuleSet
from tests.certificate_authorities import CertificateAuthority
from tests.certificates import NOT_AFTER, NOT_BEFORE, client_pem

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NOBODY = AccessPolicy(RuleSet(()))


def facts(**changes: Any) -> RequestFacts:  # noqa: ANN401 -- any field
    grant = Grant(("rule",), ALL_ROUTES, {}, None)
    passing = RequestFacts(grant, NOT_BEFORE, NOT_AFTER, NOW, Settings(), NOBODY, "GET/hello")
    return passing._replace(**changes)


def test_every_deny_reason_belongs_to_exactly_one_check() -> None:
    assert Counter(reason for check in CHECKS for reason in check.reasons) == Counter(DenyReason)


def test_the_checks_are_in_the_order_of_their_names_and_prerequisites_come_first() -> None:
    assert [check.name for check in CHECKS] == list(CheckName)
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


def test_facts_without_a_grant_fail_whatever_else_they_say() -> None:
    assert first_failure((*GRANT_CHECKS, ROUTE_CHECK), facts()) is None
    denied = facts(outcome=DenyReason.NO_RULE_MATCHED)
    assert first_failure(GRANT_CHECKS, denied) is DenyReason.NO_RULE_MATCHED
    assert ROUTE_CHECK.failure(denied) is DenyReason.ROUTE_NOT_ALLOWED


def test_crls_that_are_configured_but_not_loaded_make_the_revocation_status_unknown() -> None:
    settings = Settings(crl_sources=CrlSources(("file:///ca.crl",), "file:///truststore.pem"))
    assert first_failure(GRANT_CHECKS, facts(settings=settings)) is DenyReason.REVOCATION_STATUS_UNKNOWN


def test_crls_of_which_nobody_asked_make_the_revocation_status_unknown() -> None:
    revocation = RevocationLists([], read_truststore(CertificateAuthority("CA").pem))
    asked = facts(policy=NOBODY._replace(revocation=revocation), revocation_status=None)
    assert first_failure(GRANT_CHECKS, asked) is DenyReason.REVOCATION_STATUS_UNKNOWN


@pytest.mark.parametrize("now", [NOT_BEFORE, NOT_AFTER])
def test_both_ends_of_the_validity_are_included(now: datetime) -> None:
    assert first_failure(GRANT_CHECKS, facts(now=now)) is None
