"""The source files of a package: those that git tracks, so that a forgotten file is never shipped."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from distribution.errors import DistributionError
from distribution.git import run_git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def find_sources(package: Path, patterns: Iterable[str], report: Callable[[str], object]) -> list[Path]:
    """Return a package's files whose names match a pattern, by their paths in the package, sorted.

    In a git checkout these are the tracked files; ``report`` is called with each matching file that git neither tracks
    nor ignores. Elsewhere, such as in an unpacked source archive, they are all files with a matching name. Raises
    DistributionError for any symbolic link in the package, and if git cannot list the files of a checkout.
    """
    patterns = tuple(patterns)
    found = [path for path in sorted(package.rglob("*")) if path.is_symlink() or path.is_file()]
    if links := [path for path in found if path.is_symlink()]:
        message = f"{links[0]} is a symbolic link: replace it with a file or delete it"
        raise DistributionError(message)
    present = [path.relative_to(package) for path in found if _matches(path, patterns)]
    if not _is_in_checkout(package) or not (tracked := _list(package, "--cached")):
        return present
    for path in sorted(_list(package, "--others", "--exclude-standard") & set(present)):
        report(f"leaving out {package / path}, which git does not track: run `git add` to include it")
    return [path for path in present if path in tracked]


def _matches(path: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path.name, pattern) for pattern in patterns)


def _is_in_checkout(package: Path) -> bool:
    # A worktree has a file of this name.
    return any((folder / ".git").exists() for folder in package.resolve().parents)


def _list(package: Path, *options: str) -> set[Path]:
    names = run_git(package, "ls-files", "-z", *options, "--", ".").split("\0")
    return {Path(name) for name in names if name}
