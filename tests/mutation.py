"""Mutation testing of the code that decides: ``python -m tests.mutation [MODULE…]``, which ``make mutation`` calls.

mutmut changes a module in small ways, and runs the unit tests of that module against each change. One module at a
time: mutmut would run all tests of all modules against each change of a function that most of them call.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1]
RULES, REQUEST = "tests/unit/authorizer/rules", "tests/unit/authorizer/request"
_AUTHORIZER = [
    "tests/unit/authorizer/test_authorizer.py",
    f"{RULES}/test_certificate_values.py",
    f"{RULES}/test_request_limits.py",
]
_DECISION = [*_AUTHORIZER, REQUEST, "tests/unit/authorizer/telemetry/test_decision_log.py"]
_RULE_SETS = [f"{RULES}/test_{name}.py" for name in ("rule_set", "deny", "rule_key_usages", "request_limits")]
TESTS = {
    "mtls_authorizer.request.checks": _DECISION,
    "mtls_authorizer.request.decision": _DECISION,
    "mtls_authorizer.request.event": [f"{REQUEST}/test_event.py"],
    "mtls_authorizer.rules.grant": [*_DECISION, *_RULE_SETS],
    "mtls_authorizer.rules.key_usage": [f"{RULES}/test_key_usage.py", f"{RULES}/test_rule_key_usages.py"],
    "mtls_authorizer.rules.request_limits": [f"{RULES}/test_request_limits.py"],
    "mtls_authorizer.rules.routes": [f"{RULES}/test_routes.py"],
    "mtls_authorizer.rules.rule": [*_RULE_SETS, *_AUTHORIZER, "tests/unit/authorizer/policy/test_settings.py"],
    "mtls_authorizer.rules.rule_index": _RULE_SETS,
    "mtls_authorizer.rules.rule_set": [*_RULE_SETS, "tests/unit/authorizer/policy"],
}
"""The unit tests of each module that decides."""

COPIED = ("benchmarks", "distribution", "examples", "local_gateway", "tests", "README.md")


def main(modules: list[str]) -> None:
    if unknown := set(modules) - TESTS.keys():
        sys.exit(f"no such module: {', '.join(sorted(unknown))}. Name one of {', '.join(TESTS)}")
    killed, total = 0, 0
    for module in modules or TESTS:
        statuses = mutate(module)
        survivors = sorted(name for name, status in statuses.items() if status != "killed")
        print(f"{module}: {len(statuses) - len(survivors)} of {len(statuses)} mutants killed", flush=True)
        for name in survivors:
            print(f"  {statuses[name]}: {name}", flush=True)
        killed, total = killed + len(statuses) - len(survivors), total + len(statuses)
    print(f"{killed} of {total} mutants killed: {killed / max(total, 1):.1%}")


def mutate(module: str) -> dict[str, str]:
    """Return the status of each mutant of a module, by name. ``mutmut show NAME`` in the folder shows the change."""
    folder = PROJECT / "build/mutation" / module
    shutil.rmtree(folder, ignore_errors=True)
    # mutmut takes a module's name from its path below src.
    for package in ("layer/client_certificate_auth", "authorizer/mtls_authorizer", "tools/mtls_authorizer_cli"):
        _copy(PROJECT / package, folder / "src" / Path(package).name)
    for name in COPIED:
        _copy(PROJECT / name, folder / name)
    (folder / "pyproject.toml").write_text(configuration(module), encoding="utf-8")
    mutmut = [sys.executable, "-m", "mutmut"]
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with (folder / "output").open("w") as output:
        run = subprocess.run(
            [*mutmut, "run"], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if run.returncode:
        sys.exit(f"mutmut failed: see {folder / 'output'}")
    results = subprocess.run(
        [*mutmut, "results", "--all", "true"], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return dict(re.findall(r"^ *(\S+__mutmut_\d+): (.+)$", results.stdout, re.MULTILINE))


def configuration(module: str) -> str:
    """Return the project's configuration, limited to a module and its tests."""
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    limited = text.replace(
        "[tool.mutmut]\n",
        f"[tool.mutmut]\nonly_mutate = ['src/{module.replace('.', '/')}.py']\n"
        f"pytest_add_cli_args_test_selection = {list(dict.fromkeys(TESTS[module]))}\n",
    )
    tomllib.loads(limited)
    return limited


def _copy(source: Path, destination: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, destination, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, destination)


if __name__ == "__main__":
    main(sys.argv[1:])
