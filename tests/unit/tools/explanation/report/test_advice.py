"""What is wrong, and what to do next: the key facts of each advice."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.revocation.chains import issuer_keys
from mtls_authorizer.revocation.crl.reader import read_crl
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.settings import RevocationSettings
from mtls_authorizer.revocation.truststore.bundle import Truststore, read_truststore
from mtls_authorizer.rules.document.reader import RulesError, parse_rules
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.explanation.client_match import ROUTE_PLACEHOLDER
from mtls_authorizer_cli.explanation.explanation import explain
from mtls_authorizer_cli.explanation.question import EXAMPLE_REQUEST, with_api_id, with_domain_name
from mtls_authorizer_cli.explanation.report.advice import advise
from mtls_authorizer_cli.explanation.truststore import read_bundle
from tests.pki import der
from tests.pki.certificate_authorities import DAY, CertificateAuthority, distribution_point, entry, full_name
from tests.pki.certificate_authorities import NOW as CRL_TIME
from tests.pki.certificates import (
    EXTENDED_KEY_USAGE,
    NOT_AFTER,
    NOT_BEFORE,
    SUBJECT_ALT_NAME,
    attribute,
    certificate_der,
    client_pem,
    dns,
    extension,
    name,
    pem,
    subject_alt_names,
    uri,
)
from tests.questions import AUTHORITY, CLIENT, ISSUED, NO_ONE, NOW, PAYMENTS, REPORTS, TRUSTSTORE, document, question

if TYPE_CHECKING:
    from mtls_authorizer.request.event import ApiRequest
    from mtls_authorizer_cli.explanation.question import Question

REVOKED = RevocationLists([read_crl(AUTHORITY.revoke(entry(7)), TRUSTSTORE, CRL_TIME)], TRUSTSTORE)
PARTIAL_CRL = AUTHORITY.revoke(extensions=[distribution_point(full_name(uri("http://crl.example/1.crl")))])
PARTIAL = RevocationLists([read_crl(PARTIAL_CRL, TRUSTSTORE, CRL_TIME)], TRUSTSTORE)
MANY_ROUTES = [
    {
        "name": f"r{number}",
        "match": {"organization": "Acme"},
        "allow": [f"GET /{number}/{'x' * 200}/{each}" for each in range(20)],
    }
    for number in range(10)
]


def under(certificate: str = CLIENT, **variables: str) -> Question:
    """Return the question about a certificate under these variables."""
    return question(certificate, RuleSet(load_settings(variables).rules))


def of_crls(lists: RevocationLists) -> Question:
    return question(ISSUED, document(REPORTS), revocation=lists, now=CRL_TIME)


@pytest.mark.parametrize(
    ("asked", "reason", "facts"),
    [
        (question(None), DenyReason.CERTIFICATE_MISSING, ["no client certificate", "custom domain with mutual TLS"]),
        (question("garbage"), DenyReason.CERTIFICATE_MALFORMED, ["cannot be decoded", "Correct the event"]),
        (question(1), DenyReason.CERTIFICATE_MALFORMED, ["something other than a string", "Correct the event"]),
        (question(pem(b"x")), DenyReason.CERTIFICATE_MALFORMED, ["cannot be decoded", "issued again"]),
        (question(CLIENT * 2), DenyReason.CERTIFICATE_MALFORMED, ["2 blocks found", "Correct the event"]),
        (question(CLIENT.replace("\n", " ")), DenyReason.CERTIFICATE_MALFORMED, ["Correct the event"]),
        (question(CLIENT.replace("\n", "\n> ")), DenyReason.CERTIFICATE_MALFORMED, ["Correct the event"]),
        (question(quote(CLIENT)), DenyReason.CERTIFICATE_MALFORMED, ["cannot be decoded", "Correct the event"]),
        (question(client_pem(("CN", "x\n"))), DenyReason.SUBJECT_NOT_PRINTABLE, [r"subject CN 'x\n'", "issued again"]),
        (
            question(pem(certificate_der(extensions=[extension(SUBJECT_ALT_NAME, b"broken")]))),
            DenyReason.EXTENSIONS_MALFORMED,
            ["cannot be decoded", "well-formed extensions"],
        ),
        (
            question(pem(certificate_der(extensions=[extension("1.2.3.4", b"", critical=True)]))),
            DenyReason.CRITICAL_EXTENSION_UNKNOWN,
            ["critical extension", "1.2.3.4", "issued again"],
        ),
        (
            question(pem(certificate_der(extensions=[extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.2.3")))]))),
            DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED,
            ["requires clientAuth", "found 1.2.3", "add extended_key_usage to a rule"],
        ),
        (question(rules=document(*MANY_ROUTES)), DenyReason.POLICY_TOO_LARGE, ["too large", "/*"]),
        (
            question(rules=document(REPORTS), now=NOT_AFTER + timedelta(1)),
            DenyReason.CERTIFICATE_EXPIRED,
            ["has expired: valid from 2020-01-01T00:00:00Z to 2040-01-01T00:00:00Z", "renewed"],
        ),
        (
            question(rules=document(REPORTS), now=NOT_BEFORE - timedelta(1)),
            DenyReason.CERTIFICATE_NOT_YET_VALID,
            ["is not valid yet: valid from 2020-01-01T00:00:00Z to "],
        ),
        (of_crls(REVOKED), DenyReason.CERTIFICATE_REVOKED, ["is revoked: crl_issuer 'CN=Issuing CA'", "new one"]),
        (
            of_crls(RevocationLists([], TRUSTSTORE)),
            DenyReason.REVOCATION_STATUS_UNKNOWN,
            [
                "because no CRL was loaded",
                "no_list, crl_issuer 'CN=Issuing CA'.",
                "Put a CRL of that CA at one of CRL_URIS",
            ],
        ),
        (
            of_crls(PARTIAL),
            DenyReason.REVOCATION_STATUS_UNKNOWN,
            ["not_covered", "distribution point", "If it has none, see docs/revocation.md#ca-products"],
        ),
        (
            of_crls(RevocationLists([], read_truststore(CertificateAuthority("Other CA").pem))),
            DenyReason.REVOCATION_STATUS_UNKNOWN,
            ["because no valid CA in the bundle", "unknown, no_chain.", "into the bundle at TRUSTSTORE_URI."],
        ),
        (
            of_crls(RevocationLists([], Truststore(()))),
            DenyReason.REVOCATION_STATUS_UNKNOWN,
            ["was never loaded: unknown, no_truststore.", "Find 'document refresh failed'"],
        ),
        (
            question(ISSUED, document(REPORTS), revocation_settings=RevocationSettings(()), now=CRL_TIME),
            DenyReason.REVOCATION_STATUS_UNKNOWN,
            ["no CRL in force", "CRL_URIS", "TRUSTSTORE_URI"],
        ),
        (
            question(rules=document(REPORTS), route="GET /x"),
            DenyReason.ROUTE_NOT_ALLOWED,
            ["GET /reports/*, * /status", "'allow'"],
        ),
    ],
)
def test_each_reason_has_its_advice(asked: Question, reason: DenyReason, facts: list[str]) -> None:
    explanation = explain(asked)
    advice = advise(explanation)
    assert explanation.denial is reason
    assert advice is not None
    assert advice.rule is None
    text = f"{advice.problem} {advice.next_step}"
    assert [fact for fact in facts if fact not in text] == []
    assert text.isascii()
    assert text.isprintable()


def test_an_allowed_request_needs_no_advice() -> None:
    assert advise(explain(question(rules=document(REPORTS)))) is None


DE = pem(
    certificate_der(
        name(("O", "Example, Inc."), ("CN", "client")), name(("C", "DE"), ("O", "Acme"), ("CN", "Issuing CA"))
    )
)
ISSUER = "CN=Issuing CA,O=Acme,C=DE"
BEEF = pem(AUTHORITY.issue(0x1EEF))
MULTI_VALUED = pem(certificate_der(name(("CN", "x")), name([attribute("OU", "b"), attribute("CN", "CA")])))


@pytest.mark.parametrize(
    ("asked", "facts"),
    [
        (
            under(ALLOWED_COMMON_NAMES="ledger"),
            ["ALLOWED_COMMON_NAMES requires 'ledger'", "'Ledger': only the case differs", "Write 'Ledger'"],
        ),
        (
            question(rules=document({"name": "a", "match": {"organization": "acme", "common_name": "Ledger "}})),
            ["rule 'a' requires 'acme'", "rule 'a' requires 'Ledger '", "only spaces differ", 'Write "Acme"'],
        ),
        (
            under(DE, ALLOWED_ISSUERS="C=DE,O=Acme,CN=Issuing CA"),
            ["same attributes", "reverse order", f"Write '{ISSUER}' in ALLOWED_ISSUERS", "RFC 4514"],
        ),
        (
            question(DE, document({"name": "a", "match": {"subject": "O=Example\\, Inc.,CN=client"}})),
            [
                "rule 'a' has the same attributes",
                "reverse order",
                "RFC 4514",
                r'Write "CN=client,O=Example\\, Inc." in rule',
            ],
        ),
        (
            question(BEEF, document({"name": "a", "match": {"serial_number": "7919", "issuer": "CN=Issuing CA"}})),
            ["the same number in decimal", "Write \"1EEF\" in rule 'a'."],
        ),
        (
            under(DE, ALLOWED_ISSUERS="O=Acme,CN=Issuing CA,C=DE"),
            ["only the order of the attributes differs", f"Write '{ISSUER}'"],
        ),
        (
            question(rules=document({"name": "a", "match": {"issuer": {"CN": {"prefix": "acme"}, "O": "ACME"}}})),
            ["requires CN starting with 'acme'", "requires O 'ACME'", "Write O \"Acme\" in rule 'a'"],
        ),
        (
            under(client_pem(("CN", "M\u00fcller")), ALLOWED_COMMON_NAMES="M\u00dcLLER"),
            [r"requires 'M\xdcLLER'", r'Write ["M\u00fcller"] in ALLOWED_COMMON_NAMES'],
        ),
        (
            under(DE, ALLOWED_ORGANIZATIONS="Example, Inc."),
            ["ALLOWED_ORGANIZATIONS has 'Example' and 'Inc.' as separate values", '["Example, Inc."]', "JSON array"],
        ),
        # The other values must stay.
        (under(DE, ALLOWED_ORGANIZATIONS="Acme, Example, Inc."), ['JSON array: ["Example, Inc.", ...].']),
        (
            under(client_pem(("CN", "M\u00fcller")), ALLOWED_COMMON_NAMES="beta,M\u00dcLLER"),
            [r'Write ["M\u00fcller", ...] in ALLOWED_COMMON_NAMES'],
        ),
    ],
)
def test_a_difference_that_is_easily_overlooked_is_named_with_the_spelling_that_matches(
    asked: Question, facts: list[str]
) -> None:
    advice = advise(explain(asked))
    assert advice is not None
    assert advice.rule is None
    text = f"{advice.problem} {advice.next_step}"
    assert [fact for fact in facts if fact not in text] == []


WRITTEN = {
    "plain": ("ALLOWED_COMMON_NAMES", "LEDGER", CLIENT),
    "with a comma": ("ALLOWED_ORGANIZATIONS", '["example, inc."]', DE),
    "not in ASCII": ("ALLOWED_COMMON_NAMES", "M\u00dcLLER", client_pem(("CN", "M\u00fcller"))),
    "decomposed": ("ALLOWED_COMMON_NAMES", "Mu\u0308ller", client_pem(("CN", "M\u00fcller"))),
    "read as Latin-1": ("ALLOWED_COMMON_NAMES", "M\u00c3\u00bcller", client_pem(("CN", "M\u00fcller"))),
    "read as code page 1252": ("ALLOWED_COMMON_NAMES", "\u00c3\u2013hm", client_pem(("CN", "\u00d6hm"))),
    "in quotation marks": ("ALLOWED_COMMON_NAMES", '"Ledger"', CLIENT),
    "after a byte order mark": ("ALLOWED_COMMON_NAMES", "\ufeffLedger", CLIENT),
    "like a JSON array": ("ALLOWED_COMMON_NAMES", '["[ledger]"]', client_pem(("CN", "[Ledger]"))),
    "a type and a name": (
        "ALLOWED_SUBJECT_ALT_NAMES",
        "DNS:API.example",
        pem(certificate_der(extensions=[subject_alt_names(dns("api.example"))])),
    ),
    "a distinguished name": ("ALLOWED_ISSUERS", "CN=issuing CA,O=Acme,C=DE", DE),
    "a distinguished name that is not in ASCII": (
        "ALLOWED_ISSUERS",
        "O=m\u00fcller,CN=CA",
        pem(certificate_der(name(("CN", "x")), name(("O", "M\u00fcller"), ("CN", "CA")))),
    ),
    "attributes of one relative distinguished name": ("ALLOWED_ISSUERS", "CN=CA,OU=b", MULTI_VALUED),
}


@pytest.mark.parametrize("case", WRITTEN)
def test_the_correction_of_a_list_allows_the_client_if_it_is_written_as_the_variable(case: str) -> None:
    variable, value, certificate = WRITTEN[case]
    advice = advise(explain(under(certificate, **{variable: value})))
    assert advice is not None
    assert advice.rule is None
    written = re.match(rf"Write (.*?) in {variable}[,:]", advice.next_step)
    assert written is not None
    (text,) = written.groups()
    assert explain(under(certificate, **{variable: text if text.startswith("[") else text.strip("'")})).allowed


def test_a_list_cannot_contain_spaces_around_a_name() -> None:
    spaced = client_pem(("CN", "Ledger "))
    advice = advise(explain(under(spaced, ALLOWED_COMMON_NAMES="Ledger")))
    assert advice is not None
    assert not explain(under(spaced, ALLOWED_COMMON_NAMES='["Ledger "]')).allowed
    assert "Match it by a rule" in advice.next_step
    assert explain(question(spaced, document({"name": "a", "match": {"common_name": "Ledger "}}))).allowed


def test_a_misspelt_name_is_corrected_only_if_it_is_the_same_client() -> None:
    advice = advise(explain(question(rules=document({"name": "a", "match": {"common_name": "Lodger"}}))))
    assert advice is not None
    assert "one character differs" in advice.problem
    assert 'If both are the same client: Write "Ledger"' in advice.next_step
    assert "Otherwise: If this client is to be allowed, add a rule" in advice.next_step
    assert advice.rule is not None


@pytest.mark.parametrize(
    ("dates", "fix"),
    [
        ({"not_after": NOW - DAY}, "Have the certificate renewed. If it is a CA's,"),
        (
            {"not_before": NOW + DAY, "not_after": NOW + 2 * DAY},
            "Wait until the certificate is valid, or correct the clock",
        ),
    ],
)
def test_a_certificate_that_is_not_valid_yet_is_not_to_be_renewed(dates: dict[str, datetime], fix: str) -> None:
    client = pem(AUTHORITY.issue(8, **dates))  # type: ignore[arg-type]  # only dates
    advice = advise(explain(question(client, truststore=read_bundle(AUTHORITY.pem))))
    assert advice is not None
    assert advice.next_step.startswith(fix)


def test_an_expired_ca_is_to_be_renewed_and_not_its_client() -> None:
    old = CertificateAuthority("Old", not_before=NOW - 2 * DAY, not_after=NOW - DAY)
    advice = advise(explain(question(pem(old.issue(8, not_after=NOW + DAY)), truststore=read_bundle(old.pem))))
    assert advice is not None
    assert advice.next_step.startswith("Have the CA renew its certificate, replace it in the truststore, and update")


def test_an_expired_certificate_is_to_be_renewed_although_its_ca_is_not_valid_yet() -> None:
    early = CertificateAuthority("Early", not_before=NOW + DAY, not_after=NOW + 2 * DAY)
    client = pem(early.issue(8, not_after=NOW - DAY))
    advice = advise(explain(question(client, truststore=read_bundle(early.pem))))
    assert advice is not None
    assert "found expired on" in advice.problem
    assert "not valid before" in advice.problem
    assert advice.next_step.startswith("Have the certificate renewed.")


def test_letters_that_look_alike_are_named() -> None:
    cyrillic, unnamed = (f"Ledg{each}r" for each in ("\u0435", "\ue000"))
    advice = advise(
        explain(question(client_pem(("CN", cyrillic)), document({"name": "a", "match": {"common_name": "Ledger"}})))
    )
    assert advice is not None
    assert "one character differs (U+0435 is CYRILLIC SMALL LETTER IE)." in advice.problem
    advice = advise(explain(question(rules=document({"name": "a", "match": {"common_name": unnamed}}))))
    assert advice is not None
    assert "(U+E000 is a character without a name)" in advice.problem
    prefix = document({"name": "a", "match": {"common_name": {"prefix": "Ledger-"}}})
    advice = advise(explain(question(client_pem(("CN", f"{cyrillic}-\u0434\u0443")), prefix)))
    assert advice is not None
    assert "one character differs (U+0435 is CYRILLIC SMALL LETTER IE)." in advice.problem


def test_the_certificate_of_a_ca_gets_a_rule_only_if_a_client_sends_it() -> None:
    advice = advise(explain(question(AUTHORITY.pem.decode(), document({"name": "a", "match": {"common_name": "x"}}))))
    assert advice is not None
    assert advice.problem.endswith("This is a CA's certificate.")
    assert advice.next_step.startswith("If it is not the one that the client sends, name the client's certificate.")
    assert advice.rule is not None


def test_a_suggested_rule_names_the_key_of_the_ca_if_other_rules_do() -> None:
    pinned = {"name": "pinned", "match": {"common_name": "x", "issuer_key": "00" * 32}}
    policy = AccessPolicy(RuleSet(parse_rules(document(pinned))), truststore=TRUSTSTORE).with_issuer_keys()
    advice = advise(explain(question(ISSUED, policy.rules)))
    assert advice is not None
    assert advice.rule is not None
    (key,) = issuer_keys(PeerCertificate.from_pem(ISSUED).fields, TRUSTSTORE)
    assert advice.rule["match"] == {"subject": "O=Acme", "issuer": "CN=Issuing CA", "issuer_key": key}
    without = advise(explain(question(ISSUED, document({"name": "a", "match": {"common_name": "x"}}))))
    assert without is not None
    assert without.rule is not None
    assert without.rule["match"] == {"subject": "O=Acme", "issuer": "CN=Issuing CA"}


def test_a_new_key_of_the_ca_is_to_be_confirmed_and_added_to_the_rule() -> None:
    renewed = {"name": "a", "match": {"organization": "Acme", "issuer": "CN=Issuing CA", "issuer_key": "00" * 32}}
    policy = AccessPolicy(RuleSet(parse_rules(document(renewed))), truststore=TRUSTSTORE).with_issuer_keys()
    advice = advise(explain(question(ISSUED, policy.rules)))
    assert advice is not None
    assert "The only one is rule 'a': its issuer_key requires" in advice.problem
    assert advice.next_step.startswith("If the CA's operator confirms that it has a new key, add that to the rule.")
    unconfirmed = advice.next_step.partition(". If not, ")[2]
    assert unconfirmed.startswith("another CA has signed the certificate, perhaps for another client: leave the rule")
    assert "If this client is to be allowed, add a rule for it" in unconfirmed
    assert advice.rule is not None


@pytest.mark.parametrize(
    ("limit", "asked_request", "option"),
    [
        ({"domain_name": "api.example.com"}, EXAMPLE_REQUEST, "--domain-name"),
        ({"domain_name": "api.example.com"}, with_domain_name(EXAMPLE_REQUEST, "other.example.com"), None),
        ({"api_id": "z9y8x7w6v5"}, EXAMPLE_REQUEST, "--api-id"),
        ({"api_id": "z9y8x7w6v5"}, with_api_id(EXAMPLE_REQUEST, "b1b2c3d4e5"), None),
        ({"not_after": "2026-01-01T00:00:00Z"}, EXAMPLE_REQUEST, None),
    ],
)
def test_an_option_names_what_a_limit_requires_of_an_unknown_request(
    limit: dict[str, str], asked_request: ApiRequest, option: str | None
) -> None:
    asked = question(rules=document({"name": "a", "match": {"organization": "Acme"}, **limit}))
    advice = advise(explain(asked._replace(request=asked_request)))
    assert advice is not None
    assert "not in effect" in advice.problem
    assert re.findall(r"--[a-z-]+", advice.next_step) == ([option] if option else [])


@pytest.mark.parametrize(
    ("keys", "obstacle"),
    [
        ({}, ""),
        ({"api_id": "a1b2c3d4e5"}, ""),
        ({"api_id": "z9"}, " Even then, its api_id requires 'z9'; found 'a1b2c3d4e5'."),
        ({"context": {"t": {"from": "subject.L"}}}, " Even then, its context.t requires one value of subject.L"),
        ({"extended_key_usage": ["clientAuth"]}, " Even then, its extended_key_usage requires clientAuth; found no"),
        ({"not": {"common_name": "Ledger"}}, " Even then, its exclusions ('not') exclude the certificate."),
    ],
)
def test_a_rule_to_be_corrected_may_not_match_for_another_reason(keys: dict[str, Any], obstacle: str) -> None:
    advice = advise(explain(question(rules=document({"name": "a", "match": {"organization": "ACME"}, **keys}))))
    assert advice is not None
    assert advice.problem.startswith("rule 'a' requires 'ACME'")
    assert advice.problem.partition("differs.")[2].startswith(obstacle)
    assert bool(obstacle) is advice.problem.partition("differs.")[2].startswith(" Even")


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"not_after": "2000-01-01T00:00:00Z"}, "its api_id is 'z9'"),
        ({"context": {"t": {"from": "subject.L"}}}, "its context.t requires one value"),
        ({"not": {"common_name": "Ledger"}}, "its exclusions ('not') exclude the certificate. Even then, its api_id"),
    ],
)
def test_everything_that_a_rule_requires_of_a_matching_certificate_is_named(keys: dict[str, Any], problem: str) -> None:
    rule = {"name": "a", "match": {"organization": "Acme"}, "api_id": "z9", **keys}
    advice = advise(explain(question(rules=document(rule))))
    assert advice is not None
    assert problem in advice.problem
    assert advice.problem.count("Even then, its ") == 1


def test_a_rule_that_excludes_the_certificate_is_named() -> None:
    for rules in (document(NO_ONE), document(PAYMENTS, NO_ONE)):
        advice = advise(explain(question(rules=rules)))
        assert advice is not None
        assert "rule 'nobody' matches, but its exclusions" in advice.problem


@pytest.mark.parametrize(
    ("variables", "variable"),
    [
        ({"ALLOWED_COMMON_NAMES": "x, y, z"}, "ALLOWED_COMMON_NAMES"),
        ({"ALLOWED_COMMON_NAMES": "x", "ALLOWED_ORGANIZATIONS": "Acme"}, "ALLOWED_COMMON_NAMES"),
        ({"ALLOWED_COMMON_NAMES": "x", "ALLOWED_ORGANIZATIONS": "Y", "ALLOWLIST_MATCH": "any"}, "ALLOWED_COMMON_NAMES"),
    ],
)
def test_the_only_list_that_does_not_match_may_be_extended(variables: dict[str, str], variable: str) -> None:
    advice = advise(explain(under(**variables)))
    assert advice is not None
    assert f"{variable} requires " in advice.problem
    assert "the certificate has 'Ledger'" in advice.problem
    assert advice.next_step == f"If this client is to be allowed, add 'Ledger' to {variable}."
    assert advice.rule is None


@pytest.mark.parametrize(
    ("variables", "certificate", "added", "extended"),
    [
        (
            {"ALLOWED_ORGANIZATIONS": "x"},
            DE,
            'as a JSON array that also contains "Example, Inc."',
            '["x", "Example, Inc."]',
        ),
        (
            {"ALLOWED_SUBJECT_ALT_NAMES": "DNS:x"},
            pem(certificate_der(extensions=[subject_alt_names(dns("a.example"), dns("b.example"))])),
            "add 'DNS:a.example' to ALLOWED_SUBJECT_ALT_NAMES or another of its values",
            "DNS:x,DNS:a.example",
        ),
        (
            {"ALLOWED_ISSUERS": "CN=x"},
            DE,
            f'as a JSON array that also contains "{ISSUER}"',
            json.dumps(["CN=x", ISSUER]),
        ),
        ({"ALLOWED_COMMON_NAMES": "x"}, client_pem(("CN", "y ")), "add a rule", None),
    ],
)
def test_a_value_is_added_as_the_list_requires_it(
    variables: dict[str, str], certificate: str, added: str, extended: str | None
) -> None:
    advice = advise(explain(under(certificate, **variables)))
    assert advice is not None
    assert added in advice.next_step
    if extended is not None:
        assert explain(under(certificate, **dict.fromkeys(variables, extended))).allowed


TWO_NAMES = client_pem(("CN", "a"), ("CN", "b"))


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (question(), "There is no rule"),
        (under(ALLOWED_COMMON_NAMES="x", ALLOWED_ORGANIZATIONS="y"), "The only one is the environment's list: its"),
        (under(TWO_NAMES, ALLOWED_COMMON_NAMES="a"), "has 2 common names"),
        (under(ALLOWED_SUBJECT_ALT_NAMES="DNS:x"), "No rule matches"),
        (
            question(rules=document({"name": "a", "match": {"organization": "Acme", "common_name": "other"}})),
            "The only one is rule 'a': its common_name requires 'other', and the certificate has 'Ledger'",
        ),
        (
            question(
                rules=document(
                    *({"name": each, "match": {"common_name": each}} for each in "xyz"),
                    {"name": "a", "match": {"common_name": "Ledger", "organization": "x"}},
                )
            ),
            "The nearest is rule 'a': its organization requires 'x', and the certificate has 'Acme'",
        ),
        (
            question(client_pem(("CN", "x")), document({"name": "a", "match": {"organizational_unit": "b"}})),
            "The only one is rule 'a': its organizational_unit requires 'b', and the certificate has none.",
        ),
        (
            question(rules=document(*({"name": each, "match": {"issuer": f"CN={each}"}} for each in "ab"))),
            "No rule matches, and none is similar.",
        ),
    ],
)
def test_a_new_client_gets_a_rule_of_its_own(asked: Question, problem: str) -> None:
    advice = advise(explain(asked))
    assert advice is not None
    assert problem in advice.problem
    assert "add a rule" in advice.next_step
    assert advice.rule is not None
    assert "add its value" not in advice.next_step


def two_hundred_partners(**shared: object) -> list[dict[str, Any]]:
    return [
        {
            "name": f"partner-{number:03}",
            "match": {"common_name": f"gateway-{number:03}", "organization": f"Partner {number:03} Ltd.", **shared},
        }
        for number in range(200)
    ]


@pytest.mark.without_coverage
@pytest.mark.parametrize("shared", [{}, {"issuer": "CN=Test CA"}])
@pytest.mark.parametrize(
    "subject", [[("CN", "gateway-200"), ("O", "Partner 200 Ltd.")], [("CN", "billing"), ("O", "Globex")]]
)
def test_with_two_hundred_rules_of_which_none_is_similar_no_other_partners_rule_is_named(
    subject: list[tuple[str, str]], shared: dict[str, object]
) -> None:
    partners = two_hundred_partners(**shared)
    certificate = client_pem(*subject)
    advice = advise(explain(question(certificate, document(*partners))))
    assert advice is not None
    text = f"{advice.problem} {advice.next_step}"
    assert "none is similar" in text
    assert "partner-" not in text
    assert "add a rule" in text
    assert advice.rule is not None
    added = document(*partners, {**advice.rule, "allow": ["GET /x"]})
    assert explain(question(certificate, added)).allowed


# The suggested rule.


def suggested(certificate: str, *rules: object) -> dict[str, Any]:
    advice = advise(explain(question(certificate, document(*rules) if rules else b"")))
    assert advice is not None
    assert advice.rule is not None
    return dict(advice.rule)


@pytest.mark.parametrize(
    ("certificate", "fields"),
    [
        (CLIENT, {"subject", "issuer"}),
        (client_pem(("CN", "*.example")), {"subject", "issuer"}),
        (client_pem(("CN", 'M\u00fcller, "S\u00f6hne"+x#'), ("1.2.3.4", " x ")), {"subject", "issuer"}),
        (
            pem(certificate_der(name(), extensions=[subject_alt_names(dns("a.example"))])),
            {"subject_alt_name", "issuer"},
        ),
        (
            pem(certificate_der(name(), extensions=[subject_alt_names(dns("*.example"))])),
            {"subject_alt_name", "issuer"},
        ),
        (pem(certificate_der(name())), {"fingerprint"}),
        (client_pem(("CN", "x" * 3000)), {"fingerprint"}),
        (client_pem(("CN", "a=#b")), {"subject", "issuer"}),
    ],
)
def test_the_suggested_rule_matches_the_certificate_once_its_routes_are_chosen(
    certificate: str, fields: set[str]
) -> None:
    rule = suggested(certificate)
    assert rule["match"].keys() == fields
    assert rule["allow"] == [ROUTE_PLACEHOLDER]
    with pytest.raises(RulesError, match="allow"):
        parse_rules(document(rule))
    rule["allow"] = ["GET /reports/*"]
    assert explain(question(certificate, document(rule), route="GET /reports/1")).allowed
    assert not explain(question(certificate, document(rule), route="GET /other")).allowed
    assert not explain(question(client_pem(("CN", "other")), document(rule))).allowed


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        (CLIENT, "ledger"),
        (client_pem(("CN", " Caf\u00e9 24/7! ")), "caf-24-7"),
        (client_pem(("CN", "\u65e5\u672c"), ("O", "Acme GmbH")), "acme-gmbh"),
        (client_pem(("CN", "\u65e5\u672c")), "client"),
        (client_pem(("CN", "environment")), "environment-2"),
        (client_pem(("CN", "x" * 59 + " y")), "x" * 59),
    ],
)
def test_the_suggested_rule_is_named_after_the_client(certificate: str, expected: str) -> None:
    assert suggested(certificate)["name"] == expected


def test_the_suggested_name_is_not_that_of_another_rule() -> None:
    others = [{"name": each, "match": {"organization": "x"}} for each in ("ledger", "ledger-2")]
    assert suggested(CLIENT, *others)["name"] == "ledger-3"


def test_the_suggested_rule_is_json() -> None:
    assert json.loads(json.dumps(suggested(CLIENT))) == {
        "name": "ledger",
        "match": {"subject": "CN=Ledger,OU=payments,O=Acme", "issuer": "CN=Acme Issuing CA,O=Acme"},
        "allow": ["METHOD /path"],
    }
