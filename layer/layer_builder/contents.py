"""What lies in the layer, and in a function: sources, of each wheel what is needed at run time, and compiled files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from zipfile import ZipFile

from layer_builder.bytecode import compile_folder
from layer_builder.interpreters import PYTHON_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LAYER = Path(__file__).parents[1]
REQUIREMENTS = LAYER / "requirements.txt"

# Where Lambda unpacks layers and a function's own code.
_LAYER_AT_RUN_TIME = PurePosixPath("/opt")
_FUNCTION_AT_RUN_TIME = PurePosixPath("/var/task")

# cffi's Python files make bindings; using them takes its extension alone. Stubs are for type checkers, and the
# layer's own module has its types in its sources.
# The metadata and the licences stay, for people and scanners to see what is there, but for the files that speak of
# one wheel with all that it held: the layer has parts of several. What the wheels' own bills of materials say is in the
# layer's.
_LEFT_OUT = re.compile(r"cffi/|.*\.pyi$|[^/]+\.dist-info/(sboms/.*|(RECORD|WHEEL|entry_points\.txt|top_level\.txt)$)")

# Not compiled, to save a zip of three Pythons 70 KB: it has nothing to do with certificates and their keys.
_SOURCES_ONLY = r"/cryptography/(fernet|hazmat/asn1/\w+|hazmat/primitives/(serialization/pkcs7|twofactor/\w+))\.py$"


def assemble_layer(wheels: Iterable[Path], destination: Path, report: Callable[[str], object]) -> dict[str, str | None]:
    """Write the layer's contents to ``destination/python``, which must not be there yet.

    Returns and raises what ``compile_folder`` does.
    """
    python = destination / "python"
    _copy_package(LAYER / "client_certificate_auth", python)
    for wheel in wheels:
        with ZipFile(wheel) as archive:
            archive.extractall(python, [name for name in archive.namelist() if not _LEFT_OUT.match(name)])
    return compile_folder(destination, _LAYER_AT_RUN_TIME, PYTHON_VERSIONS, report, sources_only=_SOURCES_ONLY)


def assemble_function(
    package: Path, destination: Path, version: str, report: Callable[[str], object]
) -> dict[str, str | None]:
    """Write a function's package to ``destination``, compiled for the version of its runtime.

    Returns and raises what ``compile_folder`` does.
    """
    _copy_package(package, destination)
    return compile_folder(destination, _FUNCTION_AT_RUN_TIME, [version], report)


def _copy_package(package: Path, folder: Path) -> None:
    shutil.copytree(package, folder / package.name, ignore=shutil.ignore_patterns("__pycache__"))
