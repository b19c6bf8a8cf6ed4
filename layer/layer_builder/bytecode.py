"""Compiled files, so that Lambda needn't compile at each cold start: it can't keep them, as code is read-only there."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from layer_builder.interpreters import find_interpreters, full_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path, PurePosixPath

# What this process has imported and the order of its hashes show in a compiled file: marshal writes a reference to
# each object that something else refers to as well. So it is a fresh process, without site-packages, the environment's
# options and the locale, with one order of hashes, and compileall's order of files, which is sorted.
_OPTIONS = ("-s", "-S", "-P", "-X", "utf8", "-m", "compileall", "-q", "-f")
_FIXED_ENVIRONMENT = {"PYTHONHASHSEED": "0"}


class CompileError(Exception):
    """A source can't be compiled. The interpreter has said why."""


def compile_folder(
    folder: Path,
    at: PurePosixPath,
    versions: Iterable[str],
    report: Callable[[str], object],
    sources_only: str | None = None,
) -> dict[str, str | None]:
    """Compile a folder's sources with an interpreter of each version that is on this machine.

    ``at`` is where the folder will be at run time: that is the path that tracebacks show. The files are not checked
    against their sources (``unchecked-hash``, PEP 552), whose times a zip doesn't keep. The same sources give the same
    bytes for the same patch release, wherever the folder is. ``report`` is called with each step. What the regular
    expression ``sources_only`` finds something in the path of isn't compiled.

    Returns the full version of each interpreter, by version: None where there is none. Raises CompileError.
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
        raise CompileError(message)
