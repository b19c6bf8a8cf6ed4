"""The openssl commands on the pages run, and their output has the spelling that the pages promise."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.rules.document import parse_rules
from tests.certificate_authorities import authority
from tests.unit.documentation.markdown import fences

if TYPE_CHECKING:
    from pathlib import Path


def openssl_commands(page: str) -> list[str]:
    """Return the commands of a page, with continued lines joined."""
    text = "\n".join(re.sub(r" *\\\n *", " ", fence.text) for fence in fences("sh") if fence.page == page)
    return [line for line in text.splitlines() if line.startswith(("openssl ", "mkdir "))]


def run(command: str, folder: Path) -> str:
    result = subprocess.run(
        command, shell=True, cwd=folder, capture_output=True, text=True, check=False  # noqa: S602 -- our own page
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
