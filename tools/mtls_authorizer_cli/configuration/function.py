"""The environment variables of a deployed function, of a file, or of the shell."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from mtls_authorizer.stores.store import StoreError, Timeouts
from mtls_authorizer_cli.command_line import CommandError, read_file, shown_file, text_encoding
from mtls_authorizer_cli.configuration.function_arn import FunctionArn, parse_function

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from mtls_authorizer.stores.aws import AwsClient
    from mtls_authorizer_cli.command_line import Parser

MEMORY_SIZE = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
"""The variable that Lambda sets to the memory of a function in MB."""

_PERMISSION = "lambda:GetFunctionConfiguration"
_TIMEOUTS = Timeouts(connect_seconds=5, read_seconds=15)
_LARGEST_FILE = 1024 * 1024
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def add_options(parser: Parser) -> None:
    """Add ``--function`` and ``--env-file``."""
    parser.add_argument(
        "--function",
        metavar="NAME[:ALIAS]",
        help="use the variables and the region of this deployed function, not the shell's variables; a name or ARN",
    )
    parser.add_argument(
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
    if options.function and options.env_file:
        message = "--function and --env-file both name variables: use one of them"
        raise CommandError(message)
    if options.function:
        return _read_deployed(options.function)
    return read_env_file(options.env_file) if options.env_file else environment


def _read_deployed(name: str) -> dict[str, str]:
    """Return the variables of a deployed function, with its memory as Lambda sets it: it limits the size of CRLs."""
    function = parse_function(name)
    client = _client(name, function.region if isinstance(function, FunctionArn) else None)
    configuration = _get_configuration(name, client, function.request)
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
    try:
        text = content.decode(text_encoding(content))
    except UnicodeDecodeError as error:
        message = f"{shown_file(file)} is not text in UTF-8 or UTF-16: {error}"
        raise CommandError(message) from error
    if text.lstrip().startswith("{"):
        return _read_json(file, text)
    variables: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
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
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{shown_file(file)} is not valid JSON: {error}"
        raise CommandError(message) from error
    configuration = _part(value, "Configuration")
    variables = _part(_part(configuration, "Environment"), "Variables")
    if not isinstance(variables, dict) or not all(isinstance(each, str) for each in variables.values()):
        message = (
            f"{shown_file(file)} has no variables: save the output of "
            "aws lambda get-function-configuration --query Environment.Variables in it"
        )
        raise CommandError(message)
    return {**variables, **_memory(configuration)}


def _part(value: Any, key: str) -> Any:  # noqa: ANN401 -- JSON
    return value.get(key, value) if isinstance(value, dict) else value


def _client(function: str, region: str | None) -> AwsClient:
    try:
        from mtls_authorizer.stores.aws import aws_client, client, session  # noqa: PLC0415 -- imports boto3, which is slow
    except ModuleNotFoundError as error:
        message = f"function {function}: reading it requires boto3 (no module {error.name}): pip install boto3"
        raise CommandError(message) from error
    if region is not None and session().region_name != region:
        os.environ["AWS_REGION"] = region
        session.cache_clear()
        client.cache_clear()
    try:
        return aws_client(f"function {function}", "lambda", _TIMEOUTS)
    except StoreError as error:
        raise CommandError(str(error)) from error


def _get_configuration(function: str, client: AwsClient, request: Mapping[str, str]) -> Mapping[str, Any]:
    from mtls_authorizer.stores.aws import store_errors  # noqa: PLC0415 -- imports boto3, as above

    region = client.meta.region_name
    try:
        with store_errors(f"function {function}", _TIMEOUTS, f"you need the permission {_PERMISSION}"):
            try:
                return client.get_function_configuration(**request)  # type: ignore[no-any-return]
            except client.exceptions.ResourceNotFoundException:
                pass
    except StoreError as error:
        message = f"{error}. To check credentials and region: aws sts get-caller-identity --region {region}"
        raise CommandError(message) from error
    message = (
        f"there is no function, alias or version {function} in {region}. To list them: aws lambda list-functions "
        f"--region {region}, and aws lambda list-aliases --region {region} --function-name NAME"
    )
    raise CommandError(message)
