"""``python -m local_gateway`` as a process."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
TIMEOUT = 120
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(("layer", "authorizer", "."))}

FAILING = """
import sys
from dataclasses import replace
from local_gateway.__main__ import main
from local_gateway.scenarios import SCENARIOS, Outcome

wrong = replace(SCENARIOS[{}], expected=Outcome(403))
sys.exit(main(["--demo"], (wrong, *SCENARIOS[1:3])))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )


@contextmanager
def serving(folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Start to serve on free ports, and yield the process with what it printed until it was ready."""
    command = [sys.executable, "-m", "local_gateway", "--port", "0", "--folder", str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = threading.Timer(TIMEOUT, process.kill)
        deadline.start()
        try:
            yield process, list(lines_until("Serving until Ctrl-C.", process))
        finally:
            deadline.cancel()
            process.kill()


def lines_until(last: str, process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line.rstrip("\n")
        if last in line:
            return


def test_the_demo_exits_with_0_where_everything_is_as_expected() -> None:
    result = run("-m", "local_gateway", "--demo")

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("\n63 of 63 as expected.\n")


@pytest.mark.parametrize(("position", "where"), [(0, "REST API"), (-7, "ALB, verify")])
def test_the_demo_exits_with_1_where_anything_is_not(position: int, where: str) -> None:
    result = run("-c", FAILING.format(position))

    assert (result.returncode, result.stderr) == (1, "")
    assert f"6 of 9 as expected.\nlisted CN, {where}:\n  expected Outcome(status=403" in result.stdout
    assert result.stdout.count("(!)") == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_ends_cleanly_at_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path / "pki") as (process, lines):
        assert "63 of 63 as expected." in lines
        process.send_signal(number)
        output, errors = process.communicate(timeout=TIMEOUT)

    assert (process.returncode, errors) == (0, "")
    assert output.endswith("\nStopped.\n")


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_the_curl_commands_do_what_their_comments_say(tmp_path: Path) -> None:
    with serving(tmp_path / "pki") as (process, lines):
        commands = [(lines[index - 1], line) for index, line in enumerate(lines) if line.startswith("curl ")]
        assert len(commands) == 21
        for comment, command in commands:
            answer = subprocess.run(
                [*shlex.split(command), "--silent"],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT,
            )
            expected = re.search(r": (refused|\d{3})[^:]*$", comment)
            assert expected
            if expected[1] == "refused":
                assert (answer.returncode != 0, answer.stdout) == (True, "")
            else:
                assert answer.stdout.startswith(f"HTTP/1.1 {expected[1]} ")

        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=TIMEOUT)

    assert errors == ""
    log = output.splitlines()
    assert "authorizer: allow (principal authorized-client, route GET /hello)" in log
    assert "authorizer: deny: common_name_not_allowed (principal other-client, route GET /hello)" in log
    assert "gateway: GET /hello HTTP/1.1 -> 403" in log
    assert any("certificate has expired" in line for line in log)


@pytest.mark.parametrize("port", ["-1", "65528", "http", "1.5"])
def test_a_port_that_cannot_be_is_refused_in_words(port: str) -> None:
    result = run("-m", "local_gateway", f"--port={port}")

    assert result.returncode == 2
    assert f"{port!r} is not a port from 0 to 65527" in result.stderr
