"""Layers of a project that is small enough to build quickly."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from distribution.errors import DistributionError
from distribution.layer_builder.layers import build_layers
from distribution.python_versions import PYTHON_VERSIONS
from tests.packaging.layer_builder.fake_executables import (
    download_from,
    find_interpreters_only_in,
    write_interpreter,
)
from tests.packaging.layer_builder.small_wheels import write_wheel

if TYPE_CHECKING:
    from pathlib import Path

PYPROJECT = """\
[project]
name = "small"
description = "Für kleine Zertifikate."
license = "MIT"
"""
PLATFORMS = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}
PUBLISHED = ["small-arm64.cdx.json", "small-arm64.zip", "small-x86_64.cdx.json", "small-x86_64.zip"]

UNPACKED = 1_005_001  # shown as 1.01 MB; 1_005_000 would be 1.00 MB
NOISE = hashlib.shake_128().digest(120_000)

STEPS = [
    *(f"downloading the wheels for Python {version}" for version in PYTHON_VERSIONS),
    "compiling with Python 3.13.7",
    "zipping",
]


def wheel_for(platform: str) -> str:
    return f"one-1.0-cp311-abi3-{platform}.whl"


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the wheels that the fake pip downloads. The only interpreter is a fake Python 3.13.7."""
    for platform in PLATFORMS.values():
        wheel = write_wheel(tmp_path / "index" / platform / wheel_for(platform), {})
        with ZipFile(wheel) as archive:
            metadata = archive.getinfo("one-1.0.dist-info/METADATA").file_size
        content = NOISE + bytes(UNPACKED - len(NOISE) - metadata - len(platform))
        write_wheel(wheel, {"one.bin": content, "one.txt": platform})
    find_interpreters_only_in(tmp_path / "machine", monkeypatch)
    write_interpreter(tmp_path / "machine/python3.13", "CPython 3.13.7")
    download_from(tmp_path / "index", monkeypatch)
    return tmp_path / "index"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    module = tmp_path / "project/layer/client_certificate_auth/__init__.py"
    module.parent.mkdir(parents=True)
    module.write_text('__version__ = "1.2.3"\n')
    (tmp_path / "project/layer/pyproject.toml").write_text(PYPROJECT, "utf-8")
    return tmp_path / "project"


def test_there_is_a_zip_file_and_a_bill_of_materials_per_architecture_and_the_digests_of_all(
    tmp_path: Path, project: Path
) -> None:
    destination = tmp_path / "missing" / "build"
    steps: list[str] = []
    compiled = build_layers(project, destination, steps.append, complete=False)
    assert compiled == dict.fromkeys(PYTHON_VERSIONS) | {"3.13": "3.13.7"}
    for architecture in PLATFORMS:
        own = [step for step in steps if architecture in step]
        size = f"small-{architecture}.zip: 0.12 MB, unpacked 1.01 MB"
        assert own == [*(f"{architecture}: {step}" for step in STEPS), size]
    assert sorted(path.name for path in destination.iterdir()) == ["SHA256SUMS", *PUBLISHED]
    digests = {name: hashlib.sha256((destination / name).read_bytes()).hexdigest() for name in PUBLISHED}
    # The format of `sha256sum --check`.
    sums = (destination / "SHA256SUMS").read_text()
    assert sums == "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    for architecture, platform in PLATFORMS.items():
        with ZipFile(destination / f"small-{architecture}.zip") as archive:
            assert archive.namelist() == [
                "python/client_certificate_auth/__init__.py",
                "python/one-1.0.dist-info/METADATA",
                "python/one.bin",
                "python/one.txt",
            ]
            assert archive.read("python/one.txt").decode() == platform
        bill = json.loads((destination / f"small-{architecture}.cdx.json").read_text())
        layer = bill["metadata"]["component"]
        assert layer["purl"] == f"pkg:generic/small@1.2.3?arch={architecture}"
        assert layer["description"] == "Für kleine Zertifikate."
        assert layer["hashes"][0]["content"] == digests[f"small-{architecture}.zip"]
        assert [part["purl"] for part in bill["components"]] == [f"pkg:pypi/one@1.0?file_name={wheel_for(platform)}"]
        assert bill["metadata"]["properties"][0] == {"name": "small:python3.13", "value": "3.13.7"}


def test_layers_replace_earlier_ones_and_ignores_other_files(tmp_path: Path, project: Path) -> None:
    for name in [*PUBLISHED, "SHA256SUMS", "small-mips.zip"]:
        (tmp_path / name).write_text("earlier")
    build_layers(project, tmp_path, print, complete=False)
    assert all((tmp_path / name).read_bytes() != b"earlier" for name in [*PUBLISHED, "SHA256SUMS"])
    assert "small-mips.zip" not in (tmp_path / "SHA256SUMS").read_text()


@pytest.mark.parametrize("architecture", PLATFORMS)
def test_a_failed_build_leaves_no_earlier_digests(
    tmp_path: Path, project: Path, index: Path, architecture: str
) -> None:
    (tmp_path / "SHA256SUMS").write_text("earlier")
    platform = PLATFORMS[architecture]
    (index / platform / wheel_for(platform)).unlink()
    with pytest.raises(DistributionError) as failure:
        build_layers(project, tmp_path, print, complete=False)
    assert str(failure.value).startswith(f"pip could not download requirements.txt for Python 3.11 on {platform} (")
    assert not (tmp_path / "SHA256SUMS").exists()


def test_complete_layers_require_all_python_versions(tmp_path: Path, project: Path) -> None:
    missing = ", ".join(version for version in PYTHON_VERSIONS if version != "3.13")
    with pytest.raises(DistributionError, match=f"Python {re.escape(missing)} on PATH"):
        build_layers(project, tmp_path / "build", print, complete=True)
    for version in PYTHON_VERSIONS:
        write_interpreter(tmp_path / f"machine/python{version}", f"CPython {version}.7")
    compiled = build_layers(project, tmp_path / "build", print, complete=True)
    assert compiled == {version: f"{version}.7" for version in PYTHON_VERSIONS}
