"""The supported Python interpreters on this machine. ``python -m layer_builder.interpreters`` prints their paths."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PYTHON_VERSIONS = ("3.11", "3.12", "3.13", "3.14")
"""The Python versions that the layer serves."""

_DESCRIBE = "import platform; print(platform.python_implementation(), platform.python_version())"


def find_interpreters() -> dict[str, Path]:
    """Return an interpreter for each version of PYTHON_VERSIONS that is on this machine, by version.

    pyenv's come first, the newest patch release of each, then what is on PATH.
    """
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found: dict[str, Path] = {}
    for version in PYTHON_VERSIONS:
        folders = [*sorted(pyenv.glob(f"{version}.*/bin"), key=_patch_release, reverse=True)]
        folders += map(Path, os.get_exec_path())
        candidates = (folder / f"python{version}" for folder in folders)
        usable = next((candidate for candidate in candidates if _is(candidate, version)), None)
        if usable:
            found[version] = usable
    return found


def full_version(interpreter: Path) -> str | None:
    """Return CPython's full version, such as ``3.13.0``, or None where that is no working CPython."""
    # A file is not enough: pyenv's shims are there for versions that aren't.
    if not interpreter.is_file():
        return None
    command = [str(interpreter), "-I", "-S", "-c", _DESCRIBE]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- no shell
    implementation, _, version = result.stdout.strip().partition(" ")
    return version if result.returncode == 0 and implementation == "CPython" else None


def main() -> None:
    """Print the paths, one a line; with --others, without that of the version that runs this."""
    interpreters = find_interpreters()
    if "--others" in sys.argv[1:]:
        interpreters.pop("{}.{}".format(*sys.version_info), None)
    for interpreter in interpreters.values():
        print(interpreter)  # noqa: T201 -- its output


def _is(candidate: Path, version: str) -> bool:
    return (full_version(candidate) or "").startswith(f"{version}.")


def _patch_release(folder: Path) -> tuple[int, str]:
    """Order 3.13.10 after 3.13.9: ``folder`` is ``…/3.13.10/bin``."""
    name = folder.parent.name
    digits = name.rpartition(".")[2]
    return (int(digits) if digits.isdecimal() else -1, name)


if __name__ == "__main__":
    main()
