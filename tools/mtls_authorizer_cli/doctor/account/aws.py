"""Read-only calls of AWS's APIs, each made once, and what cannot be queried; and commands of the AWS CLI to print.

Importing this module imports boto3.
"""

from __future__ import annotations

import re
import shlex
from textwrap import shorten
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mtls_authorizer.stores.aws import AwsClient, session, shared_client
from mtls_authorizer.stores.store import Timeouts
from mtls_authorizer_cli.command_line import CommandError, command_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_READS = ("get_", "list_", "head_")
_TIMEOUTS = Timeouts(connect_seconds=5, read_seconds=30, tries=4)
_MAX_BYTES = 4_000_000
"""Of an object: a truststore or a rules document, which are smaller."""

_LONGEST_ERROR = 300
_DENIED = re.compile(r"AccessDenied\w*|Unauthorized\w*|Forbidden|403")
_ABSENT = re.compile(r"NotFound\w*|ResourceNotFoundException|NoSuch\w+|404")
_TOKENS = {
    "apigateway": ("position", "position"),
    "apigatewayv2": ("NextToken", "NextToken"),
    "lambda": ("NextMarker", "Marker"),
}
"""The names of a page's token in a response, and in the request for the next page."""


class UnavailableError(Exception):
    """AWS did not return what a check needs. ``permission`` is the IAM permission that is missing, if it is that."""

    def __init__(self, reason: str, permission: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permission = permission


class AbsentError(UnavailableError):
    """There is no such thing."""


class Aws:
    """AWS in one region, as the credentials in the environment show it."""

    def __init__(self, region: str | None = None) -> None:
        """Open a session. Raises CommandError without a region."""
        with command_errors("", BotoCoreError):
            self._session = session()
        # boto3's annotations say that a session always has a region.
        found: str | None = region or self._session.region_name
        if not found:
            message = "no AWS region: set AWS_REGION to the region of the API or function"
            raise CommandError(message)
        self.region = found
        self._results: dict[object, Any] = {}
        self._contents: dict[tuple[str, str, str | None], bytes] = {}

    def caller(self) -> tuple[str, str]:
        """Return the partition and the ID of the account. Raises CommandError if there are no valid credentials."""
        try:
            arn = str(self.get("sts", "get_caller_identity")["Arn"])
        except UnavailableError as error:
            message = f"AWS cannot be queried: {error.reason}. To check your credentials: aws sts get-caller-identity"
            raise CommandError(message) from error
        _, partition, _, _, account, _ = arn.split(":", 5)
        return partition, account

    def get(self, service: str, operation: str, **arguments: str | list[str]) -> Mapping[str, Any]:
        """Return the response of an operation. Raises UnavailableError."""
        key = (service, operation, tuple((name, str(value)) for name, value in sorted(arguments.items())))
        if key not in self._results:
            self._results[key] = self._call(service, operation, arguments)
        result = self._results[key]
        if isinstance(result, UnavailableError):
            raise result
        return result  # type: ignore[no-any-return]

    def items(self, service: str, operation: str, items: str, **arguments: str | list[str]) -> Iterator[Any]:
        """Yield the items of all pages. Raises UnavailableError."""
        response_token, request_token = _TOKENS[service]
        page: dict[str, str] = {}
        while True:
            response = self.get(service, operation, **arguments, **page)
            yield from response.get(items, ())
            token = response.get(response_token)
            if not token or page.get(request_token) == token:
                return
            page = {request_token: token}

    def content(self, bucket: str, key: str, version: str | None = None) -> tuple[bytes, str | None]:
        """Return an object, and its version if the bucket has versions. Raises UnavailableError."""
        request = {"Bucket": bucket, "Key": key} | ({"VersionId": version} if version else {})
        response = self.get("s3", "get_object", **request)
        if response["ContentLength"] > _MAX_BYTES:
            reason = f"s3://{bucket}/{key} has {response['ContentLength']:,} bytes"
            raise UnavailableError(reason)
        if (bucket, key, version) not in self._contents:
            try:
                with response["Body"] as body:
                    self._contents[bucket, key, version] = body.read()
            except Exception as error:
                uri = f"s3://{bucket}/{key}"
                raise _failed(uri, error) from error
        return self._contents[bucket, key, version], response.get("VersionId")

    def endpoint_host(self, api_id: str) -> str:
        """Return the host of an API's default endpoint, which has another domain in some partitions."""
        # The hosts of this service are the default endpoints. This process may call others, which clients do not.
        name: Any = "apigatewaymanagementapi"
        # botocore's annotations lack the first option.
        options: Any = {"ignore_configured_endpoint_urls": True}
        config = Config(**options, use_fips_endpoint=False, use_dualstack_endpoint=False)
        endpoint = self._session.client(name, region_name=self.region, config=config).meta.endpoint_url
        return f"{api_id}.{urlsplit(endpoint).hostname}"

    def _call(self, service: str, operation: str, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 -- boto3's
        assert operation.startswith(_READS)  # noqa: S101 -- doctor changes nothing
        try:
            used = shared_client(service, _TIMEOUTS, self.region)
            return getattr(used, operation)(**arguments)
        except ClientError as error:
            return _unavailable(used, operation, arguments, error)
        except Exception as error:  # noqa: BLE001 -- botocore also raises ValueError and OSError, for credentials too
            return _failed(service, error)


def _failed(subject: str, error: Exception) -> UnavailableError:
    # Errors in reading a response contain the whole response.
    return UnavailableError(f"{subject}: {shorten(str(error), _LONGEST_ERROR)}")


def _unavailable(used: AwsClient, operation: str, arguments: Mapping[str, Any], error: ClientError) -> UnavailableError:
    code = str(error.response.get("Error", {}).get("Code", "an error without a code"))
    name = used.meta.method_to_api_mapping[operation]
    if _ABSENT.fullmatch(code):
        return AbsentError(f"{code} ({name})")
    if _DENIED.fullmatch(code):
        return UnavailableError(f"{code} ({name})", _permission(used, name, arguments))
    return UnavailableError(f"{code} ({name})")


def _permission(used: AwsClient, name: str, arguments: Mapping[str, Any]) -> str:
    """Return the IAM permission for an operation, and its resource."""
    service = used.meta.service_model.service_name
    if service in {"apigateway", "apigatewayv2"}:
        operation = used.meta.service_model.operation_model(name)
        path = operation.http["requestUri"].partition("?")[0].removeprefix("/v2")
        for member, shape in operation.input_shape.members.items():
            if shape.serialization.get("location") == "uri":
                path = path.replace("{" + shape.serialization["name"] + "}", str(arguments.get(member)))
        return f"apigateway:GET on {path}"
    if service == "s3":
        # HeadObject requires the permission to get the object.
        action = "GetObjectVersion" if "VersionId" in arguments else "GetObject"
        return f"s3:{action} on s3://{arguments['Bucket']}/{arguments['Key']}"
    return f"{service}:{name} on {arguments.get('FunctionName')}"


class Variable(NamedTuple):
    """A word that ends with a variable of the shell, for a value that is not known yet."""

    name: str
    prefix: str = ""


def command(region: str, *words: str | Variable) -> str:
    """Return a command."""
    return " ".join(["aws", *map(_quote, words), "--region", region])


def _quote(word: str | Variable) -> str:
    if isinstance(word, Variable):
        return (shlex.quote(word.prefix) if word.prefix else "") + f'"${word.name}"'
    return shlex.quote(word)
