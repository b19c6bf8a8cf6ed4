"""The wheels that the layer is made of, for the platform that it runs on."""

from __future__ import annotations

import subprocess
import sys
from enum import StrEnum
from typing import TYPE_CHECKING

from layer_builder.interpreters import PYTHON_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Architecture(StrEnum):
    """The processors that Lambda has, by its names for them."""

    ARM64 = "arm64"
    X86_64 = "x86_64"


# glibc 2.17 (PEP 599). The oldest that a supported runtime has is 2.26, Amazon Linux 2's under python3.11.
_PLATFORMS = {Architecture.ARM64: "manylinux2014_aarch64", Architecture.X86_64: "manylinux2014_x86_64"}


class DownloadError(Exception):
    """Pip could not download what was asked for. It has said why on standard error."""


def download_wheels(
    requirements: Path, architecture: Architecture, folder: Path, report: Callable[[str], object]
) -> list[Path]:
    """Download the wheels of pinned, hashed requirements, for every Python version, to a folder, and return them.

    An abi3 wheel comes once, as it serves all versions. ``report`` is called with each step. Raises DownloadError.
    """
    for version in PYTHON_VERSIONS:
        report(f"downloading the wheels for Python {version}")
        _download(requirements, _PLATFORMS[architecture], version, folder)
    return sorted(folder.glob("*.whl"))


def _download(requirements: Path, platform: str, version: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--require-hashes", "--no-deps", "--requirement", str(requirements), "--dest", str(folder)]
    # Wheels only, and all of them: of a source distribution, pip would run the code that builds it.
    command += ["--only-binary", ":all:", "--platform", platform, "--implementation", "cp", "--python-version", version]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 -- no shell, and nothing in it from outside
        message = f"pip could not download {requirements.name} for Python {version} on {platform}"
        raise DownloadError(message)
