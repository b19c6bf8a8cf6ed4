"""The commands that keep the bucket of CRLs find all that protects it, and nothing else, in the state of the module."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.integration.template.stacks import REVOCATION
from tests.integration.terraform.modules import module
from tests.unit.documentation.markdown import fences

if TYPE_CHECKING:
    from pathlib import Path

# In place of Terraform: prints the state, and writes the arguments of other commands to a file.
TERRAFORM = """#!/bin/sh
cd "$(dirname "$0")"
if [ "$2" = list ]; then cat state; else shift 1; echo "$@" >> commands; fi
"""


_RESOURCES = module(REVOCATION.stacks["defaults"], {"create_crl_bucket": True}).resources
STATE = [
    f"module.authorizer.{each.type}.{each.name}{'' if each.key is None else f'[{each.key}]'}" for each in _RESOURCES
]
OF_THE_BUCKET = [address for address in STATE if "aws_s3_bucket" in address]
MOVES = [f"mv {address} {address.replace('module.authorizer.', 'module.upgraded.')}" for address in OF_THE_BUCKET]


@pytest.mark.parametrize(
    ("page", "commands"),
    [("docs/deploy/remove.md", [f"rm {' '.join(OF_THE_BUCKET)}"]), ("docs/upgrading.md", MOVES)],
)
def test_the_bucket_is_kept_with_its_protection_and_without_the_indexer(
    page: str, commands: list[str], tmp_path: Path
) -> None:
    assert len(OF_THE_BUCKET) < len(STATE)
    (tmp_path / "state").write_text("\n".join([*STATE, "module.other.aws_s3_bucket.crl[0]", ""]))
    (tmp_path / "terraform").write_text(TERRAFORM)
    (tmp_path / "terraform").chmod(0o755)
    [command] = [fence.text for fence in fences("sh") if fence.page == page and "terraform state" in fence.text]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["/bin/bash", "-c", command], env=environment, check=True)
    assert (tmp_path / "commands").read_text().splitlines() == commands
