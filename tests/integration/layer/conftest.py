from __future__ import annotations

import shutil
import subprocess

import pytest


@pytest.fixture(scope="module")
def openssl() -> str:
    """Return the path of OpenSSL 3."""
    path = shutil.which("openssl")
    if path is None or not _version(path).startswith("OpenSSL 3."):
        pytest.skip("needs OpenSSL 3 on the PATH")
    return path


@pytest.fixture(scope="module")
def openssl_of_node(openssl: str) -> str:
    """Return the path of OpenSSL 3.0, which Node 20 has: others may know more."""
    if not _version(openssl).startswith("OpenSSL 3.0."):
        pytest.skip("needs OpenSSL 3.0 on the PATH")
    return openssl


def _version(path: str) -> str:
    return subprocess.run([path, "version"], capture_output=True, text=True, check=True).stdout
