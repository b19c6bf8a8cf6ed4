from __future__ import annotations

import runpy
import sys
from typing import TYPE_CHECKING

import pytest

from distribution.layer_builder import interpreters
from distribution.layer_builder.interpreters import find_interpreters, full_version
from distribution.python_versions import PYTHON_VERSIONS
from tests.interpreters import INTERPRETERS
from tests.packaging.layer_builder.fake_executables import find_interpreters_only_in, write_interpreter

if TYPE_CHECKING:
    from pathlib import Path

THIS_VERSION = "{}.{}".format(*sys.version_info)
OTHER_VERSION = next(version for version in PYTHON_VERSIONS if version != THIS_VERSION)


def test_every_interpreter_has_the_version_that_it_was_found_for() -> None:
    assert THIS_VERSION in INTERPRETERS
    for version, interpreter in INTERPRETERS.items():
        assert version in PYTHON_VERSIONS
        assert (full_version(interpreter) or "").startswith(f"{version}.")


def test_the_newest_patch_release_under_pyenv_comes_before_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_interpreters_only_in(tmp_path, monkeypatch)
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
def test_only_a_working_cpython_of_the_version_is_an_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, status: int
) -> None:
    find_interpreters_only_in(tmp_path, monkeypatch)
    write_interpreter(tmp_path / "python3.13", says, status)
    assert find_interpreters() == {}


def test_pyenv_is_in_the_home_folder_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_interpreters_only_in(tmp_path, monkeypatch)
    monkeypatch.delenv("PYENV_ROOT")
    monkeypatch.setenv("HOME", str(tmp_path))
    interpreter = tmp_path / ".pyenv/versions/3.13.1/bin/python3.13"
    write_interpreter(interpreter, "CPython 3.13.1")
    assert find_interpreters() == {"3.13": interpreter}


@pytest.mark.parametrize(
    ("arguments", "printed"), [([], [THIS_VERSION, OTHER_VERSION]), (["--others"], [OTHER_VERSION])]
)
def test_the_command_prints_one_path_per_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    printed: list[str],
) -> None:
    find_interpreters_only_in(tmp_path, monkeypatch)
    for version in (THIS_VERSION, OTHER_VERSION):
        write_interpreter(tmp_path / f"python{version}", f"CPython {version}.1")
    monkeypatch.setattr(sys, "argv", ["interpreters", *arguments])
    interpreters.main()
    assert capsys.readouterr().out == "".join(f"{tmp_path}/python{version}\n" for version in sorted(printed))


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    # runpy warns about a module that is already imported.
    monkeypatch.delitem(sys.modules, interpreters.__name__)
    monkeypatch.setattr(sys, "argv", [interpreters.__name__])
    runpy.run_module(interpreters.__name__, run_name="__main__")
    assert capsys.readouterr().out.splitlines() == [str(path) for path in INTERPRETERS.values()]
