"""What `make layer` writes: see `release` in conftest.py."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest

from distribution.layer_builder.interpreters import full_version
from distribution.layer_builder.wheels import Architecture
from distribution.project import LICENSE, ROOT, VERSION
from distribution.python_versions import PYTHON_VERSIONS
from tests.interpreters import INTERPRETERS
from tests.packaging.bills_of_materials import problem_of
from tests.unit.documentation.markdown import tables

if TYPE_CHECKING:
    from pathlib import Path


each_architecture = pytest.mark.parametrize("architecture", Architecture)


def archive_of(release: Path, architecture: Architecture) -> Path:
    return release / f"client-certificate-auth-{architecture}.zip"


def bill_of(release: Path, architecture: Architecture) -> dict[str, Any]:
    bill: dict[str, Any] = json.loads((release / f"client-certificate-auth-{architecture}.cdx.json").read_text())
    return bill


@each_architecture
def test_a_zip_file_is_as_large_as_the_page_says(release: Path, architecture: Architecture) -> None:
    """Growth does not go unnoticed."""
    archive = archive_of(release, architecture)
    with ZipFile(archive) as zip_file:
        entries = zip_file.infolist()
    sources = [entry for entry in entries if not entry.filename.endswith(".pyc")]
    sizes = [archive.stat().st_size, *(sum(entry.file_size for entry in part) for part in (entries, sources))]
    (rows,) = tables("docs/layer/zip.md", "Build")
    documented = [float(cell.removesuffix(" MB")) for row in rows if row[0] == architecture for cell in row[1:]]
    for megabytes, size in zip([*documented[:2], documented[3]], sizes, strict=True):
        assert size / 1e6 <= 1.02 * megabytes
        assert len(INTERPRETERS) < len(PYTHON_VERSIONS) or size / 1e6 >= 0.98 * megabytes


def test_the_output_lists_each_step_and_finally_the_python_versions_with_compiled_files(release: Path) -> None:
    lines = (release / "output").read_text().splitlines()
    for architecture in Architecture:
        steps = [line for line in lines if line.startswith(f"{architecture}: ")]
        assert len(steps) == len(PYTHON_VERSIONS) + len(INTERPRETERS) + 1
        size = rf"client-certificate-auth-{architecture}\.zip: \d\.\d\d MB, unpacked \d\d\.\d\d MB"
        assert any(re.fullmatch(size, line) for line in lines)
    assert lines[-len(PYTHON_VERSIONS) :] == [
        f"Python {version}: compiled by {full_version(INTERPRETERS[version])}"
        if version in INTERPRETERS
        else f"Python {version}: sources only, because it is not on this machine"
        for version in PYTHON_VERSIONS
    ]


def test_the_digests_are_correct(release: Path) -> None:
    result = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=release, capture_output=True, check=False)  # noqa: S607 -- from PATH
    assert result.returncode == 0, result.stderr
    names = [line.split("  ")[1] for line in (release / "SHA256SUMS").read_text().splitlines()]
    assert names == sorted(
        f"client-certificate-auth-{architecture}.{suffix}"
        for architecture in Architecture
        for suffix in ("cdx.json", "zip")
    )


# The bill of materials


@each_architecture
def test_the_bill_of_materials_is_valid_cyclonedx(release: Path, architecture: Architecture) -> None:
    text = (release / f"client-certificate-auth-{architecture}.cdx.json").read_text()
    assert problem_of(text) is None


@each_architecture
def test_the_bill_of_materials_describes_the_zip_file(release: Path, architecture: Architecture) -> None:
    layer = bill_of(release, architecture)["metadata"]["component"]
    digest = hashlib.sha256(archive_of(release, architecture).read_bytes()).hexdigest()
    assert layer["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert layer["version"] == VERSION
    assert layer["licenses"] == [{"expression": LICENSE}]


@each_architecture
def test_the_bill_of_materials_lists_the_pinned_wheels(release: Path, architecture: Architecture) -> None:
    requirements = (ROOT / "layer/requirements.txt").read_text()
    pinned = dict(re.findall(r"^([a-z]+)==(\S+)", requirements, re.MULTILINE))
    components = bill_of(release, architecture)["components"]
    assert {component["name"]: component["version"] for component in components} == pinned
    for component in components:
        assert component["purl"].startswith(f"pkg:pypi/{component['name']}@{component['version']}?file_name=")
        assert [entry["alg"] for entry in component["hashes"]] == ["SHA-256"]
        assert f"sha256:{component['hashes'][0]['content']}" in requirements
        assert component["licenses"][0]["expression"]
    # One wheel of cffi for each Python version, one of cryptography for all.
    assert len(components) == len(PYTHON_VERSIONS) + 1


@each_architecture
def test_the_bill_of_materials_lists_the_libraries_linked_into_cryptography(
    release: Path, architecture: Architecture
) -> None:
    (cryptography,) = (part for part in bill_of(release, architecture)["components"] if part["name"] == "cryptography")
    parts = {part["name"]: part["purl"] for part in cryptography["components"]}
    assert parts["openssl"].startswith(("pkg:generic/openssl@", "pkg:cargo/openssl@"))
    assert parts["asn1"].startswith("pkg:cargo/asn1@")


@each_architecture
def test_the_bill_of_materials_lists_the_tools_that_built_it_but_neither_time_nor_place(
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


def copy_project(folder: Path) -> None:
    """Copy the files that git tracks or would track, with other times."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():  # not deleted
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
            os.utime(folder / name, (1_000_000_000, 1_000_000_000))


def test_a_build_in_another_folder_and_environment_has_the_same_bytes(
    release: Path, kept_wheels: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "another folder" / "at another depth"
    copy_project(folder)
    subprocess.run(
        [sys.executable, "-m", "distribution.layer_builder", "layers", "build"],
        cwd=folder,
        umask=0o077,
        env=os.environ
        | kept_wheels
        | {"PYTHONPATH": ".", "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "1"},
        check=True,
    )
    other = {path.name: path.read_bytes() for path in (folder / "build").iterdir()}
    assert len(other) == 2 * len(Architecture) + 1
    assert {name: (release / name).read_bytes() == content for name, content in other.items()} == dict.fromkeys(
        other, True
    )
