from __future__ import annotations

import hashlib
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from distribution.layer_builder.sbom import describe_archive
from distribution.layer_builder.wheels import Architecture
from tests.packaging.bills_of_materials import problem_of
from tests.packaging.layer_builder.small_wheels import write_wheel

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = {"name": "made-up-layer", "version": "1.2.3", "description": "What it is for.", "license": "Apache-2.0"}
COMPILED = {"3.12": None, "3.13": "3.13.9", "3.14": "3.14.0rc1"}

LINKED = {
    "type": "library",
    "name": "openssl",
    "version": "4.0.1",
    "purl": "pkg:generic/openssl@4.0.1",
    "hashes": [{"alg": "SHA-256", "content": "0" * 64}],
    "licenses": [{"expression": "Apache-2.0"}],
}
SCARCELY_DESCRIBED = {"type": "library", "name": "asn1"}
CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "components": [
        # A reference within that bill, and what it is found by.
        LINKED | {"bom-ref": "openssl", "properties": [{"name": "from", "value": "a build"}]},
        SCARCELY_DESCRIBED,
    ],
}
SPDX = {"spdxVersion": "SPDX-2.3", "name": "another format", "packages": []}
NO_BILLS = {
    "package/sboms/data.json": "not JSON, and not in the metadata",
    "One-1.0.dist-info/sboms/bill.xml": "<bom/>",
    "One-1.0.dist-info/direct_url.json": "{}",
}


def digest_of(path: Path) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "layer.zip"
    path.write_bytes(b"a zip file, so to speak")
    return path


@pytest.fixture
def wheels(tmp_path: Path) -> list[Path]:
    bills = {
        "One-1.0.dist-info/sboms/b.spdx.json": json.dumps(SPDX),
        "One-1.0.dist-info/sboms/a.cdx.json": json.dumps(CYCLONEDX),
    }
    return [
        write_wheel(tmp_path / "One-1.0-cp311-abi3-manylinux2014_aarch64.whl", bills | NO_BILLS),
        write_wheel(tmp_path / "two-2.0-py3-none-any.whl", {"two.py": ""}),
    ]


def test_a_bill_of_materials_lists_the_contents_and_the_build_tools(archive: Path, wheels: list[Path]) -> None:
    layer = "pkg:generic/made-up-layer@1.2.3?arch=arm64"
    # A package's name is written in lower case there (purl's specification, "pypi").
    one = "pkg:pypi/one@1.0?file_name=One-1.0-cp311-abi3-manylinux2014_aarch64.whl"
    two = "pkg:pypi/two@2.0?file_name=two-2.0-py3-none-any.whl"
    expected = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": layer,
                "name": "made-up-layer",
                "version": "1.2.3",
                "description": "What it is for.",
                "hashes": digest_of(archive),
                "licenses": [{"expression": "Apache-2.0"}],
                "purl": layer,
            },
            "properties": [
                {"name": "made-up-layer:python3.13", "value": "3.13.9"},
                {"name": "made-up-layer:python3.14", "value": "3.14.0rc1"},
                {"name": "made-up-layer:zlib", "value": zlib.ZLIB_RUNTIME_VERSION},
            ],
        },
        "components": [
            {
                "type": "library",
                "bom-ref": one,
                "name": "One",
                "version": "1.0",
                "description": "An example.",
                "hashes": digest_of(wheels[0]),
                "licenses": [{"expression": "MIT"}],
                "purl": one,
                "components": [LINKED, SCARCELY_DESCRIBED],
            },
            {
                "type": "library",
                "bom-ref": two,
                "name": "two",
                "version": "2.0",
                "description": "An example.",
                "hashes": digest_of(wheels[1]),
                "licenses": [{"expression": "MIT"}],
                "purl": two,
                "components": [],
            },
        ],
        "dependencies": [{"ref": layer, "dependsOn": [one, two]}],
    }
    bill = describe_archive(archive, PROJECT, COMPILED, architecture=Architecture.ARM64, wheels=wheels)
    # The order and the indentation as well: two builds have the same bytes.
    assert bill == json.dumps(expected, indent=2) + "\n"


def test_a_bill_of_materials_is_valid_cyclonedx(archive: Path, wheels: list[Path]) -> None:
    bill = describe_archive(archive, PROJECT, COMPILED, architecture=Architecture.X86_64, wheels=wheels)
    assert problem_of(bill) is None


@pytest.mark.parametrize(("url", "valid"), [("https://example.com/a?b#c", True), ("https://example.com/ a", False)])
def test_urls_in_a_bill_of_materials_are_validated(url: str, valid: bool) -> None:  # noqa: FBT001 -- pytest's parameter
    reference = {"type": "website", "url": url}
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "externalReferences": [reference]}
    assert (problem_of(json.dumps(bill)) is None) is valid


def test_a_functions_bill_of_materials_has_neither_architecture_nor_components(archive: Path) -> None:
    bill = describe_archive(archive, PROJECT, COMPILED)
    assert problem_of(bill) is None
    described = json.loads(bill)
    assert described["metadata"]["component"]["purl"] == f"pkg:generic/{PROJECT['name']}@{PROJECT['version']}"
    assert described["components"] == []


def test_linked_components_are_sorted_by_the_name_of_their_bill(archive: Path, tmp_path: Path) -> None:
    def bill_of(name: str) -> str:
        return json.dumps({"bomFormat": "CycloneDX", "components": [{"type": "library", "name": name}]})

    folder = "one-1.0.dist-info/sboms"
    bills = {f"{folder}/{name}.json": bill_of(name) for name in ("c", "a", "b/d")}
    wheel = write_wheel(tmp_path / "one-1.0-py3-none-any.whl", bills)
    bill: dict[str, Any] = json.loads(
        describe_archive(archive, PROJECT, COMPILED, architecture=Architecture.ARM64, wheels=[wheel])
    )
    assert [part["name"] for part in bill["components"][0]["components"]] == ["a", "b/d", "c"]
