from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from distribution.errors import DistributionError
from distribution.layer_builder.command_line import main
from distribution.layer_builder.sources import find_sources
from distribution.python_versions import PYTHON_VERSIONS
from tests.packaging.layer_builder.fake_executables import write_script

TRACKED = ["__init__.py", "inner/module.py", "notes.md", "py.typed"]
STRAY = ["secrets.py", "inner/.env", "key.pem", "module.py.orig", "ignored.py"]


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True)  # noqa: S607 -- from PATH


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Return a package in a folder that is no git checkout."""
    folder = tmp_path / "project/package"
    for name in TRACKED + STRAY:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def tracked_package(package: Path) -> Path:
    """Return a package some of whose files are tracked by git."""
    project = package.parent
    git(project, "init", "--quiet")
    (project / ".gitignore").write_text("ignored.py\n")
    git(project, "add", ".gitignore", *(f"package/{name}" for name in TRACKED))
    return package


def find(package: Path, *patterns: str) -> tuple[list[str], list[str]]:
    """Return the files that are found, and what is reported."""
    reported: list[str] = []
    sources = find_sources(package, patterns or ("*.py", "py.typed"), reported.append)
    return [path.as_posix() for path in sources], reported


def test_a_checkout_contributes_its_tracked_files_and_names_the_others(tracked_package: Path) -> None:
    stray = tracked_package / "secrets.py"
    assert find(tracked_package) == (
        ["__init__.py", "inner/module.py", "py.typed"],
        [f"leaving out {stray}, which git does not track: run `git add` to include it"],
    )
    assert find(tracked_package, "*.md") == (["notes.md"], [])


def test_a_tracked_file_that_was_deleted_is_left_out(tracked_package: Path) -> None:
    (tracked_package / "inner/module.py").unlink()
    assert find(tracked_package, "py.typed", "module.py") == (["py.typed"], [])


def test_a_link_to_the_checkout_is_followed(tracked_package: Path, tmp_path: Path) -> None:
    (tmp_path / "linked").symlink_to(tracked_package.parent, target_is_directory=True)
    sources, _reported = find(tmp_path / "linked/package")
    assert sources == ["__init__.py", "inner/module.py", "py.typed"]


@pytest.mark.parametrize("in_another_checkout", [False, True])
def test_a_source_archive_contributes_all_files_of_that_name(package: Path, *, in_another_checkout: bool) -> None:
    if in_another_checkout:
        git(package.parents[1], "init", "--quiet")
    assert find(package) == (["__init__.py", "ignored.py", "inner/module.py", "py.typed", "secrets.py"], [])


@pytest.mark.parametrize("target", ["/etc/passwd", "missing", "inner"])
@pytest.mark.parametrize("fixture", ["package", "tracked_package"])
def test_a_symbolic_link_is_rejected(request: pytest.FixtureRequest, fixture: str, target: str) -> None:
    package: Path = request.getfixturevalue(fixture)
    link = package / "inner/link.pem"
    link.symlink_to(target)
    with pytest.raises(DistributionError) as failure:
        find(package)
    assert str(failure.value) == f"{link} is a symbolic link: replace it with a file or delete it"


def test_a_failure_of_git_is_reported_instead_of_packing_all_files(
    tracked_package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(DistributionError, match=r"git is required for .*: No such file or directory"):
        find(tracked_package)
    write_script(tmp_path / "bin/git", "#!/bin/sh\necho 'fatal: detected dubious\nownership' >&2\nexit 128\n")
    with pytest.raises(SystemExit, match="1"):
        main(["function", str(tracked_package), str(tmp_path / "built"), PYTHON_VERSIONS[0]])
    assert capsys.readouterr().err == (f"git ls-files failed in {tracked_package}: fatal: detected dubious ownership\n")
    assert not (tmp_path / "built").exists()


def test_paths_are_those_in_the_package(package: Path) -> None:
    assert Path("inner/module.py") in find_sources(package, ["*.py"], print)
