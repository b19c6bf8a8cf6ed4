"""Mutation testing of the code that decides: ``python -m tests.tooling.mutation [MODULE…]``, or ``make mutation``.

mutmut changes a module in small ways, and runs the unit tests of that module against each change. One module at a
time: mutmut would run all tests of all modules against each change of a function that most of them call.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[2]
LAYER = "tests/unit/layer"
AUTHORIZER = "tests/unit/authorizer"
POLICY, REQUEST, REVOCATION, RULES = (f"{AUTHORIZER}/{name}" for name in ("policy", "request", "revocation", "rules"))
_AUTHORIZER = [
    f"{AUTHORIZER}/test_authorizer.py",
    f"{RULES}/test_certificate_values.py",
    f"{RULES}/test_request_limits.py",
]
_STATUS = [f"{REVOCATION}/test_{name}.py" for name in ("status", "check_modes", "listed_is_revoked")]
_DECISION = [*_AUTHORIZER, REQUEST, f"{AUTHORIZER}/telemetry/test_decision_log.py"]
_ASSESSMENT = [
    f"{AUTHORIZER}/test_authorizer.py",
    REQUEST,
    RULES,
    f"{AUTHORIZER}/telemetry/test_decision_log.py",
    *(f"{POLICY}/test_{name}.py" for name in ("current_policy", "issuer_keys")),
    f"{REVOCATION}/test_status.py",
]
_RULE_SETS = [f"{RULES}/test_{name}.py" for name in ("rule_set", "deny", "rule_usages", "request_limits")]
_FIELDS = [f"{RULES}/test_{name}.py" for name in ("fields", "conditions", "work_limits")]
_PARSER = [f"{LAYER}/x509/test_{name}.py" for name in ("certificate_parser", "der")]
_EXTENSIONS = [f"{LAYER}/x509/test_extensions.py", f"{LAYER}/test_certificate.py", f"{LAYER}/test_helpers.py"]
TESTS = {
    "client_certificate_auth.alternative_names": _EXTENSIONS,
    "client_certificate_auth.certificate_headers": [f"{LAYER}/test_certificate_headers.py"],
    "client_certificate_auth.helpers": [f"{LAYER}/test_helpers.py"],
    "client_certificate_auth.identifying_extensions": _EXTENSIONS,
    "client_certificate_auth.x509.certificate": [*_PARSER, f"{LAYER}/x509/test_extensions.py"],
    "client_certificate_auth.x509.der": [*_PARSER, f"{LAYER}/x509/test_extensions.py"],
    "client_certificate_auth.x509.extensions": _EXTENSIONS,
    "client_certificate_auth.x509.names": [f"{LAYER}/x509/test_names.py", *_EXTENSIONS],
    "client_certificate_auth.x509.validity": [*_PARSER, f"{LAYER}/test_certificate.py"],
    "mtls_authorizer.policy.access_policy": [f"{POLICY}/test_issuer_keys.py"],
    "mtls_authorizer.policy.allowlists": [
        f"{POLICY}/test_settings.py",
        f"{RULES}/test_work_limits.py",
        f"{RULES}/test_rule_set.py",
        *_DECISION,
    ],
    "mtls_authorizer.policy.current_policy": [
        *(f"{POLICY}/test_{name}.py" for name in ("current_policy", "issuer_keys", "rule_warnings")),
        f"{REVOCATION}/prefix",
        f"{AUTHORIZER}/telemetry",
    ],
    "mtls_authorizer.policy.misspelt_names": [f"{POLICY}/test_{name}.py" for name in ("misspelt_names", "settings")],
    "mtls_authorizer.refresh.document": [f"{AUTHORIZER}/refresh"],
    "mtls_authorizer.refresh.refresher": [f"{AUTHORIZER}/refresh", f"{POLICY}/test_current_policy.py"],
    "mtls_authorizer.request.assessment": _ASSESSMENT,
    "mtls_authorizer.request.checks": _DECISION,
    "mtls_authorizer.request.context": _ASSESSMENT,
    "mtls_authorizer.request.decision": _DECISION,
    "mtls_authorizer.request.event": [*_DECISION, f"{AUTHORIZER}/telemetry"],
    "mtls_authorizer.request.response": [
        f"{AUTHORIZER}/test_authorizer.py",
        REQUEST,
        *(f"{RULES}/test_{name}.py" for name in ("certificate_values", "rule_set")),
    ],
    "mtls_authorizer.revocation.chains": [
        *(f"{REVOCATION}/test_{name}.py" for name in ("chains", "status", "check_modes")),
        f"{POLICY}/test_issuer_keys.py",
    ],
    "mtls_authorizer.revocation.crl_loader": [
        f"{REVOCATION}/test_crl_loader.py",
        f"{POLICY}/test_current_policy.py",
    ],
    "mtls_authorizer.revocation.documents": [
        f"{POLICY}/test_current_policy.py",
        f"{REVOCATION}/test_crl_loader.py",
        f"{REVOCATION}/prefix",
    ],
    "mtls_authorizer.revocation.lists": [
        *_STATUS,
        f"{POLICY}/test_current_policy.py",
        f"{REVOCATION}/prefix/test_prefix_crls.py",
    ],
    "mtls_authorizer.revocation.lists_by_issuer": _STATUS,
    "mtls_authorizer.revocation.locations": [f"{POLICY}/test_current_policy.py", *_STATUS, f"{REVOCATION}/prefix"],
    "mtls_authorizer.revocation.prefix.cache": [f"{REVOCATION}/prefix"],
    "mtls_authorizer.revocation.prefix.catalog": [f"{REVOCATION}/prefix"],
    "mtls_authorizer.revocation.prefix.known": [f"{REVOCATION}/prefix"],
    "mtls_authorizer.revocation.prefix.listing": [f"{REVOCATION}/prefix"],
    "mtls_authorizer.revocation.prefix.prefix_crls": [f"{REVOCATION}/prefix"],
    "mtls_authorizer.revocation.prefix.removed": [f"{REVOCATION}/prefix"],
    "mtls_authorizer.revocation.succession.dropped": [f"{REVOCATION}/succession/test_dropped.py"],
    "mtls_authorizer.revocation.succession.order": [
        f"{REVOCATION}/succession",
        f"{REVOCATION}/test_crl_loader.py",
        f"{REVOCATION}/crl/test_crl.py",
    ],
    "mtls_authorizer.revocation.succession.retention": [f"{REVOCATION}/test_crl_loader.py", f"{REVOCATION}/succession"],
    "mtls_authorizer.revocation.signed_list": [*_STATUS, f"{REVOCATION}/test_crl_loader.py"],
    "mtls_authorizer.revocation.status": _STATUS,
    "mtls_authorizer.revocation.truststore.authority": [
        f"{REVOCATION}/truststore",
        f"{REVOCATION}/test_chains.py",
        *_STATUS,
    ],
    "mtls_authorizer.revocation.truststore.signatures": [f"{REVOCATION}/truststore/test_signatures.py"],
    "mtls_authorizer.rules.certificate_values": [f"{RULES}/test_certificate_values.py"],
    "mtls_authorizer.rules.conditions": [*_FIELDS, *_RULE_SETS],
    "mtls_authorizer.rules.extended_key_usage": [f"{RULES}/test_extended_key_usage.py", f"{RULES}/test_rule_usages.py"],
    "mtls_authorizer.rules.field_values": [
        *_FIELDS,
        f"{RULES}/names",
        *(f"{RULES}/test_{name}.py" for name in ("deny", "psd2", "public_key")),
    ],
    "mtls_authorizer.rules.fields": _FIELDS,
    "mtls_authorizer.rules.grant": [*_DECISION, *_RULE_SETS],
    "mtls_authorizer.rules.names.spellings": [f"{RULES}/test_deny.py", f"{RULES}/names/test_spellings.py"],
    "mtls_authorizer.rules.request_limits": [f"{RULES}/test_request_limits.py"],
    "mtls_authorizer.rules.routes": [f"{RULES}/test_routes.py"],
    "mtls_authorizer.rules.rule": [*_RULE_SETS, *_AUTHORIZER, f"{POLICY}/test_settings.py"],
    "mtls_authorizer.rules.rule_set": [
        *_RULE_SETS,
        f"{RULES}/test_certificate_values.py",
        f"{RULES}/test_psd2.py",
        f"{POLICY}/test_issuer_keys.py",
    ],
}
"""The unit tests of each module that decides."""

COPIED = ("benchmarks", "distribution", "examples", "local_gateway", "tests", "README.md")


def main(modules: list[str]) -> None:
    if unknown := set(modules) - TESTS.keys():
        sys.exit(f"no such module: {', '.join(sorted(unknown))}. Name one of {', '.join(TESTS)}")
    killed, total = 0, 0
    for module in modules or TESTS:
        statuses = mutate(module)
        survivors = sorted(name for name, status in statuses.items() if status not in {"killed", "timeout"})
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
    for source in (folder / "src").rglob("*.py"):
        source.write_text(undecorated(source.read_text(encoding="utf-8")), encoding="utf-8")
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


def undecorated(source: str) -> str:
    """Return a module without caches, and with properties that are made after their functions.

    mutmut changes no function with a decorator. A cache would contain results of the unchanged code.
    """
    lines = source.splitlines(keepends=True)
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for function in sorted(functions, key=lambda function: function.lineno, reverse=True):
        name = function.name
        for decorator in function.decorator_list:
            written = ast.unparse(decorator)
            if written == "property":
                late = f"{name} = property({name})"
            elif written == "cache" or written.startswith("lru_cache("):
                late = f"{name}.__wrapped__ = {name}; {name}.cache_clear = lambda: None"
            else:
                continue
            lines.insert(function.end_lineno or 0, f"{' ' * function.col_offset}{late}\n")
            lines[decorator.lineno - 1] = "\n"
    return "".join(lines)


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
