"""The environment variables of a deployed function, of a file, or of the shell."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mtls_authorizer_cli.command_line import (
    CommandError,
    command_errors,
    lines_of,
    read_file,
    shown_file,
    text_encoding,
)
from mtls_authorizer_cli.configuration.function_arn import FunctionArn, parse_function

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from mtls_authorizer_cli.command_line import Parser

MEMORY_SIZE = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
"""The variable that Lambda sets to the memory of a function in MB."""

_DENIED = "you need the permission lambda:GetFunctionConfiguration"
_LARGEST_FILE = 1024 * 1024
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def add_options(parser: Parser) -> None:
    """Add ``--function`` and ``--env-file``, which exclude each other."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--function",
        metavar="NAME[:ALIAS]",
        help="use the variables and the region of this deployed function, not the shell's variables; a name or ARN",
    )
    source.add_argument(
        "--env-file",
        metavar="FILE",
        help="use the variables in this file, not the shell's variables: NAME=value lines, or the JSON of "
        "aws lambda get-function-configuration",
    )


def read_environment(options: argparse.Namespace, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables that the options name, by default ``environment`` unchanged.

    If a function is named, all clients of AWS use its region from then on: an ARN may be in another one than the
    shell's. Raises CommandError.
    """
    if options.function:
        return _read_deployed(options.function)
    return read_env_file(options.env_file) if options.env_file else environment


def _read_deployed(name: str) -> dict[str, str]:
    """Return the variables of a deployed function, with its memory as Lambda sets it: it limits the size of CRLs."""
    configuration = _get_configuration(name)
    environment = configuration.get("Environment", {})
    if "Error" in environment:
        message = (
            f"function {name}: Lambda cannot decrypt its variables ({environment['Error'].get('ErrorCode')}). You need "
            "the permission kms:Decrypt for the function's key"
        )
        raise CommandError(message)
    return {**environment.get("Variables", {}), **_memory(configuration)}


def _memory(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Return the variable that Lambda sets to the memory of a function, if its configuration contains the memory."""
    megabytes = configuration.get("MemorySize")
    return {MEMORY_SIZE: str(megabytes)} if isinstance(megabytes, int) else {}


def read_env_file(file: str) -> dict[str, str]:
    """Read variables from a file: JSON, or lines of ``NAME=value`` as in Docker's and systemd's files.

    Raises CommandError.
    """
    content = read_file(file, largest=_LARGEST_FILE, expected="a file with environment variables")
    with command_errors(f"{shown_file(file)} is not text in UTF-8 or UTF-16: ", UnicodeDecodeError):
        text = content.decode(text_encoding(content))
    if text.strip() == "null":
        return {}  # the AWS CLI prints this for a function without variables
    if text.lstrip().startswith("{"):
        return _read_json(file, text)
    variables: dict[str, str] = {}
    for number, line in enumerate(lines_of(text), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or not _VARIABLE.fullmatch(name):
            raise _bad_line(file, number, "is not NAME=value")
        if name in variables:
            raise _bad_line(file, number, f"sets {name} again: remove one of the two lines")
        variables[name] = _unquote(file, number, value)
    return variables


def _unquote(file: str, number: int, value: str) -> str:
    quote = value[:1]
    if quote not in {"'", '"'} or len(value) == 1 or value[-1] != quote:
        return value
    inner = value[1:-1]
    if quote in inner:
        raise _bad_line(file, number, f"has {quote} at both ends and inside: remove the outer ones, or use others")
    return inner


def _bad_line(file: str, number: int, problem: str) -> CommandError:
    # Without the line: the file may contain secrets, too.
    return CommandError(f"{shown_file(file)}: line {number} {problem}")


def _read_json(file: str, text: str) -> dict[str, str]:
    """Return the variables in what the AWS CLI prints of a function's configuration, or a part of that."""
    with command_errors(f"{shown_file(file)} is not valid JSON: ", ValueError, RecursionError):
        value = json.loads(text)
    configuration = _part(value, "Configuration")
    environment = _part(configuration, "Environment")
    # The configuration of a function without variables has no environment.
    is_whole = environment is configuration and isinstance(configuration, dict) and "FunctionName" in configuration
    variables = {} if is_whole else _part(environment, "Variables")
    if not isinstance(variables, dict) or not all(isinstance(each, str) for each in variables.values()):
        message = (
            f"{shown_file(file)} has no variables: save the output of "
            "aws lambda get-function-configuration --query Environment.Variables in it"
        )
        raise CommandError(message)
    return {**variables, **_memory(configuration)}


def _part(value: Any, key: str) -> Any:  # noqa: ANN401 -- JSON
    return value.get(key, value) if isinstance(value, dict) else value


def _get_configuration(name: str) -> Mapping[str, Any]:
    function = parse_function(name)
    from mtls_authorizer_cli.aws import aws_errors, make_client, use_region  # noqa: PLC0415 -- imports boto3, which is slow

    if isinstance(function, FunctionArn):
        use_region(function.region)
    client = make_client("lambda", f"function {name}")
    region = f"--region {client.meta.region_name}"
    absent = (
        f"there is no such function, alias or version in {client.meta.region_name}. To list them: aws lambda "
        f"list-functions {region}, and aws lambda list-aliases {region} --function-name NAME"
    )
    try:
        with aws_errors(f"function {name}", {"ResourceNotFoundException": absent}, _DENIED):
            configuration = client.get_function_configuration(**function.request)
            # A proxy's answer would be a function without variables, which denies everybody.
            _ = configuration["FunctionName"]
            return configuration  # type: ignore[no-any-return]
    except CommandError as error:
        message = f"{error}. To check credentials and region: aws sts get-caller-identity {region}"
        raise CommandError(message) from error
