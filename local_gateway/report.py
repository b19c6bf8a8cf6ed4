"""The output for people: the table of scenarios, and commands to try them by hand."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local_gateway.deployment import Endpoint
    from local_gateway.pki.certificates import Pki
    from local_gateway.scenarios import Kind, Outcome, Scenario


class Result(NamedTuple):
    """The results of a scenario, by kind of API or of another front door. They are added while it is played.

    ``as_sample`` is False if the expectations do not apply, because the configuration is not the sample's.
    """

    scenario: Scenario
    outcomes: dict[Kind, Outcome]
    as_sample: bool = True

    @property
    def differences(self) -> list[Kind]:
        """The kinds with an unexpected result."""
        return [kind for kind in list(self.outcomes) if self.differs(kind)]

    def differs(self, kind: Kind) -> bool:
        """Return whether the result on a kind is not the expected one."""
        return self.as_sample and self.outcomes[kind] != self.scenario.expected_on(kind)


def table(results: Sequence[Result]) -> str:
    """Return the results as aligned columns: the expected ones, if they apply, and those on each of the kinds."""
    has_authorizer = any(outcome.authorizer_invoked is not None for outcome in results[0].outcomes.values())
    expected = ["expected"] if results[0].as_sample else []
    header = ["scenario", *expected, *results[0].outcomes, "reason logged" if has_authorizer else "response"]
    rows = [header, *(_row(result) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def summary(results: Sequence[Result]) -> str:
    """Return how many of the results are the expected ones, and the complete results that are not."""
    if not all(result.as_sample for result in results):
        return "With your own configuration, there are no expected results."
    total = sum(len(result.outcomes) for result in results)
    differences = [_difference(result, kind) for result in results for kind in result.differences]
    return "\n".join([f"{total - len(differences)} of {total} as expected.", *differences])


def curl_commands(scenarios: Sequence[Scenario], endpoint: Endpoint, pki: Pki, *, as_sample: bool) -> Iterator[str]:
    """Yield a comment and a command for a shell for each scenario."""
    for scenario in scenarios:
        url = endpoint.url(scenario.path, mutual_tls=scenario.mutual_tls)
        certificate = [argument for client in scenario.clients for argument in ("--cert", str(pki.client(client)))]
        headers = [
            argument
            for name, value in scenario.headers(endpoint.kind, pki).items()
            for argument in ("--header", f"{name}: {value}")
        ]
        # Otherwise curl normalizes the path.
        as_it_is = ["--path-as-is"] if ".." in scenario.path or "%2e" in scenario.path else []
        command = ["curl", "--include", *as_it_is, "--noproxy", "*", "--cacert", str(pki.server_ca)]
        command += [*certificate, *headers, url]
        # On a line of its own: not every interactive shell accepts comments.
        expected = f": {outcome_text(scenario.expected_on(endpoint.kind))}" if as_sample else ""
        yield f"# {scenario.name}{expected}"
        yield shlex.join(command)


def _row(result: Result) -> list[str]:
    expected = dict.fromkeys(outcome_text(result.scenario.expected_on(kind)) for kind in result.outcomes)
    happened = [
        outcome_text(outcome) + (" (!)" if result.differs(kind) else "") for kind, outcome in result.outcomes.items()
    ]
    reasons = dict.fromkeys(outcome.reason for outcome in result.outcomes.values() if outcome.reason)
    return [result.scenario.name, *([" / ".join(expected)] if result.as_sample else []), *happened, " / ".join(reasons)]


def outcome_text(outcome: Outcome) -> str:
    """Return a result as it is printed."""
    status = "rejected" if outcome.status is None else str(outcome.status)
    return (
        status
        + (" + context" if outcome.context else "")
        + (", not invoked" if outcome.authorizer_invoked is False else "")
    )


def _difference(result: Result, kind: Kind) -> str:
    return (
        f"{result.scenario.name}, {kind}:\n"
        f"  expected {result.scenario.expected_on(kind)}\n"
        f"  actual   {result.outcomes[kind]}"
    )
