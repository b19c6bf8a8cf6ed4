"""Small wheels for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zipfile import ZipFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

METADATA = """\
Metadata-Version: 2.4
Name: {name}
Version: {version}
Summary: An example.
License-Expression: MIT

A longer description.
"""


def write_wheel(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write a wheel with these files and metadata. Its name and version are those in its file name."""
    name, version, *_ = path.name.split("-")
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w") as archive:
        for file, content in files.items():
            archive.writestr(file, content)
        archive.writestr(f"{name}-{version}.dist-info/METADATA", METADATA.format(name=name, version=version))
        archive.writestr(f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\n")
    return path
