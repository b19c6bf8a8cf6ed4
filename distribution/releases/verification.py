"""Verifies a release: its digests, and that the same commit gives the same bytes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from distribution.digests import compare_digests, read_digests
from distribution.errors import DistributionError
from distribution.git import read_commit
from distribution.releases.building import build_release
from distribution.releases.provenance import read_build

if TYPE_CHECKING:
    from collections.abc import Callable


def verify_release(project: Path, release: Path, report: Callable[[str], object], *, complete: bool) -> list[str]:
    """Rebuild a release and return one line for each difference.

    Nothing is rebuilt if the files differ from the release's own ``SHA256SUMS``. Raises the same as ``build_release``,
    and DistributionError if the current commit is not the one that the release was built from.
    """
    if differences := compare_digests(release):
        return differences
    report("the files have the digests in SHA256SUMS")
    build = read_build(release)
    if (current := read_commit(project)) != build.commit:
        message = f"the release was built from commit {build.commit}, not {current}: run `git checkout {build.commit}`"
        raise DistributionError(message)
    with tempfile.TemporaryDirectory() as folder:
        rebuilt = Path(folder, "release")
        build_release(project, rebuilt, report, complete=complete, source_url=build.source_url)
        differences = _compare(read_digests(release), read_digests(rebuilt))
        if differences:
            differences += _compare_tools(build.versions, read_build(rebuilt).versions)
    return differences


def _compare(published: dict[str, str], rebuilt: dict[str, str]) -> list[str]:
    return [
        f"{name}: not the bytes that this commit gives"
        for name in sorted(published.keys() | rebuilt.keys())
        if published.get(name) != rebuilt.get(name)
    ]


def _compare_tools(published: dict[str, str], rebuilt: dict[str, str]) -> list[str]:
    return [
        f"other tools may give other bytes: the release was built with {tool} {published.get(tool, 'missing')}, "
        f"and here it is {rebuilt.get(tool, 'missing')}"
        for tool in sorted(published.keys() | rebuilt.keys())
        if published.get(tool) != rebuilt.get(tool)
    ]
