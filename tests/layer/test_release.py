"""What `make layer` writes: see `release` in conftest.py."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from layer_builder.interpreters import PYTHON_VERSIONS, find_interpreters, full_version
from layer_builder.wheels import Architecture

ROOT = Path(__file__).parents[2]
INTERPRETERS = find_interpreters()

# In bytes, with compiled files for three Pythons. What those of one more may take: what those of one take here.
ZIP_LIMIT, UNPACKED_LIMIT, PYTHONS = 6_000_000, 19_000_000, 3
ZIPPED_PYTHON, UNPACKED_PYTHON = 270_000, 700_000
MORE_PYTHONS = max(0, len(INTERPRETERS) - PYTHONS)

each_architecture = pytest.mark.parametrize("architecture", Architecture)


def archive_of(release: Path, architecture: Architecture) -> Path:
    return release / f"client-certificate-auth-{architecture}.zip"


def bill_of(release: Path, architecture: Architecture) -> dict[str, Any]:
    bill: dict[str, Any] = json.loads((release / f"client-certificate-auth-{architecture}.cdx.json").read_text())
    return bill


@each_architecture
def test_a_zip_file_is_within_its_limits_packed_and_unpacked(release: Path, architecture: Architecture) -> None:
    archive = archive_of(release, architecture)
    assert archive.stat().st_size <= ZIP_LIMIT + MORE_PYTHONS * ZIPPED_PYTHON
    with ZipFile(archive) as zip_file:
        unpacked = sum(entry.file_size for entry in zip_file.infolist())
    assert unpacked <= UNPACKED_LIMIT + MORE_PYTHONS * UNPACKED_PYTHON


def test_each_step_is_shown_and_in_the_end_which_pythons_have_compiled_files(release: Path) -> None:
    lines = (release / "output").read_text().splitlines()
    for architecture in Architecture:
        steps = [line for line in lines if line.startswith(f"{architecture}: ")]
        assert len(steps) == len(PYTHON_VERSIONS) + len(INTERPRETERS) + 1
        size = rf"client-certificate-auth-{architecture}\.zip: \d\.\d\d MB, unpacked \d\d\.\d\d MB"
        assert any(re.fullmatch(size, line) for line in lines)
    assert lines[-len(PYTHON_VERSIONS) :] == [
        f"Python {version}: compiled files, by {full_version(INTERPRETERS[version])}"
        if version in INTERPRETERS
        else f"Python {version}: sources only, as it is not on this machine"
        for version in PYTHON_VERSIONS
    ]


def test_the_digests_are_those_of_the_files_beside_them(release: Path) -> None:
    result = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=release, capture_output=True, check=False)  # noqa: S607 -- wherever it is
    assert result.returncode == 0, result.stderr
    names = [line.split("  ")[1] for line in (release / "SHA256SUMS").read_text().splitlines()]
    assert names == sorted(
        f"client-certificate-auth-{architecture}.{suffix}"
        for architecture in Architecture
        for suffix in ("cdx.json", "zip")
    )


# The bill of materials


@each_architecture
def test_the_bill_of_materials_is_cyclonedx(release: Path, architecture: Architecture) -> None:
    text = (release / f"client-certificate-auth-{architecture}.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


@each_architecture
def test_the_bill_of_materials_is_that_of_the_zip_file(release: Path, architecture: Architecture) -> None:
    layer = bill_of(release, architecture)["metadata"]["component"]
    digest = hashlib.sha256(archive_of(release, architecture).read_bytes()).hexdigest()
    assert layer["hashes"] == [{"alg": "SHA-256", "content": digest}]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert layer["version"] == project["version"]
    assert layer["licenses"] == [{"expression": project["license"]}]


@each_architecture
def test_the_bill_of_materials_names_the_pinned_wheels(release: Path, architecture: Architecture) -> None:
    requirements = (ROOT / "layer/requirements.txt").read_text()
    pinned = dict(re.findall(r"^([a-z]+)==(\S+)", requirements, re.MULTILINE))
    components = bill_of(release, architecture)["components"]
    assert {component["name"]: component["version"] for component in components} == pinned
    for component in components:
        assert component["purl"].startswith(f"pkg:pypi/{component['name']}@{component['version']}?file_name=")
        assert [entry["alg"] for entry in component["hashes"]] == ["SHA-256"]
        assert f"sha256:{component['hashes'][0]['content']}" in requirements
        assert component["licenses"][0]["expression"]
    # cffi's wheel for each Python, and cryptography's for all.
    assert len(components) == len(PYTHON_VERSIONS) + 1


@each_architecture
def test_the_bill_of_materials_names_what_is_linked_into_cryptography(
    release: Path, architecture: Architecture
) -> None:
    (cryptography,) = (part for part in bill_of(release, architecture)["components"] if part["name"] == "cryptography")
    parts = {part["name"]: part["purl"] for part in cryptography["components"]}
    assert parts["openssl"].startswith(("pkg:generic/openssl@", "pkg:cargo/openssl@"))
    assert parts["asn1"].startswith("pkg:cargo/asn1@")


@each_architecture
def test_the_bill_of_materials_names_what_built_it_and_neither_time_nor_place(
    release: Path, architecture: Architecture
) -> None:
    bill = bill_of(release, architecture)
    assert bill["metadata"].keys() == {"component", "properties"}
    assert "serialNumber" not in bill
    built_with = {entry["name"].partition(":")[2]: entry["value"] for entry in bill["metadata"]["properties"]}
    versions = {f"python{version}": full_version(path) for version, path in INTERPRETERS.items()}
    assert built_with.items() >= versions.items()
    assert built_with.keys() - versions.keys() == {"zlib"}


# Reproducibility


def clone(folder: Path, *, changed_at: int) -> None:
    command = ["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)]
    subprocess.run(command, check=True)
    for path in folder.rglob("*"):
        os.utime(path, (changed_at, changed_at))


def start_make_layer(folder: Path, umask: int, **environment: str) -> subprocess.Popen[str]:
    # A make around the tests would have its variables win.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.Popen(
        ["make", "layer", f"PYTHON={sys.executable}"],  # noqa: S607 -- wherever it is
        cwd=folder,
        umask=umask,
        env=inherited | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_two_builds_from_two_clones_are_the_same_bytes(tmp_path: Path) -> None:
    folders = tmp_path / "clone", tmp_path / "another folder" / "at another depth"
    clone(folders[0], changed_at=1_000_000_000)
    clone(folders[1], changed_at=2_000_000_000)
    builds = [
        start_make_layer(folders[0], 0o022, TZ="Pacific/Kiritimati", LC_ALL="C", PYTHONHASHSEED="1"),
        start_make_layer(folders[1], 0o077, TZ="America/Anchorage", LC_ALL="C.UTF-8", PYTHONHASHSEED="2"),
    ]
    for build in builds:
        output, _ = build.communicate()
        assert build.returncode == 0, output
    one, other = ({path.name: path.read_bytes() for path in (folder / "build").iterdir()} for folder in folders)
    assert len(one) == 2 * len(Architecture) + 1
    assert {name: one[name] == other.get(name) for name in one} == dict.fromkeys(one, True)
