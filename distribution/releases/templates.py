"""The templates of a release. They name its zip files instead of folders that ``sam build`` would build."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from distribution.errors import DistributionError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TEMPLATES: Final = (
    "template.yaml",
    "templates/monitoring.yaml",
    "templates/revocation.yaml",
    "templates/sample-api.yaml",
)
"""The templates, by their paths in the project."""

FUNCTION: Final = "authorizer.zip"
"""The package of the authorizer and of the functions for revocation, which differ in their handlers."""

SAMPLE_FUNCTION: Final = "sample-function.zip"

_FUNCTIONS: Final[Mapping[str, str]] = {"authorizer": FUNCTION, "examples": SAMPLE_FUNCTION}

_BUILD = re.compile(r"(?m)^ +(?:# .*makefile.*\n +)?Metadata: \{BuildMethod: .+\}\n")
_LAYER = re.compile(r"(BuildArchitecture: (\w+)\}\n(?:.*\n)*?) +ContentUri: (?:\.\./)?layer\n")
_CODE = re.compile(r"CodeUri: (?:\.\./)?(\w+)\n")
_COMMENT = re.compile(r"(?m)^  # `sam build` .*\n(?:  # .*\n)*")


def write_templates(project: Path, destination: Path) -> None:
    """Write the templates to a folder, next to the zip files. Raises DistributionError if one is not understood."""
    for name in TEMPLATES:
        text = rewrite_template((project / name).read_text(encoding="utf-8"))
        (destination / name.rpartition("/")[2]).write_text(text, encoding="utf-8")


def rewrite_template(text: str) -> str:
    """Return a template with the names of zip files. Raises DistributionError if a folder remains."""
    text = _LAYER.sub(lambda match: f"{match[1]}      ContentUri: client-certificate-auth-{match[2]}.zip\n", text)
    text = _CODE.sub(lambda match: f"CodeUri: {_FUNCTIONS[match[1]]}\n", text)
    text = _BUILD.sub("", text)
    text = _COMMENT.sub("", text)
    if remaining := re.findall(r"BuildMethod.*|\.\./.*|(?:Code|Content)Uri: .*(?<!\.zip)$", text, re.MULTILINE):
        message = f"distribution/releases/templates.py does not know how to rewrite {remaining[0]!r}"
        raise DistributionError(message)
    return text
