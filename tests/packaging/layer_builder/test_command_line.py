from __future__ import annotations

import os
import runpy
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from distribution.layer_builder.command_line import main
from distribution.layer_builder.interpreters import full_version
from distribution.project import ROOT
from distribution.python_versions import PYTHON_VERSIONS
from tests.interpreters import INTERPRETERS
from tests.packaging.layer_builder.fake_executables import (
    download_from,
    find_interpreters_only_in,
    write_interpreter,
)
from tests.packaging.layer_builder.small_wheels import write_wheel

if TYPE_CHECKING:
    from pathlib import Path

THIS_VERSION = "{}.{}".format(*sys.version_info)


def write_package(folder: Path, source: str = "NAME = 'value'\n") -> Path:
    package = folder / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "module.py").write_text(source)
    return package


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ((), {"layers", "layer", "function"}),
        (("layers",), {"destination", "--complete"}),
        (("layer",), {"{arm64,x86_64}", "destination"}),
        (("function",), {"package", "destination", f"{{{','.join(PYTHON_VERSIONS)}}}"}),
    ],
)
def test_the_help_of_a_command_lists_its_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...], arguments: set[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with pytest.raises(SystemExit, match="0"):
        main([*command, "--help"])
    assert arguments <= set(capsys.readouterr().out.split())


def test_a_command_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "the following arguments are required: command" in capsys.readouterr().err


def test_a_destination_that_cannot_be_created_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="1"):
        main(["function", str(write_package(tmp_path)), str(tmp_path / "file"), THIS_VERSION])
    assert capsys.readouterr().err == f"[Errno 20] Not a directory: '{tmp_path}/file/package'\n"


def test_each_step_is_flushed_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find_interpreters_only_in(tmp_path / "machine", monkeypatch)
    write_interpreter(tmp_path / "machine/python3.13", "CPython 3.13.7")
    package = write_package(tmp_path / "source")
    with (tmp_path / "output").open("w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        main(["function", str(package), str(tmp_path / "built"), "3.13"])
        shown = (tmp_path / "output").read_text()
    assert shown == "compiling with Python 3.13.7\nPython 3.13: compiled by 3.13.7\n"


def test_the_module_builds_a_function_with_compiled_files_for_its_runtime(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = write_package(tmp_path / "source")
    monkeypatch.setattr(sys, "argv", ["", "function", str(package), str(tmp_path / "built"), THIS_VERSION])
    runpy.run_module("distribution.layer_builder", run_name="__main__")
    tag = sys.implementation.cache_tag
    assert {path.name for path in (tmp_path / "built/package/__pycache__").iterdir()} == {
        f"__init__.{tag}.pyc",
        f"module.{tag}.pyc",
    }
    full = full_version(INTERPRETERS[THIS_VERSION])
    assert capsys.readouterr().out.splitlines() == [
        f"compiling with Python {full}",
        f"Python {THIS_VERSION}: compiled by {full}",
    ]


def test_a_function_has_only_sources_without_its_python_and_the_output_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    package = write_package(tmp_path / "source")
    find_interpreters_only_in(tmp_path, monkeypatch)
    main(["function", str(package), str(tmp_path / "built"), "3.13"])
    assert {path.name for path in (tmp_path / "built/package").iterdir()} == {"__init__.py", "module.py"}
    assert capsys.readouterr().out == "Python 3.13: sources only, because it is not on this machine\n"


# The contents of the layer that `sam build` creates are compared with the zip files in the template's tests.


def test_a_layer_contains_the_wheels_of_its_architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for platform in ("manylinux2014_aarch64", "manylinux2014_x86_64"):
        write_wheel(tmp_path / "index" / platform / "one-1.0-py3-none-any.whl", {"one.txt": platform})
    find_interpreters_only_in(tmp_path, monkeypatch)
    download_from(tmp_path / "index", monkeypatch)
    main(["layer", "arm64", str(tmp_path / "built")])
    assert (tmp_path / "built/python/one.txt").read_text() == "manylinux2014_aarch64"
    assert (tmp_path / "built/python/client_certificate_auth/__init__.py").is_file()


def test_a_failed_download_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(SystemExit, match="1"):
        main(["layer", "arm64", str(tmp_path)])
    line = capsys.readouterr().err
    assert line.startswith(
        "pip could not download requirements.txt for Python 3.11 on manylinux2014_aarch64 (Could not find a version "
    )
    assert line.endswith("): check the network and `pip config list`\n")


def test_an_index_that_does_not_answer_is_given_up_after_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = "127.0.0.1:{1}".format(*silent.getsockname())
        monkeypatch.setenv("PIP_INDEX_URL", f"http://name:secret@{host}/simple")
        monkeypatch.setenv("PIP_DEFAULT_TIMEOUT", "180")  # pip would wait for minutes
        started = time.monotonic()
        with pytest.raises(SystemExit, match="1"):
            main(["layer", "arm64", str(tmp_path)])
    # Above the limit of 10 seconds, since other tests may use the processors.
    assert time.monotonic() - started < 60
    assert capsys.readouterr().err == (
        f"http://{host}/simple does not answer: check the network, the proxy (HTTPS_PROXY) and `pip config list`\n"
    )


def test_a_source_that_cannot_be_compiled_is_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = write_package(tmp_path / "source", source="def\n")
    with pytest.raises(SystemExit, match="1"):
        main(["function", str(package), str(tmp_path / "built"), THIS_VERSION])
    message = f"{INTERPRETERS[THIS_VERSION]} could not compile the sources in {tmp_path / 'built'}\n"
    assert capsys.readouterr().err == message


def test_a_complete_release_names_the_python_versions_that_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find_interpreters_only_in(tmp_path / "machine", monkeypatch)
    write_interpreter(tmp_path / "machine/python3.12", "CPython 3.12.1")
    with pytest.raises(SystemExit, match="1"):
        main(["layers", "--complete", str(tmp_path / "build")])
    missing = ", ".join(version for version in PYTHON_VERSIONS if version != "3.12")
    message = f"a complete release needs Python {missing} on PATH or under pyenv; try `make pythons`\n"
    assert capsys.readouterr().err == message
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize(
    ("arguments", "command"),
    [([], "layers build"), (["RELEASE=1"], "layers build --complete")],
)
def test_make_builds_the_layers(arguments: list[str], command: str) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "VENV"))}
    make = ["make", "-n", "-o", ".venv/.python", "layer", *arguments]
    result = subprocess.run(make, cwd=ROOT, env=inherited, capture_output=True, text=True, check=True)
    assert f".venv/bin/python -m distribution.layer_builder {command}" in map(str.rstrip, result.stdout.splitlines())


def test_the_makefile_of_sam_build_names_the_required_python(tmp_path: Path) -> None:
    command = ["make", "--makefile", str(ROOT / "layer/Makefile"), "build-LayerArm64", "PYTHON=false"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "false is not Python 3.11 or later" in result.stderr


def test_the_makefile_of_sam_build_works_in_any_folder_of_a_project_with_spaces_in_its_path(tmp_path: Path) -> None:
    project, artifacts = tmp_path / "a project", tmp_path / "the artifacts"
    project.mkdir()
    for name in ("authorizer", "distribution", "layer", "pyproject.toml"):
        (project / name).symlink_to(ROOT / name)
    command = ["make", "--makefile", str(project / "layer/Makefile"), "build-Authorizer"]
    subprocess.run([*command, f"PYTHON={sys.executable}", f"ARTIFACTS_DIR={artifacts}"], cwd=tmp_path, check=True)
    assert (artifacts / "mtls_authorizer/handler.py").is_file()
