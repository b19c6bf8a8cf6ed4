"""Fuzzes what a grant of routes covers: `python -m tests.fuzz.fuzz_routes --seconds 600`.

No path that a grant allows may resolve to a path outside of it, as Node's `URL`, Python's `urljoin` and
`posixpath.normpath` resolve it, decoded up to twice. The policy, the simple response and an oracle agree on each
request; the policy is evaluated by the local gateway and, in the folder that `IAM_EVALUATOR` names, by a published
evaluator (see `make fuzz-routes`).
"""

from __future__ import annotations

import json
import os
import posixpath
import subprocess
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urljoin, urlsplit

from benchmarks.measuring.processes import find_node
from local_gateway.api_gateway.policy import Effect, evaluate
from mtls_authorizer.rules.routes import permits, read_route, resources
from tests.aws.api_events import STAGE_ARN
from tests.fuzz.command_line import FindingError, run
from tests.properties.authorizer.test_who_may_call_what import may_call

if TYPE_CHECKING:
    from collections.abc import Iterator

_SERVER = Path(__file__).parent / "iam" / "server.mjs"
_BATCH = 200

GRANTS = (
    ["GET /payments/*"],
    ["GET /payments/*", "POST /payments", "GET /status"],
    ["* /a/b/*", "GET /a"],
    ["GET /payments/", "GET /payments/x/*"],
    ["GET /*"],
)
_PREFIXES = ("/payments/", "/payments", "/a/b/", "/a", "/status", "/", "/payments/x/", "")
_PIECES = (
    *("a", "b", "x", "payments", "status", "admin", "1", "/"),
    *("/", "/", "/", "/", "a", "b", "x", "1", "/1", "/a", "a.b"),
    *("//", ".", "..", "/..", "/../", "/./", "...", ";"),
    *("%2e", "%2E", "%2f", "%5c", "%25", "%3f", "%23", "%3b"),
    *("%09", "%0a", "%0D", "%00", "%7f", "%20", "%c2%85", "%c3%a9"),
    *("%252e", "%252f", "%", "%%", "%2", "2e", "2f", "e", "f", "5", "%u002e", "%c0%ae", "%C1%9c", "%e2%80%a8", "é"),
    *("%e0%80%ae", "%E0%80%AF", "%f0%80%80%ae", "%Fc%80%80%80%80%ae", "%e0%a4%85"),
    *("\\", "\t", "\n", "\r", "\0", "\x7f", " ", "#", ":", "@"),
    *("~", "&", "=", "+", "$", "{x}", "api.example", "|", "^", "`"),
)


def fuzz(seed: int, *, seconds: float = float("inf"), executions: float = float("inf")) -> Counter[str]:
    """Run until the time is over or the number reached, and count the outcomes. Raises FindingError."""
    random = Random(seed)  # noqa: S311 -- to be repeatable
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + seconds
    evaluator = os.environ.get("IAM_EVALUATOR")
    command = [find_node(), str(_SERVER), *([evaluator] if evaluator else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8") as node:
        while outcomes.total() < executions and time.monotonic() < end:
            grant = random.choice(GRANTS)
            batch = [(random.choice(("GET", "GET", "POST", "PUT")), _path(random)) for _ in range(_BATCH)]
            allowed = [_compare(grant, method, path) for method, path in batch]
            if evaluator:
                _compare_with_evaluator(node, grant, batch, allowed)
            _check_resolution(node, grant, [request for request, each in zip(batch, allowed, strict=True) if each])
            outcomes.update("allowed" if each else "denied" for each in allowed)
        assert node.stdin is not None
        node.stdin.close()
    return outcomes


def _path(random: Random) -> str:
    return random.choice(_PREFIXES) + "".join(random.choices(_PIECES, k=random.randint(0, 5)))


def _compare(grant: list[str], method: str, path: str) -> bool:
    """Return whether a request is allowed, if the policy, the simple response and the oracle agree."""
    routes = tuple(route for text in grant for route in read_route(text))
    results = {
        "policy": evaluate(_policy(grant), f"{STAGE_ARN}/{method}{path}") is Effect.ALLOW,
        "simple response": permits(routes, f"{method}{path}"),
        "oracle": may_call([{"allow": grant}], method, path),
    }
    if len(set(results.values())) != 1:
        message = f"{grant} {method} {path!r}: {results}"
        raise FindingError(message)
    return results["policy"]


def _compare_with_evaluator(
    node: subprocess.Popen[str], grant: list[str], batch: list[tuple[str, str]], allowed: list[bool]
) -> None:
    # This evaluator takes a request with a wildcard for several resources: such requests are left out.
    plain = [(request, each) for request, each in zip(batch, allowed, strict=True) if not set("*?") & set(request[1])]
    arns = [f"{STAGE_ARN}/{method}{path}" for (method, path), _ in plain]
    answers = _ask(node, {"policy": _policy(grant), "arns": arns})
    for (request, expected), answer in zip(plain, answers, strict=True):
        if answer is not None and answer is not expected:
            message = f"{grant} {request}: the evaluator says {answer}, the others {expected}"
            raise FindingError(message)


def _check_resolution(node: subprocess.Popen[str], grant: list[str], requests: list[tuple[str, str]]) -> None:
    decoded = [(request, each) for request in requests for each in _decoded(request[1])]
    by_node = _ask(node, {"paths": [each for _, each in decoded]})
    for ((method, path), each), nodes in zip(decoded, by_node, strict=True):
        joined = urlsplit(urljoin("http://api.example/", each))
        resolved = {
            "Node's URL": nodes,
            "urljoin": joined.path if joined.netloc == "api.example" else None,
            "normpath": posixpath.normpath(each),
        }
        for what, result in resolved.items():
            if result is None or not _is_inside(grant, method, result):
                message = f"{grant} allows {method} {path!r}, which {what} resolves to {result!r}"
                raise FindingError(message)


def _decoded(path: str) -> Iterator[str]:
    for _ in range(3):
        yield path
        path = unquote(path, errors="replace")


def _is_inside(grant: list[str], method: str, path: str) -> bool:
    """Return whether a resolved path is one of a grant's. /payments/ is not below /payments/*."""
    for route in grant:
        wanted_method, wanted = route.split(" ")
        if wanted_method not in ("*", method):
            continue
        below = wanted.removesuffix("*")
        if wanted in ("/*", path) or (wanted.endswith("/") and path == wanted.removesuffix("/")):
            return True
        if wanted.endswith("/*") and path.startswith(below) and path != below:
            return True
    return False


def _policy(grant: list[str]) -> dict[str, Any]:
    allowed, denied = resources([route for text in grant for route in read_route(text)], STAGE_ARN)
    statements = [("Allow", allowed), ("Deny", denied)]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Action": "execute-api:Invoke", "Effect": effect, "Resource": listed} for effect, listed in statements
        ],
    }


def _ask(node: subprocess.Popen[str], question: dict[str, Any]) -> list[Any]:
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.write(json.dumps(question) + "\n")
    node.stdin.flush()
    answer: list[Any] = json.loads(node.stdout.readline())
    return answer


if __name__ == "__main__":
    run(fuzz, __doc__)
