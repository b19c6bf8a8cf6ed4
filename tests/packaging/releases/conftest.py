from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from distribution.project import DISTRIBUTIONS, ROOT
from distribution.releases.templates import TEMPLATES
from tests.packaging.layer_builder.fake_executables import (
    COPY,
    PIP,
    find_interpreters_only_in,
    write_interpreter,
    write_script,
)
from tests.packaging.layer_builder.small_wheels import write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = {
    "layer": {"client_certificate_auth/__init__.py": '__version__ = "0.1.0"\n', "requirements.txt": ""},
    "authorizer": {"mtls_authorizer/__init__.py": "", "mtls_authorizer/handler.py": "NAME = 'value'\n"},
    "tools": {"mtls_authorizer_cli/__init__.py": ""},
}


COPIED = [
    ".gitattributes",
    "LICENSE",
    "README.md",
    "cdk/client-certificate-authorizer.ts",
    "cdk/client_certificate_authorizer/__init__.py",
    "examples/behind_the_authorizer.py",
    "terraform/modules/authorizer/main.tf",
]


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def small_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a git checkout of a project with few files.

    The fake pip "downloads" small wheels, and the only interpreter is a fake Python 3.13.7.
    """
    folder = tmp_path_factory.mktemp("small")
    project = folder / "project"
    for name in [*COPIED, *TEMPLATES]:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, project / name)
    for distribution in DISTRIBUTIONS:
        for name, text in PACKAGES[distribution].items():
            (project / distribution / name).parent.mkdir(parents=True, exist_ok=True)
            (project / distribution / name).write_text(text)
        for name in ("LICENSE", "README.md", "pyproject.toml"):
            shutil.copyfile(ROOT / distribution / name, project / distribution / name)
    git(project, "init", "--quiet")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message", "Add everything")
    for platform in ("manylinux2014_aarch64", "manylinux2014_x86_64"):
        write_wheel(folder / "index" / platform / f"one-1.0-cp311-abi3-{platform}.whl", {"one.txt": platform})
    fake_pip = PIP.format(copy=COPY, index=folder / "index")
    write_script(folder / "python", fake_pip.replace("\n", f'\n[ "$2" = pip ] || exec {sys.executable} "$@"\n', 1))
    with pytest.MonkeyPatch.context() as monkeypatch:
        find_interpreters_only_in(folder / "machine", monkeypatch)
        write_interpreter(folder / "machine/python3.13", "CPython 3.13.7")
        monkeypatch.setattr(sys, "executable", str(folder / "python"))
        yield project
