"""Compares what the construct in TypeScript synthesizes with the one in Python. ``make test-cdk-typescript`` calls it.

Usage: ``python -m tests.integration.cdk.compare_typescript FOLDER``, with the packages of ``typescript`` in FOLDER.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.integration.cdk.deployments import deployments, write_release
from tests.integration.template.templates import ROOT

SOURCES = (ROOT / "cdk/client-certificate-authorizer.ts", Path(__file__).parent / "typescript/app.ts")
COMPILE = [
    "node_modules/.bin/tsc",
    "--strict",
    "--target",
    "es2020",
    "--module",
    "commonjs",
    "--types",
    "node",
    "app.ts",
]


def main(folder: Path) -> None:
    release = folder / "release"
    release.mkdir(exist_ok=True)
    write_release(release)
    for source in SOURCES:
        shutil.copy(source, folder)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "cdk"), "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1"}
    for command in (
        COMPILE,
        ["node", "app.js", str(release), str(folder / "typescript")],
        [sys.executable, str(Path(__file__).parent / "app.py"), str(release), str(folder / "python")],
    ):
        subprocess.run(command, cwd=folder, env=environment, check=True)
    stacks = [*deployments(), "together", "another-layer/published"]
    for stack in stacks:
        one, other = (
            json.loads((folder / language / f"{stack}.template.json").read_text())
            for language in ("python", "typescript")
        )
        if one != other:
            sys.exit(f"{stack}: the templates of both languages differ")
    print(f"{len(stacks)} stacks are the same in both languages")  # noqa: T201 -- the output of a command


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
