from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

from layer_builder.archive import write_archive
from layer_builder.bytecode import compile_folder
from layer_builder.interpreters import PYTHON_VERSIONS, find_interpreters, full_version
from layer_builder.wheels import Architecture, DownloadError, download_wheels

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layer"
INTERPRETERS = find_interpreters()
THIS_VERSION = "{}.{}".format(*sys.version_info)
UNCHECKED_HASH = b"\x01\0\0\0"  # the second field of a compiled file (PEP 552)


def run_builder(monkeypatch: pytest.MonkeyPatch, *arguments: str, module: str = "layer_builder") -> None:
    monkeypatch.setattr(sys, "argv", [module, *arguments])
    runpy.run_module(module, run_name="__main__")


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_package(folder: Path, source: str = "NAME = 'value'\n") -> Path:
    """Write a package with the compiled file of an earlier run, which must not be shipped."""
    package = folder / "package"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__pycache__/stale.cpython-311.pyc").touch()
    (package / "__init__.py").touch()
    (package / "module.py").write_text(source)
    return package


def without_interpreters(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PYENV_ROOT", str(folder))
    monkeypatch.setenv("PATH", str(folder))


# The layer, that `sam build` makes: what is in it is compared with the zip files in test_template.py


def test_a_failed_download_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(SystemExit) as failure:
        run_builder(monkeypatch, "layer", "arm64", str(tmp_path))
    assert failure.value.code == 1
    message = "pip could not download requirements.txt for Python 3.11 on manylinux2014_aarch64\n"
    assert capsys.readouterr().err == message


def test_a_wheel_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    pinned = (LAYER / "requirements.txt").read_text()
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", pinned))
    steps: list[str] = []
    with pytest.raises(DownloadError):
        download_wheels(requirements, Architecture.X86_64, tmp_path, steps.append)
    assert steps == ["downloading the wheels for Python 3.11"]
    assert not list(tmp_path.glob("*.whl"))


def test_make_names_the_python_that_it_needs(tmp_path: Path) -> None:
    command = ["make", "--makefile", str(LAYER / "Makefile"), "build-LayerArm64", "PYTHON=false"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "false is not Python 3.11 or later" in result.stderr


# A function


def test_a_function_is_its_package_with_compiled_files_for_its_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = write_package(tmp_path / "source")
    run_builder(monkeypatch, "function", str(package), str(tmp_path / "built"), THIS_VERSION)
    tag = sys.implementation.cache_tag
    assert contents_of(tmp_path / "built").keys() == {
        "package/__init__.py",
        "package/module.py",
        f"package/__pycache__/__init__.{tag}.pyc",
        f"package/__pycache__/module.{tag}.pyc",
    }
    full = full_version(INTERPRETERS[THIS_VERSION])
    assert capsys.readouterr().out.splitlines() == [
        f"compiling with Python {full}",
        f"Python {THIS_VERSION}: compiled files, by {full}",
    ]


def test_a_function_is_shipped_as_sources_where_its_python_is_missing_and_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = write_package(tmp_path / "source")
    without_interpreters(monkeypatch, tmp_path)
    run_builder(monkeypatch, "function", str(package), str(tmp_path / "built"), "3.13")
    assert contents_of(tmp_path / "built").keys() == {"package/__init__.py", "package/module.py"}
    assert capsys.readouterr().out == "Python 3.13: sources only, as it is not on this machine\n"


def test_a_source_that_cannot_be_compiled_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = write_package(tmp_path / "source", source="def\n")
    with pytest.raises(SystemExit) as failure:
        run_builder(monkeypatch, "function", str(package), str(tmp_path / "built"), THIS_VERSION)
    assert failure.value.code == 1
    message = f"{INTERPRETERS[THIS_VERSION]} could not compile the sources in {tmp_path / 'built'}\n"
    assert capsys.readouterr().err == message


# Compiled files


@pytest.mark.parametrize("version", INTERPRETERS)
def test_compiled_files_are_the_same_whatever_the_folder_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    # Sets and names that other modules have as well: what hash seeds and interned strings show in.
    source = "import os, sys\nNAMES = {'os', 'sys', 'path', 'x'}\ndef f(x): return x in {'alpha', 'beta', 'path'}\n"
    built = []
    for name, environment in {
        "a": {},
        "some/other folder": {
            "PYTHONHASHSEED": "7",
            "PYTHONOPTIMIZE": "2",
            "PYTHONPYCACHEPREFIX": str(tmp_path / "cache"),
            "LC_ALL": "C",
        },
    }.items():
        write_package(tmp_path / name, source)
        (tmp_path / name / "package/__pycache__/stale.cpython-311.pyc").unlink()
        with monkeypatch.context() as patch:
            for variable, value in environment.items():
                patch.setenv(variable, value)
            compile_folder(tmp_path / name, PurePosixPath("/opt"), [version], lambda _: None)
        built.append(contents_of(tmp_path / name))
    assert built[0] == built[1]
    assert len(built[0]) == 4


@pytest.mark.parametrize("version", INTERPRETERS)
def test_compiled_files_are_not_checked_and_tell_where_they_are_at_run_time(tmp_path: Path, version: str) -> None:
    write_package(tmp_path)
    compile_folder(tmp_path, PurePosixPath("/opt"), [version], lambda _: None)
    (compiled,) = tmp_path.rglob("module.*.pyc")
    assert compiled.name == f"module.cpython-{version.replace('.', '')}.pyc"
    content = compiled.read_bytes()
    assert content[4:8] == UNCHECKED_HASH
    assert b"/opt/package/module.py" in content
    assert str(tmp_path).encode() not in content


# Zip files

WRITE_ARCHIVE = """
import sys
from pathlib import Path
from layer_builder.archive import write_archive
write_archive(*map(Path, sys.argv[1:]))
"""


def test_a_zip_file_has_the_same_bytes_whichever_python_writes_it(tmp_path: Path) -> None:
    for interpreter in INTERPRETERS.values():
        archive = tmp_path / f"{interpreter.name}.zip"
        command = [str(interpreter), "-c", WRITE_ARCHIVE, str(LAYER / "client_certificate_auth"), str(archive)]
        # With the same zlib, that is, which the Pythons of one machine mostly share.
        subprocess.run(command, env={"PYTHONPATH": str(LAYER), "PYTHONDONTWRITEBYTECODE": "1"}, check=True)
    assert len({archive.read_bytes() for archive in tmp_path.glob("*.zip")}) == 1


def test_a_zip_file_has_one_order_one_time_and_one_mode(tmp_path: Path) -> None:
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


# Interpreters


def test_every_interpreter_that_is_found_is_of_its_version() -> None:
    assert THIS_VERSION in INTERPRETERS
    for version, interpreter in INTERPRETERS.items():
        assert version in PYTHON_VERSIONS
        assert (full_version(interpreter) or "").startswith(f"{version}.")


def write_interpreter(path: Path, says: str, status: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {says}\nexit {status}\n")
    path.chmod(0o755)


def test_pyenvs_newest_patch_release_comes_before_what_is_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_interpreters(monkeypatch, tmp_path)
    for patch in ("9", "10", "4-debug"):
        write_interpreter(tmp_path / f"versions/3.13.{patch}/bin/python3.13", f"CPython 3.13.{patch}")
    write_interpreter(tmp_path / "python3.13", "CPython 3.13.12")
    write_interpreter(tmp_path / "python3.12", "CPython 3.12.3")
    assert find_interpreters() == {
        "3.12": tmp_path / "python3.12",
        "3.13": tmp_path / "versions/3.13.10/bin/python3.13",
    }


@pytest.mark.parametrize(
    ("says", "status"), [("CPython 3.13.1", 127), ("PyPy 3.13.1", 0), ("CPython 3.12.1", 0), ("", 0)]
)
def test_what_is_not_a_working_cpython_of_that_version_is_no_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, status: int
) -> None:
    without_interpreters(monkeypatch, tmp_path)
    write_interpreter(tmp_path / "python3.13", says, status)
    assert find_interpreters() == {}


def test_the_interpreters_are_printed_without_that_which_prints_if_so_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Left from an import above, it would be run a second time.
    monkeypatch.delitem(sys.modules, "layer_builder.interpreters")
    run_builder(monkeypatch, module="layer_builder.interpreters")
    paths = [str(path) for path in INTERPRETERS.values()]
    assert capsys.readouterr().out.splitlines() == paths
    monkeypatch.delitem(sys.modules, "layer_builder.interpreters", raising=False)
    run_builder(monkeypatch, "--others", module="layer_builder.interpreters")
    assert capsys.readouterr().out.splitlines() == [path for path in paths if path != str(INTERPRETERS[THIS_VERSION])]
