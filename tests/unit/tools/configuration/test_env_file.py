"""``--env-file``: variables in a file."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.configuration.variables import read_environment

if TYPE_CHECKING:
    from pathlib import Path

VARIABLES = {"ALLOWED_COMMON_NAMES": "a,b", "AUTHORIZER_RULES": '{"rules": []}'}

MEMORY = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}
"""As Lambda sets it: it limits the size of CRLs."""


def read(folder: Path, content: str | bytes) -> dict[str, str]:
    file = folder / "env"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return dict(read_environment(argparse.Namespace(function=None, env_file=str(file)), {"SHELL": "x"}))


@pytest.mark.parametrize(
    ("content", "variables"),
    [
        ("", {}),
        ("\n# a comment\n  # another\nA=1\r\nB=\n", {"A": "1", "B": ""}),
        ("A=x=y # not a comment", {"A": "x=y # not a comment"}),
        ("export A=1\n  B_2=2", {"A": "1", "B_2": "2"}),
        ("A='x y'\nB=\"x\"\nC='\nD=''", {"A": "x y", "B": "x", "C": "'", "D": ""}),
        # Only line feeds and carriage returns end lines.
        ("A=x\x85B=1\u2028C=2\x0bD=3\rE=4", {"A": "x\x85B=1\u2028C=2\x0bD=3", "E": "4"}),
        ('R=\'{"rules": []}\'\nS={"rules": []}', {"R": '{"rules": []}', "S": '{"rules": []}'}),
        (b"\xef\xbb\xbfA=\xc3\xa9", {"A": "\u00e9"}),
        ("A=\u00e9\r\n".encode("utf-16"), {"A": "\u00e9"}),
        (b"\xfe\xff" + json.dumps(VARIABLES).encode("utf-16-be"), VARIABLES),
        (json.dumps(VARIABLES), VARIABLES),
        ("null\n", {}),
        (json.dumps({"FunctionName": "f", "MemorySize": 512}), MEMORY),
        (json.dumps({"Variables": VARIABLES}), VARIABLES),
        (json.dumps({"FunctionName": "f", "Environment": {"Variables": VARIABLES}}), VARIABLES),
        (json.dumps({"Configuration": {"Environment": {"Variables": VARIABLES}}}, indent=2), VARIABLES),
        (json.dumps({"MemorySize": 512, "Environment": {"Variables": VARIABLES}}), VARIABLES | MEMORY),
        (json.dumps({"Configuration": {"MemorySize": 512, "Environment": {"Variables": {}}}}), MEMORY),
    ],
)
def test_lines_and_json_are_read(content: str | bytes, variables: dict[str, str], tmp_path: Path) -> None:
    assert read(tmp_path, content) == variables


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("A=1\nsecret", "line 2 is not NAME=value"),
        ("A B=secret", "line 1 is not NAME=value"),
        ("A=1\nA=secret", "line 2 sets A again: remove one of the two lines"),
        ('A="secret","x"', 'line 1 has " at both ends and inside: '),
        (b"A=\xff", "is not text in UTF-8 or UTF-16: "),
        ("{", "is not valid JSON: "),
        ('{"a":' * 100_000, "is not valid JSON: it is nested too deeply"),
        ('{"A": 1}', "has no variables: "),
        ('{"Environment": []}', "has no variables: "),
        ('{"Configuration": 1}', "has no variables: "),
        ('{"FunctionName": "f", "Environment": {"Error": {"ErrorCode": "x"}}}', "has no variables: "),
    ],
)
def test_errors_name_the_line_and_not_its_value(content: str | bytes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as raised:
        read(tmp_path, content)
    assert problem in str(raised.value)
    assert "secret" not in str(raised.value)


def test_without_an_option_the_variables_are_those_of_the_shell() -> None:
    shell = {"SHELL": "x"}
    assert read_environment(argparse.Namespace(function=None, env_file=None), shell) is shell
