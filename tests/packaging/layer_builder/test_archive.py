from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING
from zipfile import ZipFile

from distribution.layer_builder.archive import write_archive
from distribution.layer_builder.interpreters import find_interpreters
from distribution.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

WRITE_ARCHIVE = """
import sys
from pathlib import Path
from distribution.layer_builder.archive import write_archive
write_archive(*map(Path, sys.argv[1:]))
"""


def test_the_bytes_do_not_depend_on_the_python_version_that_writes_them(tmp_path: Path) -> None:
    for version, interpreter in find_interpreters().items():
        archive = tmp_path / f"{version}.zip"
        command = [str(interpreter), "-c", WRITE_ARCHIVE, str(ROOT / "layer/client_certificate_auth"), str(archive)]
        # pyenv's interpreters share this machine's zlib; Debian's bring their own, which is checked for its contents.
        subprocess.run(command, env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}, check=True)
    assert len({archive.read_bytes() for archive in tmp_path.glob("*.zip")}) == 1


def test_all_entries_have_the_same_time_and_mode_and_are_sorted(tmp_path: Path) -> None:
    (tmp_path / "folder/b").mkdir(parents=True)
    for name, mode in {"b/z": 0o600, "b.txt": 0o755, "a": 0o666, "b/a": 0o640}.items():
        path = tmp_path / "folder" / name
        path.write_text(name)
        path.chmod(mode)
    write_archive(tmp_path / "folder", tmp_path / "archive.zip")
    with ZipFile(tmp_path / "archive.zip") as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == ["a", "b.txt", "b/a", "b/z"]
    assert {(entry.date_time, entry.external_attr >> 16, entry.create_system) for entry in entries} == {
        ((1980, 1, 1, 0, 0, 0), 0o100644, 3)
    }


def test_the_bytes_are_the_same_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a").write_text("a")
    write_archive(tmp_path / "folder", tmp_path / "here.zip")
    monkeypatch.setattr(sys, "platform", "win32")
    write_archive(tmp_path / "folder", tmp_path / "there.zip")
    assert (tmp_path / "there.zip").read_bytes() == (tmp_path / "here.zip").read_bytes()
