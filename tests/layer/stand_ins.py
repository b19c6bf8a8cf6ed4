"""What stands in for pip and for the Pythons of a machine, where theirs would take seconds."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

COPY = shutil.which("cp")

# It "downloads" what lies in a folder named after the platform that it is asked for.
PIP = """\
#!/bin/sh
for argument; do
    case "$previous" in
        --dest) folder=$argument ;;
        --platform) platform=$argument ;;
    esac
    previous=$argument
done
exec {copy} "{index}/$platform"/*.whl "$folder"
"""


def write_script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def write_interpreter(path: Path, says: str, status: int = 0) -> None:
    """Write what says that it is some Python, and compiles nothing."""
    write_script(path, f"#!/bin/sh\necho {says}\nexit {status}\n")


def without_interpreters(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have Pythons looked for in a folder alone."""
    monkeypatch.setenv("PYENV_ROOT", str(folder))
    monkeypatch.setenv("PATH", str(folder))


def download_from(monkeypatch: pytest.MonkeyPatch, index: Path) -> None:
    """Have wheels copied from a folder's folders."""
    pip = index / "pip"
    write_script(pip, PIP.format(copy=COPY, index=index))
    monkeypatch.setattr(sys, "executable", str(pip))
