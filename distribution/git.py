"""Calling git: the commit that a release is built from, and its files."""

from __future__ import annotations

import subprocess
import tarfile
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


def read_commit(project: Path) -> str:
    """Return the hash of a git checkout's current commit.

    Raises DistributionError if this is no checkout, or if a tracked file was changed.
    """
    commit = run_git(project, "rev-parse", "--verify", "HEAD").strip()
    if changed := run_git(project, "status", "--porcelain", "--untracked-files=no").splitlines():
        message = f"{changed[0][3:]} has changes that are not committed: commit them, or undo them with `git stash`"
        raise DistributionError(message)
    return commit


def export_commit(project: Path, commit: str, destination: Path) -> None:
    """Write the files of a commit to a new folder. Raises DistributionError."""
    archive = destination.with_suffix(".tar")
    run_git(project, "archive", "--format=tar", f"--output={archive.absolute()}", commit)
    with tarfile.open(archive) as tar:
        tar.extractall(destination, filter="data")
    archive.unlink()
