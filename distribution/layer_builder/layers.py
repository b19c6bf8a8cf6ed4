"""The layers: for each architecture a zip file and its bill of materials, and the digests of all files."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zipfile import ZipFile

from distribution.digests import SUMS, write_digests
from distribution.errors import DistributionError
from distribution.layer_builder.archive import write_archive
from distribution.layer_builder.contents import assemble_layer
from distribution.layer_builder.interpreters import find_interpreters
from distribution.layer_builder.sbom import describe_archive
from distribution.layer_builder.wheels import Architecture, check_index, download_wheels
from distribution.project import read_metadata
from distribution.python_versions import PYTHON_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Callable

_MEGABYTE = 1_000_000


def build_layers(
    project: Path, destination: Path, report: Callable[[str], object], *, complete: bool
) -> dict[str, str | None]:
    """Write the layers to a folder, replacing earlier ones.

    ``project`` is the project's folder. ``report`` is called with each step. If ``complete``, there must be compiled
    files for every supported Python version. Returns the full version of each interpreter that compiled, by version,
    None for a missing one. Raises DistributionError.
    """
    if complete:
        _require_all_interpreters()
    check_index()
    destination.mkdir(parents=True, exist_ok=True)
    # Removed first: while the build runs or if it fails, missing digests are better than wrong ones.
    (destination / SUMS).unlink(missing_ok=True)
    # In parallel, because pip and compression take most of the time.
    with ThreadPoolExecutor(len(Architecture)) as pool:
        builds = [pool.submit(_build, architecture, project, destination, report) for architecture in Architecture]
    results = [build.result() for build in builds]
    write_digests(destination, [file for result in results for file in (result.archive, result.bill)])
    return results[0].compiled


class _Build(NamedTuple):
    archive: Path
    bill: Path
    compiled: dict[str, str | None]


def _require_all_interpreters() -> None:
    found = find_interpreters()
    if missing := [version for version in PYTHON_VERSIONS if version not in found]:
        message = f"a complete release needs Python {', '.join(missing)} on PATH or under pyenv; try `make pythons`"
        raise DistributionError(message)


def _build(architecture: Architecture, project: Path, destination: Path, report: Callable[[str], object]) -> _Build:
    def report_labelled(step: str) -> None:
        report(f"{architecture}: {step}")

    metadata = read_metadata(project)
    archive = destination / f"{metadata['name']}-{architecture}.zip"
    bill = archive.with_suffix(".cdx.json")
    with tempfile.TemporaryDirectory() as folder:
        contents = Path(folder, "layer")
        wheels = download_wheels(project / "layer/requirements.txt", architecture, Path(folder), report_labelled)
        compiled = assemble_layer(project / "layer", wheels, contents, report_labelled)
        report_labelled("zipping")
        write_archive(contents, archive)
        bill.write_text(describe_archive(archive, metadata, compiled, architecture=architecture, wheels=wheels))
    report(_describe_size(archive))
    return _Build(archive, bill, compiled)


def _describe_size(archive: Path) -> str:
    with ZipFile(archive) as zip_file:
        unpacked = sum(entry.file_size for entry in zip_file.infolist())
    return f"{archive.name}: {archive.stat().st_size / _MEGABYTE:.2f} MB, unpacked {unpacked / _MEGABYTE:.2f} MB"
