"""What the targets of the Makefile run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.unit.documentation.markdown import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Return a virtual environment that make takes for a complete one. Its commands print what they got."""
    (tmp_path / "bin").mkdir()
    (tmp_path / ".python").write_text(".".join(map(str, sys.version_info[:3])) + "\n")
    for name in ("python", "mtls-authorizer"):
        command = tmp_path / "bin" / name
        command.write_text('#!/bin/sh\nprintf "[%s]" "$@"\necho "TRUSTSTORE=$TRUSTSTORE"\n')
        command.chmod(0o755)
    (tmp_path / ".run").touch()
    return tmp_path


def make(environment: Path, *arguments: str) -> str:
    """Return the output of make."""
    command = ["make", "--no-print-directory", f"PYTHON={sys.executable}", f"VENV={environment}", *arguments]
    variables = {name: value for name, value in os.environ.items() if name != "MAKEFLAGS"}
    return subprocess.run(
        command, cwd=PROJECT, env=variables, check=True, capture_output=True, text=True, timeout=60
    ).stdout


@pytest.mark.parametrize("target", ["explain", "run"])
def test_the_variable_of_make_for_the_truststore_is_an_option_and_no_variable_of_the_command(
    target: str, environment: Path
) -> None:
    output = make(environment, target, "TRUSTSTORE=a b.pem")
    assert "[--truststore=a b.pem]" in output
    assert output.endswith("TRUSTSTORE=\n")


def test_the_shell_does_not_interpret_the_name_of_a_file(environment: Path) -> None:
    output = make(environment, "validate-rules", "FILE=$$(echo x); a.json")
    assert output.startswith("[rules][check][$(echo x); a.json]")


def test_requirements_are_installed_only_with_the_right_hashes() -> None:
    installs = re.findall(r"^(?:\t@|INSTALL = )(.*pip install .*|\$\(INSTALL\) .*)$", MAKEFILE, re.MULTILINE)
    assert len(installs) > 5
    # checkov pins its requirements itself.
    others = [each for each in installs if not each.startswith("$(INSTALL)") and "checkov" not in each]
    assert [each for each in others if "--require-hashes --no-deps" not in each] == []
