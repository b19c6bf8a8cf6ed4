"""The launcher in the virtual environment."""

from __future__ import annotations

import runpy
import shlex
import sys
from typing import TYPE_CHECKING

from mtls_authorizer_cli.launcher import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_launcher_is_executable_and_names_the_interpreter_next_to_it(tmp_path: Path) -> None:
    folder = tmp_path / "it's a folder" / "bin"
    folder.mkdir(parents=True)
    launcher = folder / "mtls-authorizer"
    main([str(launcher)])
    assert launcher.stat().st_mode & 0o777 == 0o755
    *_, last = launcher.read_text(encoding="utf-8").splitlines()
    paths, command, python, *arguments = shlex.split(last)
    assert [path.rpartition("/")[2] for path in paths.removeprefix("PYTHONPATH=").split(":")] == [
        *("layer", "authorizer", "tools")
    ]
    assert (command, python) == ("exec", str(folder / "python"))
    assert arguments == ["-P", "-m", "mtls_authorizer_cli", "$@"]


def test_the_module_is_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["launcher", str(tmp_path / "mtls-authorizer")])
    monkeypatch.delitem(sys.modules, main.__module__)
    runpy.run_module(main.__module__, run_name="__main__")
    assert (tmp_path / "mtls-authorizer").exists()
