"""`make lint` finds imports against the order of the packages, and cycles, wherever they are made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
FOLDERS = ("layer", "authorizer", "tools", ".")
PACKAGES = [
    *(PROJECT / "layer" / "client_certificate_auth", PROJECT / "authorizer" / "mtls_authorizer"),
    *(PROJECT / "tools" / "mtls_authorizer_cli", *(PROJECT / each for each in ("benchmarks", "distribution"))),
    *(PROJECT / "local_gateway", PROJECT / "tests" / "tooling" / "import_contracts.py"),
]

FOR_A_TYPE_CHECKER = "\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import {}\n"
IN_A_FUNCTION = "\ndef lazy() -> None:\n    import {}\n"

MISTAKES = {
    "upwards": (
        "authorizer/mtls_authorizer/rules/routes.py",
        FOR_A_TYPE_CHECKER.format("mtls_authorizer.policy.settings"),
        "mtls_authorizer.rules is not allowed to import mtls_authorizer.policy",
    ),
    "between rules and revocation": (
        "authorizer/mtls_authorizer/rules/routes.py",
        IN_A_FUNCTION.format("mtls_authorizer.revocation.status"),
        "mtls_authorizer.rules is not allowed to import mtls_authorizer.revocation",
    ),
    "of a command": (
        "authorizer/mtls_authorizer/handler.py",
        IN_A_FUNCTION.format("mtls_authorizer_cli.wording"),
        "mtls_authorizer is not allowed to import mtls_authorizer_cli",
    ),
    "of the authorizer by the layer": (
        "layer/client_certificate_auth/x509/names.py",
        IN_A_FUNCTION.format("mtls_authorizer.reasons"),
        "client_certificate_auth is not allowed to import mtls_authorizer",
    ),
    "in a cycle within a package": (
        "authorizer/mtls_authorizer/rules/routes.py",
        FOR_A_TYPE_CHECKER.format("mtls_authorizer.rules.rule_set"),
        "No cycles are allowed in mtls_authorizer.rules.",
    ),
    "in a cycle of a module and the package that contains it": (
        "layer/client_certificate_auth/x509/names.py",
        FOR_A_TYPE_CHECKER.format("client_certificate_auth"),
        "client_certificate_auth.x509.names is imported by",
    ),
    "of a module that the order doesn't name": (
        "authorizer/mtls_authorizer/further.py",
        "",
        "mtls_authorizer.further",
    ),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with all modules that the contracts are about."""
    for package in PACKAGES:
        copy = tmp_path / package.relative_to(PROJECT)
        if package.is_dir():
            shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            copy.parent.mkdir(parents=True)
            shutil.copy(package, copy)
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(FOLDERS)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_all_imports_are_in_order(copy: Path) -> None:
    result = lint(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("module", "mistake", "message"), MISTAKES.values(), ids=MISTAKES)
def test_an_import_is_found(module: str, mistake: str, message: str, copy: Path) -> None:
    with (copy / module).open("a", encoding="utf-8") as file:
        file.write(mistake)
    result = lint(copy)
    assert result.returncode == 1
    assert message in " ".join(result.stdout.split())
