from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest

from layer_builder import interpreters
from layer_builder.archive import write_archive
from layer_builder.bytecode import compile_folder
from layer_builder.interpreters import PYTHON_VERSIONS, find_interpreters, full_version
from layer_builder.wheels import Architecture, DownloadError, download_wheels
from tests.layer.stand_ins import without_interpreters, write_interpreter, write_script

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layer"
INTERPRETERS = find_interpreters()
THIS_VERSION = "{}.{}".format(*sys.version_info)
OTHER_VERSION = next(version for version in PYTHON_VERSIONS if version != THIS_VERSION)
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


# The command line

HELP = {
    (): """\
usage: layer_builder [-h] command ...

Build the layer. Needs pip, and no Docker.

positional arguments:
  command
    release   zip files for all architectures, with digests and SBOMs
    layer     the layer's contents
    function  a function's package with compiled files

options:
  -h, --help  show this help message and exit
""",
    ("release",): """\
usage: layer_builder release [-h] destination

positional arguments:
  destination  the folder to write them to

options:
  -h, --help   show this help message and exit
""",
    ("layer",): """\
usage: layer_builder layer [-h] {arm64,x86_64} destination

positional arguments:
  {arm64,x86_64}  the one that it is for
  destination     the folder to put its `python` folder in

options:
  -h, --help      show this help message and exit
""",
    ("function",): """\
usage: layer_builder function [-h] package destination {3.11,3.12,3.13,3.14}

positional arguments:
  package               the package's folder
  destination           the folder to put it in
  {3.11,3.12,3.13,3.14}
                        the Python version that it runs on

options:
  -h, --help            show this help message and exit
""",
}


@pytest.mark.parametrize("command", HELP)
def test_help_says_what_each_command_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    with pytest.raises(SystemExit) as end:
        run_builder(monkeypatch, *command, "--help")
    assert end.value.code == 0
    assert capsys.readouterr().out == HELP[command]


def test_without_a_command_it_is_told_that_one_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with pytest.raises(SystemExit) as failure:
        run_builder(monkeypatch)
    assert failure.value.code == 2
    message = "layer_builder: error: the following arguments are required: command"
    assert capsys.readouterr().err.splitlines()[-1] == message


def test_each_step_is_shown_at_once_in_a_file_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_interpreters(monkeypatch, tmp_path / "machine")
    write_interpreter(tmp_path / "machine/python3.13", "CPython 3.13.7")
    package = write_package(tmp_path / "source")
    with (tmp_path / "output").open("w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        run_builder(monkeypatch, "function", str(package), str(tmp_path / "built"), "3.13")
        shown = (tmp_path / "output").read_text()
    assert shown == "compiling with Python 3.13.7\nPython 3.13: compiled files, by 3.13.7\n"


# The layer, that `sam build` makes: what is in it is compared with the zip files in tests/integration/template


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


def test_a_compiler_has_the_environment_without_what_changes_its_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_interpreters(monkeypatch, tmp_path)
    variables = "$PYTHONHASHSEED ${PYTHONOPTIMIZE-unset} $LD_LIBRARY_PATH"
    # It is asked for its version first. What stays in the file is from when it compiles.
    interpreter = f"#!/bin/sh\necho CPython 3.13.7\necho {variables} > {tmp_path}/variables\n"
    write_script(tmp_path / "python3.13", interpreter)
    for name, value in {"PYTHONHASHSEED": "7", "PYTHONOPTIMIZE": "2", "LD_LIBRARY_PATH": "/its/libraries"}.items():
        monkeypatch.setenv(name, value)
    compile_folder(tmp_path, PurePosixPath("/opt"), ["3.13"], lambda _: None)
    assert (tmp_path / "variables").read_text() == "0 unset /its/libraries\n"


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


def test_a_zip_file_has_the_same_bytes_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a").write_text("a")
    write_archive(tmp_path / "folder", tmp_path / "here.zip")
    monkeypatch.setattr(sys, "platform", "win32")
    write_archive(tmp_path / "folder", tmp_path / "there.zip")
    assert (tmp_path / "there.zip").read_bytes() == (tmp_path / "here.zip").read_bytes()


# Interpreters


def test_every_interpreter_that_is_found_is_of_its_version() -> None:
    assert THIS_VERSION in INTERPRETERS
    for version, interpreter in INTERPRETERS.items():
        assert version in PYTHON_VERSIONS
        assert (full_version(interpreter) or "").startswith(f"{version}.")


def test_pyenvs_newest_patch_release_comes_before_what_is_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_interpreters(monkeypatch, tmp_path)
    for patch in ("9", "10", "4-debug"):
        write_interpreter(tmp_path / f"versions/3.13.{patch}/bin/python3.13", f"CPython 3.13.{patch}")
    for patch in ("0", "2-debug"):
        write_interpreter(tmp_path / f"versions/3.12.{patch}/bin/python3.12", f"CPython 3.12.{patch}")
    write_interpreter(tmp_path / "python3.13", "CPython 3.13.12")
    write_interpreter(tmp_path / "python3.11", "CPython 3.11.3")
    assert find_interpreters() == {
        "3.11": tmp_path / "python3.11",
        "3.12": tmp_path / "versions/3.12.0/bin/python3.12",
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


def test_pyenvs_are_in_the_home_folder_unless_it_is_told_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_interpreters(monkeypatch, tmp_path)
    monkeypatch.delenv("PYENV_ROOT")
    monkeypatch.setenv("HOME", str(tmp_path))
    interpreter = tmp_path / ".pyenv/versions/3.13.1/bin/python3.13"
    write_interpreter(interpreter, "CPython 3.13.1")
    assert find_interpreters() == {"3.13": interpreter}


@pytest.mark.parametrize(
    ("arguments", "printed"), [([], [THIS_VERSION, OTHER_VERSION]), (["--others"], [OTHER_VERSION])]
)
def test_a_machines_interpreters_are_printed_one_a_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    printed: list[str],
) -> None:
    without_interpreters(monkeypatch, tmp_path)
    for version in (THIS_VERSION, OTHER_VERSION):
        write_interpreter(tmp_path / f"python{version}", f"CPython {version}.1")
    monkeypatch.setattr(sys, "argv", ["interpreters", *arguments])
    interpreters.main()
    assert capsys.readouterr().out == "".join(f"{tmp_path}/python{version}\n" for version in sorted(printed))


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
