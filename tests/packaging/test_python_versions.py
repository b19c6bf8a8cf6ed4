"""The supported Python versions are the same everywhere: distribution/python_versions.py lists them."""

from __future__ import annotations

import re
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from distribution.project import ROOT
from distribution.python_versions import DEBIAN_SUITES, PYTHON_VERSIONS
from tests.aws.yaml_templates import yaml_parse
from tests.platforms.arm64 import VERSIONS as ARM64_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNTIMES = [f"python{version}" for version in PYTHON_VERSIONS]


def values_of(key: str, node: object) -> Iterator[Any]:
    """Return the values of a key at any depth of a document."""
    if isinstance(node, dict):
        if key in node:
            yield node[key]
        node = list(node.values())
    if isinstance(node, list):
        for value in node:
            yield from values_of(key, value)


def templates() -> dict[str, Any]:
    """Return this project's own templates by path."""
    command = ["git", "ls-files", "*.yaml", "*.yml"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    texts = {name: (ROOT / name).read_text() for name in names if (ROOT / name).is_file()}
    return {name: yaml_parse(text) for name, text in texts.items() if "Resources:" in text}


TEMPLATES = templates()


def test_layers_are_declared_compatible_with_all_versions() -> None:
    declared = [runtimes for template in TEMPLATES.values() for runtimes in values_of("CompatibleRuntimes", template)]
    assert declared
    assert all(runtimes == RUNTIMES for runtimes in declared)


@pytest.mark.parametrize("name", TEMPLATES)
def test_functions_run_on_a_supported_version(name: str) -> None:
    runtimes = [runtime for runtime in values_of("Runtime", TEMPLATES[name]) if isinstance(runtime, str)]
    assert set(runtimes) <= set(RUNTIMES)


def test_the_construct_in_typescript_supports_all_versions() -> None:
    construct = (ROOT / "cdk/client-certificate-authorizer.ts").read_text()
    [listed] = re.findall(r"compatibleRuntimes: \[(.*?)\]", construct, re.DOTALL)
    assert [version.replace("_", ".") for version in re.findall(r"3[_.]\d+", listed)] == list(PYTHON_VERSIONS)


def test_the_pages_name_the_oldest_and_the_newest_version() -> None:
    files = [ROOT / "examples/Dockerfile", *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    text = "".join(file.read_text() for file in (*files, ROOT / "Makefile"))
    assert set(re.findall(r"\b(3\.\d+) to (3\.\d+)\b", text)) == {(PYTHON_VERSIONS[0], PYTHON_VERSIONS[-1])}
    assert set(re.findall(r"\b(3\.\d+) or later\b", text)) == {PYTHON_VERSIONS[0]}
    security = (ROOT / "docs/security-model.md").read_text()
    assert f"with Python {', '.join(ARM64_VERSIONS[:-1])} and {ARM64_VERSIONS[-1]} under QEMU" in security


def test_the_oldest_version_is_the_one_that_tools_and_distributions_require() -> None:
    oldest = PYTHON_VERSIONS[0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == f">={oldest}"
    assert project["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    makefile = (ROOT / "Makefile").read_text()
    assert f" --python-version {oldest} " in makefile
    assert f"sys.version_info < ({oldest.replace('.', ', ')})" in makefile


def test_the_table_is_sorted() -> None:
    assert sorted(DEBIAN_SUITES, key=lambda version: int(version.partition(".")[2])) == list(PYTHON_VERSIONS)
