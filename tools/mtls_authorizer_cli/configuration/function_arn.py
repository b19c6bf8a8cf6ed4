"""Names and ARNs of Lambda functions, and the URIs in which API Gateway has them."""

from __future__ import annotations

import re
from typing import NamedTuple

from mtls_authorizer_cli.command_line import CommandError

LATEST = "$LATEST"
"""The qualifier of a function's unpublished version."""

_NAME = r"(?P<name>[A-Za-z0-9_-]{1,64})(:(?P<qualifier>\$LATEST|[A-Za-z0-9_-]{1,128}))?"
_ARN = rf"arn:(?P<partition>[a-z0-9-]+):lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{{12}}):function:{_NAME}"
_URI = re.compile(rf"arn:[a-z0-9-]+:apigateway:[a-z0-9-]+:lambda:path/[0-9-]+/functions/{_ARN}/invocations")


class FunctionName(NamedTuple):
    """A function of the caller's account and region, with the alias or version if one is named."""

    name: str
    qualifier: str | None

    @property
    def request(self) -> dict[str, str]:
        """The parameters of Lambda's operations that name it."""
        return _request(self.name, self.qualifier)


class FunctionArn(NamedTuple):
    """A function, with the alias or version if the ARN has one."""

    partition: str
    region: str
    account: str
    name: str
    qualifier: str | None

    @property
    def unqualified(self) -> str:
        """The function without alias or version."""
        return str(self._replace(qualifier=None))

    @property
    def is_published(self) -> bool:
        """Whether it is an alias or a published version."""
        return self.qualifier not in {None, LATEST}

    @property
    def request(self) -> dict[str, str]:
        """The parameters of Lambda's operations that name it."""
        return _request(self.unqualified, self.qualifier)

    def __str__(self) -> str:
        suffix = f":{self.qualifier}" if self.qualifier else ""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{self.name}{suffix}"


def parse_function(function: str) -> FunctionArn | FunctionName:
    """Return the function that ``--function`` names. Raises CommandError."""
    if arn := re.fullmatch(_ARN, function):
        return FunctionArn(**arn.groupdict())
    if name := re.fullmatch(_NAME, function):
        return FunctionName(**name.groupdict())
    message = f"function {function!r}: write its name or ARN, and its alias if the API uses one: NAME:live"
    raise CommandError(message)


def parse_authorizer_uri(uri: str) -> FunctionArn | None:
    """Return the function that an authorizer's URI names, None if it names none, or one by a stage variable."""
    match = _URI.fullmatch(uri)
    return FunctionArn(**match.groupdict()) if match else None


def _request(name: str, qualifier: str | None) -> dict[str, str]:
    return {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
