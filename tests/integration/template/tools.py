"""The tools that templates are validated and built with, without an AWS account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.integration.template.templates import REGION

if TYPE_CHECKING:
    from collections.abc import Sequence

# One process for all templates: starting the tool takes longer than what it does. Standard input is a list of arguments
# of commands, standard output a list with the output of each command that failed, and null for the others.
_SAM = """
import contextlib, io, json, sys
from samcli.cli.main import cli
failures = []
for arguments in json.load(sys.stdin):
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    failure = None
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            cli(arguments, standalone_mode=False)
        except Exception as error:
            failure = f"{error}"
    failures.append(failure and f"{failure} {output.buffer.getvalue().decode()}")
json.dump(failures, sys.stdout)
"""


def cfn_lint(*templates: Path, folder: Path, options: Sequence[str] = ()) -> None:
    _run(Path(sys.executable).with_name("cfn-lint"), *options, "--template", *templates, folder=folder)


def sam_build(*templates: Path, folder: Path, names: Sequence[str]) -> None:
    """Build templates into folders with these names. They share a cache, and so their layers."""
    commands = [
        [
            "build",
            "--cached",
            f"--template={template}",
            f"--build-dir={folder / name}",
            f"--cache-dir={folder / 'cache'}",
        ]
        for template, name in zip(templates, names, strict=True)
    ]
    problems = json.loads(_run(Path(sys.executable), "-c", _SAM, folder=folder, text=json.dumps(commands)))
    assert not any(problems), problems


def _run(*command: str | Path, folder: Path, text: str = "") -> str:
    """Run a command with a text as its input, and return its output. A failure is an AssertionError."""
    # Variables of a make that runs the tests would override PYTHON.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment = inherited | {
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_DEFAULT_REGION": REGION,
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(folder / "sam"),
        "PYTHON": sys.executable,
    }
    result = subprocess.run(
        command, cwd=folder, env=environment, input=text, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
