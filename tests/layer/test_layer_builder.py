from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from layer_builder.wheels import PYTHON_VERSIONS, Architecture, DownloadError, download_wheels
from tests.interpreters import SUPPORTED

LAYER = Path(__file__).parents[2] / "layer"


def run_builder(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["layer_builder", *arguments])
    runpy.run_module("layer_builder", run_name="__main__")


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_layer_holds_what_is_needed_at_run_time_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_builder(monkeypatch, "x86_64", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["python"]
    files = files_in(tmp_path / "python")

    module = {name for name in files if name.startswith("client_certificate_auth/")}
    sources = {f"client_certificate_auth/{name}" for name in files_in(LAYER / "client_certificate_auth")}
    assert module == {name for name in sources if "__pycache__" not in name}

    metadata = {re.sub(r"-[0-9.]+\.dist-info/", ": ", name) for name in files if ".dist-info/" in name}
    assert {name for name in metadata if "/" not in name} == {"cffi: METADATA", "cryptography: METADATA"}
    assert {name for name in metadata if "licenses/LICENSE" in name} >= {
        "cffi: licenses/LICENSE",
        "cryptography: licenses/LICENSE",
    }

    rest = {name for name in files - module if ".dist-info/" not in name and not name.startswith("cryptography/")}
    tags = [version.replace(".", "") for version in PYTHON_VERSIONS]
    assert rest == {f"_cffi_backend.cpython-{tag}-x86_64-linux-gnu.so" for tag in tags}
    assert not [name for name in files if name.endswith(".pyc")]


def test_the_layer_serves_every_supported_python() -> None:
    assert PYTHON_VERSIONS == SUPPORTED


def test_a_failed_download_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(SystemExit) as failure:
        run_builder(monkeypatch, "arm64", str(tmp_path))
    assert failure.value.code == 1
    message = "pip could not download requirements.txt for Python 3.11 on manylinux2014_aarch64\n"
    assert capsys.readouterr().err == message


def test_a_wheel_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    pinned = (LAYER / "requirements.txt").read_text()
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", pinned))
    with pytest.raises(DownloadError):
        download_wheels(requirements, Architecture.X86_64, tmp_path)
    assert not list(tmp_path.glob("*.whl"))


def test_make_names_the_python_that_it_needs(tmp_path: Path) -> None:
    command = ["make", "--makefile", str(LAYER / "Makefile"), "build-LayerArm64", "PYTHON=false"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "false is not Python 3.11 or later" in result.stderr
