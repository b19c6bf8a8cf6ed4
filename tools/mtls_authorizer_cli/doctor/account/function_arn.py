"""ARNs of Lambda functions, and the URIs in which API Gateway has them."""

from __future__ import annotations

import re
from typing import NamedTuple

LATEST = "$LATEST"

_ARN = (
    r"arn:(?P<partition>[a-z0-9-]+):lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):function:"
    r"(?P<name>[A-Za-z0-9_-]+)(:(?P<qualifier>\$LATEST|[A-Za-z0-9_-]+))?"
)
_FUNCTION = re.compile(_ARN)
_URI = re.compile(rf"arn:[a-z0-9-]+:apigateway:[a-z0-9-]+:lambda:path/[0-9-]+/functions/{_ARN}/invocations")


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
        return {"FunctionName": self.unqualified} | ({"Qualifier": self.qualifier} if self.qualifier else {})

    def __str__(self) -> str:
        suffix = f":{self.qualifier}" if self.qualifier else ""
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:function:{self.name}{suffix}"


def parse_function_arn(arn: str) -> FunctionArn | None:
    """Return the function of an ARN, None if it is not one."""
    match = _FUNCTION.fullmatch(arn)
    return FunctionArn(**match.groupdict()) if match else None


def parse_authorizer_uri(uri: str) -> FunctionArn | None:
    """Return the function that an authorizer's URI names, None if it names none, or one by a stage variable."""
    match = _URI.fullmatch(uri)
    return FunctionArn(**match.groupdict()) if match else None
