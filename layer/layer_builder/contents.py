"""What lies in the layer: the extraction module, and of each wheel what is needed at run time."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

from layer_builder.wheels import download_wheels

if TYPE_CHECKING:
    from layer_builder.wheels import Architecture

_LAYER = Path(__file__).parents[1]

# cffi's Python files make bindings; using them takes its extension alone.
# The metadata and the licences stay, for people and scanners to see what is there, but for the files that speak of
# one wheel with all that it held: the layer has parts of several.
_LEFT_OUT = re.compile(r"cffi/|[^/]+\.dist-info/(RECORD|WHEEL|entry_points\.txt|top_level\.txt)$")


def build_layer(architecture: Architecture, destination: Path) -> None:
    """Write the layer's contents for an architecture to ``destination/python``, which must not be there yet.

    Raises DownloadError.
    """
    python = destination / "python"
    shutil.copytree(
        _LAYER / "client_certificate_auth",
        python / "client_certificate_auth",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    with tempfile.TemporaryDirectory() as folder:
        for wheel in download_wheels(_LAYER / "requirements.txt", architecture, Path(folder)):
            _unpack(wheel, python)


def _unpack(wheel: Path, destination: Path) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(destination, [name for name in archive.namelist() if not _LEFT_OUT.match(name)])
