"""`make clean` removes what the make targets create."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.unit.documentation.markdown import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

BY_THE_USER = "/staging/"
"""The folder that the tutorial creates."""


def test_everything_that_git_ignores_is_removed_except_the_keys_of_the_tutorial(tmp_path: Path) -> None:
    shutil.copy(PROJECT / "Makefile", tmp_path)
    for pattern in (PROJECT / ".gitignore").read_text().split():
        for name in ("", "2") if "*" in pattern else ("",):
            folder = tmp_path / pattern.strip("/").replace("*", f"-{name}" if name else "")
            folder.mkdir(parents=True)
    (tmp_path / "layer/package/__pycache__").mkdir(parents=True)
    (tmp_path / "layer/package/module.py").touch()
    command = ["make", "clean"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    remaining = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert remaining == {"Makefile", BY_THE_USER.strip("/"), "layer", "layer/package", "layer/package/module.py"}
