"""The distributions for pip."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from email.parser import HeaderParser
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from distribution.errors import DistributionError
from distribution.project import DISTRIBUTIONS, ROOT, VERSION
from distribution.python_versions import PYTHON_VERSIONS
from distribution.releases.python_packages import build_packages
from tests.pki.certificates import client_pem
from tests.shared_folder import shared_folder

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = {"layer": "client_certificate_auth", "authorizer": "mtls_authorizer", "tools": "mtls_authorizer_cli"}

# Without the variables that would let the tests' own modules be found.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def tracked_files(folder: str) -> set[str]:
    """Return the files of the package in a folder, without those that only a checkout has."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", PACKAGES[folder]]
    names = subprocess.run(command, cwd=ROOT / folder, capture_output=True, text=True, check=True).stdout.splitlines()
    return {name for name in names if (ROOT / folder / name).is_file()} - {"mtls_authorizer_cli/launcher.py"}


def run(*command: str | Path, cwd: Path) -> str:
    result = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr + result.stdout
    return result.stdout


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder with the wheels and source distributions."""
    return shared_folder(tmp_path_factory, worker_id, "packages", lambda folder: build_packages(ROOT, folder, print))


def wheel_of(packages: Path, folder: str) -> Path:
    return packages / f"{PACKAGES[folder]}-{VERSION}-py3-none-any.whl"


def test_two_builds_have_the_same_bytes(packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SOURCE_DATE_EPOCH": "1", "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7"}.items():
        monkeypatch.setenv(name, value)
    steps: list[str] = []
    build_packages(ROOT, tmp_path, steps.append)
    built = sorted(tmp_path.iterdir())
    assert [path.name for path in built] == sorted(path.name for path in packages.iterdir())
    assert [path.name for path in built if path.read_bytes() != (packages / path.name).read_bytes()] == []
    assert [step.split(":")[0] for step in steps] == list(DISTRIBUTIONS)


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_a_wheel_contains_the_package_its_licence_and_its_metadata(packages: Path, folder: str) -> None:
    with ZipFile(wheel_of(packages, folder)) as wheel:
        names = set(wheel.namelist())
        information = f"{PACKAGES[folder]}-{VERSION}.dist-info"
        metadata = HeaderParser().parsestr(wheel.read(f"{information}/METADATA").decode())
    assert {name for name in names if not name.startswith(information)} == tracked_files(folder)
    assert f"{PACKAGES[folder]}/py.typed" in names
    assert f"{information}/licenses/LICENSE" in names
    assert metadata["Version"] == VERSION
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == f">={PYTHON_VERSIONS[0]}"
    assert (f"{information}/entry_points.txt" in names) == (folder == "tools")


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_a_source_distribution_contains_what_the_wheel_is_built_from(packages: Path, folder: str) -> None:
    name = f"{PACKAGES[folder]}-{VERSION}"
    with tarfile.open(packages / f"{name}.tar.gz") as archive:
        assert {member.name.removeprefix(f"{name}/") for member in archive} == tracked_files(folder) | {
            *(".gitignore", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml")
        }


def test_the_wheel_of_a_source_distribution_is_the_same(packages: Path, tmp_path: Path) -> None:
    with tarfile.open(packages / f"{PACKAGES['tools']}-{VERSION}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    environment = os.environ | {"SOURCE_DATE_EPOCH": "315532800"}
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=unpacked, env=environment, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.read_bytes() == wheel_of(packages, "tools").read_bytes()


def test_the_checkout_as_a_whole_installs_its_three_distributions(tmp_path: Path) -> None:
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path, cwd=ROOT)
    (path,) = tmp_path.iterdir()
    with ZipFile(path) as wheel:
        names = wheel.namelist()
        (metadata,) = [HeaderParser().parsestr(wheel.read(name).decode()) for name in names if "METADATA" in name]
    assert {name.split("/")[0] for name in names} == {path.name.replace("-py3-none-any.whl", ".dist-info")}
    assert metadata.get_all("Requires-Dist") == [
        f"{PACKAGES[folder].replace('_', '-')} @ {(ROOT / folder).as_uri()}" for folder in DISTRIBUTIONS
    ]


def test_a_failed_build_is_reported(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer/pyproject.toml").write_text("[project]\nname = 'name'\n")
    with pytest.raises(DistributionError) as failure:
        build_packages(tmp_path, tmp_path, print)
    assert str(failure.value) == f"hatchling could not build {tmp_path / 'layer'}"
    assert "version" in capfd.readouterr().err


def test_pip_builds_the_layer_from_a_folder_of_a_git_repository(packages: Path, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(ROOT / "layer", repository / "layer", ignore=shutil.ignore_patterns("__pycache__"))
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"]
    for arguments in (["init"], ["add", "."], [*identity, "commit", "-m", "Add the layer"]):
        run("git", *arguments, "--quiet" if arguments != ["add", "."] else "--", cwd=repository)
    requirement = f"git+{repository.as_uri()}#subdirectory=layer"
    # As in an empty environment, pip installs the build backend from the index.
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", tmp_path, requirement, cwd=tmp_path)
    (built,) = tmp_path.glob("*.whl")
    with ZipFile(built) as actual, ZipFile(wheel_of(packages, "layer")) as expected:
        # The backend, and so the file that names it, may be newer.
        assert set(actual.namelist()) == set(expected.namelist())
        assert all(actual.read(name) == expected.read(name) for name in tracked_files("layer"))


@pytest.fixture(scope="module")
def environment(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs of a new virtual environment, in which all distributions and their requirements are."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", folder / "bin/python")
    run(*pip, "install", "--no-compile", *packages.glob("*.whl"), cwd=folder)
    return folder / "bin"


RUN_EXAMPLE = """
import json, sys
import client_certificate_auth
from example import handler
assert client_certificate_auth.__file__.startswith(sys.prefix), client_certificate_auth.__file__
certificate = {"clientCertPem": sys.stdin.read()}
print(json.dumps(handler({"requestContext": {"identity": {"clientCert": certificate}}}, None)))
"""


def test_the_installed_layer_runs_the_example_of_the_readme(environment: Path, tmp_path: Path) -> None:
    for readme in ("README.md", "layer/README.md"):
        (example,) = re.findall(r"```python\n(.+?)```", (ROOT / readme).read_text(), re.DOTALL)
        (tmp_path / "example.py").write_text(example)
        result = subprocess.run(
            [environment / "python", "-c", RUN_EXAMPLE],
            input=client_pem(("CN", "authorized-client")),
            cwd=tmp_path,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.stdout == '{"statusCode": 200, "body": "Hello authorized-client"}\n', result.stderr


def test_the_installed_tools_explain_a_decision(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "client.pem").write_text(client_pem(("CN", "authorized-client")))
    command = [str(environment / "mtls-authorizer"), "explain", "--cert", "client.pem"]
    variables = ENVIRONMENT | {"ALLOWED_COMMON_NAMES": "authorized-client"}
    result = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "authorized-client" in result.stdout


def test_the_installed_packages_are_typed(environment: Path) -> None:
    (site_packages,) = environment.parent.glob("lib/python*/site-packages")
    assert all((site_packages / package / "py.typed").is_file() for package in PACKAGES.values())
