"""The supported Python interpreters on this machine. This module as a command prints their paths."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from distribution.python_versions import PYTHON_VERSIONS

_DESCRIBE = "import platform; print(platform.python_implementation(), platform.python_version())"


def find_interpreters() -> dict[str, Path]:
    """Return the path of an interpreter for each supported version that is on this machine, by version.

    The newest patch release under pyenv comes first, then the first one on PATH.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found: dict[str, Path] = {}
    for version in PYTHON_VERSIONS:
        folders = [*sorted(pyenv.glob(f"{version}.*/bin"), key=_patch_release, reverse=True)]
        folders += map(Path, os.get_exec_path())
        candidates = (folder / f"python{version}" for folder in folders)
        usable = next((candidate for candidate in candidates if _is(candidate, version)), None)
        if usable:
            # An environment made with a symbolic link may not find the standard library.
            found[version] = usable.resolve()
    return found


def full_version(interpreter: Path) -> str | None:
    """Return CPython's full version, such as ``3.13.0``, or None if the file is not a working CPython."""
    # pyenv's shims exist for versions that are not installed, so an existing file proves nothing.
    if not interpreter.is_file():
        return None
    command = [str(interpreter), "-I", "-S", "-c", _DESCRIBE]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- no shell
    implementation, _, version = result.stdout.strip().partition(" ")
    return version if result.returncode == 0 and implementation == "CPython" else None


def main() -> None:
    """Print the paths, one per line; with ``--others``, without the version that runs this."""
    interpreters = find_interpreters()
    if "--others" in sys.argv[1:]:
        interpreters.pop("{}.{}".format(*sys.version_info), None)
    for interpreter in interpreters.values():
        print(interpreter)


def _is(candidate: Path, version: str) -> bool:
    return (full_version(candidate) or "").startswith(f"{version}.")


def _patch_release(folder: Path) -> tuple[int, str]:
    """Order 3.13.10 after 3.13.9: ``folder`` is ``…/3.13.10/bin``."""
    name = folder.parent.name
    digits = name.rpartition(".")[2]
    return (int(digits) if digits.isdecimal() else -1, name)


if __name__ == "__main__":
    main()
