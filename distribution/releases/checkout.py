"""The commit that a release is built from, and its files."""

from __future__ import annotations

import subprocess
import tarfile
from typing import TYPE_CHECKING

from distribution.errors import DistributionError

if TYPE_CHECKING:
    from pathlib import Path


def read_commit(project: Path) -> str:
    """Return the hash of a git checkout's current commit.

    Raises DistributionError if this is no checkout, or if a tracked file was changed.
    """
    commit = _git(project, "rev-parse", "--verify", "HEAD").strip()
    if changed := _git(project, "status", "--porcelain", "--untracked-files=no").splitlines():
        message = f"{changed[0][3:]} has changes that are not committed: commit them, or undo them with `git stash`"
        raise DistributionError(message)
    return commit


def export_commit(project: Path, commit: str, destination: Path) -> None:
    """Write the files of a commit to a new folder. Raises DistributionError."""
    archive = destination.with_suffix(".tar")
    _git(project, "archive", "--format=tar", f"--output={archive.absolute()}", commit)
    with tarfile.open(archive) as tar:
        tar.extractall(destination, filter="data")
    archive.unlink()


def _git(project: Path, *arguments: str) -> str:
    command = ["git", "-C", str(project), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 -- no shell
    except OSError as error:
        message = f"a release needs git: {error.strerror}"
        raise DistributionError(message) from error
    except subprocess.CalledProcessError as error:
        message = f"a release needs a git checkout with a commit: {' '.join(error.stderr.split())}"
        raise DistributionError(message) from error
