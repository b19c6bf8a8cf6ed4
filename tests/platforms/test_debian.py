from __future__ import annotations

import platform
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.interpreters import INTERPRETERS
from tests.platforms import debian
from tests.platforms.debian import DownloadError, NotDebianError, fill_once, unpack
from tests.platforms.debian_python import NotInDebianError, link_python, unpack_python

if TYPE_CHECKING:
    from pathlib import Path

UBUNTU = """\
# Ubuntu sources have moved to the folder of this file.
Types: deb
URIs: http://ubuntu.example/
Suites: noble noble-security
Components: main
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg
"""

needs_debian = pytest.mark.skipif(not debian.SOURCES.is_file(), reason="apt on this machine is not Debian's")


@pytest.mark.parametrize("text", [None, "", UBUNTU])
def test_a_machine_without_a_mirror_of_debian_is_named_as_the_reason(tmp_path: Path, text: str | None) -> None:
    sources = tmp_path / "debian.sources"
    if text is not None:
        sources.write_text(text)
    with pytest.raises(NotDebianError) as reason:
        unpack(["hello"], tmp_path / "root", suite="bookworm", architecture="amd64", sources=sources)
    assert str(sources) in str(reason.value) or "apt-get" in str(reason.value)
    assert not (tmp_path / "root").exists()


def test_a_machine_without_apt_is_named_as_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotDebianError, match="apt-get is not on this machine"):
        unpack(["hello"], tmp_path / "root", suite="bookworm", architecture="amd64")


@needs_debian
def test_packages_that_are_not_signed_with_the_keys_are_rejected(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no-keys.gpg").touch()
    sources = tmp_path / "debian.sources"
    lines = debian.SOURCES.read_text().splitlines()
    replaced = [f"Signed-By: {tmp_path}/no-keys.gpg" if line.startswith("Signed-By:") else line for line in lines]
    sources.write_text("\n".join(replaced))
    with pytest.raises(DownloadError):
        unpack(["hello"], tmp_path / "root", suite="bookworm", architecture="amd64", sources=sources)
    assert "not signed" in capfd.readouterr().err
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize(("version", "machine"), [("3.12", platform.machine()), ("3.13", "riscv64")])
def test_a_version_that_debian_does_not_have_is_an_error(tmp_path: Path, version: str, machine: str) -> None:
    with pytest.raises(NotInDebianError, match=f"Debian does not have Python {version} for {machine}"):
        unpack_python(tmp_path, version, machine)


@pytest.mark.parametrize("interpreter", INTERPRETERS.values(), ids=str)
def test_an_environment_made_with_a_link_finds_the_standard_library_next_to_it(
    interpreter: Path, tmp_path: Path
) -> None:
    link_python(tmp_path, interpreter)
    environment = tmp_path / "environment"
    subprocess.run([tmp_path / "bin" / interpreter.name, "-m", "venv", "--without-pip", environment], check=True)
    code = "import os, ssl, sys; print(sys.base_prefix, os.__file__)"
    command: list[str | Path] = [environment / "bin/python", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.split() == [str(tmp_path), str(tmp_path / "lib" / interpreter.name / "os.py")]


def test_a_folder_is_filled_again_only_if_it_was_moved_or_is_incomplete(tmp_path: Path) -> None:
    root, calls = tmp_path / "root", []

    def fill() -> None:
        root.mkdir()
        calls.append(root)
        if len(calls) == 1:
            raise DownloadError

    with pytest.raises(DownloadError):
        fill_once(root, fill)
    fill_once(root, fill)
    fill_once(root, fill)
    assert len(calls) == 2
    (tmp_path / "root.finished").write_text("/elsewhere/root")
    fill_once(root, fill)
    assert len(calls) == 3
