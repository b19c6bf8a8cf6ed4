"""What is published: for each architecture a zip file and its bill of materials, and the digests of all."""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

from layer_builder.archive import write_archive
from layer_builder.contents import LAYER, REQUIREMENTS, assemble_layer
from layer_builder.sbom import describe_layer, sha256
from layer_builder.wheels import Architecture, download_wheels

if TYPE_CHECKING:
    from collections.abc import Callable

SUMS = "SHA256SUMS"
_MEGABYTE = 1_000_000


def build_release(destination: Path, report: Callable[[str], object]) -> dict[str, str | None]:
    """Write what is published to a folder, over what an earlier build left there.

    ``report`` is called with each step. Returns the full version of each interpreter that compiled, by version: None
    where there is none. Raises DownloadError and CompileError.
    """
    destination.mkdir(parents=True, exist_ok=True)
    # Until the new ones are there, no digests are better than those of other files.
    (destination / SUMS).unlink(missing_ok=True)
    project = tomllib.loads((LAYER.parent / "pyproject.toml").read_text("utf-8"))["project"]
    compiled: dict[str, str | None] = {}
    written: list[Path] = []
    for architecture in Architecture:
        archive = destination / f"{project['name']}-{architecture}.zip"
        bill = archive.with_suffix(".cdx.json")
        tell = _label(report, architecture)
        with tempfile.TemporaryDirectory() as folder:
            contents = Path(folder, "layer")
            wheels = download_wheels(REQUIREMENTS, architecture, Path(folder), tell)
            compiled = assemble_layer(wheels, contents, tell)
            tell("zipping")
            write_archive(contents, archive)
            bill.write_text(describe_layer(archive, architecture, project, wheels, compiled))
        report(_describe_size(archive))
        written += [archive, bill]
    (destination / SUMS).write_text("".join(f"{sha256(path)}  {path.name}\n" for path in sorted(written)))
    return compiled


def _label(report: Callable[[str], object], label: str) -> Callable[[str], object]:
    return lambda step: report(f"{label}: {step}")


def _describe_size(archive: Path) -> str:
    with ZipFile(archive) as zip_file:
        unpacked = sum(entry.file_size for entry in zip_file.infolist())
    return f"{archive.name}: {archive.stat().st_size / _MEGABYTE:.2f} MB, unpacked {unpacked / _MEGABYTE:.2f} MB"
