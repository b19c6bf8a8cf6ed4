"""The tests pass whatever a user has set for AWS, an authorizer or a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SET_BY_A_USER = {
    "ALLOWED_COMMON_NAMES": "somebody",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_PROFILE": "of-a-user",
    "COLUMNS": "40",
    "FORCE_COLOR": "1",
    "LOG_DECISIONS": "none",
}
TESTS = [
    "tests/unit/documentation/test_block_page.py::test_the_permissions_are_those_of_the_operations_that_are_called",
    "tests/unit/documentation/test_commands_page.py::test_every_subcommand_is_documented",
]


def test_variables_of_a_user_change_no_result() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    environment = os.environ | SET_BY_A_USER
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert result.returncode == 0, result.stdout + result.stderr
