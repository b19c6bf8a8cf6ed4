"""Calling git."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from distribution.errors import DistributionError

if TYPE_CHECKING:
    from pathlib import Path


def run_git(folder: Path, *arguments: str) -> str:
    """Return the output of git in a folder. Raises DistributionError."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout  # noqa: S603 -- no shell
    except OSError as error:
        message = f"git is required for {folder}: {error.strerror}"
        raise DistributionError(message) from error
    except subprocess.CalledProcessError as error:
        message = f"git {arguments[0]} failed in {folder}: {' '.join(error.stderr.split())}"
        raise DistributionError(message) from error
