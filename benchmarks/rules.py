"""The cost of many rules and long lists for a decision on a new certificate, compared with one rule with one value.

``make bench-rules`` runs this, and writes ``benchmarks/results/rules.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.measuring.processes import describe_machine, run
from benchmarks.measuring.report import make_report, write_report
from client_certificate_auth import read_client_certificate
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.settings import Settings
from mtls_authorizer.request.assessment import assess
from mtls_authorizer.request.decision import decide
from mtls_authorizer.request.event import read_request
from mtls_authorizer.request.response import make_response
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.rule_set import RuleSet
from tests.aws.api_events import rest_event
from tests.pki.certificates import certificate_der, name, pem, subject_alt_names, uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "benchmarks" / "results" / "rules.md"
# Fields that every certificate has: all cases read the same kind of certificate.
SUBJECT = (("C", "US"), ("ST", "Washington"), ("L", "Seattle"), ("O", "Acme"), ("OU", "payments"))
NOW = datetime(2026, 11, 22, tzinfo=UTC)

LOAD = """
import json, sys, time
from pathlib import Path
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer.rules.document.reader import parse_rules

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4 / 1024

content = Path(sys.argv[1]).read_bytes()
before, started = resident(), time.process_time()
rules = RuleSet(parse_rules(content))
print(json.dumps({"load": (time.process_time() - started) * 1000, "grown": resident() - before}))
print(open("/proc/self/status").read())
"""


class Case(NamedTuple):
    """A document and a certificate. ``base`` is the document with one rule of one value that has the same decision."""

    what: str
    document: dict[str, Any]
    base: dict[str, Any]
    certificate: str
    at_most: float
    allowed: bool = True


class Figures(NamedTuple):
    """Medians: microseconds of CPU time for a decision and for that of its base, and the median of the rounds' ratios.

    Also milliseconds of CPU time to load the document, and the MiB that it occupies.
    """

    decision: float
    base: float
    ratio: float
    load: float
    memory: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40, help="how often each case is measured (default: %(default)s)")
    parser.add_argument("--decisions", type=int, default=100, help="of a case in a round (default: %(default)s)")
    parser.add_argument("--rules", type=int, default=1000, help="in a large document (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where to write (default: %(default)s)")
    options = parser.parse_args(arguments)
    cases = make_cases(options.rules)
    figures = measure(cases, options.rounds, options.decisions)
    write_report(describe(cases, figures, options.rounds, options.decisions), options.results)


def make_cases(count: int) -> list[Case]:
    """Return the cases: ``count`` rules with up to 100 values each, as many as a document may contain."""
    names = [[f"client-{number}-{each}" for each in range(100)] for number in range(count)]
    first, last = names[0][0], names[-1][-1]
    shared = {"O": "Acme", "CN": "Acme Issuing CA"}
    until = "2026-12-31T23:59:59Z"
    listed = f"{count} rules, each with 100"
    all_names = rules({"common_name": each} for each in names)
    one_first, one_last, one_other = (rules([{"common_name": each}]) for each in (first, last, "other"))
    with_client = [{"common_name": ["client", *each[1:]]} for each in names]
    one_client = [{"common_name": "client"}]
    return [
        Case(
            f"{count * 10:,} common names in one list",
            rules([{"common_name": [f"client-0-{each}" for each in range(count * 10)]}]),
            one_first,
            certificate(first),
            at_most=1.1,
        ),
        Case(f"{listed} common names: none matches", all_names, one_other, certificate("nobody"), 2, allowed=False),
        Case(f"{listed} common names: the first matches", all_names, one_first, certificate(first), 2),
        Case(f"{listed} common names: the last matches", all_names, one_last, certificate(last), 2),
        Case(
            f"{listed} prefixes, of several lengths: the last matches",
            rules({"common_name": [{"prefix": name} for name in each]} for each in names),
            rules([{"common_name": {"prefix": last}}]),
            certificate(last),
            at_most=2,
        ),
        Case(
            f"{count} rules, each with 30 issuers by two attributes: the last matches",
            rules({"issuer": [{"O": "Acme", "CN": name} for name in each[70:]]} for each in names),
            rules([{"issuer": {"O": "Acme", "CN": last}}]),
            certificate("client", issuer=last),
            at_most=2,
        ),
        Case(
            f"{count} rules, each with 50 prefixes of URIs: the last matches",
            rules({"subject_alt_name": [_uri_prefix(name) for name in each[50:]]} for each in names),
            rules([{"subject_alt_name": _uri_prefix(last)}]),
            certificate("client", spiffe=f"spiffe://{last}/service"),
            at_most=2,
        ),
        Case(
            f"{listed} common names, and one issuer for all: the last matches",
            rules({"common_name": each, "issuer": shared} for each in names),
            rules([{"common_name": last, "issuer": shared}]),
            certificate(last, issuer="Acme Issuing CA"),
            at_most=2,
        ),
        Case(
            f"{count} rules that the index can't tell apart: none matches",
            rules(
                {"common_name": ["client", *each[:49]], "organizational_unit": ["everybody", *each[:49]]}
                for each in names
            ),
            one_other,
            certificate("client"),
            at_most=10,
            allowed=False,
        ),
        Case(
            f"{count} rules that all exclude the client",
            rules(
                ({"common_name": ["client", *each[:49]]} for each in names),
                **{"not": {"organizational_unit": ["payments", *names[0][:9]]}},
            ),
            one_other,
            certificate("client"),
            at_most=10,
            allowed=False,
        ),
        Case(f"{count} rules that all match", rules(with_client), rules(one_client), certificate("client"), 10),
        Case(
            f"{count} rules that all match, and are in effect until a date",
            rules(with_client, not_after=until),
            rules(one_client, not_after=until),
            certificate("client"),
            at_most=10,
        ),
    ]


def _uri_prefix(host: str) -> dict[str, dict[str, str]]:
    return {"uri": {"prefix": f"spiffe://{host}/"}}


def rules(matches: Iterable[dict[str, Any]], **others: object) -> dict[str, Any]:
    """Return a document with a rule for each match. The other keys are those of all rules."""
    allowed = ["GET /payments/*", "POST /payments"]
    return {
        "rules": [
            {"name": f"partner-{number}", "match": match, "allow": allowed, **others}
            for number, match in enumerate(matches)
        ]
    }


def certificate(common_name: str, issuer: str = "Acme CA", spiffe: str = "spiffe://acme.example/service") -> str:
    """Return a client's certificate in PEM."""
    subject, issuer_name = name(*SUBJECT, ("CN", common_name)), name(("O", "Acme"), ("CN", issuer))
    return pem(certificate_der(subject, issuer_name, extensions=[subject_alt_names(uri(spiffe))]))


def measure(cases: Sequence[Case], rounds: int, decisions: int) -> list[Figures]:
    """Measure all cases once per round, each immediately after its base."""
    deciders = [(_decider(case.document, case), _decider(case.base, case)) for case in cases]
    times: list[list[tuple[float, float]]] = [[] for _ in cases]
    for _ in range(rounds):
        for (decider, base), of_case in zip(deciders, times, strict=True):
            of_base = _cpu_time(base, decisions)
            of_case.append((_cpu_time(decider, decisions), of_base))
    return [
        Figures(
            statistics.median(time for time, _ in of_case),
            statistics.median(base for _, base in of_case),
            statistics.median(time / base for time, base in of_case),
            *_load(case.document),
        )
        for case, of_case in zip(cases, times, strict=True)
    ]


def _decider(document: dict[str, Any], case: Case) -> Callable[[], None]:
    """Return a function that decides on a certificate as if it were new. Raises RuntimeError for a wrong decision."""
    settings = Settings()
    policy = AccessPolicy(RuleSet(parse_rules(_json(document).encode())))
    request = read_request(rest_event(case.certificate))

    def decide_once() -> None:
        assessment = assess(read_client_certificate(case.certificate), settings, policy)
        decision = decide(assessment, settings, policy, request, NOW)
        make_response(decision, request, settings)
        if (decision.grant is not None) is not case.allowed:
            message = f"{case.what}: {decision.reason}"
            raise RuntimeError(message)

    return decide_once


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))


def _cpu_time(decide_once: Callable[[], None], decisions: int) -> float:
    started = time.process_time()
    for _ in range(decisions):
        decide_once()
    return (time.process_time() - started) / decisions * 1e6


def _load(document: dict[str, Any]) -> tuple[float, float]:
    """Return milliseconds of CPU time and MiB for loading, in a process of its own. The minimum of three runs."""
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
        file.write(_json(document))
        file.flush()
        printed = [
            json.loads(run([sys.executable, "-c", LOAD, file.name], environment).output.splitlines()[0])
            for _ in range(3)
        ]
    return min(each["load"] for each in printed), min(each["grown"] for each in printed)


def describe(cases: Sequence[Case], figures: Sequence[Figures], rounds: int, decisions: int) -> str:
    """Return the table in Markdown."""
    header = ["rules", "a decision, CPU µs", "with one rule of one value", "ratio", "at most", "loading, CPU ms", "MiB"]
    rows = [
        [
            *(case.what, f"{of_case.decision:.0f}", f"{of_case.base:.0f}", f"{of_case.ratio:.2f}"),
            *(f"{case.at_most}", f"{of_case.load:.0f}", f"{of_case.memory:.0f}"),
        ]
        for case, of_case in zip(cases, figures, strict=True)
    ]
    notes = [
        "A decision is from the PEM of a certificate that wasn't seen before to the policy.",
        f"{rounds} rounds, in turn, of {decisions} decisions each, and medians of these; the ratio is that of a round.",
        f"Python {platform.python_version()}; {describe_machine()}.",
    ]
    return make_report(header, rows, notes)


if __name__ == "__main__":
    main()
