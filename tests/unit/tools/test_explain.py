"""What ``explain`` says, and that it is so."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_certificate_auth import PeerCertificate, read_client_certificate
from local_gateway.policy import Effect, evaluate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import Configuration, ResponseFormat, UnauthenticatedResponse, load_settings
from mtls_authorizer.reasons import DenyReason as Reason
from mtls_authorizer.request.decision import decide
from mtls_authorizer.revocation.crl.reader import read_crl
from mtls_authorizer.revocation.status import RevocationLists
from mtls_authorizer.revocation.truststore import read_truststore
from mtls_authorizer.rules.document import parse_rules
from mtls_authorizer.rules.key_usage import CLIENT_AUTH_IF_RESTRICTED, NO_KEY_USAGES, read_key_usages
from mtls_authorizer.rules.routes import ALL_ROUTES, permits
from mtls_authorizer.rules.rule_set import ENVIRONMENT, Grant, Rule, RuleSet
from mtls_authorizer.telemetry.decision_log import logger
from mtls_authorizer_cli.advice import advise
from mtls_authorizer_cli.explain import main
from mtls_authorizer_cli.explanation import CHECKS, Explanation, Question, Verdict, explain
from mtls_authorizer_cli.rendering import Report, as_json, as_text
from tests import der
from tests.api_events import EVENTS, STAGE_ARN, http_2_0_event, rest_event
from tests.certificate_authorities import NOW as CRL_TIME
from tests.certificate_authorities import CertificateAuthority, entry
from tests.certificates import (
    EXTENDED_KEY_USAGE,
    NOT_AFTER,
    NOT_BEFORE,
    SUBJECT_ALT_NAME,
    certificate_der,
    client_pem,
    dns,
    extension,
    name,
    pem,
    subject_alt_names,
    uri,
)
from tests.questions import AT, CLIENT, NO_ONE, NOW, PAYMENTS, REPORTS, document, question
from tests.strategies import broken_certificates

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).parents[3]
GOLDEN_FILES = Path(__file__).parent / "explanations"

NASTY = "\x1b[2J\x1b]0;pwned\x07\u202e\u2066\u200b\u2028\r\n\t\x7f\x9b\u00e9\U0001f600"


class Result(NamedTuple):
    code: int
    output: str
    errors: str


def in_process(capsys: pytest.CaptureFixture[str], *arguments: str, **environment: str) -> Result:
    return Result(main(arguments, environment), *capsys.readouterr())


def as_command(*arguments: str, environment: dict[str, str], cwd: Path = PROJECT) -> Result:
    python_path = os.pathsep.join(str(PROJECT / folder) for folder in ("layer", "authorizer", "tools"))
    result = subprocess.run(
        [sys.executable, "-m", "mtls_authorizer_cli.explain", *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": python_path, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Result(result.returncode, result.stdout, result.stderr)


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a file of a name and returns its path."""

    def write(file: str, content: object) -> str:
        path = tmp_path / file
        path.write_bytes(
            content
            if isinstance(content, bytes)
            else (content if isinstance(content, str) else json.dumps(content)).encode()
        )
        return str(path)

    return write


def verdicts(explanation: Explanation) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in explanation.checks}


def failed(explanation: Explanation) -> dict[str, Reason | None]:
    return {check.name: check.reason for check in explanation.checks if check.verdict is Verdict.FAILED}


# What it looks like.

GOLDEN: dict[str, tuple[int, list[str], dict[str, str]]] = {
    "refused": (1, ["--cert", "client.pem"], {"ALLOWED_COMMON_NAMES": "billing, ledger, orders, returns"}),
    "allowed": (0, ["--cert", "client.pem", "--rules", "rules.json", "--route", "GET /reports/1"], {}),
    "route": (1, ["--event", "event.json"], {"AUTHORIZER_RULES": document(REPORTS).decode()}),
    "shadow": (
        0,
        ["--cert", "client.pem"],
        {"ALLOWED_ORGANIZATIONS": "Acme", "AUTHORIZER_SHADOW_RULES": document(PAYMENTS).decode()},
    ),
    "missing": (1, ["--event", "empty.json"], {"ALLOWED_ORGANIZATIONS": "Acme"}),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_it_looks_like_this(case: str, files: Callable[..., str], tmp_path: Path) -> None:
    files("client.pem", CLIENT)
    files("rules.json", document(PAYMENTS, REPORTS, NO_ONE))
    files("event.json", http_2_0_event(CLIENT))
    files("empty.json", rest_event())
    code, arguments, environment = GOLDEN[case]
    result = as_command(*arguments, "--at", AT, environment=environment, cwd=tmp_path)
    expected = (GOLDEN_FILES / f"{case}.txt").read_text()
    assert (result.code, result.errors) == (code, "")
    assert result.output.startswith(expected)
    rest = result.output.removeprefix(expected)
    # Policies in full are other tests' business.
    assert not rest or json.loads(rest)["policyDocument"]


# The decision is the authorizer's, and what is said of each check and rule agrees with it.

# Few words, so that rules match; and few that are hostile, so that not all is over with the first.
_WORDS = st.sampled_from([*["a"] * 9, *["A", " a", "ab"] * 2, "\u202ea", "x\x1b[31m"])
_CLEAN = st.sampled_from(["a", "a", "A", "ab"])
_URIS = st.sampled_from(["spiffe://a/b/c", "spiffe://A/b/", "spiffe://a/", "urn:a:b"])
_KINDS = st.sampled_from(["CN", "OU", "O"])
_LABELLED = st.dictionaries(_KINDS, _CLEAN | st.fixed_dictionaries({"prefix": _CLEAN}), min_size=1, max_size=2)
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
                {"subject": _LABELLED, "issuer": _LABELLED, "subject_alt_name": _ALTERNATIVE_NAMES}.get(
                    field, _CLEAN | st.fixed_dictionaries({"suffix": _CLEAN})
                )
            )
            for field in fields
        }
    )
)
_ROUTES = st.sampled_from(["GET /hello/*", "* /hello", "POST /x/*", "GET /z"])
_RULES = st.lists(
    st.fixed_dictionaries(
        {"match": _MATCHES, "allow": st.lists(_ROUTES, min_size=1, max_size=2)},
        optional={
            "not": one_or_several(
                st.sampled_from([{"common_name": "a"}, {"organization": ["a", "b"]}, {"organizational_unit": "a"}])
                | _MATCHES
            ),
            "context": st.just({"tenant": "a"}),
            "usage_plan_key": st.just("fingerprint"),
        },
    ),
    min_size=1,
    max_size=5,
).map(lambda rules: parse_rules(document(*({"name": f"r{number}", **rule} for number, rule in enumerate(rules)))))
_LISTS: st.SearchStrategy[dict[str, str]] = st.just({}) | st.dictionaries(
    st.sampled_from(["ALLOWED_COMMON_NAMES", "ALLOWED_ORGANIZATIONS", "ALLOWED_ORGANIZATIONAL_UNITS"]),
    st.lists(_CLEAN, min_size=1, max_size=3).map(json.dumps),
    max_size=3,
)
_RULE_SETS = st.builds(
    lambda lists, match, rules: RuleSet((*load_settings({**lists, **match}).rules.rules, *rules)),
    _LISTS,
    st.sampled_from([{}, {"ALLOWLIST_MATCH": "any"}]),
    st.just(()) | _RULES | _RULES,
) | st.just(RuleSet([Rule(ENVIRONMENT, (), ALL_ROUTES, anyone=True)]))
_CONFIGURATIONS = st.builds(
    Configuration,
    rules=_RULE_SETS,
    shadow_rules=st.none() | _RULES.map(RuleSet),
    required_key_usages=st.sampled_from(
        [CLIENT_AUTH_IF_RESTRICTED, CLIENT_AUTH_IF_RESTRICTED, NO_KEY_USAGES, read_key_usages(["clientAuth", "1.2.3"])]
    ),
    response_format=st.sampled_from(ResponseFormat),
    unauthenticated_response=st.sampled_from(UnauthenticatedResponse),
)
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
    st.sampled_from([[("CN", "a"), ("O", "a"), ("OU", "a")], [("O", "a"), ("OU", "ab")], []]),
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
_QUESTIONS = st.builds(
    lambda certificate, configuration, route, now, make_event: question(
        certificate, configuration.rules, route=route, now=now, make_event=make_event
    )._replace(configuration=configuration),
    _ANY_CERTIFICATES,
    _CONFIGURATIONS,
    st.sampled_from([None, "GET /hello", "POST /x/1", "POST /y", "GET /hello/../x"]),
    _TIMES,
    st.sampled_from(list(EVENTS.values())),
)


@given(_QUESTIONS)
def test_what_is_explained_is_the_authorizers_own_decision(asked: Question) -> None:
    explanation = explain(asked)
    read = read_client_certificate(asked.pem)
    if read.success:
        assert explanation.decision == decide(read.certificate, asked.configuration, asked.now)
    else:
        assert explanation.refusal == Reason(read.reason.value)
    failures = failed(explanation)
    assert explanation.refusal == next(iter(failures.values()), None)
    order = [check.name for check in CHECKS]
    assert [check.name for check in explanation.checks] == order
    assert list(failures) == sorted(failures, key=order.index)
    assert (advise(explanation) is None) is (explanation.refusal is None)


@given(_QUESTIONS)
def test_each_check_that_was_looked_at_passes_or_fails_as_the_certificate_does(asked: Question) -> None:
    explanation = explain(asked)
    verdict, certificate, configuration = verdicts(explanation), explanation.certificate, asked.configuration
    if certificate is None or Verdict.NOT_REACHED is verdict["extended_key_usage"]:
        assert {verdict[check.name] for check in CHECKS[4:]} == {Verdict.NOT_REACHED}
        return
    judgement = configuration.rules.evaluate(certificate)
    expected = {
        "extended_key_usage": configuration.required_key_usages.met_by(certificate),
        "rules": isinstance(judgement, Grant),
        "validity": certificate.not_before <= asked.now <= certificate.not_after,
    }
    # Never valid, so there is no time to look behind that.
    if isinstance(judgement, Grant) and asked.invocation and certificate.not_before <= certificate.not_after:
        expected["route"] = permits(judgement.routes, asked.invocation)
    assert {check: verdict[check] for check in expected} == {
        check: Verdict.PASSED if passed else Verdict.FAILED for check, passed in expected.items()
    }
    others = {verdict[check.name] for check in CHECKS[4:] if check.name not in expected}
    assert others == {Verdict.NOT_REACHED}


@given(_QUESTIONS)
def test_what_is_said_of_each_rule_is_what_the_rules_say(asked: Question) -> None:
    explanation = explain(asked, nearest=None)
    for rules, explained in (
        (asked.configuration.rules, explanation.rules),
        (asked.configuration.shadow_rules, explanation.shadow_rules),
    ):
        if explained is None or explanation.certificate is None or rules is None:
            continue
        assert [rule.rule for rule in explained.matching] == rules.matching(explanation.certificate)
        assert explained.left_out == 0
        assert len(explained.matching) + len(explained.nearest) == explained.total == len(rules.rules)
        for rule in (*explained.matching, *explained.nearest):
            matches = bool(rule.fields or rule.rule.anyone) and all(field.matches for field in rule.fields)
            excluded = any(all(field.matches for field in exclusion) for exclusion in rule.exclusions)
            assert (rule.mismatch is None) is (matches and not excluded)
            assert (rule.mismatch is Reason.CERTIFICATE_EXCLUDED) is (matches and excluded)
            assert not any(field.closest for field in rule.fields if field.matches)
    if explanation.decision.grant and explanation.rules:
        assert explanation.decision.grant.rules == tuple(rule.rule.name for rule in explanation.rules.matching)


@given(_QUESTIONS, st.booleans())
def test_nothing_but_printable_ascii_is_printed(asked: Question, everything: bool) -> None:  # noqa: FBT001 -- drawn
    report = Report(explain(asked), ("a note",), everything)
    assert re.fullmatch(r"[ -~\n]*", as_text(report))
    document = as_json(report)
    assert re.fullmatch(r"[ -~\n]*", document)
    parsed = json.loads(document)
    assert parsed["decision"] == ("allow" if report.explanation.refusal is None else "deny")
    assert parsed["reason"] == report.explanation.refusal
    assert parsed["answer"] == report.explanation.answer
    assert {check["name"]: check["verdict"] for check in parsed["checks"]} == verdicts(report.explanation)


@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
@pytest.mark.parametrize("certificate", [CLIENT, client_pem(("CN", "other")), None])
@pytest.mark.parametrize("response_format", ResponseFormat)
def test_the_answer_is_the_functions_and_the_policy_covers_the_route_if_it_is_allow(
    make_event: Callable[..., dict[str, Any]], certificate: str | None, response_format: ResponseFormat
) -> None:
    configuration = Configuration(
        rules=RuleSet(parse_rules(document(PAYMENTS, REPORTS))),
        response_format=response_format,
        unauthenticated_response=UnauthenticatedResponse.DENY,
    )
    for route in ("GET /reports/1", "GET /other"):
        asked = question(certificate, route=route, now=datetime.now(UTC), make_event=make_event)
        explanation = explain(asked._replace(configuration=configuration))
        answer: Any = Authorizer(configuration).authorize(make_event(certificate, *route.split()))
        assert explanation.answer == answer
        if "policyDocument" in answer:
            effect = evaluate(answer["policyDocument"], f"{STAGE_ARN}/{asked.invocation}")
            assert (effect is Effect.ALLOW) is (explanation.refusal is None)
        else:
            assert answer["isAuthorized"] is (explanation.refusal is None)
            assert explanation.simple_answer is None


def test_every_reason_for_a_deny_belongs_to_one_check() -> None:
    assert sorted(reason for check in CHECKS for reason in check.reasons) == sorted(Reason)


# What is said.


@pytest.mark.parametrize(
    ("match", "closest"),
    [
        ({"common_name": "ledger"}, "'ledger' (case differs)"),
        ({"common_name": "Ledger "}, "'Ledger ' (surrounding space differs)"),
        ({"common_name": " ledger"}, "' ledger' (case and surrounding space differs)"),
        ({"common_name": ["x", "LEDGER", "y"]}, "one of 3, closest: 'LEDGER' (case differs)"),
        ({"common_name": {"prefix": "led"}}, "beginning with 'led' (case differs)"),
        ({"common_name": {"suffix": "GER"}}, "ending with 'GER' (case differs)"),
        ({"issuer": {"O": "Acme", "CN": "ACME issuing CA"}}, "CN 'ACME issuing CA' and O 'Acme' (case differs)"),
        (
            {"issuer": {"O": "Acme ", "CN": "ACME issuing CA"}},
            "CN 'ACME issuing CA' and O 'Acme ' (case and surrounding space differs)",
        ),
        ({"issuer": "CN=Acme issuing CA,O=Acme"}, "'CN=Acme issuing CA,O=Acme' (case differs)"),
        ({"common_name": "Ledge"}, "'Ledge'"),
        ({"common_name": ["a", "b", "c"]}, "one of 'a', 'b', 'c'"),
        ({"common_name": ["a", "b", "c", "d"]}, "one of 4, such as 'a', 'b', 'c'"),
        ({"issuer": {"O": "acme", "CN": "Another CA"}}, "CN 'Another CA' and O 'acme'"),
    ],
)
def test_a_value_that_differs_in_case_or_surrounding_space_only_is_called_the_closest(
    match: dict[str, object], closest: str
) -> None:
    explanation = explain(question(rules=document({"name": "rule", "match": match})))
    assert explanation.rules is not None
    (rule,) = explanation.rules.nearest
    assert [field.wanted_text() for field in rule.fields] == [closest]
    assert closest in as_text(Report(explanation))


@pytest.mark.parametrize(
    ("asked", "advice"),
    [
        (question(None), "Send a client certificate, to a custom domain with a truststore"),
        (question("garbage"), "Have it issued again, in DER"),
        (question(client_pem(("CN", "x\n"))), "without control characters"),
        (
            question(pem(certificate_der(extensions=[extension(SUBJECT_ALT_NAME, b"broken")]))),
            "with extensions that are well-formed",
        ),
        (
            question(
                pem(certificate_der(extensions=[extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.2.3")))])),
            ),
            "it has 1.2.3, and clientAuth, if the certificate has the extension is wanted",
        ),
        (question(), "There is no rule. Set a list such as ALLOWED_COMMON_NAMES"),
        (
            question(rules=load_settings({"ALLOWED_COMMON_NAMES": "ledger"}).rules),
            "has 'Ledger', and ALLOWED_COMMON_NAMES wants 'ledger' (case differs). ",
        ),
        (
            question(rules=load_settings({"ALLOWED_ORGANIZATIONS": "Emca", "ALLOWED_COMMON_NAMES": "ledger"}).rules),
            "The common name differs, and with it 1 more of what is wanted: the certificate has 'Ledger', and ALLOWED",
        ),
        (
            question(client_pem(("CN", "a"), ("CN", "b")), document({"name": "rule", "match": {"common_name": "a"}})),
            "has 2 common names, so that none counts, and rule 'rule' wants 'a'",
        ),
        (question(rules=document(NO_ONE)), "rule 'nobody' matches but for its exclusions"),
        (question(rules=document(PAYMENTS, NO_ONE)), "rule 'nobody' matches but for its exclusions"),
        (question(rules=document(REPORTS), now=NOT_AFTER + timedelta(1)), "it expired on 2040-01-01T00:00:00Z"),
        (question(rules=document(REPORTS), now=NOT_BEFORE - timedelta(1)), "valid on 2020-01-01T00:00:00Z"),
        (question(rules=document(REPORTS), route="GET /x"), "The client may call GET /reports/*, * /status."),
        (
            question(
                rules=document(
                    *(
                        {
                            "name": f"r{number}",
                            "match": {"organization": "Acme"},
                            "allow": [f"GET /{number}/{'x' * 200}/{each}" for each in range(20)],
                        }
                        for number in range(10)
                    )
                )
            ),
            "make too large a policy",
        ),
    ],
)
def test_a_deny_says_in_one_line_what_to_do_about_it(asked: Question, advice: str) -> None:
    explanation = explain(asked)
    said = advise(explanation)
    assert explanation.refusal is not None
    assert said is not None
    assert advice in said
    assert re.fullmatch("[ -~]+", said)
    assert f"\nDeny: {explanation.refusal}\n  {said}\n" in as_text(Report(explanation))


def test_each_of_several_common_names_is_told_where_it_counts() -> None:
    several = client_pem(("CN", "Ledger"), ("CN", "other"), ("O", "Acme"))
    wanted = {"name": "wanted", "match": {"subject": {"CN": "Ledger", "O": "Acme"}}}
    excluded = {"name": "excluded", "match": {"organization": "Acme"}, "not": {"subject": {"CN": "other", "O": "Acme"}}}
    text = as_text(Report(explain(question(several, document(wanted, NO_ONE, excluded)))))
    for expected in (
        "NO  subject: wanted CN 'Ledger' and O 'Acme'; has 2 common names, so that none counts\n",
        "NO  excluded by common_name: wanted one of 'Journal', 'Ledger'; has 'Ledger', 'other'\n",
        "NO  excluded by subject: wanted CN 'other' and O 'Acme'; has CN 'Ledger', CN 'other', O 'Acme'\n",
    ):
        assert expected in text


def test_everything_that_is_in_the_way_is_told_at_once() -> None:
    usage = extension(EXTENDED_KEY_USAGE, der.sequence(der.oid("1.3.6.1.5.5.7.3.1")))
    server = pem(certificate_der(name(("CN", "server")), extensions=[usage]))
    explanation = explain(question(server, document(REPORTS), now=NOT_AFTER + timedelta(1), route="GET /x"))
    assert failed(explanation) == {
        "extended_key_usage": Reason.EXTENDED_KEY_USAGE_NOT_ALLOWED,
        "rules": Reason.ORGANIZATION_NOT_ALLOWED,
        "validity": Reason.CERTIFICATE_EXPIRED,
    }
    assert verdicts(explanation)["route"] is Verdict.NOT_REACHED
    assert explanation.refusal is Reason.EXTENDED_KEY_USAGE_NOT_ALLOWED


AUTHORITY = CertificateAuthority("Issuing CA")
TRUSTSTORE = read_truststore(AUTHORITY.pem)
ISSUED = pem(AUTHORITY.issue(7, subject=name(("O", "Acme"))))


@pytest.mark.parametrize(
    ("crl", "rules", "reason", "has"),
    [
        (AUTHORITY.revoke(), REPORTS, None, "good, "),
        (AUTHORITY.revoke(entry(7)), REPORTS, Reason.CERTIFICATE_REVOKED, "revoked, "),
        (AUTHORITY.revoke(entry(7)), PAYMENTS, Reason.CERTIFICATE_REVOKED, "revoked, "),
        (None, REPORTS, Reason.REVOCATION_STATUS_UNKNOWN, "unknown, no_list"),
    ],
)
def test_the_revocation_status_is_told_whatever_the_rules_say(
    crl: bytes | None, rules: object, reason: Reason | None, has: str
) -> None:
    lists = RevocationLists([read_crl(crl, TRUSTSTORE, CRL_TIME)] if crl else [], TRUSTSTORE)
    asked = question(ISSUED, document(rules), revocation=lists, now=CRL_TIME)
    explanation = explain(asked)
    check = next(check for check in explanation.checks if check.name == "revocation")
    assert check.reason is reason
    assert check.has is not None
    assert check.has.startswith(has)
    assert ("'CN=Issuing CA'" in check.has) is (crl is not None)
    assert (explanation.refusal is reason) is (rules is REPORTS)
    assert (advise(explanation) is None) is (explanation.refusal is None)
    expired = explain(asked._replace(now=CRL_TIME + timedelta(days=5000)))
    assert verdicts(expired)["revocation"] is Verdict.NOT_REACHED
    assert explanation.rules is not None


def test_a_list_that_cannot_be_had_is_told_and_the_certificate_is_denied(
    files: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    truststore = files("truststore.pem", AUTHORITY.pem)
    environment = {
        "ALLOWED_ORGANIZATIONS": "Acme",
        "TRUSTSTORE_URI": Path(truststore).as_uri(),
        "CRL_URIS": (tmp_path / "missing.crl").as_uri(),
    }
    result = in_process(
        capsys, "--cert", files("client.pem", ISSUED), "--json", "--at", "2026-06-01T12:00:00Z", **environment
    )
    assert result.code == 1
    explained = json.loads(result.output)
    assert explained["reason"] == "revocation_status_unknown"
    assert "document refresh failed" in explained["notes"][-1]
    assert "missing.crl: No such file or directory" in explained["notes"][-1]


def many_rules() -> bytes:
    return document(
        *(
            {"name": f"partner-{number}", "match": {"common_name": [f"client-{number}-{each}" for each in range(10)]}}
            for number in range(998)
        ),
        {"name": "near", "match": {"common_name": "LEDGER", "organization": "Acme"}},
        {"name": "many", "match": {"common_name": [f"a-{each}" for each in range(10_000)], "organization": "Acme"}},
    )


def test_a_thousand_rules_stay_readable_and_all_are_shown_if_asked_for(
    files: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--cert", files("client.pem", CLIENT), "--rules", files("rules.json", many_rules())]
    result = in_process(capsys, *arguments, "--at", AT)
    assert result.code == 1
    lines = result.output.splitlines()
    assert len(lines) < 60
    assert max(map(len, lines)) < 300
    start = lines.index("Rules: 0 of 1,000 match")
    assert lines[start + 1 : start + 4] == [
        "  NO  'near': common_name_not_allowed",
        "        NO  common_name: wanted 'LEDGER' (case differs); has 'Ledger'",
        "        ok  organization: wanted 'Acme'; has 'Acme'",
    ]
    assert "  997 more that don't match are left out: --all shows them" in lines
    everything = in_process(capsys, *arguments, "--all", "--json").output
    rules = json.loads(everything)["rules"]
    assert (len(rules["nearest"]), rules["left_out"]) == (1000, 0)
    assert max(len(rule["match"][0]["wanted"]) for rule in rules["nearest"]) == 10_000
    shortened = json.loads(in_process(capsys, *arguments, "--json").output)["rules"]
    assert (len(shortened["nearest"]), shortened["left_out"]) == (3, 997)
    longest = max((rule["match"][0] for rule in shortened["nearest"]), key=lambda match: match["wanted_total"])
    assert (len(longest["wanted"]), longest["wanted_total"]) == (100, 10_000)


def test_every_rule_that_matches_is_shown_and_long_policies_are_shortened() -> None:
    rules = [
        {"name": f"r{number}", "match": {"organization": "Acme"}, "allow": [f"* /{number}/*"]} for number in range(20)
    ]
    explanation = explain(question(rules=document(*rules)))
    text = as_text(Report(explanation))
    assert [f"  ok  'r{number}'" in text for number in range(20)] == [True] * 20
    assert '"... and 132 more"' in text
    assert "... and" not in as_text(Report(explanation, everything=True))
    assert "... and" not in as_json(Report(explanation))


def test_a_simple_answer_is_shown_where_it_is_configured_and_does_not_depend_on_a_route() -> None:
    simple: Any = {"response_format": ResponseFormat.SIMPLE}
    anyone = Rule("anyone", (), ALL_ROUTES, anyone=True)
    for asked, expected in (
        (question(rules=anyone, **simple), True),
        (question(rules=document(REPORTS), route="GET /reports/1", **simple), True),
        (question(rules=document(REPORTS), route="GET /x", **simple), False),
        (question(rules=document(PAYMENTS), **simple), False),
    ):
        explanation = explain(asked)
        assert explanation.simple_answer is not None
        assert explanation.simple_answer["isAuthorized"] is expected
        assert '"isAuthorized"' in as_text(Report(explanation))
    for asked in (
        question(rules=document(REPORTS), **simple),
        question(rules=anyone),
        question(rules=anyone, make_event=http_2_0_event, **simple),
    ):
        assert explain(asked).simple_answer is None


def test_values_of_every_kind_are_written_as_people_write_them() -> None:
    fingerprint = PeerCertificate.from_pem(CLIENT).fingerprint256
    rule = {
        "name": "rule",
        "match": {
            "fingerprint": fingerprint.replace(":", "").lower(),
            "serial_number": "01:02:03:04:05",
            "issuer": "CN=Acme Issuing CA,O=Acme",
            "subject": [{"CN": "Ledger", "OU": {"prefix": "pay"}}, {"O": "Emca"}],
            "subject_alt_name": [{"dns": "ledger.example"}, {"dns": {"suffix": ".acme.example"}}],
        },
    }
    text = as_text(Report(explain(question(rules=document(rule)))))
    for expected in (
        f"ok  fingerprint: wanted '{fingerprint}'; has '{fingerprint}'\n",
        "ok  serial_number: wanted '102030405'; has '102030405'\n",
        "ok  issuer: wanted 'CN=Acme Issuing CA,O=Acme'; has 'CN=Acme Issuing CA,O=Acme'\n",
        "ok  subject: wanted one of CN 'Ledger' and OU beginning with 'pay', O 'Emca'; has O 'Acme', OU 'payments', CN",
        "NO  subject_alt_name: wanted one of DNS ending with '.acme.example', DNS 'ledger.example'; has none\n",
    ):
        assert expected in text


def test_many_alternative_names_and_long_values_are_shortened() -> None:
    names = subject_alt_names(*(dns(f"host-{number}.example") for number in range(50)))
    serial_number = der.integer(int("7F" * 3000, 16))
    long = pem(certificate_der(name(("CN", "x" * 5000)), serial_number=serial_number, extensions=[names]))
    rule = {"name": "rule", "match": {"common_name": "x", "subject_alt_name": {"dns": "other.example"}}}
    text = as_text(Report(explain(question(long, document(rule)))))
    assert f"has '{'x' * 100}'...\n" in text
    assert "has DNS 'host-0.example', DNS 'host-1.example', DNS 'host-2.example' and 47 more\n" in text
    assert f"certificate    CN={'x' * 197}...\n" in text
    assert f"serial number  {'7F' * 100}...\n" in text
    everything = as_text(Report(explain(question(long, document(rule))), everything=True))
    assert "DNS 'host-49.example'\n" in everything


def section(heading: str) -> str:
    _, _, rest = (PROJECT / "docs" / "commands.md").read_text(encoding="utf-8").partition(f"# {heading}\n")
    assert rest
    return rest.partition("\n#")[0]


def test_the_documented_example_is_what_is_printed() -> None:
    golden, _, _ = (GOLDEN_FILES / "refused.txt").read_text().partition("The function answers")
    assert golden.rstrip() in section("explain")
    assert GOLDEN["refused"][2]["ALLOWED_COMMON_NAMES"] in section("explain")


def test_every_key_of_the_json_is_documented() -> None:
    asked = question(rules=document(NO_ONE), shadow_rules=RuleSet(parse_rules(document(PAYMENTS))))
    explained = json.loads(as_json(Report(explain(asked))))
    documented = re.findall(r"`(\w+)`", section("JSON output"))
    rows = re.findall(r"^\| (`.*?) \|", section("JSON output").partition("| key")[2], re.MULTILINE)
    assert [key for row in rows for key in re.findall(r"`(\w+)`", row)] == sorted(explained, key=documented.index)
    rule = explained["rules"]["nearest"][0]
    for keys in (explained["certificate"], explained["checks"][0], explained["rules"], rule, rule["match"][0]):
        assert keys.keys() <= set(documented)
    assert set(Verdict) <= set(documented)


# What it takes.


def test_the_event_gives_certificate_stage_and_route_and_what_is_given_beside_it_wins(
    files: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    rules = document(REPORTS).decode()
    event = files("event.json", http_2_0_event(client_pem(("CN", "other"), ("O", "Emca")), "GET", "/reports/1"))
    plain = json.loads(in_process(capsys, "--event", event, "--json", AUTHORIZER_RULES=rules).output)
    assert plain["reason"] == "organization_not_allowed"
    assert (plain["stage_arn"], plain["route"], plain["event_format"]) == (STAGE_ARN, "GET /reports/1", "http-2.0")
    assert plain["notes"] == []
    replaced = in_process(
        capsys, "--event", event, "--cert", files("client.pem", CLIENT), "--json", AUTHORIZER_RULES=rules
    )
    assert replaced.code == 0
    assert json.loads(replaced.output)["notes"] == ["the certificate given counts, not the event's"]
    other_route = in_process(
        capsys, "--event", event, "--cert", files("client.pem", CLIENT), "--route", "GET /x", AUTHORIZER_RULES=rules
    )
    assert other_route.code == 1
    assert "Deny: route_not_allowed" in other_route.output


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (CLIENT, None),
        (f"\n{CLIENT}\n", None),
        (CLIENT.replace("\n", "\r\n"), None),
        (CLIENT + client_pem(("CN", "CA")), "the file holds 2 certificates: the first one counts."),
        (f"Bag Attributes\u00e9\n{CLIENT}", "the file holds more than a certificate: the first one counts."),
        (f"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n{CLIENT}", "the file holds more than"),
    ],
)
def test_the_first_certificate_of_a_file_counts(
    content: str, note: str | None, files: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    result = in_process(capsys, "--cert", files("client.pem", content), "--json", ALLOWED_COMMON_NAMES="Ledger")
    assert result.code == 0
    notes = json.loads(result.output)["notes"]
    assert len(notes) == (1 if note is None else 2)
    assert note is None or notes[0].startswith(note)


@pytest.mark.parametrize("at", [AT, "2026-11-22T01:00:00+01:00", "2026-11-22"])
def test_another_time_counts_and_needs_its_offset(
    at: str, files: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    result = in_process(capsys, "--cert", files("client.pem", CLIENT), "--at", at, "--json")
    if at == "2026-11-22":
        assert result.code == 2
    else:
        assert json.loads(result.output)["time"] == AT


def test_rules_may_be_in_the_environment_in_a_file_or_at_a_uri_and_all_are_the_same(
    files: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = files("rules.json", document(PAYMENTS, REPORTS))
    arguments = ["--cert", files("client.pem", CLIENT), "--json", "--at", AT]
    lists = {"ALLOWED_ORGANIZATIONS": "Acme"}
    rules = document(PAYMENTS, REPORTS).decode()
    results = [
        in_process(capsys, *arguments, AUTHORIZER_RULES=rules, **lists),
        in_process(capsys, *arguments, "--rules", file, **lists),
        in_process(capsys, *arguments, "--rules", file, AUTHORIZER_RULES="replaced", **lists),
        in_process(capsys, *arguments, "--rules", file, AUTHORIZER_RULES_URI="replaced", **lists),
        in_process(capsys, *arguments, "--rules", (tmp_path / "rules.json").as_uri(), **lists),
        in_process(capsys, *arguments, AUTHORIZER_RULES_URI=(tmp_path / "rules.json").as_uri(), **lists),
    ]
    documents = [json.loads(result.output) for result in results]
    versions = [(document.pop("configuration_version"), document["rules"].pop("version")) for document in documents]
    assert documents == [documents[0]] * len(documents)
    assert [version is not None for _, version in versions] == [False, False, False, False, True, True]
    assert [rule["name"] for rule in documents[0]["rules"]["matching"]] == ["environment", "acme-reports"]


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        ([], {}, "no certificate: name a file in PEM with --cert (CERT), or an event with --event (EVENT)"),
        (["--cert", "missing.pem"], {}, "missing.pem can't be read: "),
        (["--cert", "."], {}, ". can't be read: "),
        (["--cert", "nul\0.pem"], {}, "nul\\x00.pem can't be read: "),
        (["--cert", "text"], {}, "text holds no certificate in PEM (for DER: openssl x509 -inform DER"),
        (["--cert", "large"], {}, "large has more than 6,291,456 bytes"),
        (["--event", "missing.json"], {}, "missing.json can't be read: "),
        (["--event", "text"], {}, "text is not an event in JSON: "),
        (["--event", "deep"], {}, "deep is not an event in JSON: "),
        (["--event", "number"], {}, "number is not an event in JSON: "),
        (["--event", "latin-1"], {}, "latin-1 is not an event in JSON: "),
        (["--event", "other.json"], {}, "other.json: not an event of a Lambda authorizer of type REQUEST"),
        (["--event", "stage.json"], {}, "stage.json: the event's methodArn or routeArn is not an execute-api ARN"),
        (["--cert", "client.pem", "--route", "GET"], {}, "route 'GET': write a method (GET, HEAD"),
        (["--cert", "client.pem", "--route", "get /x"], {}, "route 'get /x': write a method"),
        (["--cert", "client.pem", "--route", "GET x"], {}, "route 'GET x': write a method"),
        (["--cert", "client.pem", "--route", "* /x"], {}, "route '* /x': write a method"),
        (["--cert", "client.pem", "--route", "GET /x?y=z"], {}, "route 'GET /x?y=z': write a method"),
        (["--cert", "client.pem", "--at", "tomorrow"], {}, "time 'tomorrow': write it like 2026-12-01T00:00:00Z"),
        (["--cert", "client.pem", "--at", "0001-01-01T00:00:00+14:00"], {}, "time '0001"),
        (["--cert", "client.pem", "--rules", "missing.json"], {}, "missing.json can't be read: "),
        (["--cert", "client.pem", "--rules", "text"], {}, "text: rules rejected: the document is not JSON"),
        (["--cert", "client.pem", "--rules", "bad.json"], {}, "bad.json: rules rejected: rules[0].match.common_nam"),
        (["--cert", "client.pem", "--rules", "http://x/y"], {}, "configuration refused: AUTHORIZER_RULES_URI is 'http"),
        (["--cert", "client.pem", "--rules", "file:///nowhere/x"], {}, "file:///nowhere/x: No such file or directory"),
        (["--cert", "client.pem"], {"ALLOWED_COMMON_NAME": "x"}, "configuration refused: ALLOWED_COMMON_NAME is not"),
        (["--cert", "client.pem"], {"AUTHORIZER_RULES": "[]"}, "configuration refused: AUTHORIZER_RULES rules rejec"),
        (
            ["--cert", "client.pem"],
            {"AUTHORIZER_SHADOW_RULES_URI": "file:///nowhere/x"},
            "file:///nowhere/x: No such file or directory",
        ),
    ],
)
def test_bad_input_is_one_line_for_a_person(  # noqa: PLR0913, PLR0917 -- three are fixtures
    arguments: list[str],
    environment: dict[str, str],
    message: str,
    files: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    files("client.pem", CLIENT)
    files("text", "no\x1b[31m")
    files("large", bytes(6 * 1024 * 1024 + 1))
    files("deep", "[" * 1_000_000)
    files("number", "1" * 10_000)
    files("latin-1", b'"\xe9"')
    files("other.json", {"type": "TOKEN"})
    files("stage.json", rest_event(CLIENT, methodArn="arn:\x1b[31m"))
    files("bad.json", document({"name": "x", "match": {"common_nam": "\x1b[31m"}}))
    result = in_process(capsys, *arguments, **environment)
    assert (result.code, result.output) == (2, "")
    assert result.errors.startswith(f"explain: {message}")
    assert result.errors.endswith("\n")
    assert result.errors.count("\n") == 1
    assert result.errors[:-1].isprintable()


def test_the_command_exits_with_0_1_or_2_and_never_with_a_traceback(files: Callable[..., str]) -> None:
    client = files("client.pem", CLIENT)
    for arguments, environment, code in (
        (["--cert", client], {"ALLOWED_COMMON_NAMES": "Ledger"}, 0),
        (["--cert", client], {"ALLOWED_COMMON_NAMES": "Other"}, 1),
        (["--cert", client, "--json"], {}, 1),
        (["--cert", files("garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")], {}, 1),
        (["--cert", client], {"ALLOWED_COMMON_NAMES": ""}, 2),
        (["--cert", client, "--rules", "file:///nowhere"], {}, 2),
        (["--certificate", client], {}, 2),
    ):
        result = as_command(*arguments, environment=environment)
        assert result.code == code
        assert "Traceback" not in result.errors
        assert bool(result.output) is (code != 2)
        assert bool(result.errors) is (code == 2)


def test_nothing_that_a_client_chose_reaches_a_terminal_unescaped(files: Callable[..., str]) -> None:
    hostile = pem(
        certificate_der(
            name(("CN", "a\u202e\u2066\u200b\u2028\ue000\u00e9\U0001f600"), ("O", "Acme")),
            name(("CN", "\u202eCA")),
            extensions=[subject_alt_names(uri("x:\x1b[31m"), dns("\x1b]0;pwned\x07"))],
        )
    )
    unprintable = pem(certificate_der(name(("CN", NASTY)), name(("O", NASTY))))
    event = http_2_0_event(hostile, "GET", f"/{NASTY}")
    rules = document({"name": "x", "description": NASTY[:-2], "match": {"common_name": "a\u202e\u200b"}})
    for code, arguments, environment in (
        (1, ["--cert", files("hostile.pem", hostile)], {"ALLOWED_SUBJECT_ALT_NAMES": "DNS:x"}),
        (0, ["--cert", files("hostile.pem", hostile)], {"ALLOWED_ORGANIZATIONS": "Acme"}),
        (1, ["--cert", files("unprintable.pem", unprintable)], {"ALLOWED_ORGANIZATIONS": "Acme"}),
        (1, ["--event", files("event.json", event)], {"AUTHORIZER_RULES": document(REPORTS).decode()}),
        (2, ["--cert", files("hostile.pem", hostile), "--rules", files("rules.json", rules)], {}),
        (2, ["--cert", files("x.pem", "x"), "--event", NASTY.replace("\0", "")], {}),
        (1, ["--cert", files("hostile.pem", hostile)], {"ALLOWED_COMMON_NAMES": "a\u202e,\u200b"}),
    ):
        for more in ([], ["--json"], ["--all"]):
            result = as_command(*arguments, *more, environment=environment)
            assert result.code == code
            assert re.fullmatch(r"[ -~\n]*", result.output)
            assert all(line.isprintable() for line in result.errors.splitlines())
            assert result.errors.count("\n") == (code == 2)


def test_a_reader_that_has_seen_enough_is_no_error(files: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        assert main(["--cert", files("client.pem", CLIENT)], {}) == 1


def test_the_module_is_the_command(
    files: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["explain", "--cert", files("client.pem", CLIENT)])
    monkeypatch.setenv("ALLOWED_COMMON_NAMES", "Ledger")
    # A module that is there already isn't run without a warning.
    monkeypatch.delitem(sys.modules, "mtls_authorizer_cli.explain")
    with pytest.raises(SystemExit) as exit_:
        runpy.run_module("mtls_authorizer_cli.explain", run_name="__main__")
    assert exit_.value.code == 0
    assert "\nAllow\n  May call every route\n" in capsys.readouterr().out


HELP = """\
usage: explain [-h] [--cert FILE] [--event FILE] [--rules FILE|URI]
               [--route 'GET /path'] [--at TIME] [--all] [--json]

Say why a client certificate is let in or not, by the configuration in this
environment. Exit code: 0 for Allow, 1 for Deny, 2 for what can't be read.

options:
  -h, --help           show this help message and exit
  --cert FILE          the certificate in PEM; the first one of several
  --event FILE         an event of the authorizer in JSON, for what isn't
                       given here
  --rules FILE|URI     a rules document in place of AUTHORIZER_RULES and
                       AUTHORIZER_RULES_URI
  --route 'GET /path'  what is asked for; by default, no route in particular
  --at TIME            when, such as 2026-12-01T00:00:00Z; by default, now
  --all                leave out no rules and no values
  --json               print JSON, for a program
"""


def test_the_help_says_what_can_be_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as exit_:
        main(["--help"], {})
    assert exit_.value.code == 0
    # Python 3.13 and others don't break the lines of the usage at the same places.
    assert capsys.readouterr().out.split() == HELP.split()


def test_a_file_as_large_as_an_event_may_be_is_read_and_a_larger_one_is_not(
    files: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    largest = files("client.pem", CLIENT.ljust(6 * 1024 * 1024))
    assert in_process(capsys, "--cert", largest, ALLOWED_COMMON_NAMES="Ledger").code == 0
    too_large = files("large.pem", CLIENT.ljust(6 * 1024 * 1024 + 1))
    assert in_process(capsys, "--cert", too_large) == (
        2,
        "",
        f"explain: {too_large} has more than 6,291,456 bytes: that is no certificate and no event\n",
    )


def test_a_files_name_is_written_as_it_is_where_that_can_be_printed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = tmp_path / "caf\u00e9\\client.pem"
    text.write_text("no certificate")
    result = in_process(capsys, "--cert", str(text))
    assert result.errors.startswith(f"explain: {tmp_path}/caf\u00e9\\client.pem holds no certificate in PEM")


def test_what_is_said_of_a_failure_ends_with_the_command(
    files: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = list(logger.handlers)
    assert in_process(capsys, "--cert", files("client.pem", CLIENT)).code == 1
    assert logger.handlers == before


@pytest.mark.parametrize(("route", "written"), [([], None), (["--route", "GET /x"], "GET /x")])
def test_without_an_event_api_and_stage_are_made_up_and_the_route_is_the_one_given(
    route: list[str], written: str | None, files: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    result = in_process(capsys, "--cert", files("client.pem", CLIENT), *route, "--json")
    explained = json.loads(result.output)
    assert explained["route"] == written
    assert explained["notes"] == ["no event given: API and stage are made up, as of a REST API"]
    assert explained["stage_arn"] == "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/stage"


def test_make_passes_files_and_routes_on_as_they_are(files: Callable[..., str], tmp_path: Path) -> None:
    client = files("the client's $HOME.pem", CLIENT)
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    # These tests may run under make themselves, with its flags and another environment.
    environment = {name: value for name, value in os.environ.items() if not re.match("M(AKE|FLAGS)|VENV|PYTHON", name)}
    venv = tmp_path / "venv"
    made = ["make", "-s", "-o", f"{venv}/.run", f"VENV={venv}", "explain", f"CERT={client.replace('$', '$$')}"]
    result = subprocess.run(
        [*made, f"RULES={files('rules.json', document(REPORTS))}", 'ROUTE=GET /reports/"$$(id)`id`', "ARGS=--at " + AT],
        cwd=PROJECT,
        env={**environment, "EVENT": files("event.json", http_2_0_event())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert """route          'GET /reports/"$(id)`id`'\n""" in result.stdout
    assert f"stage          {STAGE_ARN}\n" in result.stdout
    assert "the certificate given counts, not the event's" in result.stdout


def test_the_function_does_not_pay_for_it() -> None:
    code = "import sys, mtls_authorizer.handler; print([name for name in sys.modules if 'expla' in name])"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(("layer", "authorizer", "tools"))}
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"
