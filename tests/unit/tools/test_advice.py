"""What is advised after a Deny, in whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.reasons import DenyReason as Reason
from mtls_authorizer.revocation.status import RevocationLists
from mtls_authorizer.revocation.truststore import read_truststore
from mtls_authorizer_cli.advice import advise
from mtls_authorizer_cli.explanation import explain
from tests.certificate_authorities import NOW as CRL_TIME
from tests.certificate_authorities import CertificateAuthority, entry
from tests.certificates import name, pem
from tests.questions import NO_ONE, document, question

if TYPE_CHECKING:
    from mtls_authorizer_cli.explanation import Question

AUTHORITY = CertificateAuthority("Issuing CA")
TRUSTSTORE = read_truststore(AUTHORITY.pem)
LIST = read_crl(AUTHORITY.revoke(entry(7)), TRUSTSTORE, CRL_TIME)
ISSUED = pem(AUTHORITY.issue(7, subject=name(("O", "Acme"))))
ACME = document({"name": "acme", "match": {"organization": "Acme"}})
END = "List there what the certificate has, or have one issued that has what is wanted."


def asked_of_lists(lists: RevocationLists) -> Question:
    return question(ISSUED, ACME, revocation=lists, now=CRL_TIME)


@pytest.mark.parametrize(
    ("asked", "reason", "advice"),
    [
        (
            question(rules=load_settings({"ALLOWED_COMMON_NAMES": "ledger"}).rules),
            Reason.COMMON_NAME_NOT_ALLOWED,
            (
                "The common name differs: the certificate has 'Ledger', and ALLOWED_COMMON_NAMES wants 'ledger' (case "
                f"differs). {END}"
            ),
        ),
        (
            question(
                rules=document({"name": "rule", "match": {"organizational_unit": ["x", "y"], "organization": "Emca"}})
            ),
            Reason.ORGANIZATIONAL_UNIT_NOT_ALLOWED,
            (
                "The organizational unit differs, and with it 1 more of what is wanted: the certificate has "
                f"'payments', and rule 'rule' wants one of 'x', 'y'. {END}"
            ),
        ),
        (
            # Another list is nearer, and the reason that is given isn't that one's.
            question(
                rules=load_settings(
                    {"ALLOWED_COMMON_NAMES": "x", "ALLOWED_ORGANIZATIONS": "acme", "ALLOWLIST_MATCH": "any"}
                ).rules
            ),
            Reason.COMMON_NAME_NOT_ALLOWED,
            f"The common name differs: the certificate has 'Ledger', and ALLOWED_COMMON_NAMES wants 'x'. {END}",
        ),
        (
            question(rules=document(NO_ONE)),
            Reason.CERTIFICATE_EXCLUDED,
            (
                "rule 'nobody' matches but for its exclusions, 'not'. If the certificate is to be let in, narrow them, "
                "or write another rule for it."
            ),
        ),
        (
            # No rule alone gives this reason: the nearest one counts.
            question(
                rules=document(
                    {"name": "far", "match": {"common_name": "x"}}, {"name": "near", "match": {"organization": "acme"}}
                )
            ),
            Reason.NO_RULE_MATCHED,
            f"The organization differs: the certificate has 'Acme', and rule 'near' wants 'acme' (case differs). {END}",
        ),
        (
            asked_of_lists(RevocationLists([LIST], TRUSTSTORE)),
            Reason.CERTIFICATE_REVOKED,
            "Its CA has withdrawn it, or a CA above: have a new one issued.",
        ),
        (
            asked_of_lists(RevocationLists([], TRUSTSTORE)),
            Reason.REVOCATION_STATUS_UNKNOWN,
            "Bring a valid CRL of its CA to CRL_URIS, and the CA to TRUSTSTORE_URI.",
        ),
    ],
)
def test_the_advice_after_a_deny(asked: Question, reason: Reason, advice: str) -> None:
    explanation = explain(asked)
    assert (explanation.refusal, advise(explanation)) == (reason, advice)
