"""The soak finds nothing wrong in a short run, and would find it: a wrong answer, a lost line, memory that grows."""

from __future__ import annotations

import json
import os
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.measuring.running_function import Invocation
from benchmarks.soak.__main__ import main
from benchmarks.soak.checks import (
    Log,
    Memory,
    Request,
    RequestStart,
    ResponseChecker,
    invocation_problem,
    log_problems,
    read_log,
    record_problems,
    response_problem,
)
from benchmarks.soak.clients import (
    LAST_EDITION,
    REJECTED_BY_TLS,
    UNAUTHENTICATED,
    Authority,
    Client,
    Entitlement,
    Kind,
    Route,
    clients_without_certificates,
    entitlement,
    routes_to_request,
    rules_document,
    sequence_of,
)
from benchmarks.soak.gateway import soak_gateway
from benchmarks.soak.gateway_process import KINDS
from benchmarks.soak.report import describe
from benchmarks.soak.run import LARGEST_GROWTH, Result, Run, publish_rules
from benchmarks.soak.runtime import soak_runtime
from mtls_authorizer.request.assessment import MAX_CACHED_CERTIFICATES
from mtls_authorizer.rules.document.reader import RulesError, parse_rules
from mtls_authorizer.rules.routes import ALL_ROUTES
from tests.aws.api_events import STAGE_ARN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TENANT = Client(Kind.TENANT, "pem", "client-1", 3, "0A", "AA:BB")
LAPSING = TENANT._replace(kind=Kind.LAPSING, not_after=1000.0)
LEAVER = TENANT._replace(kind=Kind.LEAVER)
NEWCOMER = TENANT._replace(kind=Kind.NEWCOMER)
OWN, OTHER, OUT = Route("GET", "/tenants/3/orders"), Route("GET", "/tenants/4/orders"), Route("GET", "/tenants/3/../4")
REPORTS = Route("GET", "/reports")
CONTEXT = {
    "clientCertCN": "client-1",
    "clientCertSerialNumber": "0A",
    "clientCertFingerprint256": "AA:BB",
    "edition": "1",
    "tenant": "3",
}


def seeded() -> Random:
    return Random(1)  # noqa: S311 -- the same each time


@pytest.fixture(scope="module")
def clients() -> list[Client]:
    return Authority().make_clients(40, 1000, seeded())


def policy(allow: list[str], deny: list[str]) -> dict[str, Any]:
    effects = {"Allow": allow, "Deny": deny}
    statements = [
        {"Effect": effect, "Action": "execute-api:Invoke", "Resource": [f"{STAGE_ARN}/{each}" for each in resources]}
        for effect, resources in effects.items()
    ]
    return {"principalId": "client-1", "policyDocument": {"Statement": statements}, "context": CONTEXT}


def posted(payload: object, kind: str = "response") -> Invocation:
    return Invocation(kind, payload, 0.001)


RIGHT = policy(["GET/tenants/3/*", "POST/tenants/3"], ["*/..*", "*%2e*"])


def test_a_short_run_under_the_runtime_client_finds_nothing_wrong(tmp_path: Path) -> None:
    result = soak_runtime(tmp_path, 1200, MAX_CACHED_CERTIFICATES + 200, seeded())
    assert result.problems == []
    assert result.wrong_responses == 0
    assert result.certificates == MAX_CACHED_CERTIFICATES + 200
    assert sum(result.outcomes.values()) == len(result.seconds) == len(result.log.decisions) == 1200
    assert set(result.outcomes) == {"allowed", "denied", "malformed", "missing"}
    assert result.log.messages["document loaded"] == LAST_EDITION
    assert result.log.messages["document refresh failed"] >= 1
    assert 10 < result.memory.samples[0] < 200


def test_a_short_run_behind_the_gateway_finds_nothing_wrong_but_that_it_is_short(tmp_path: Path) -> None:
    result = soak_gateway(tmp_path, 240, 40, seeded())
    assert result.problems == ["the cache was never full"]
    assert sum(result.outcomes.values()) == len(result.seconds) == len(result.log.decisions) == 240
    assert result.handshakes
    assert result.rejected_handshakes
    # The first edition is read before there is a log.
    assert result.log.messages["document loaded"] == len(KINDS)


@pytest.mark.parametrize(
    ("second", "third", "problem"),
    [
        (rules_document(2), rules_document(3) + b"}", "must be"),
        (rules_document(1), rules_document(3), "the new rules never came into force"),
        (rules_document(2), rules_document(2), "failed refreshes: 0"),
    ],
    ids=["everybody", "no change", "none that are broken"],
)
def test_rules_that_change_otherwise_are_found(
    second: bytes, third: bytes, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = {1: rules_document(1), 2: second, 3: third}

    def publish(path: Path, edition: int) -> None:
        publish_rules(path, 1)
        path.write_bytes(documents[edition])

    monkeypatch.setattr("benchmarks.soak.run.publish_rules", publish)
    result = soak_runtime(tmp_path, 360, 100, seeded())
    assert any(problem in each for each in result.problems)
    assert (result.wrong_responses > 0) is (problem == "must be")


def test_rules_are_valid_but_for_those_after_the_last_edition() -> None:
    for edition in range(1, LAST_EDITION + 1):
        assert parse_rules(rules_document(edition))
    with pytest.raises(RulesError):
        parse_rules(rules_document(LAST_EDITION + 1))
    # The truncated document would allow every client.
    assert parse_rules(rules_document(LAST_EDITION + 1) + b"}")[0].routes is ALL_ROUTES


def test_rules_are_published_at_once(tmp_path: Path) -> None:
    for edition in (1, 2):
        publish_rules(tmp_path / "rules.json", edition)
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [rules_document(edition)]


def test_there_are_clients_of_every_kind(clients: list[Client]) -> None:
    without = clients_without_certificates(clients)
    assert {client.kind for client in clients + without} == set(Kind)
    assert len({client.pem for client in clients + without}) == len(clients + without)
    assert [client.kind for client in without].count(Kind.MISSING) == 1
    assert {client.kind for client in without} < UNAUTHENTICATED
    assert {client.kind for client in clients} > REJECTED_BY_TLS


def test_each_client_is_used_once_before_any_is_repeated_and_one_in_ten_has_no_certificate(
    clients: list[Client],
) -> None:
    without = clients_without_certificates(clients)
    sequence = sequence_of(clients, without, seeded())
    first = [next(sequence) for _ in range(2000)]
    with_certificate = [client for client in first if client.serial_number]
    assert with_certificate[: len(clients)] == clients
    assert 0.05 < sum(client.kind is Kind.MISSING for client in first) / len(first) * 2 < 0.15
    assert Counter(with_certificate)[clients[0]] > Counter(with_certificate)[clients[-1]]


@pytest.mark.parametrize(
    ("client", "edition", "lapsed", "may_call", "reason"),
    [
        (TENANT, 1, False, [OWN], None),
        (TENANT, 2, True, [OWN], None),
        (LAPSING, 1, False, [OWN], None),
        (LAPSING, 1, True, [], "certificate_expired"),
        (LEAVER, 1, False, [REPORTS], None),
        (LEAVER, 2, False, [], "no_rule_matched"),
        (NEWCOMER, 1, False, [], "no_rule_matched"),
        (NEWCOMER, 2, False, [REPORTS], None),
        (TENANT._replace(kind=Kind.OPERATOR), 1, False, [OWN, OTHER, OUT, REPORTS], None),
        (TENANT._replace(kind=Kind.STRANGER), 1, False, [], "no_rule_matched"),
        (Client(Kind.MISSING), 1, False, [], "lambda_event_missing_clientcert"),
    ],
)
def test_the_expected_response_follows_from_the_kind_of_client(
    *,
    client: Client,
    edition: int,
    lapsed: bool,
    may_call: list[Route],
    reason: str | None,
) -> None:
    entitled = entitlement(client, edition, lapsed=lapsed)
    assert [route for route in (OWN, OTHER, OUT, REPORTS) if entitled.may_call(route)] == may_call
    assert entitled.reason == reason


@pytest.mark.parametrize(
    ("rest", "route", "given", "right"),
    [
        (True, OWN, posted(RIGHT), True),
        (True, OTHER, posted(RIGHT), True),
        (True, OWN, posted(policy(["*/*"], ["*/..*", "*%2e*"])), False),
        (True, OWN, posted(policy(["GET/tenants/3/*", "POST/tenants/3"], ["*/..*"])), False),
        (True, OWN, posted(policy(["POST/tenants/3"], ["*/..*", "*%2e*"])), False),
        (True, OWN, posted(RIGHT | {"principalId": "operator"}), False),
        (True, OWN, posted(RIGHT | {"context": CONTEXT | {"tenant": "4"}}), False),
        (True, OWN, posted(RIGHT | {"context": CONTEXT | {"edition": "2"}}), False),
        (True, OWN, posted(RIGHT | {"context": None}), False),
        (True, OWN, posted({"errorMessage": "Unauthorized"}, "error"), False),
        (False, OWN, posted({"isAuthorized": True, "context": CONTEXT}), True),
        (False, OWN, posted({"isAuthorized": False, "context": CONTEXT}), False),
        (False, OTHER, posted({"isAuthorized": True, "context": CONTEXT}), False),
        (False, OTHER, posted({"isAuthorized": False, "context": {"reason": "route_not_allowed"}}), True),
        (False, OTHER, posted({"isAuthorized": False, "context": {"reason": "no_rule_matched"}}), False),
        (False, OWN, posted(None), False),
    ],
)
def test_the_whole_response_of_the_function_is_compared(
    *,
    rest: bool,
    route: Route,
    given: Invocation,
    right: bool,
) -> None:
    request = Request(TENANT, route, rest)
    problem = invocation_problem(Entitlement(TENANT, None, 1), request, routes_to_request(TENANT), given)
    assert (problem is None) is right


@pytest.mark.parametrize(
    ("given", "right"),
    [
        (posted({"errorMessage": "Unauthorized"}, "error"), True),
        (posted({"errorMessage": "unauthorized"}, "error"), False),
        (posted(RIGHT), False),
    ],
)
def test_a_client_without_a_certificate_is_unauthorized_on_a_rest_api(given: Invocation, *, right: bool) -> None:
    client = Client(Kind.MISSING)
    entitled = entitlement(client, 1, lapsed=False)
    assert (invocation_problem(entitled, Request(client, OWN, rest=True), [], given) is None) is right


@pytest.mark.parametrize(
    ("client", "rest", "route", "status", "right"),
    [
        (TENANT, True, OWN, 200, True),
        (TENANT, True, OWN, 403, False),
        (TENANT, False, OTHER, 403, True),
        (TENANT, False, OTHER, 200, False),
        (TENANT._replace(tenant=4), False, OTHER, 200, False),
        (Client(Kind.MISSING), True, OWN, 401, True),
        (Client(Kind.MISSING), True, OWN, 403, False),
        (Client(Kind.MISSING), False, OWN, 403, True),
        (Client(Kind.MISSING), False, OWN, 500, False),
    ],
)
def test_the_response_of_the_gateway_is_compared(
    *,
    client: Client,
    rest: bool,
    route: Route,
    status: int,
    right: bool,
) -> None:
    entitled = entitlement(client, 1, lapsed=False)
    problem = response_problem(entitled, Request(client, route, rest), status, json.dumps(CONTEXT).encode())
    assert (problem is None) is right


def right_by(edition: int) -> Any:  # noqa: ANN401 -- a problem's function
    return lambda entitled: None if entitled.edition == edition else f"is by {edition}"


def test_old_rules_decide_nothing_after_new_ones_have() -> None:
    checker, request = ResponseChecker(), Request(TENANT, OWN, rest=True)
    before = checker.begin()
    assert checker.check(before, request, right_by(2)) is None  # too early
    checker.publish(2)
    assert checker.check(before, request, right_by(1))  # not there yet
    assert checker.in_force == 1
    assert checker.check(checker.begin(), request, right_by(2))
    assert checker.in_force == 2
    assert checker.check(before, request, right_by(1))  # was under way
    assert checker.check(checker.begin(), request, right_by(1)) is None
    assert checker.wrong_responses == 2
    asked_for = "TENANT Route(method='GET', path='/tenants/3/orders')"
    assert checker.problems() == [f"{asked_for}: is by 2", f"{asked_for}: is by 1"]


def test_new_rules_that_never_take_effect_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    checker, request = ResponseChecker(), Request(TENANT, OWN, rest=True)
    monkeypatch.setattr("benchmarks.soak.checks._LATEST_SECONDS", -1)
    checker.publish(2)
    assert checker.check(checker.begin(), request, right_by(1)) is None
    assert "the new rules never came into force" in checker.problems()


@pytest.mark.parametrize(("began", "reasons"), [(999, [None, "certificate_expired"]), (1001, ["certificate_expired"])])
def test_a_certificate_may_only_be_either_while_its_end_is_within_the_request(
    began: int, reasons: list[str | None]
) -> None:
    seen: list[str | None] = []

    def look(entitled: Entitlement) -> str:
        seen.append(entitled.reason)
        return "wrong"

    ResponseChecker().check(RequestStart(began, 1), Request(LAPSING, OWN, rest=True), look)
    assert sorted(seen, key=str) == sorted(reasons, key=str)


def test_memory_is_that_of_the_process() -> None:
    memory = Memory(os.getpid())
    memory.look()
    held = b"x" * (50 << 20)
    memory.look()
    assert 45 < memory.growth < 100
    assert len(held) == 50 << 20


def line(**fields: object) -> str:
    return json.dumps(fields) + "\n"


DECISION = line(decision="allow", request_id="1", principal="client-1", serial_number="0A", cached=True)
METRICS = line(_aws={}, Allowed=1, RulesRefreshFailures=1)
FAILED = line(message="document refresh failed")


def log_of(folder: Path, text: str) -> Log:
    path = folder / "log"
    path.write_text(text, encoding="utf-8")
    return read_log(path)


def test_a_log_is_counted_line_by_line(tmp_path: Path) -> None:
    log = log_of(tmp_path, DECISION + METRICS + FAILED + line(errorMessage="Unauthorized"))
    assert log_problems(log, allowed=1, decisions=1) == []
    assert log.lines == 4
    assert log.messages == {"document refresh failed": 1, "Unauthorized": 1}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (DECISION + METRICS + FAILED + "{\n", "isn't a JSON object: b'{"),
        (DECISION + METRICS + FAILED + "[]\n", "isn't a JSON object"),
        (DECISION + METRICS + FAILED + "\n", "isn't a JSON object"),
        (DECISION + METRICS + FAILED + line(message="-----BEGIN CERTIFICATE-----"), "a certificate is in the log"),
        (METRICS + FAILED, "decisions in the log: 0, not 1"),
        (DECISION * 2 + METRICS + FAILED, "decisions in the log: 2, not 1"),
        (DECISION + FAILED, "lines of metrics in the log: 0, not 1"),
        (DECISION.replace("allow", "deny") + METRICS + FAILED, "decisions to allow in the log: 0, not 1"),
        (DECISION + METRICS.replace("Allowed", "Denied") + FAILED, "Allowed in the log: 0, not 1"),
        (DECISION + METRICS, "failed refreshes: 0 in the log"),
        (DECISION + METRICS + FAILED * 2, "failed refreshes: 2 in the log, 1 counted"),
    ],
)
def test_a_log_that_is_not_right_is_a_problem(text: str, problem: str, tmp_path: Path) -> None:
    assert problem in "\n".join(log_problems(log_of(tmp_path, text), allowed=1, decisions=1))


@pytest.mark.parametrize(
    ("record", "right"),
    [
        (DECISION, True),
        (DECISION.replace("allow", "deny"), False),
        (DECISION.replace('"1"', '"2"'), False),
        (DECISION.replace("0A", "0B"), False),
        (DECISION.replace("client-1", "operator"), False),
        (DECISION.replace("}", ', "reason": "certificate_expired"}'), False),
    ],
)
def test_each_record_must_be_that_of_the_answer(record: str, *, right: bool, tmp_path: Path) -> None:
    expected = [("1", Request(TENANT, OWN, rest=True), entitlement(TENANT, 1, lapsed=False))]
    assert (record_problems(log_of(tmp_path, record), expected) == []) is right


class FakeMemory(Memory):
    def __init__(self, *samples: float) -> None:
        super().__init__(os.getpid())
        self.samples = list(samples)


def result_of(problems: list[str]) -> Result:
    outcomes = Counter({"allowed": 3, "denied": 4, "malformed": 2, "missing": 1})
    decisions: list[Mapping[str, Any]] = [{"cached": number < 4} for number in range(10)]
    log = Log(21, decisions, Counter(), Counter({"document refresh failed": 5}), [])
    seconds = [number / 1000 for number in range(1, 11)]
    return Result(7, outcomes, 0, seconds, 2.0, FakeMemory(30, 33, 32), log, [], 0, problems)


def test_the_table_has_what_was_measured() -> None:
    gateway = result_of([])._replace(handshakes=[0.005], rejected_handshakes=3)
    report = describe({"one way": result_of([]), "the other": gateway})
    rows = {
        row[0].strip(): row[1].strip()
        for row in (each.strip("|").split("|") for each in report.splitlines())
        if len(row) == 3
    }
    assert rows["wrong responses"] == "0"
    assert rows["found in the cache"] == "40%"
    assert (rows["decisions a second"], rows["ms, p50"], rows["ms, p99.9"], rows["ms, max"]) == (
        "5",
        "6.0",
        "10.0",
        "10.0",
    )
    assert (rows["memory once the cache is full, MiB"], rows["at most from then on"], rows["growth"]) == (
        "30.0",
        "33.0",
        "+2.0",
    )
    assert "| 1, 3 |" in report
    assert "A TLS handshake took 5 ms." in report


@pytest.mark.parametrize("problems", [[], ["a wrong answer"]])
def test_the_command_writes_the_table_only_where_nothing_is_wrong(
    problems: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sizes: list[tuple[int, int]] = []

    def pretend(_folder: Path, decisions: int, certificates: int, _random: Random) -> Result:
        sizes.append((decisions, certificates))
        return result_of(problems)

    monkeypatch.setattr("benchmarks.soak.__main__.WAYS", {"one way": pretend, "the other": pretend})
    path = tmp_path / "results" / "soak.md"
    arguments = ["--decisions", "10", "--gateway-decisions", "5", "--certificates", "7", "--results", str(path)]
    assert main(arguments) == (1 if problems else 0)
    assert sizes == [(10, 7), (5, 7)]
    assert path.exists() is not bool(problems)
    assert ("one way: a wrong answer" in capsys.readouterr().err) is bool(problems)


def test_memory_that_grows_is_a_problem(tmp_path: Path) -> None:
    run = Run(0, tmp_path / "rules.json", os.getpid(), [ResponseChecker()])
    run.memory = FakeMemory(30, 30 + LARGEST_GROWTH + 0.1)
    problems = run.result(Log(0, [], Counter(), Counter(), []), []).problems
    assert any("memory grew by 8.1 MiB" in problem for problem in problems)
