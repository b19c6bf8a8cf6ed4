"""The explanation agrees with the authorizer's decision, whatever the certificate, the rules and the route are."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from client_certificate_auth import MalformedCertificateError, PeerCertificate, read_client_certificate
from local_gateway.api_gateway.policy import Effect, evaluate
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request import checks
from mtls_authorizer.request.assessment import assess
from mtls_authorizer.request.checks import CHECKS
from mtls_authorizer.request.decision import decide, outcome_for
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH_IF_RESTRICTED, NO_REQUIRED_USAGES, read_required_usages
from mtls_authorizer.rules.grant import Grant
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule import ENVIRONMENT, Rule
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.explanation.explanation import Report, explain
from mtls_authorizer_cli.explanation.report.advice import advise
from mtls_authorizer_cli.explanation.report.json_document import as_json
from mtls_authorizer_cli.explanation.report.summary import summarize
from mtls_authorizer_cli.explanation.report.text import as_text
from mtls_authorizer_cli.explanation.result import Verdict
from mtls_authorizer_cli.explanation.truststore import read_bundle
from tests.aws.api_events import EVENTS, STAGE_ARN
from tests.pki import der
from tests.pki.certificates import (
    EXTENDED_KEY_USAGE,
    NOT_AFTER,
    NOT_BEFORE,
    SUBJECT_ALT_NAME,
    certificate_der,
    dns,
    extension,
    name,
    pem,
    subject_alt_names,
    uri,
)
from tests.questions import NOW, document, question
from tests.strategies import broken_certificates

if TYPE_CHECKING:
    from mtls_authorizer_cli.explanation.question import Question

# Few words, so that rules match; and few that are hostile, so that most certificates reach the last checks.
_WORDS = st.sampled_from([*["a"] * 9, *["A", " a", "ab", "a, b"] * 2, "\u202ea", "x\x1b[31m"])
_CLEAN = st.sampled_from(["a", "a", "A", "ab", "b"])
_URIS = st.sampled_from(["spiffe://a/b/c", "spiffe://A/b/", "spiffe://a/", "urn:a:b"])
_KINDS = st.sampled_from(["CN", "OU", "O"])
_LABELLED = st.dictionaries(_KINDS, _CLEAN | st.fixed_dictionaries({"prefix": _CLEAN}), min_size=1, max_size=2)
_NAMES_IN_RULES = st.sampled_from(["CN=a,O=a", "O=a,CN=a", "OU=a,O=a,CN=a"])
_DNS = st.sampled_from(["a.b", "A.b", "x.b"])
_ALTERNATIVE_NAMES = st.fixed_dictionaries({"dns": _DNS}) | st.fixed_dictionaries(
    {"uri": _URIS | st.fixed_dictionaries({"prefix": st.sampled_from(["spiffe://a/", "spiffe://a/b/"])})}
)


def one_or_several(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=1, max_size=3)


_MATCHES = st.dictionaries(
    st.sampled_from(["common_name", "organizational_unit", "organization", "subject", "issuer", "subject_alt_name"]),
    st.none(),
    min_size=1,
    max_size=2,
).flatmap(
    lambda fields: st.fixed_dictionaries(
        {
            field: one_or_several(
                {
                    "subject": _LABELLED | _NAMES_IN_RULES,
                    "issuer": _LABELLED | _NAMES_IN_RULES,
                    "subject_alt_name": _ALTERNATIVE_NAMES,
                }.get(field, _CLEAN | st.fixed_dictionaries({"suffix": _CLEAN}))
            )
            for field in fields
        }
    )
)
_ROUTES = st.sampled_from(["GET /hello/*", "* /hello", "POST /x/*", "GET /z"])
_LIMITS_AND_VALUES = st.sampled_from(
    [
        {},
        {"api_id": "a1b2c3d4e5"},
        {"api_id": "z9y8x7w6v5", "context": {"tenant": "a"}},
        {"domain_name": "api.example.com"},
        {"not_after": f"{NOW:%Y-%m-%dT%H:%M:%SZ}", "usage_plan_key": "fingerprint"},
        {"not_after": "2000-01-01T00:00:00Z"},
        {"context": {"tenant": {"from": "subject.O"}}},
        {"context": {"tenant": {"from": "issuer.OU", "default": ""}}},
        {"usage_plan_key": {"from": "subject_alt_name.uri", "after": "spiffe://a/"}},
    ]
)
_RULE = st.builds(
    lambda rule, others: {**rule, **others},
    st.fixed_dictionaries(
        {"match": st.just({"organization": "a"}) | _MATCHES, "allow": st.lists(_ROUTES, min_size=1, max_size=2)},
        optional={
            "not": one_or_several(
                st.sampled_from([{"common_name": "a"}, {"organization": ["a", "b"]}, {"organizational_unit": "a"}])
                | _MATCHES
            ),
        },
    ),
    # Required, because optional ones are rare in rules that match.
    _LIMITS_AND_VALUES,
)
_RULES = st.lists(_RULE, min_size=1, max_size=5).map(
    lambda rules: parse_rules(document(*({"name": f"r{number}", **rule} for number, rule in enumerate(rules))))
)
_LISTS: st.SearchStrategy[dict[str, str]] = st.just({}) | st.dictionaries(
    st.sampled_from(["ALLOWED_COMMON_NAMES", "ALLOWED_ORGANIZATIONS", "ALLOWED_ORGANIZATIONAL_UNITS"]),
    st.lists(_CLEAN, min_size=1, max_size=3).map(json.dumps),
    max_size=3,
)
_RULE_SETS = st.builds(
    lambda lists, match, rules: RuleSet((*load_settings({**lists, **match}).rules, *rules)),
    _LISTS,
    st.sampled_from([{}, {"ALLOWLIST_MATCH": "any"}]),
    st.just(()) | _RULES | _RULES,
) | st.just(RuleSet([Rule(ENVIRONMENT, (), ALL_ROUTES, anyone=True)]))
_TIMES = st.sampled_from([NOT_BEFORE, NOT_AFTER, NOW, NOW + timedelta(days=1), NOW - timedelta(days=1)])
_EXTENSIONS = st.lists(
    st.sampled_from(
        [
            extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.2"), der.oid("1.2.3"))),
            extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.1"))),
            subject_alt_names(dns("a.b"), uri("spiffe://a/b/c")),
            subject_alt_names(dns("x.b")),
            extension(SUBJECT_ALT_NAME, b"broken"),
        ]
    ),
    max_size=2,
    unique=True,
)
_NAMES = st.builds(
    lambda usual, others: name(*usual, *others),
    st.sampled_from(
        [[("CN", "a"), ("O", "a"), ("OU", "a")], [("O", "a"), ("CN", "a")], [("O", "a"), ("OU", "ab")], []]
    ),
    st.lists(st.tuples(_KINDS, _WORDS), max_size=2),
)
_CERTIFICATES = st.builds(
    lambda subject, issuer, not_before, not_after, extensions: pem(
        certificate_der(
            subject, issuer, not_before=der.time(not_before), not_after=der.time(not_after), extensions=extensions
        )
    ),
    _NAMES,
    _NAMES,
    st.sampled_from([NOT_BEFORE, NOT_BEFORE, NOT_BEFORE, NOW]),
    st.sampled_from([NOT_AFTER, NOT_AFTER, NOT_AFTER, NOW, NOT_BEFORE]),
    st.integers(0, 2).flatmap(lambda number: _EXTENSIONS if number == 0 else st.just([])),
)
_ANY_CERTIFICATES = st.integers(0, 9).flatmap(
    lambda number: {
        0: broken_certificates().map(pem),
        1: st.sampled_from([None, "", 1, "garbage"]),
    }.get(number, _CERTIFICATES)
)


def is_readable(certificate: str) -> bool:
    try:
        PeerCertificate.from_pem(certificate)
    except MalformedCertificateError:
        return False
    return True


_TRUSTSTORES = st.just(None) | _CERTIFICATES.filter(is_readable).map(lambda text: read_bundle(text.encode()))
_QUESTIONS = st.builds(
    question,
    _ANY_CERTIFICATES,
    _RULE_SETS,
    route=st.sampled_from([None, "GET /hello", "POST /x/1", "POST /y", "GET /hello/../x"]),
    now=_TIMES,
    make_event=st.sampled_from(list(EVENTS.values())),
    truststore=_TRUSTSTORES,
    shadow_rules=st.none() | _RULES.map(RuleSet),
    required_usages=st.sampled_from(
        [
            CLIENT_AUTH_IF_RESTRICTED,
            CLIENT_AUTH_IF_RESTRICTED,
            NO_REQUIRED_USAGES,
            read_required_usages(["clientAuth", "1.2.3"]),
        ]
    ),
    response_format=st.sampled_from(["iam", "simple"]),
    unauthenticated_response=st.sampled_from(["unauthorized", "deny"]),
)


@given(_QUESTIONS)
def test_the_explained_decision_is_the_authorizers_own(asked: Question) -> None:
    explanation = explain(asked)
    assessment = assess(read_client_certificate(asked.pem), asked.settings, asked.policy)
    assert explanation.decision == decide(assessment, asked.settings, asked.policy, asked.request, asked.now)
    failures = [check.reason for check in explanation.checks if check.verdict is Verdict.FAILED]
    assert explanation.denial == next(iter(failures), None)
    assert [check.name for check in explanation.checks] == [check.name for check in CHECKS]
    assert explanation.allowed is (explanation.denial is None and explanation.gateway.rejection is None)
    assert (advise(explanation) is None) is explanation.allowed
    summary = summarize(asked)
    assert summary.allowed is explanation.allowed
    # A client that API Gateway rejects may call nothing.
    grant = explanation.decision.grant if explanation.gateway.rejection is None else None
    assert (summary.denial, summary.grant) == (explanation.denial, grant)
    assert (summary.certificate is None) is (explanation.certificate is None)
    assert summary.rejection == explanation.gateway.rejection
    assert summary.grant is None or summary.rules == summary.grant.rules


@given(_QUESTIONS)
def test_each_check_passes_or_fails_as_the_certificate_does(asked: Question) -> None:
    explanation = explain(asked)
    certificate = explanation.certificate
    verdicts = {check.name: check.verdict for check in explanation.checks}
    if certificate is None:
        assert set(list(verdicts.values())[2:]) == {Verdict.NOT_REACHED}
        return
    expected = {checks.VALIDITY.name: certificate.not_before <= asked.now <= certificate.not_after}
    if certificate.extensions_decodable:
        expected[checks.EXTENDED_KEY_USAGE.name] = asked.settings.required_usages.met_by(certificate.ext_key_usage)
    if explanation.rules is not None:
        # Explained as if the certificate had the required usages.
        evaluation = asked.policy.rules.evaluate(certificate, NO_REQUIRED_USAGES)
        outcome = outcome_for(evaluation, asked.request, asked.now)
        expected[checks.RULES.name] = isinstance(outcome, Grant)
    assert {check: verdicts[check] for check in expected} == {
        check: Verdict.PASSED if passed else Verdict.FAILED for check, passed in expected.items()
    }


@given(_QUESTIONS)
def test_each_rule_is_explained_as_it_decides(asked: Question) -> None:
    explanation = explain(asked, everything=True)
    for rules, explained in (
        (asked.policy.rules, explanation.rules),
        (asked.policy.shadow_rules, explanation.shadow_rules),
    ):
        if explained is None or explanation.certificate is None or rules is None:
            continue
        matching = [rule for rule in rules.matching(explanation.certificate) if asked.in_effect(rule.limits)]
        assert [rule.rule for rule in explained.matching] == matching
        assert explained.left_out == 0
        assert len(explained.matching) + len(explained.nearest) == explained.total == len(rules.rules)
        for rule in (*explained.matching, *explained.nearest):
            matches = bool(rule.fields or rule.rule.anyone) and all(field.matches for field in rule.fields)
            excluded = any(all(field.matches for field in exclusion) for exclusion in rule.exclusions)
            others = [each.met for each in (*rule.limits, *rule.values)]
            assert (rule.mismatch is None) is (matches and not excluded and all(others))
            assert (rule.mismatch is DenyReason.CERTIFICATE_EXCLUDED) is (matches and excluded)
            assert not any(field.nearest for field in rule.fields if field.matches)


@given(_QUESTIONS)
def test_a_suggested_rule_allows_exactly_what_it_names(asked: Question) -> None:
    advice = advise(explain(asked))
    if advice is None or advice.rule is None or not isinstance(asked.pem, str):
        return
    rules = document({**advice.rule, "allow": ["GET /hello"]})
    for route, reason in (("GET /hello", None), ("GET /other", DenyReason.ROUTE_NOT_ALLOWED)):
        with_rule = explain(question(asked.pem, rules, route=route, required_usages=NO_REQUIRED_USAGES))
        results = {check.name: check for check in with_rule.checks}
        assert results[checks.RULES.name].verdict is Verdict.PASSED
        assert results[checks.ROUTE.name].reason is reason


@given(_QUESTIONS, st.booleans())
def test_only_printable_ascii_is_printed(asked: Question, everything: bool) -> None:  # noqa: FBT001 -- drawn
    report = Report(explain(asked, everything=everything), ("a note\u202e\x1b",), everything, with_answer=True)
    assert re.fullmatch(r"[ -~\n]*", as_text(report))
    printed = as_json(report)
    assert re.fullmatch(r"[ -~\n]*", printed)
    parsed = json.loads(printed)
    assert parsed["decision"] == ("allow" if report.explanation.allowed else "deny")
    assert parsed["reason"] == report.explanation.denial
    assert parsed["answer"] == report.explanation.answer


@given(_QUESTIONS)
def test_the_policy_covers_the_route_if_the_request_is_allowed(asked: Question) -> None:
    explanation = explain(asked)
    answer: Any = explanation.answer
    if answer is not None and "policyDocument" in answer and asked.invocation is not None:
        effect = evaluate(answer["policyDocument"], f"{STAGE_ARN}/{asked.invocation}")
        assert (effect is Effect.ALLOW) is (explanation.denial is None)
