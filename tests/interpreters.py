"""The supported Python interpreters on this machine. ``python tests/interpreters.py`` prints their paths."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")


def find_interpreters() -> dict[str, Path]:
    """Return an interpreter for each supported version that is on this machine, by version."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    found: dict[str, Path] = {}
    for version in SUPPORTED:
        folders = [*sorted(pyenv.glob(f"{version}.*/bin"), reverse=True), *map(Path, os.get_exec_path())]
        candidates = (folder / f"python{version}" for folder in folders)
        usable = next((candidate for candidate in candidates if _is(candidate, version)), None)
        if usable:
            found[version] = usable
    return found


def _is(candidate: Path, version: str) -> bool:
    # A file is not enough: pyenv's shims are there for versions that aren't.
    if not candidate.is_file():
        return False
    command = [str(candidate), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode == 0 and result.stdout.strip() == version


def main() -> None:
    """Print the paths, one a line; with --others, without that of the version that runs this."""
    interpreters = find_interpreters()
    if "--others" in sys.argv[1:]:
        interpreters.pop("{}.{}".format(*sys.version_info), None)
    for interpreter in interpreters.values():
        print(interpreter)  # noqa: T201 -- its output


if __name__ == "__main__":
    main()
