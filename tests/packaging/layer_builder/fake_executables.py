"""Scripts in place of pip and of Python interpreters, for cases that a real machine does not have or that take long."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

COPY = shutil.which("cp")
GIT = shutil.which("git")

# "Downloads" the files of a folder that is named after the requested platform.
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
    """Write an interpreter that claims to be some Python and compiles nothing."""
    write_script(path, f"#!/bin/sh\necho {says}\nexit {status}\n")


def find_interpreters_only_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide all interpreters outside of a folder, which also gets git."""
    assert GIT
    folder.mkdir(exist_ok=True)
    (folder / "git").symlink_to(GIT)
    monkeypatch.setenv("PYENV_ROOT", str(folder))
    monkeypatch.setenv("PATH", str(folder))


def link_this_interpreter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide all interpreters except the one that runs the tests."""
    find_interpreters_only_in(folder, monkeypatch)
    (folder / "python{}.{}".format(*sys.version_info)).symlink_to(Path(sys.executable).resolve())


def download_from(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace pip by a script that copies wheels from the folders of an index."""
    pip = index / "pip"
    write_script(pip, PIP.format(copy=COPY, index=index))
    monkeypatch.setattr(sys, "executable", str(pip))
