"""The authorizer with the oldest versions of cryptography and boto3 that its distribution permits."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from distribution.project import ROOT
from tests.shared_folder import shared_folder

PINS = Path(__file__).with_name("oldest_requirements.txt")

# Earlier versions of cryptography read no CRL with a negative serial number. Earlier ones of boto3 do not compare
# checksums, and long before have no conditions for PutObject.
TESTS = [
    "unit/authorizer/revocation/crl/test_crl.py::test_every_entry_revokes_unless_it_is_readably_a_removal",
    "integration/authorizer/revocation/test_indexer.py::test_a_newer_crl_replaces_an_older_one",
    "integration/authorizer/stores/test_aws.py::TestS3::test_content_that_was_changed_in_transit_is_rejected",
]


@pytest.fixture
def oldest(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return the folder that the oldest versions were installed to."""

    def install(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        command += ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "--requirement", PINS, "--target", folder], check=True)

    return shared_folder(tmp_path_factory, worker_id, "oldest requirements", install)


@pytest.mark.parametrize("folder", ["authorizer", "tools"])
def test_the_tested_versions_are_the_oldest_that_a_distribution_permits(folder: str) -> None:
    tested = dict(re.findall(r"^(\w+)==(\d+\.\d+)", PINS.read_text(), re.MULTILINE))
    required = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]["dependencies"]
    oldest = dict(name.split(">=") for name in required if ">=" in name)
    assert oldest
    assert [name for name, version in oldest.items() if not f"{tested[name]}.".startswith(f"{version}.")] == []


def test_the_oldest_versions_have_everything_that_is_needed(oldest: Path) -> None:
    folders = [oldest, ROOT, ROOT / "layer", ROOT / "authorizer", ROOT / "tools"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(f"tests/{test}" for test in TESTS)]
    # The oldest boto3 calls this function, which is deprecated in Python 3.12.
    command += ["-W", "ignore:datetime.datetime.utcnow:DeprecationWarning"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
