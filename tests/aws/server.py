"""AWS over HTTP on loopback: moto's server and, since moto 5.2 lacks them, the AppConfig Data API, bucket owners and
flushing the caches of API Gateway's authorizers.

AppConfig Data is written after botocore's model of it (API version 2021-11-11) and its documentation: a token is good
for one call, a session delivers a configuration once, and a call before the session's interval is over is refused.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

import boto3
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from moto.ssm.models import ssm_backends
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from tests.servers.wsgi_server import serve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta
    from wsgiref.types import StartResponse, WSGIEnvironment

REGION = "eu-central-1"
ACCOUNT = DEFAULT_ACCOUNT_ID
"""The account that owns everything here."""

_PUT_PARAMETER = "AmazonSSM.PutParameter"

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


class Deployment(NamedTuple):
    """What AppConfig has deployed to an environment."""

    content: bytes
    label: str | None


@dataclass
class Poll:
    """What a token stands for."""

    place: tuple[str, str, str]
    delivered: Deployment | None
    not_before: float
    interval_seconds: int


@dataclass
class AppConfigData:
    """The service: what is deployed, and the tokens that may be used."""

    deployments: dict[tuple[str, str, str], Deployment] = field(default_factory=dict)
    tokens: dict[str, Poll] = field(default_factory=dict)
    interval_seconds: int | None = None
    """In place of what sessions ask for, which is 15 at least."""

    def deploy(self, place: tuple[str, str, str], content: bytes, label: str | None = None) -> None:
        """Deploy a configuration to an application's environment under a profile."""
        self.deployments[place] = Deployment(content, label)

    def expire(self) -> None:
        """Let 24 hours pass for all tokens."""
        self.tokens.clear()

    def start_session(self, request: Request) -> Response:
        """Do StartConfigurationSession."""
        asked = request.get_json()
        place = (
            asked["ApplicationIdentifier"],
            asked["EnvironmentIdentifier"],
            asked["ConfigurationProfileIdentifier"],
        )
        if place not in self.deployments:
            return _error(404, "ResourceNotFoundException", {"ResourceType": "Deployment"})
        interval = self.interval_seconds
        if interval is None:
            interval = asked.get("RequiredMinimumPollIntervalInSeconds", 60)
            assert 15 <= interval <= 86400
        token = self._token(Poll(place, None, time.monotonic(), interval))
        return Response(json.dumps({"InitialConfigurationToken": token}), 201, content_type="application/json")

    def get_latest(self, request: Request) -> Response:
        """Do GetLatestConfiguration."""
        poll = self.tokens.get(request.args["configuration_token"])
        if poll is None:
            return _bad_token("Expired")
        if time.monotonic() < poll.not_before:
            return _bad_token("PollIntervalNotSatisfied")
        del self.tokens[request.args["configuration_token"]]
        deployed = self.deployments[poll.place]
        not_before = time.monotonic() + poll.interval_seconds
        token = self._token(Poll(poll.place, deployed, not_before, poll.interval_seconds))
        response = Response(b"" if deployed == poll.delivered else deployed.content, content_type="application/json")
        response.headers["Next-Poll-Configuration-Token"] = token
        response.headers["Next-Poll-Interval-In-Seconds"] = str(poll.interval_seconds)
        if deployed.label:
            response.headers["Version-Label"] = deployed.label
        return response

    def _token(self, poll: Poll) -> str:
        token = uuid4().hex
        self.tokens[token] = poll
        return token


def _bad_token(problem: str) -> Response:
    details = {"InvalidParameters": {"ConfigurationToken": {"Problem": problem}}}
    return _error(400, "BadRequestException", {"Reason": "InvalidParameters", "Details": details})


def _error(status: int, code: str, members: dict[str, Any]) -> Response:
    response = Response(json.dumps({"Message": "refused", **members}), status, content_type="application/json")
    response.headers["x-amzn-ErrorType"] = code
    return response


class AwsServer:
    """What answers for AWS. ``client`` is for tests, and goes straight to it."""

    def __init__(self) -> None:
        self.url = ""
        self.app_config_data = AppConfigData()
        self.stages: set[tuple[str, str]] = set()
        """The stages of REST APIs and HTTP APIs whose caches can be flushed, by API and name."""
        self.flushed: list[tuple[str, str]] = []
        self._session: Any = boto3.session.Session("testing", "testing", region_name=REGION)
        self._clients: dict[tuple[str, str], Any] = {}
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._writing = threading.Lock()
        self._routes = Map(
            [
                Rule("/configurationsessions", methods=["POST"], endpoint="start_session"),
                Rule("/configuration", methods=["GET"], endpoint="get_latest"),
                Rule("/restapis/<api>/stages/<stage>/cache/authorizers", methods=["DELETE"], endpoint="flush"),
                Rule("/v2/apis/<api>/stages/<stage>/cache/authorizers", methods=["DELETE"], endpoint="flush"),
            ]
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, as WSGI has it."""
        expected_owner = environ.get("HTTP_X_AMZ_EXPECTED_BUCKET_OWNER")
        if expected_owner not in {None, DEFAULT_ACCOUNT_ID}:
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
            denied = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            return Response(denied, 403, content_type="application/xml")(environ, start_response)
        try:
            operation, arguments = self._routes.bind_to_environ(environ).match()
        except HTTPException:
            # moto compares and writes in two steps, between which another thread could write.
            is_write = environ["REQUEST_METHOD"] == "PUT" or environ.get("HTTP_X_AMZ_TARGET") == _PUT_PARAMETER
            with self._writing if is_write else nullcontext():
                answer: Iterable[bytes] = self._moto(environ, start_response)
            return answer
        if operation == "flush":
            return self._flush(arguments["api"], arguments["stage"], environ["PATH_INFO"])(environ, start_response)
        return getattr(self.app_config_data, operation)(Request(environ))(environ, start_response)  # type: ignore[no-any-return]

    def _flush(self, api: str, stage: str, path: str) -> Response:
        """Do FlushStageAuthorizersCache of REST APIs, or ResetAuthorizersCache of HTTP APIs."""
        if (api, stage) not in self.stages:
            return _error(404, "NotFoundException", {})
        self.flushed.append((api, stage))
        # The status codes of botocore's models of apigateway and apigatewayv2.
        return Response(status=204 if path.startswith("/v2/") else 202, headers={"x-amzn-RequestId": "1"})

    def client(self, service: str) -> Any:  # noqa: ANN401 -- boto3 makes its clients' classes at run time
        """Return one of boto3's clients, with credentials that are nobody's."""
        return self.client_in(REGION, service)

    def client_in(self, region: str, service: str) -> Any:  # noqa: ANN401 -- likewise
        """Return a client like ``client`` in a region."""
        key = region, service
        if key not in self._clients:
            self._clients[key] = self._session.client(service, region_name=region, endpoint_url=self.url)
        return self._clients[key]

    def reset(self) -> None:
        """Begin anew: an account with nothing in it."""
        s3_backends.reset()
        ssm_backends.reset()
        self.stages, self.flushed = set(), []
        self.app_config_data = AppConfigData()

    def put_object(self, uri: str, content: bytes) -> str:
        """Put an object where an S3 URI says, in a bucket that is made if need be, and return its ETag."""
        bucket, _slash, key = uri.removeprefix("s3://").partition("/")
        if bucket not in s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets:
            self.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        etag: str = self.client("s3").put_object(Bucket=bucket, Key=key, Body=content)["ETag"]
        return etag

    def get_object(self, uri: str) -> bytes | None:
        """Return an object, None if there is none."""
        bucket, _slash, key = uri.removeprefix("s3://").partition("/")
        s3 = self.client("s3")
        try:
            content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except s3.exceptions.NoSuchKey:
            return None
        return content

    def put_parameter(self, name: str, value: str, kind: str = "String") -> None:
        """Put a parameter, or a new version of one."""
        self.client("ssm").put_parameter(Name=name, Value=value, Type=kind, Overwrite=True)

    def age_parameter(self, name: str, age: timedelta) -> None:
        """Let all versions of a parameter be older."""
        for version in ssm_backends[DEFAULT_ACCOUNT_ID][REGION]._parameters[name]:  # noqa: SLF001 -- the only way
            version.last_modified_date -= age


@contextmanager
def aws_server() -> Iterator[AwsServer]:
    """Serve on a free port."""
    aws = AwsServer()
    with serve(aws) as aws.url:
        yield aws
