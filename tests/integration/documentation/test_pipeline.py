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

from tests.pki.certificate_authorities import DAY, CertificateAuthority
from tests.pki.certificates import name, pem
from tests.unit.documentation.markdown import PROJECT, fences

if TYPE_CHECKING:
    from pathlib import Path

PYTHON_PATH = os.pathsep.join(str(PROJECT / package) for package in ("layer", "authorizer", "tools"))
[COMMANDS] = [fence.text.splitlines() for fence in fences("sh") if "for CERT in" in fence.text]
CHECK, DOCTOR, OFFLINE, ALLOWED, DENIED, DIFF = range(6)
VARIABLES = """\
AUTHORIZER_RULES_URI=s3://acme-rules/rules.json
AUTHORIZER_SHADOW_RULES_URI=s3://acme-rules/shadow-rules.json
S3_BUCKET_OWNER=123456789012
TRUSTSTORE_URI=s3://acme-revocation/truststore.pem
CRL_URIS=s3://acme-revocation/crl/
CRL_CHECK=chain
"""


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
    (tmp_path / "authorizer.env").write_text(VARIABLES)
    allow(tmp_path / "old-rules.json", "a")
    allow(tmp_path / "rules.json", "a", "b")
    command = tmp_path / "mtls-authorizer"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m mtls_authorizer_cli "$@"\n')
    command.chmod(0o755)
    return tmp_path


def allow(file: Path, *clients: str) -> None:
    values = ", ".join(f'"{client}"' for client in clients)
    file.write_text(f'{{"rules": [{{"name": "clients", "match": {{"common_name": [{values}]}}}}]}}')


def succeeds(repository: Path, *commands: int) -> bool:
    """Return whether commands succeed in a shell that ends with the first failure, as pipelines use it."""
    environment = {"PATH": f"{repository}:{os.environ['PATH']}", "PYTHONPATH": PYTHON_PATH}
    script = "\n".join(COMMANDS[command] for command in commands)
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", script], cwd=repository, env=environment, capture_output=True, check=False
    )
    return done.returncode == 0


def test_a_good_change_passes_and_its_difference_is_shown(repository: Path) -> None:
    assert succeeds(repository, *range(len(COMMANDS)))
    assert "1 of 2 clients changed" in (repository / "diff.txt").read_text()


def test_a_client_that_is_denied_by_mistake_fails(repository: Path) -> None:
    allow(repository / "rules.json", "a")
    assert not succeeds(repository, OFFLINE, ALLOWED)


@pytest.mark.parametrize(
    "mistake", ["allowed by name", "allowed by a list", "allowed by the key of its CA", "unreadable"]
)
def test_a_client_that_must_be_denied_fails_if_it_is_allowed_or_cannot_be_read(mistake: str, repository: Path) -> None:
    if mistake == "allowed by name":
        allow(repository / "rules.json", "a", "b", "c")
    elif mistake == "allowed by a list":
        (repository / "authorizer.env").write_text(f"{VARIABLES}ALLOWED_COMMON_NAMES=c\n")
    elif mistake == "allowed by the key of its CA":
        key = (repository / "key").read_text()
        (repository / "rules.json").write_text(f'{{"rules": [{{"name": "all", "match": {{"issuer_key": "{key}"}}}}]}}')
    else:
        (repository / "denied" / "c.pem").write_text("")
    assert not succeeds(repository, OFFLINE, DENIED)


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
    assert not succeeds(repository, OFFLINE, command)
