"""The launcher in the virtual environment."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mtls_authorizer_cli.launcher import main

if TYPE_CHECKING:
    from pathlib import Path


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
