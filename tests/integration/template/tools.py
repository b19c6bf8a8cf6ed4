"""The tools that templates are validated and built with, without an AWS account."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.template.templates import REGION

# One process for all templates: starting the tool takes longer than validating a template.
_VALIDATE = """
import sys
from samcli.cli.main import cli
for template in sys.argv[1:]:
    cli(["validate", "--lint", "--template", template], standalone_mode=False)
"""


def cfn_lint(*templates: Path, folder: Path, informational: bool = True) -> None:
    checks = ["--include-checks", "I"] if informational else []
    _run(_tool("cfn-lint"), *checks, "--template", *templates, folder=folder)


def sam_validate(*templates: Path, folder: Path) -> None:
    _run(Path(sys.executable), "-c", _VALIDATE, *templates, folder=folder)


def sam_build(template: Path, build: Path) -> None:
    """Build a template into a folder. Builds in the same parent folder share a cache, and so their layers."""
    folders = [f"--build-dir={build}", f"--cache-dir={build.parent / 'cache'}"]
    _run(_tool("sam"), "build", "--cached", "--template", template, *folders, folder=build.parent)


def _tool(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def _run(*command: str | Path, folder: Path) -> None:
    # Variables of a make that runs the tests would override PYTHON.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAKE"))}
    environment = inherited | {
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": REGION,
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(folder / "sam"),
        "PYTHON": sys.executable,
    }
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
