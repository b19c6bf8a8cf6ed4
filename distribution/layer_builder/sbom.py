"""The software bills of materials of layers and functions in CycloneDX 1.6 (ECMA-424)."""

from __future__ import annotations

import email.parser
import json
import re
import zlib
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

from distribution.digests import sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from email.message import Message
    from pathlib import Path

    from distribution.layer_builder.wheels import Architecture

# A wheel's own bills of materials in any format, and the keys to copy from their components.
_BUNDLED_BILL = re.compile(r"[^/]+\.dist-info/sboms/.+\.json")
_INHERITED = ("type", "name", "version", "purl", "hashes", "licenses")


def describe_archive(
    archive: Path,
    project: Mapping[str, Any],
    compiled: Mapping[str, str | None],
    *,
    architecture: Architecture | None = None,
    wheels: Iterable[Path] = (),
) -> str:
    """Return the bill of materials of the zip file of a layer or a function, as JSON.

    ``project`` is the table in the distribution's pyproject.toml with its version, ``compiled`` the full version of
    each interpreter whose compiled files are in the zip file, by version, and ``wheels`` the wheels that are in it.
    Only layers have an architecture. There is neither a time nor a random serial number, so the same zip file always
    has the same bill.
    """
    components = [_describe_wheel(wheel) for wheel in wheels]
    described = _describe_archive(archive, architecture, project)
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": described, "properties": _build_properties(project["name"], compiled)},
        "components": components,
        "dependencies": [
            {"ref": described["bom-ref"], "dependsOn": [component["bom-ref"] for component in components]}
        ],
    }
    return json.dumps(bill, indent=2) + "\n"


def _describe_archive(archive: Path, architecture: Architecture | None, project: Mapping[str, Any]) -> dict[str, Any]:
    name, version = project["name"], project["version"]
    purl = f"pkg:generic/{name}@{version}" + (f"?arch={architecture}" if architecture else "")
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "description": project["description"],
        "hashes": _hashes(archive),
        # An SPDX expression (PEP 639).
        "licenses": [{"expression": project["license"]}],
        "purl": purl,
    }


def _build_properties(namespace: str, compiled: Mapping[str, str | None]) -> list[dict[str, str]]:
    """Return the versions of the tools that determine the bytes of the zip file, which reproducing it requires."""
    versions = {f"python{version}": full for version, full in compiled.items() if full}
    return [
        {"name": f"{namespace}:{tool}", "value": version}
        for tool, version in {**versions, "zlib": zlib.ZLIB_RUNTIME_VERSION}.items()
    ]


def _describe_wheel(wheel: Path) -> dict[str, Any]:
    with ZipFile(wheel) as archive:
        metadata = _read_metadata(archive)
        parts = _read_bundled_components(archive)
    purl = f"pkg:pypi/{metadata['Name'].lower()}@{metadata['Version']}?file_name={wheel.name}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": metadata["Name"],
        "version": metadata["Version"],
        "description": metadata["Summary"],
        "hashes": _hashes(wheel),
        "licenses": [{"expression": metadata["License-Expression"]}],
        "purl": purl,
        "components": parts,
    }


def _read_metadata(wheel: ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.parser.BytesParser().parsebytes(wheel.read(name), headersonly=True)


def _read_bundled_components(wheel: ZipFile) -> list[dict[str, Any]]:
    """Return the components linked into a wheel according to the wheel (PEP 770), such as OpenSSL."""
    names = sorted(name for name in wheel.namelist() if _BUNDLED_BILL.fullmatch(name))
    bills = [json.loads(wheel.read(name)) for name in names]
    return [
        {key: component[key] for key in _INHERITED if key in component}
        for bill in bills
        if bill.get("bomFormat") == "CycloneDX"
        for component in bill["components"]
    ]


def _hashes(path: Path) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": sha256(path)}]
