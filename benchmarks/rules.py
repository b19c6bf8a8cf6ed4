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

from benchmarks.processes import describe_machine, run
from benchmarks.report import make_report, write_report
from client_certificate_auth import read_client_certificate
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.settings import Settings
from mtls_authorizer.request.assessment import assess
from mtls_authorizer.request.decision import decide
from mtls_authorizer.request.event import read_request
from mtls_authorizer.request.response import make_response
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.rule_set import RuleSet
from tests.api_events import rest_event
from tests.certificates import certificate_der, name, pem, subject_alt_names, uri

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    certificate: str
    base: dict[str, Any]
    allowed: bool
    at_most: float


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
    last = count - 1
    shared = {"O": "Acme", "CN": "Acme Issuing CA"}
    listed = f"{count} rules, each with 100"

    def values(number: int) -> list[str]:
        return [f"client-{number}-{each}" for each in range(100)]

    def prefixes(number: int) -> list[dict[str, str]]:
        return [{"prefix": f"client-{number}-{each}"} for each in range(100)]

    names = rules(count, lambda number: {"common_name": values(number)})
    one_name = rules(1, lambda _: {"common_name": "client-0-0"})
    one_other = rules(1, lambda _: {"common_name": "other"})
    one_last = rules(1, lambda _: {"common_name": f"client-{last}-99"})
    of_last = f"client-{last}-99"
    return [
        Case(
            f"{count * 10:,} common names in one list",
            rules(1, lambda _: {"common_name": [f"client-0-{each}" for each in range(count * 10)]}),
            certificate("client-0-0"),
            one_name,
            allowed=True,
            at_most=1.1,
        ),
        Case(f"{listed} common names: none matches", names, certificate("nobody"), one_other, allowed=False, at_most=2),
        Case(
            f"{listed} common names: the first matches",
            names,
            certificate("client-0-0"),
            one_name,
            allowed=True,
            at_most=2,
        ),
        Case(
            f"{listed} common names: the last matches", names, certificate(of_last), one_last, allowed=True, at_most=2
        ),
        Case(
            f"{listed} prefixes, of several lengths: the last matches",
            rules(count, lambda number: {"common_name": prefixes(number)}),
            certificate(of_last),
            rules(1, lambda _: {"common_name": {"prefix": of_last}}),
            allowed=True,
            at_most=2,
        ),
        Case(
            f"{count} rules, each with 30 issuers by two attributes: the last matches",
            rules(count, lambda number: {"issuer": [{"O": "Acme", "CN": value} for value in values(number)[70:]]}),
            certificate("client", issuer=of_last),
            rules(1, lambda _: {"issuer": {"O": "Acme", "CN": of_last}}),
            allowed=True,
            at_most=2,
        ),
        Case(
            f"{count} rules, each with 50 prefixes of URIs: the last matches",
            rules(
                count,
                lambda number: {
                    "subject_alt_name": [{"uri": {"prefix": f"spiffe://{each}/"}} for each in values(number)[50:]]
                },
            ),
            certificate("client", spiffe=f"spiffe://{of_last}/service"),
            rules(1, lambda _: {"subject_alt_name": {"uri": {"prefix": f"spiffe://{of_last}/"}}}),
            allowed=True,
            at_most=2,
        ),
        Case(
            f"{listed} common names, and one issuer for all: the last matches",
            rules(count, lambda number: {"common_name": values(number), "issuer": shared}),
            certificate(of_last, issuer="Acme Issuing CA"),
            rules(1, lambda _: {"common_name": of_last, "issuer": shared}),
            allowed=True,
            at_most=2,
        ),
        Case(
            f"{count} rules that the index can't tell apart: none matches",
            rules(
                count,
                lambda number: {
                    "common_name": ["client", *values(number)[:49]],
                    "organizational_unit": ["everybody", *values(number)[:49]],
                },
            ),
            certificate("client"),
            one_other,
            allowed=False,
            at_most=10,
        ),
        Case(
            f"{count} rules that all exclude the client",
            rules(
                count,
                lambda number: {"common_name": ["client", *values(number)[:49]]},
                **{"not": {"organizational_unit": ["payments", *values(0)[:9]]}},
            ),
            certificate("client"),
            one_other,
            allowed=False,
            at_most=10,
        ),
        Case(
            f"{count} rules that all match",
            rules(count, lambda number: {"common_name": ["client", *values(number)[1:]]}),
            certificate("client"),
            rules(1, lambda _: {"common_name": "client"}),
            allowed=True,
            at_most=10,
        ),
        Case(
            f"{count} rules that all match, and are in effect until a date",
            rules(
                count,
                lambda number: {"common_name": ["client", *values(number)[1:]]},
                not_after="2026-12-31T23:59:59Z",
            ),
            certificate("client"),
            rules(1, lambda _: {"common_name": "client"}, not_after="2026-12-31T23:59:59Z"),
            allowed=True,
            at_most=10,
        ),
    ]


def rules(count: int, match: Callable[[int], dict[str, Any]], **others: object) -> dict[str, Any]:
    """Return a document with rules. ``match`` returns what a rule matches; the other keys are those of all rules."""
    allowed = ["GET /payments/*", "POST /payments"]
    return {
        "rules": [
            {"name": f"partner-{number}", "match": match(number), "allow": allowed, **others} for number in range(count)
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
