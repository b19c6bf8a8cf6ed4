"""The commands that the documentation suggests for pipelines succeed and fail when they should."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.certificate_authorities import DAY, CertificateAuthority
from tests.certificates import name, pem
from tests.unit.documentation.markdown import PROJECT, fences

if TYPE_CHECKING:
    from pathlib import Path

PYTHON_PATH = os.pathsep.join(str(PROJECT / package) for package in ("layer", "authorizer", "tools"))
[COMMANDS] = [fence.text.splitlines() for fence in fences("sh") if "for CERT in" in fence.text]
CHECK, DOCTOR, ALLOWED, DENIED, DIFF = range(5)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a folder with the files that the commands read, and with the command itself."""
    today = datetime.now(UTC)
    authority = CertificateAuthority("CA", not_before=today - DAY, not_after=today + 100 * DAY)
    (tmp_path / "key").write_text(authority.signer)
    issue = partial(authority.issue, 7, not_before=today - DAY, not_after=today + 50 * DAY)
    for file, client in (("certificates/a", "a"), ("certificates/b", "b"), ("denied/c", "c")):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / f"{file}.pem").write_text(pem(issue(subject=name(("CN", client)))))
    (tmp_path / "truststore.pem").write_bytes(authority.pem)
    (tmp_path / "authorizer.env").write_text("ALLOWED_COMMON_NAMES=a,b\n")
    allow(tmp_path / "old-rules.json", "a")
    allow(tmp_path / "rules.json", "a", "b")
    command = tmp_path / "mtls-authorizer"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m mtls_authorizer_cli "$@"\n')
    command.chmod(0o755)
    return tmp_path


def allow(file: Path, *clients: str) -> None:
    values = ", ".join(f'"{client}"' for client in clients)
    file.write_text(f'{{"rules": [{{"name": "clients", "match": {{"common_name": [{values}]}}}}]}}')


def succeeds(command: int, repository: Path) -> bool:
    environment = {"PATH": f"{repository}:{os.environ['PATH']}", "PYTHONPATH": PYTHON_PATH}
    done = subprocess.run(
        ["/bin/sh", "-c", COMMANDS[command]], cwd=repository, env=environment, capture_output=True, check=False
    )
    return done.returncode == 0


@pytest.mark.parametrize("command", range(len(COMMANDS)))
def test_a_good_change_passes(command: int, repository: Path) -> None:
    assert succeeds(command, repository)


def test_the_difference_is_shown(repository: Path) -> None:
    assert succeeds(DIFF, repository)
    assert "1 of 2 clients changed" in (repository / "diff.txt").read_text()


def test_a_client_that_is_denied_by_mistake_fails(repository: Path) -> None:
    allow(repository / "rules.json", "a")
    assert not succeeds(ALLOWED, repository)


@pytest.mark.parametrize("mistake", ["allowed by name", "allowed by the key of its CA", "unreadable"])
def test_a_client_that_must_be_denied_fails_if_it_is_allowed_or_cannot_be_read(mistake: str, repository: Path) -> None:
    if mistake == "allowed by name":
        allow(repository / "rules.json", "a", "b", "c")
    elif mistake == "allowed by the key of its CA":
        key = (repository / "key").read_text()
        (repository / "rules.json").write_text(f'{{"rules": [{{"name": "all", "match": {{"issuer_key": "{key}"}}}}]}}')
    else:
        (repository / "denied" / "c.pem").write_text("")
    assert not succeeds(DENIED, repository)


@pytest.mark.parametrize(
    ("command", "file", "content"),
    [
        (CHECK, "rules.json", '{"rules": [{"name": "a", "match": {"common_name": " a"}}]}'),
        (DOCTOR, "authorizer.env", "ALLOWED_COMMON_NAME=a\n"),
        (DIFF, "rules.json", "{"),
    ],
)
def test_other_mistakes_fail(command: int, file: str, content: str, repository: Path) -> None:
    (repository / file).write_text(content)
    assert not succeeds(command, repository)
