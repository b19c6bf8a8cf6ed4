"""The contents of the layer and of a function: sources, the necessary parts of each wheel, and compiled files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final
from zipfile import ZipFile

from distribution.layer_builder.bytecode import compile_folder
from distribution.layer_builder.sources import find_sources
from distribution.python_versions import PYTHON_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Lambda unpacks layers and a function's own code here.
_LAYER_AT_RUN_TIME = PurePosixPath("/opt")
_FUNCTION_AT_RUN_TIME = PurePosixPath("/var/task")

# cffi's Python files create bindings; using bindings takes its extension module only. Stubs are for type checkers.
# Metadata and licences stay, so that people and scanners see which packages are there. Files that describe a complete
# wheel are omitted, because the layer contains parts of several. The layer's bill of materials includes those of the
# wheels.
_OMITTED = re.compile(r"cffi/|.*\.pyi$|[^/]+\.dist-info/(sboms/.*|(RECORD|WHEEL|entry_points\.txt|top_level\.txt)$)")

LICENSE_FILE: Final = "LICENSE"

# For the unit tests of functions.
_NOT_SHIPPED = "testing"

# Not compiled, which saves 0.1 MB: unrelated to certificates and their keys.
_SOURCES_ONLY = r"/cryptography/(fernet|hazmat/asn1/\w+|hazmat/primitives/(serialization/pkcs7|twofactor/\w+))\.py$"


def assemble_layer(
    layer: Path, wheels: Iterable[Path], destination: Path, report: Callable[[str], object]
) -> dict[str, str | None]:
    """Write the layer's contents to ``destination/python``, which must not exist.

    ``layer`` is the folder with the layer's own package. Returns the same as ``compile_folder``. Raises
    DistributionError.
    """
    python = destination / "python"
    _copy_package(layer / "client_certificate_auth", python, ("*.py", "py.typed"), report)
    for wheel in wheels:
        with ZipFile(wheel) as archive:
            archive.extractall(python, [name for name in archive.namelist() if not _OMITTED.match(name)])
    return compile_folder(destination, _LAYER_AT_RUN_TIME, PYTHON_VERSIONS, report, sources_only=_SOURCES_ONLY)


def assemble_function(
    package: Path, destination: Path, version: str, report: Callable[[str], object]
) -> dict[str, str | None]:
    """Write a function's package to ``destination``, compiled for the Python version of its runtime.

    Returns the same as ``compile_folder``. Raises DistributionError.
    """
    _copy_package(package, destination, ("*.py",), report)
    return compile_folder(destination, _FUNCTION_AT_RUN_TIME, [version], report)


def _copy_package(package: Path, folder: Path, patterns: Iterable[str], report: Callable[[str], object]) -> None:
    for source in find_sources(package, patterns, report):
        if source.parts[0] == _NOT_SHIPPED:
            continue
        target = folder / package.name / source
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package / source, target)
    # The zip file may be all that its users get.
    if (license_file := package.parent / LICENSE_FILE).is_file():
        shutil.copyfile(license_file, folder / package.name / LICENSE_FILE)
