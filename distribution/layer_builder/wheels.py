"""The wheels of the layer's dependencies for Lambda's platforms."""

from __future__ import annotations

import subprocess
import sys
from enum import StrEnum
from typing import TYPE_CHECKING

from distribution.errors import DistributionError
from distribution.layer_builder.package_index import answers, find_index
from distribution.python_versions import PYTHON_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Architecture(StrEnum):
    """Lambda's processor architectures, by Lambda's names."""

    ARM64 = "arm64"
    X86_64 = "x86_64"


# glibc 2.17 (PEP 599). The oldest supported runtime, python3.11 on Amazon Linux 2, has 2.26.
_PLATFORMS = {Architecture.ARM64: "manylinux2014_aarch64", Architecture.X86_64: "manylinux2014_x86_64"}


def check_index() -> None:
    """Raise DistributionError if pip's index does not answer within seconds."""
    # A page that pip requests: the list of all projects, above it, can take a mirror a long time.
    if (index := find_index()) and not answers(f"{index.rstrip('/')}/cryptography/"):
        message = f"{index} does not answer: check the network, the proxy (HTTPS_PROXY) and `pip config list`"
        raise DistributionError(message)


def download_wheels(
    requirements: Path, architecture: Architecture, folder: Path, report: Callable[[str], object]
) -> list[Path]:
    """Download the wheels of hash-pinned requirements for every Python version to a folder, and return their paths.

    An abi3 wheel is downloaded once for all versions. ``report`` is called with each step. Raises DistributionError.
    """
    for version in PYTHON_VERSIONS:
        report(f"downloading the wheels for Python {version}")
        _download(requirements, _PLATFORMS[architecture], version, folder)
    # From 3.15 on, pip prefers wheels that also serve free-threaded Pythons, which Lambda does not have. The abi3 wheel
    # for older versions serves 3.15, too, and the layer has one library instead of two (5 MB).
    return sorted(wheel for wheel in folder.glob("*.whl") if "abi3t" not in wheel.name)


def _download(requirements: Path, platform: str, version: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--require-hashes", "--no-deps", "--requirement", str(requirements), "--dest", str(folder)]
    # Wheels only: pip would run the build code of a source distribution.
    command += ["--only-binary", ":all:", "--platform", platform, "--implementation", "cp", "--python-version", version]
    result = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 -- no shell
    if result.returncode:
        reason = next((line for line in result.stderr.splitlines() if line.startswith("ERROR: ")), "ERROR: no reason")
        message = (
            f"pip could not download {requirements.name} for Python {version} on {platform} "
            f"({reason.removeprefix('ERROR: ')}): check the network and `pip config list`"
        )
        raise DistributionError(message)
