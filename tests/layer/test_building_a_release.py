"""`python -m layer_builder release` on a project that is small enough to be built in no time."""

from __future__ import annotations

import hashlib
import json
import runpy
import sys
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from layer_builder import contents, release
from tests.layer.made_up_wheels import write_wheel
from tests.layer.stand_ins import download_from, without_interpreters, write_interpreter

if TYPE_CHECKING:
    from pathlib import Path

PYPROJECT = """\
[project]
name = "small"
version = "1.2.3"
description = "Für kleine Zertifikate."
license = "MIT"
"""
PLATFORMS = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}
PUBLISHED = ["small-arm64.cdx.json", "small-arm64.zip", "small-x86_64.cdx.json", "small-x86_64.zip"]

UNPACKED = 1_005_001  # one byte more than what is rounded down
NOISE = hashlib.shake_128().digest(120_000)

OUTPUT = """\
arm64: downloading the wheels for Python 3.11
arm64: downloading the wheels for Python 3.12
arm64: downloading the wheels for Python 3.13
arm64: downloading the wheels for Python 3.14
arm64: compiling with Python 3.13.7
arm64: zipping
small-arm64.zip: 0.12 MB, unpacked 1.01 MB
x86_64: downloading the wheels for Python 3.11
x86_64: downloading the wheels for Python 3.12
x86_64: downloading the wheels for Python 3.13
x86_64: downloading the wheels for Python 3.14
x86_64: compiling with Python 3.13.7
x86_64: zipping
small-x86_64.zip: 0.12 MB, unpacked 1.01 MB
Python 3.11: sources only, as it is not on this machine
Python 3.12: sources only, as it is not on this machine
Python 3.13: compiled files, by 3.13.7
Python 3.14: sources only, as it is not on this machine
"""


def wheel_for(platform: str) -> str:
    return f"one-1.0-cp311-abi3-{platform}.whl"


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a small project instead of this one, and return the folder that its wheels come from."""
    module = tmp_path / "project/layer/client_certificate_auth/__init__.py"
    module.parent.mkdir(parents=True)
    module.touch()
    (tmp_path / "project/pyproject.toml").write_text(PYPROJECT, "utf-8")
    for users in (release, contents):
        monkeypatch.setattr(users, "LAYER", tmp_path / "project/layer")
    for platform in PLATFORMS.values():
        wheel = write_wheel(tmp_path / "index" / platform / wheel_for(platform), {})
        with ZipFile(wheel) as archive:
            metadata = archive.getinfo("one-1.0.dist-info/METADATA").file_size
        content = NOISE + bytes(UNPACKED - len(NOISE) - metadata - len(platform))
        write_wheel(wheel, {"one.bin": content, "one.txt": platform})
    without_interpreters(monkeypatch, tmp_path / "machine")
    write_interpreter(tmp_path / "machine/python3.13", "CPython 3.13.7")
    download_from(monkeypatch, tmp_path / "index")
    return tmp_path / "index"


def build(monkeypatch: pytest.MonkeyPatch, destination: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["layer_builder", "release", str(destination)])
    runpy.run_module("layer_builder", run_name="__main__")


def test_a_release_is_a_zip_file_and_a_bill_for_each_architecture_and_the_digests_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    destination = tmp_path / "not there yet" / "build"
    build(monkeypatch, destination)
    assert capsys.readouterr().out == OUTPUT
    assert sorted(path.name for path in destination.iterdir()) == ["SHA256SUMS", *PUBLISHED]
    digests = {name: hashlib.sha256((destination / name).read_bytes()).hexdigest() for name in PUBLISHED}
    # As `sha256sum --check` reads them.
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


def test_a_build_takes_the_place_of_an_earlier_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*PUBLISHED, "SHA256SUMS"]:
        (tmp_path / name).write_text("of an earlier build")
    build(monkeypatch, tmp_path)
    assert all((tmp_path / name).read_bytes() != b"of an earlier build" for name in [*PUBLISHED, "SHA256SUMS"])


def test_a_build_that_fails_leaves_no_digests_of_an_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], index: Path
) -> None:
    (tmp_path / "SHA256SUMS").write_text("of an earlier build")
    (index / PLATFORMS["x86_64"] / wheel_for(PLATFORMS["x86_64"])).unlink()
    with pytest.raises(SystemExit) as failure:
        build(monkeypatch, tmp_path)
    assert failure.value.code == 1
    message = "pip could not download requirements.txt for Python 3.11 on manylinux2014_x86_64\n"
    assert capsys.readouterr().err == message
    assert not (tmp_path / "SHA256SUMS").exists()
