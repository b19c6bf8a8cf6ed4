"""The provenance of a release: an in-toto Statement v1 with a SLSA Provenance v1 predicate.

https://in-toto.io/Statement/v1 and https://slsa.dev/provenance/v1. It contains neither times nor the name of a machine:
rebuilding a release gives the same bytes.
"""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from distribution.digests import sha256
from distribution.errors import DistributionError

if TYPE_CHECKING:
    from pathlib import Path

PROVENANCE: Final = "provenance.intoto.json"

_BUILD_TYPE = "urn:client-certificate-auth:make-release:v1"


class Build(NamedTuple):
    """How a release was built: from a commit, and by tools in these versions."""

    commit: str
    source_url: str | None
    versions: dict[str, str]


def write_provenance(folder: Path, commit: str, source_url: str | None) -> None:
    """Describe how the files of a folder were built from a commit. ``source_url`` is an input of the template."""
    bills = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.cdx.json"))]
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": path.name, "digest": {"sha256": sha256(path)}} for path in sorted(folder.iterdir())],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": _BUILD_TYPE,
                "externalParameters": {"command": "make release"} | ({"sourceUrl": source_url} if source_url else {}),
                "internalParameters": {"versions": _tool_versions(bills)},
                "resolvedDependencies": [
                    {"name": "source", "digest": {"gitCommit": commit}},
                    *_wheels(bills),
                ],
            },
            "runDetails": {"builder": {"id": _BUILD_TYPE}},
        },
    }
    (folder / PROVENANCE).write_text(json.dumps(statement, indent=2) + "\n", encoding="utf-8")


def read_build(folder: Path) -> Build:
    """Return how a release was built. Raises DistributionError."""
    path = folder / PROVENANCE
    try:
        definition = json.loads(path.read_text(encoding="utf-8"))["predicate"]["buildDefinition"]
        source = definition["resolvedDependencies"][0]
        return Build(
            str(source["digest"]["gitCommit"]),
            definition["externalParameters"].get("sourceUrl"),
            dict(definition["internalParameters"]["versions"]),
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        message = f"{path} is not the provenance of a release"
        raise DistributionError(message) from error


def _tool_versions(bills: list[dict[str, Any]]) -> dict[str, str]:
    """Return the versions of the tools that determine bytes: the Pythons that compile, zlib and hatchling."""
    properties = (entry for bill in bills for entry in bill["metadata"]["properties"])
    tools = {entry["name"].rpartition(":")[2]: entry["value"] for entry in properties}
    return dict(sorted((tools | {"hatchling": version("hatchling")}).items()))


def _wheels(bills: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the wheels in the layers, as resource descriptors."""
    digests = {part["purl"]: part["hashes"][0]["content"] for bill in bills for part in bill["components"]}
    return [{"uri": purl, "digest": {"sha256": digest}} for purl, digest in sorted(digests.items())]
