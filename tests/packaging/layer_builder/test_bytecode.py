from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from distribution.errors import DistributionError
from distribution.layer_builder.bytecode import compile_folder
from tests.interpreters import INTERPRETERS
from tests.packaging.layer_builder.fake_executables import find_interpreters_only_in, write_script

UNCHECKED_HASH = b"\x01\0\0\0"  # the second field of a compiled file (PEP 552)

# The result of compiling sets and names that other modules use too depends on hash seeds and interned strings.
SOURCE = "import os, sys\nNAMES = {'os', 'sys', 'path', 'x'}\ndef f(x): return x in {'alpha', 'beta', 'path'}\n"

each_interpreter = pytest.mark.parametrize("version", INTERPRETERS)


def ignore(_step: str) -> None:
    pass


def write_module(folder: Path, source: str = SOURCE) -> Path:
    (folder / "package").mkdir(parents=True)
    (folder / "package/module.py").write_text(source)
    return folder


@each_interpreter
def test_compiled_files_depend_neither_on_the_folder_nor_on_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    environments: dict[str, dict[str, str]] = {
        "a": {},
        "some/other folder": {
            "PYTHONHASHSEED": "7",
            "PYTHONOPTIMIZE": "2",
            "PYTHONPYCACHEPREFIX": str(tmp_path / "cache"),
            "LC_ALL": "C",
        },
    }
    compiled = []
    for name, environment in environments.items():
        folder = write_module(tmp_path / name)
        with monkeypatch.context() as patch:
            for variable, value in environment.items():
                patch.setenv(variable, value)
            compile_folder(folder, PurePosixPath("/opt"), [version], ignore)
        (file,) = folder.rglob("*.pyc")
        compiled.append((file.relative_to(folder), file.read_bytes()))
    assert compiled[0] == compiled[1]


@each_interpreter
def test_compiled_files_are_not_checked_against_sources_and_contain_the_path_at_run_time(
    tmp_path: Path, version: str
) -> None:
    compile_folder(write_module(tmp_path), PurePosixPath("/opt"), [version], ignore)
    (compiled,) = tmp_path.rglob("*.pyc")
    assert compiled.name == f"module.cpython-{version.replace('.', '')}.pyc"
    content = compiled.read_bytes()
    assert content[4:8] == UNCHECKED_HASH
    assert b"/opt/package/module.py" in content
    assert str(tmp_path).encode() not in content


def test_the_compiler_gets_no_variables_that_configure_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_interpreters_only_in(tmp_path, monkeypatch)
    variables = "$PYTHONHASHSEED ${PYTHONOPTIMIZE-unset} $LD_LIBRARY_PATH"
    # The first call asks for the version; the file keeps the variables of the last call, which compiles.
    write_script(tmp_path / "python3.13", f"#!/bin/sh\necho CPython 3.13.7\necho {variables} > {tmp_path}/variables\n")
    for name, value in {"PYTHONHASHSEED": "7", "PYTHONOPTIMIZE": "2", "LD_LIBRARY_PATH": "/its/libraries"}.items():
        monkeypatch.setenv(name, value)
    compile_folder(tmp_path, PurePosixPath("/opt"), ["3.13"], ignore)
    assert (tmp_path / "variables").read_text() == "0 unset /its/libraries\n"


def test_a_source_that_cannot_be_compiled_is_an_error(tmp_path: Path) -> None:
    version = next(iter(INTERPRETERS))
    with pytest.raises(DistributionError) as failure:
        compile_folder(write_module(tmp_path, "def\n"), PurePosixPath("/opt"), [version], ignore)
    assert str(failure.value) == f"{INTERPRETERS[version]} could not compile the sources in {tmp_path}"
