"""What people get to read: the table of scenarios, and commands to try them by hand."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local_gateway.deployment import Endpoint
    from local_gateway.pki import Pki
    from local_gateway.scenarios import Kind, Outcome, Scenario


class Result(NamedTuple):
    """What a scenario came to, by kind of API or of another front door."""

    scenario: Scenario
    outcomes: dict[Kind, Outcome]

    @property
    def differences(self) -> list[Kind]:
        """The kinds on which something else happened than was expected."""
        return [kind for kind, outcome in self.outcomes.items() if outcome != self.scenario.expected_on(kind)]


def table(results: Sequence[Result]) -> str:
    """Return the results as aligned columns: what was expected, and what happened on each of the kinds."""
    asked = any(outcome.authorizer_asked is not None for outcome in results[0].outcomes.values())
    header = ["scenario", "expected", *results[0].outcomes, "reason logged" if asked else "answer"]
    rows = [header, *(_row(result) for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def summary(results: Sequence[Result]) -> str:
    """Return how many of the results are the expected ones, and in full those that aren't."""
    total = sum(len(result.outcomes) for result in results)
    differences = [_difference(result, kind) for result in results for kind in result.differences]
    return "\n".join([f"{total - len(differences)} of {total} as expected.", *differences])


def curl_commands(scenarios: Sequence[Scenario], endpoint: Endpoint, pki: Pki) -> Iterator[str]:
    """Yield a comment and a command for each scenario, which a shell and curl take as it is."""
    for scenario in scenarios:
        url = endpoint.url(scenario.path, mutual_tls=scenario.mutual_tls)
        certificate = [argument for client in scenario.clients for argument in ("--cert", str(pki.client(client)))]
        headers = [
            argument
            for name, value in scenario.headers(endpoint.kind, pki).items()
            for argument in ("--header", f"{name}: {value}")
        ]
        # Else curl makes another path of it.
        as_it_is = ["--path-as-is"] if ".." in scenario.path or "%2e" in scenario.path else []
        command = [
            "curl",
            "--include",
            *as_it_is,
            "--noproxy",
            "*",
            "--cacert",
            str(pki.server_ca),
            *certificate,
            *headers,
            url,
        ]
        # On a line of its own: not every shell takes a comment where it is typed.
        yield f"# {scenario.name}: {_text(scenario.expected_on(endpoint.kind))}"
        yield shlex.join(command)


def _row(result: Result) -> list[str]:
    expected = dict.fromkeys(_text(result.scenario.expected_on(kind)) for kind in result.outcomes)
    happened = [
        _text(outcome) + (" (!)" if kind in result.differences else "") for kind, outcome in result.outcomes.items()
    ]
    reasons = dict.fromkeys(outcome.reason for outcome in result.outcomes.values() if outcome.reason)
    return [result.scenario.name, " / ".join(expected), *happened, " / ".join(reasons)]


def _text(outcome: Outcome) -> str:
    status = "refused" if outcome.status is None else str(outcome.status)
    return (
        status
        + (" + context" if outcome.context else "")
        + (", not asked" if outcome.authorizer_asked is False else "")
    )


def _difference(result: Result, kind: Kind) -> str:
    return (
        f"{result.scenario.name}, {kind}:\n"
        f"  expected {result.scenario.expected_on(kind)}\n"
        f"  happened {result.outcomes[kind]}"
    )
