"""The text for people. Three golden files show its form; all other tests are about facts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule import ENVIRONMENT, Rule
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.explanation.explanation import Report, explain
from mtls_authorizer_cli.explanation.report.text import as_text
from mtls_authorizer_cli.explanation.truststore import read_bundle
from tests.aws.api_events import http_2_0_event, rest_event
from tests.pki import der
from tests.pki.certificate_authorities import NOW as CRL_TIME
from tests.pki.certificate_authorities import CertificateAuthority
from tests.pki.certificates import (
    EXTENDED_KEY_USAGE,
    certificate_der,
    client_pem,
    dns,
    extension,
    name,
    pem,
    subject_alt_names,
    uri,
)
from tests.questions import AUTHORITY, CLIENT, NO_ONE, PAYMENTS, REPORTS, document, question

if TYPE_CHECKING:
    from mtls_authorizer_cli.explanation.question import Question

GOLDEN = Path(__file__).parent / "golden"
CERTIFICATES = Path(__file__).parents[4] / "golden" / "certificates"
ISSUED = (CERTIFICATES / "issued-client.pem").read_text(encoding="ascii")
OTHER_CA = pem(certificate_der(name(("CN", "Another CA")))).encode()
ANYONE = Rule(ENVIRONMENT, (), ALL_ROUTES, anyone=True)
SPIFFE = pem(
    certificate_der(
        name(("O", "Acme"), ("OU", "payments"), ("CN", "Ledger")),
        name(("O", "Acme"), ("CN", "Acme Issuing CA")),
        extensions=[subject_alt_names(uri("spiffe://acme.example/payments/ledger"), dns("ledger.acme.example"))],
    )
)


def text_of(asked: Question, **options: Any) -> str:  # noqa: ANN401 -- a report's fields
    everything = options.get("everything", False)
    return as_text(Report(explain(asked, everything=everything), **options))


@pytest.mark.parametrize(
    ("case", "report"),
    [
        (
            "allowed",
            Report(
                explain(
                    question(
                        SPIFFE,
                        document(PAYMENTS, REPORTS, NO_ONE),
                        route="POST /payments",
                        shadow_rules=RuleSet(parse_rules(document(NO_ONE))),
                    )
                )
            ),
        ),
        (
            "denied",
            Report(explain(question(client_pem(("O", "Globex"), ("CN", "billing")), document(PAYMENTS, REPORTS)))),
        ),
        (
            "rejected",
            Report(
                explain(
                    question(ISSUED, ANYONE, now=datetime(2026, 6, 1, tzinfo=UTC), truststore=read_bundle(OTHER_CA))
                ),
                ("client.der is in DER; API Gateway passes the same certificate on in PEM",),
            ),
        ),
    ],
)
def test_the_text_is_the_golden_one(case: str, report: Report) -> None:
    assert as_text(report) == (GOLDEN / f"{case}.txt").read_text(encoding="utf-8")


def test_an_allowed_client_is_not_told_that_checks_were_skipped_if_they_were_made() -> None:
    authority = CertificateAuthority("CA")
    text = text_of(question(pem(authority.issue()), ANYONE, now=CRL_TIME, truststore=read_bundle(authority.pem)))
    assert text.startswith("ALLOWED\n  May call all routes.\n\n")
    assert "skipped: there is no truststore" not in text


LONG = client_pem(("O", "an organization with a long name " * 5), ("CN", "x" * 5000))
QUESTIONS = {
    "allowed": question(rules=document(REPORTS)),
    "allowed any": question(LONG, ANYONE),
    "denied": question(rules=document(PAYMENTS, NO_ONE)),
    "new client": question(LONG, document(REPORTS, PAYMENTS)),
    "malformed": question("x" * 5000),
    "missing": question(None),
    "many names": question(
        rules=document({"name": "r", "match": {"common_name": ["x" * 90 + str(n) for n in range(9)]}})
    ),
}


@pytest.mark.parametrize("case", QUESTIONS)
def test_the_answer_is_in_the_first_line_and_the_next_step_last_within_100_columns(case: str) -> None:
    asked = QUESTIONS[case]
    text = text_of(asked)
    explanation = explain(asked)
    assert text.splitlines()[0] == (
        "ALLOWED" if explanation.allowed else f"DENIED by the authorizer: {explanation.denial}"
    )
    assert text.count("Next step: ") == text.split("\n\n")[-1].startswith("Next step: ") == (not explanation.allowed)
    # JSON to copy cannot be folded.
    assert max(len(line) for line in text.splitlines() if not line.startswith('      "')) <= 100


def test_the_sections_are_in_the_order_of_a_request() -> None:
    headings = [
        "DENIED",
        "certificate ",
        "What API Gateway checks",
        "What the authorizer checks",
        "Rules: ",
        "Shadow rules",
        "The function responds",
    ]
    shadow = RuleSet(parse_rules(document(REPORTS)))
    text = text_of(question(rules=document(NO_ONE), shadow_rules=shadow), with_answer=True)
    found = [line for line in text.splitlines() if any(line.startswith(heading) for heading in headings)]
    assert [next(heading for heading in headings if line.startswith(heading)) for line in found] == headings


def test_the_answer_of_the_function_is_printed_only_if_it_is_asked_for() -> None:
    asked = question(rules=document(REPORTS))
    assert "policyDocument" not in text_of(asked)
    assert '"policyDocument"' in text_of(asked, with_answer=True)
    assert "responds with 401" in text_of(question(None), with_answer=True)
    denied = question(None, unauthenticated_response="deny")
    assert '"Deny"' in text_of(denied, with_answer=True)
    explicit = question(None, unauthenticated_response="unauthorized", make_event=http_2_0_event)
    assert "the API responds with 401" in text_of(explicit, with_answer=True)


def test_simple_answers_are_printed_if_they_are_configured_and_do_not_depend_on_a_route() -> None:
    simple: dict[str, Any] = {"response_format": "simple"}
    for asked, expected in (
        (question(rules=ANYONE, **simple), True),
        (question(rules=document(REPORTS), route="GET /reports/1", **simple), True),
        (question(rules=document(REPORTS), route="GET /x", **simple), False),
        (question(rules=document(PAYMENTS), **simple), False),
    ):
        answer = explain(asked).simple_answer
        assert answer is not None
        assert answer["isAuthorized"] is expected
        assert '"isAuthorized"' in text_of(asked, with_answer=True)
    for asked in (
        question(rules=document(REPORTS), **simple),
        question(rules=ANYONE),
        question(rules=ANYONE, make_event=http_2_0_event, **simple),
    ):
        assert explain(asked).simple_answer is None


def test_long_policies_and_lists_are_shortened_unless_everything_is_asked_for() -> None:
    rules = [
        {"name": f"r{number}", "match": {"organization": "Acme"}, "allow": [f"* /{number}/*"]} for number in range(20)
    ]
    asked = question(rules=document(*rules))
    text = text_of(asked, with_answer=True)
    assert all(f"  ok  'r{number}'" in text for number in range(20))
    assert '"... and 132 more"' in text
    assert "... and" not in text_of(asked, with_answer=True, everything=True)
    names = [f"name {number}" for number in range(9)]
    listed = question(rules=document({"name": "x", "match": {"common_name": names}}))
    assert "requires one of 9, such as 'name 0', 'name 1', 'name 2'; found 'Ledger'" in text_of(listed)
    assert "one of 'name 0', 'name 1', 'name 2', 'name 3'" in text_of(listed, everything=True)
    similar = question(rules=document({"name": "x", "match": {"common_name": [*names, "Ledgars"]}}))
    assert "requires one of 10 values, nearest 'Ledgars'; found 'Ledger'" in text_of(similar)
    near = question(rules=document({"name": "x", "match": {"common_name": [*names, "ledger"]}}))
    assert "requires one of 10 values, nearest 'ledger' (case differs)" in text_of(near)
    assert "'name 8', nearest 'ledger' (case differs)" in text_of(near, everything=True)


def test_many_alternative_names_and_long_values_are_shortened() -> None:
    names = subject_alt_names(*(dns(f"host-{number}.example") for number in range(50)))
    serial_number = der.integer(int("7F" * 3000, 16))
    long = pem(certificate_der(name(("CN", "x" * 5000)), serial_number=serial_number, extensions=[names]))
    asked = question(long, document({"name": "rule", "match": {"common_name": "x", "subject_alt_name": "DNS:a"}}))
    text = text_of(asked)
    words = " ".join(text.split())
    assert f"found '{'x' * 80}'... NO subject_alt_name" in words
    assert "found DNS 'host-0.example', DNS 'host-1.example', DNS 'host-2.example' and 47 more" in words
    unfolded = text.replace("\n" + " " * 15, "")
    assert f"certificate    CN={'x' * 197}...\n" in unfolded
    assert f"serial number  {'7F' * 100}...\n" in unfolded
    assert "DNS 'host-49.example'\n" in text_of(asked, everything=True)


def test_values_of_every_kind_are_written_as_people_write_them() -> None:
    fingerprint = PeerCertificate.from_pem(CLIENT).fingerprint256
    rule = {
        "name": "rule",
        "match": {
            "fingerprint": fingerprint.replace(":", "").lower(),
            "serial_number": "01:02:03:04:05",
            "issuer": "CN=Acme Issuing CA,O=Acme",
            "subject": [{"CN": "Ledger", "OU": {"prefix": "pay"}}, {"O": {"suffix": "ca"}}],
        },
    }
    words = " ".join(text_of(question(rules=document(rule))).split())
    for expected in (
        f"ok fingerprint: requires '{fingerprint[:80]}'...; found '{fingerprint[:80]}'...",
        "ok serial_number: requires '102030405'; found '102030405'",
        "ok issuer: requires 'CN=Acme Issuing CA,O=Acme'; found 'CN=Acme Issuing CA,O=Acme'",
        "ok subject: requires one of CN 'Ledger' and OU starting with 'pay', O ending with 'ca'; found",
    ):
        assert expected in words


def test_each_of_several_common_names_is_printed_for_exclusions() -> None:
    several = client_pem(("CN", "Ledger"), ("CN", "other"), ("O", "Acme"))
    wanted = {"name": "wanted", "match": {"subject": {"CN": "Ledger", "O": "Acme"}}}
    excluded = {"name": "excluded", "match": {"organization": "Acme"}, "not": {"subject": {"CN": "other", "O": "Acme"}}}
    words = " ".join(text_of(question(several, document(wanted, NO_ONE, excluded))).split())
    for expected in (
        "NO subject: requires CN 'Ledger' and O 'Acme'; found 2 common names, and none of them is used",
        "NO excluded by common_name: requires one of 'Journal', 'Ledger'; found 'Ledger', 'other'",
        "NO excluded by subject: requires CN 'other' and O 'Acme'; found CN 'Ledger', CN 'other', O 'Acme'",
    ):
        assert expected in words


MISLEADING = "a value that is ignored because others may read it differently"


def test_an_alternative_name_that_matches_nothing_is_not_reported_as_absent() -> None:
    names = [dns("evil.example\0.acme.example"), uri("spiffe://acme.example/a")]
    wanted = {"name": "wanted", "match": {"subject_alt_name": {"dns": {"suffix": ".acme.example"}}}}
    for own, found in (
        (names[:1], "no alternative names that everybody reads alike"),
        (names, f"URI 'spiffe://acme.example/a', and {MISLEADING}"),
        (names[1:], "URI 'spiffe://acme.example/a' "),
        ([dns("evil.example/.acme.example")], "no alternative names that everybody reads alike"),
        ([dns("evil.example/.acme.example"), dns("a.example")], f"DNS 'a.example', and {MISLEADING}"),
    ):
        client = pem(certificate_der(extensions=[subject_alt_names(*own)]))
        words = " ".join(text_of(question(client, document(wanted))).split())
        assert f"NO subject_alt_name: requires DNS ending with '.acme.example'; found {found}" in words


def test_a_value_that_matches_nothing_is_not_reported_as_absent() -> None:
    subject = name(("O", "Acme"), ("emailAddress", "a@evil.example, b@acme.example"))
    own = subject_alt_names(uri("spiffe://acme.example/a/../b"), dns("a.example"))
    client = pem(certificate_der(subject, extensions=[own]))
    odd = pem(certificate_der(subject, extensions=[subject_alt_names(dns("evil.example/.acme.example"))]))
    exact = document({"name": "a", "match": {"subject_alt_name": "DNS:evil.example"}})
    assert "found DNS 'evil.example/.acme.example' " in " ".join(text_of(question(odd, exact)).split())
    matches: list[tuple[dict[str, object], str]] = [
        ({"subject": {"emailAddress": "b@acme.example"}}, f"found {MISLEADING}"),
        ({"subject_alt_name": "URI:spiffe://acme.example/a/../b"}, f"found DNS 'a.example', and {MISLEADING}"),
        ({"subject_alt_name": "DNS:b.example"}, "found DNS 'a.example' "),
        ({"subject": {"O": "Acme", "emailAddress": {"suffix": "@acme.example"}}}, f"found O 'Acme', and {MISLEADING}"),
    ]
    for match, found in matches:
        assert found in " ".join(text_of(question(client, document({"name": "a", "match": match}))).split()), match


@pytest.mark.without_coverage
def test_rules_that_are_left_out_are_counted() -> None:
    rules = [{"name": f"rule-{number}", "match": {"common_name": f"{number:x} Ltd."}} for number in range(1_200)]
    text = text_of(question(rules=document(*rules)))
    assert "Rules: 0 of 1,200 match\n  1,200 more do not match, and are not similar: --all shows them\n" in text
    near = text_of(question(rules=document(*rules, {"name": "near", "match": {"common_name": "ledger"}})))
    assert "  1,200 more do not match: --all shows them\n" in near


def test_a_result_of_shadow_rules_is_printed_without_a_certificate() -> None:
    text = text_of(question(None, shadow_rules=RuleSet(parse_rules(document(PAYMENTS)))))
    assert "Shadow rules, which are not in force\n  They would deny: lambda_event_missing_clientcert\n" in text


def test_warnings_about_the_truststore_are_printed() -> None:
    bundle = read_bundle(pem(certificate_der()).encode() + pem(b"\x1b").encode())
    text = text_of(question(truststore=bundle))
    assert "note: certificate 2 of the truststore cannot be read" in text


def test_an_allow_says_first_that_api_gateway_may_not_accept_the_truststore() -> None:
    client, rules = (
        pem(AUTHORITY.issue(7, subject=name(("O", "Acme")), not_after=datetime(2027, 1, 1, tzinfo=UTC))),
        document(REPORTS),
    )
    warning = "API Gateway may not accept all of the truststore: see the notes on its checks.\n"
    for bundle, warned in ((AUTHORITY.pem.decode().encode("utf-16"), True), (AUTHORITY.pem, False)):
        verdict = text_of(question(client, rules, truststore=read_bundle(bundle))).partition("\n\n")[0]
        assert verdict.startswith("ALLOWED\n")
        assert (warning in f"{verdict}\n") is warned


def test_the_answer_says_that_another_check_fails_too() -> None:
    client = pem(AUTHORITY.issue(7, subject=name(("CN", "other")), not_after=CRL_TIME))
    later = datetime(2030, 1, 1, tzinfo=UTC)
    for now, bundle, says in ((later, None, True), (CRL_TIME, None, False), (later, read_bundle(AUTHORITY.pem), False)):
        verdict = text_of(question(client, document(PAYMENTS), now=now, truststore=bundle)).partition("\n\n")[0]
        assert ("\n  Also failed: validity." in verdict) is says


def test_the_answer_names_all_checks_that_fail_after_the_first() -> None:
    server = extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.1")))
    client = pem(certificate_der(name(("CN", "other")), extensions=[server]))
    text = text_of(question(client, document(PAYMENTS), now=datetime(2041, 1, 1, tzinfo=UTC)))
    assert "\n  Also failed: rules, validity." in text.partition("\n\n")[0]


# Lines.


def test_the_text_does_not_depend_on_the_kind_of_event() -> None:
    asked = question(rules=document(REPORTS), make_event=rest_event)
    assert text_of(asked) == text_of(question(rules=document(REPORTS), make_event=http_2_0_event))
    assert json.dumps(text_of(asked)).isascii()
