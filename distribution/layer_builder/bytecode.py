"""Compiled files. Code is read-only on Lambda, so without them Python compiles the sources at each cold start."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from distribution.errors import DistributionError
from distribution.layer_builder.interpreters import find_interpreters, full_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path, PurePosixPath

# A compiled file depends on the modules that its process has imported and on the order of hashes, because marshal
# writes a reference to each object that is used elsewhere too. So a new process compiles, without site-packages, with
# fixed options, encoding and hash order. compileall sorts the files.
_OPTIONS = ("-s", "-S", "-P", "-X", "utf8", "-m", "compileall", "-q", "-f")
_FIXED_ENVIRONMENT = {"PYTHONHASHSEED": "0"}


def compile_folder(
    folder: Path,
    at: PurePosixPath,
    versions: Iterable[str],
    report: Callable[[str], object],
    sources_only: str | None = None,
) -> dict[str, str | None]:
    """Compile a folder's sources with an interpreter of each version that is on this machine.

    ``at`` is the folder's location at run time, which tracebacks show. The files are not checked against their sources
    (``unchecked-hash``, PEP 552), because a zip file does not keep modification times. The same sources give the same
    bytes for the same patch release, wherever the folder is. ``report`` is called with each step. Paths that match the
    regular expression ``sources_only`` anywhere are not compiled.

    Returns the full version of each interpreter by version, None for a missing one. Raises DistributionError.
    """
    interpreters = find_interpreters()
    compiled: dict[str, str | None] = {}
    for version in versions:
        compiled[version] = None
        if interpreter := interpreters.get(version):
            compiled[version] = full_version(interpreter)
            report(f"compiling with Python {compiled[version]}")
            _compile(folder.resolve(), at, interpreter, sources_only)
    return compiled


def _compile(folder: Path, at: PurePosixPath, interpreter: Path, sources_only: str | None) -> None:
    command = [str(interpreter), *_OPTIONS, "--invalidation-mode", "unchecked-hash"]
    command += ["-s", str(folder), "-p", str(at)]
    if sources_only is not None:
        command += ["-x", sources_only]
    command.append(str(folder))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment = inherited | _FIXED_ENVIRONMENT
    if subprocess.run(command, env=environment, check=False).returncode:  # noqa: S603 -- no shell
        message = f"{interpreter} could not compile the sources in {folder}"
        raise DistributionError(message)
