"""``python -m local_gateway`` as a process."""

from __future__ import annotations

import http.client
import os
import re
import shlex
import shutil
import signal
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from local_gateway.configuration import REFRESH_SECONDS
from local_gateway.options import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
TIMEOUT = 120
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("layer", "authorizer", "tools", "")),
}
_coverage: Any = sys.modules.get("coverage")
if _coverage and _coverage.Coverage.current():
    # Then that of the processes is measured as well.
    ENVIRONMENT["COVERAGE_PROCESS_START"] = str(ROOT / "pyproject.toml")
    ENVIRONMENT["COVERAGE_FILE"] = str(ROOT / ".coverage")  # also for processes in other folders

FAILING = """
import sys
from dataclasses import replace
from local_gateway.__main__ import main
from local_gateway.scenarios import SCENARIOS, Outcome

wrong = [replace(SCENARIOS[position], expected=Outcome(403)) for position in (0, -7)]
sys.exit(main(["--demo"], (*wrong, SCENARIOS[1])))
"""

SIGNAL_TO_ANOTHER_THREAD = """
import signal
import sys
import threading
from local_gateway.__main__ import main
from local_gateway.scenarios import SCENARIOS

def send():
    sys.stdin.readline()
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

threading.Thread(target=send).start()
sys.exit(main(["--port", "0", "--folder", sys.argv[1]], SCENARIOS[:1]))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command(sys.executable, *arguments)


def run_command(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )


@contextmanager
def serving(folder: Path | None, *options: str, cwd: Path = ROOT) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Start to serve on free ports, and yield the process with what it printed until it was ready.

    Without a folder, that is the default one in ``cwd``.
    """
    folders = [] if folder is None else ["--folder", str(folder)]
    with started("-m", "local_gateway", "--port", "0", *folders, *options, cwd=cwd) as running:
        yield running


@contextmanager
def started(*arguments: str, cwd: Path = ROOT) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Start Python, and yield the process with what it printed until it was ready."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=cwd, env=ENVIRONMENT, stdin=pipe, stdout=pipe, stderr=pipe, text=True
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
    result = run("-c", "import sys; from local_gateway.__main__ import *; sys.exit(main(['--demo'], SCENARIOS[:2]))")

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("\n6 of 6 as expected.\n")


def test_the_demo_exits_with_1_where_anything_is_not() -> None:
    result = run("-c", FAILING)

    assert (result.returncode, result.stderr) == (1, "")
    for where in ("REST API", "ALB, verify"):
        assert f"listed CN, {where}:\n  expected Outcome(status=403" in result.stdout
    assert "\n3 of 9 as expected.\n" in result.stdout
    assert result.stdout.count("(!)") == 6


@pytest.mark.parametrize(
    ("output", "status", "errors"),
    [("| :", 0, ""), (">/dev/full", 2, "local gateway: the output cannot be written: No space left on device\n")],
)
def test_output_that_cannot_be_written_gives_no_traceback(output: str, status: int, errors: str) -> None:
    code = "import sys; from local_gateway.__main__ import SCENARIOS, main; sys.exit(main(['--demo'], SCENARIOS[:1]))"
    pipeline = f'{{ "$0" -c "$1"; echo $? >&2; }} {output}'
    result = run_command("/bin/sh", "-c", pipeline, sys.executable, code)

    assert result.stderr == f"{errors}{status}\n"


def test_a_folder_that_cannot_be_created_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run("-m", "local_gateway", "--folder", str(tmp_path / "file"))

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"local gateway: [Errno 17] File exists: '{tmp_path}/file'\n"


def test_serving_ends_at_a_signal_that_did_not_interrupt_the_wait(tmp_path: Path) -> None:
    # As one that arrives just before the wait.
    with started("-c", SIGNAL_TO_ANOTHER_THREAD, str(tmp_path / "pki")) as (process, _):
        _, errors = process.communicate("\n", timeout=TIMEOUT)

    assert (process.returncode, errors) == (0, "")


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_the_curl_commands_do_what_their_comments_say(tmp_path: Path) -> None:
    with serving(tmp_path / "pki") as (process, lines):
        commands = [(lines[index - 1], line) for index, line in enumerate(lines) if line.startswith("curl ")]
        assert len(commands) == 37
        for comment, command in commands:
            answer = subprocess.run(
                [*shlex.split(command), "--silent"],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
                timeout=TIMEOUT,
            )
            expected = re.search(r": (rejected|\d{3})[^:]*$", comment)
            assert expected
            if expected[1] == "rejected":
                assert (answer.returncode != 0, answer.stdout) == (True, "")
            else:
                assert answer.stdout.startswith(f"HTTP/1.1 {expected[1]} ")

        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=TIMEOUT)

    assert errors == ""
    log = output.splitlines()
    assert "authorizer: allow (principal authorized-client, route GET /hello)" in log
    assert "authorizer: deny: no_rule_matched (principal other-client, route GET /hello)" in log
    assert "gateway: GET /hello HTTP/1.1 -> 403" in log
    assert any("certificate has expired" in line for line in log)


def test_a_client_that_is_revoked_while_the_gateway_runs_is_denied_after_the_reload(tmp_path: Path) -> None:
    folder = tmp_path / "my keys"
    with serving(folder) as (process, lines):
        comment = next(index for index, line in enumerate(lines) if line.startswith("# listed CN, to be revoked"))
        url = shlex.split(lines[comment + 1])[-1]
        (printed,) = (shlex.split(line) for line in lines if line.startswith("make revoke "))
        assert printed == ["make", "revoke", "CLIENT=to-be-revoked", f"ARGS=--folder '{folder}'"]
        assert get(url, folder, "to-be-revoked") == 200
        assert "111 of 111 as expected." in lines

        options = shlex.split(printed[-1].removeprefix("ARGS="))
        revoked = run("-m", "local_gateway.revoke", "to-be-revoked", *options)
        assert (revoked.returncode, revoked.stderr) == (0, "")
        assert revoked.stdout.endswith("client-ca.crl: CRL number 2, 2 revoked certificates.\n")
        deadline = time.monotonic() + TIMEOUT
        while get(url, folder, "to-be-revoked") != 403:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        # The others, even of the same name, are what they were.
        assert [get(url, folder, name) for name in ("listed-cn", "revoked")] == [200, 403]
        # A list that is garbage changes nothing.
        (folder / "new").write_bytes(b"garbage")
        (folder / "new").replace(folder / "client-ca.crl")
        time.sleep(REFRESH_SECONDS)
        assert [get(url, folder, name) for name in ("listed-cn", "revoked", "to-be-revoked")] == [200, 403, 403]

        process.send_signal(signal.SIGTERM)  # other tests send SIGINT
        output, errors = process.communicate(timeout=TIMEOUT)

    assert (process.returncode, errors) == (0, "")
    assert output.endswith("\nStopped.\n")
    log = output.splitlines()
    assert "authorizer: document loaded (document crl)" in log
    assert any(
        re.match(r"authorizer: document refresh failed \(document crl, error file:.*neither a CRL", line)
        for line in log
    )
    assert "authorizer: deny: certificate_revoked (principal authorized-client, route GET /hello)" in log


def get(url: str, folder: Path, name: str) -> int:
    context = ssl.create_default_context(cafile=folder / "server-ca.pem")
    context.load_cert_chain(folder / f"{name}.pem")
    connection = http.client.HTTPSConnection(urlsplit(url).netloc, timeout=TIMEOUT, context=context)
    try:
        connection.request("GET", urlsplit(url).path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("port", ["-1", "65527", "http", "1.5"])
def test_an_impossible_port_is_rejected_with_a_message(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse([f"--port={port}"], "")
    assert f"{port!r} is not a port from 0 to 65526" in capsys.readouterr().err
