"""Each function works with the permissions of its role, and uses all of them: here, IAM is between it and AWS.

The other deployments have the same permissions, which tests of their own compare with those of the templates.
"""

from __future__ import annotations

import importlib
import json
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from mtls_authorizer import crl_fetcher, crl_indexer
from mtls_authorizer.policy.settings import VARIABLES
from tests.aws.api_events import rest_event
from tests.aws.lambda_runtime import Context
from tests.aws.server import ACCOUNT, REGION
from tests.integration.template.stacks import AUTHORIZER, REVOCATION
from tests.pki.kept_lists import CA, FIRST, GOOD, SECOND
from tests.servers.crl_server import crl_server, ok
from tests.servers.faulty_proxy import answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.aws.server import AwsServer
    from tests.integration.template.templates import Template
    from tests.servers.faulty_proxy import Exchanging, FaultyProxy

HANDLER = "mtls_authorizer.handler"
RULES = '{"rules": [{"name": "client", "match": {"common_name": "client"}}]}'
DENIED = answer(403, b"<Error><Code>AccessDenied</Code></Error>")
NOT_FOUND = 404

Permission = tuple[str, str]
"""An action and the ARN, or the pattern, of a resource."""


class Call(NamedTuple):
    """What a request needs, by the service authorization reference of AWS."""

    action: str
    resource: str
    keys: dict[str, str]


def calls(exchanging: Exchanging) -> list[Call]:
    url = urlsplit(exchanging.path)
    keys = {"aws:RequestedRegion": REGION}
    if exchanging.headers.get("X-Amz-Target") == "AmazonSSM.GetParameters":
        arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter"
        return [Call("ssm:GetParameters", arn + each, keys) for each in json.loads(exchanging.body)["Names"]]
    if url.path in {"/configurationsessions", "/configuration"}:
        action = {"POST": "StartConfigurationSession", "GET": "GetLatestConfiguration"}[exchanging.command]
        arn = f"arn:aws:appconfig:{REGION}:{ACCOUNT}:application/a/environment/b/configuration/c"
        return [Call(f"appconfig:{action}", arn, keys)]
    bucket, _, key = unquote(url.path).removeprefix("/").partition("/")
    if key:
        action = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject"}[exchanging.command]
        return [Call(action, f"arn:aws:s3:::{bucket}/{key}", keys)]
    prefix = {"s3:prefix": parse_qs(url.query)["prefix"][0]}
    return [Call("s3:ListBucket", f"arn:aws:s3:::{bucket}", keys | prefix)]


def permissions(statement: dict[str, Any]) -> list[Permission]:
    values = (statement["Action"], statement["Resource"])
    actions, resources = (each if isinstance(each, list) else [each] for each in values)
    return [(action, resource) for action in actions for resource in resources]


def meets(call: Call, condition: dict[str, dict[str, str]]) -> bool:
    assert condition.keys() <= {"StringEquals", "StringLike", "Null"}
    return all(
        operator != "Null" and fnmatchcase(call.keys.get(key, ""), value)
        for operator, values in condition.items()
        for key, value in values.items()
    )


class Iam:
    """Denies what the role of a function does not allow; S3 also does if what is missing may not be listed."""

    def __init__(self, template: Template, stack: str, function: str) -> None:
        [policy] = template.properties(stack, f"{function}Role")["Policies"]
        _log, *self._statements = template.resolved(policy["PolicyDocument"])["Statement"]
        self._used: set[Permission] = set()
        self.denied: set[Permission] = set()

    def _allows(self, call: Call) -> bool:
        found = {
            (action, resource)
            for statement in self._statements
            for action, resource in permissions(statement)
            if action == call.action
            and fnmatchcase(call.resource, resource)
            and meets(call, statement.get("Condition", {}))
        }
        self._used |= found
        return bool(found)

    def __call__(self, exchanging: Exchanging) -> None:
        needed = calls(exchanging)
        denied = {(call.action, call.resource) for call in needed if not self._allows(call)}
        self.denied |= denied
        response = exchanging.ask()
        listed = Call("s3:ListBucket", needed[0].resource.partition("/")[0], {})
        if denied or (response.status == NOT_FOUND and not self._allows(listed)):
            DENIED(exchanging)
        else:
            exchanging.send(response)

    def unused(self) -> set[Permission]:
        return {each for statement in self._statements for each in permissions(statement)} - self._used


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    yield
    sys.modules.pop(HANDLER, None)


def deploy(template: Template, stack: str, function: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Set the variables of a function, except for those that name files, and return them."""
    properties = template.properties(stack, function)["Environment"]["Variables"]
    variables = {name: value for name, value in template.resolved(properties).items() if "file://" not in value}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


def store(aws: AwsServer, name: str, value: str) -> None:
    """Store what a variable names."""
    for uri in value.split(",") if value.startswith("s3://") else []:
        content = {"AUTHORIZER": RULES.encode(), "TRUSTSTORE": CA.pem, "CRL": FIRST}[name.partition("_")[0]]
        aws.put_object(f"{uri}sub/ca.crl" if uri.endswith("/") else uri, content)
    if value.startswith("ssm://"):
        names = value.removeprefix("ssm://").split(",")
        for index, each in enumerate(names):
            # One document in parts of ten characters, of which the last one has all that is left.
            rest = len(RULES) if each == names[-1] else 10 * (index + 1)
            aws.put_parameter(each, RULES[10 * index : rest], "SecureString")
    if value.startswith("appconfig://"):
        application, environment, profile = value.removeprefix("appconfig://").split("/")
        aws.app_config_data.deploy((application, environment, profile), RULES.encode())


TRACING = {("xray:PutTraceSegments", "*"), ("xray:PutTelemetryRecords", "*")}  # of Lambda itself


NOTHING: set[Permission] = set()


@pytest.mark.parametrize(
    ("stack", "denied_and_unused"),
    [
        ("rules-in-s3", (NOTHING, NOTHING)),
        ("rules-in-ssm", (NOTHING, NOTHING)),
        ("rules-in-appconfig", (NOTHING, NOTHING)),
        ("crl-bucket", (NOTHING, TRACING)),
        (
            "crl-prefixes",
            (
                # Indexes are only in the bucket for CRLs.
                {("s3:GetObject", "arn:aws:s3:::lists/b/c.crl.index")},
                {("s3:GetObject", "arn:*:s3:::lists/pki/crl/")},
            ),
        ),
    ],
)
def test_the_authorizer_reads_what_its_variables_name(
    stack: str,
    denied_and_unused: tuple[set[Permission], set[Permission]],
    aws: AwsServer,
    proxy: FaultyProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in deploy(AUTHORIZER, stack, "Authorizer", monkeypatch).items():
        store(aws, name, value)
    if "rules" not in stack:
        monkeypatch.setenv("ALLOWED_COMMON_NAMES", "client")
    iam = Iam(AUTHORIZER, stack, "Authorizer")
    proxy.break_with(iam)
    response = importlib.import_module(HANDLER).handler(rest_event(GOOD), None)
    assert response["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    assert (iam.denied, iam.unused()) == denied_and_unused


def test_the_indexer_reads_crls_and_writes_their_indexes(
    aws: AwsServer, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = deploy(REVOCATION, "defaults", "CrlIndexer", monkeypatch)
    store(aws, "TRUSTSTORE_URI", variables["TRUSTSTORE_URI"])
    iam = Iam(REVOCATION, "defaults", "CrlIndexer")
    proxy.break_with(iam)
    uploaded = {"bucket": {"name": "lists"}, "object": {"key": "ca.crl"}}
    for content in (FIRST, SECOND):
        aws.put_object("s3://lists/ca.crl", content)
        crl_indexer.handler({"Records": [{"eventName": "ObjectCreated:Put", "s3": uploaded}]}, None)
    # Lambda itself reports failures.
    assert (iam.denied, iam.unused()) == (set(), {("sqs:SendMessage", "CrlIndexerFailures.Arn")})


def test_the_fetcher_stores_crls_below_its_prefix(
    aws: AwsServer, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = deploy(REVOCATION, "everything-set", "CrlFetcher", monkeypatch)
    store(aws, "TRUSTSTORE_URI", variables["TRUSTSTORE_URI"])
    aws.put_object("s3://other/ca.crl", FIRST)  # creates the bucket
    iam = Iam(REVOCATION, "everything-set", "CrlFetcher")
    proxy.break_with(iam)
    monkeypatch.setenv("CRL_SOURCE_PRIVATE_HOSTS", "127.0.0.1")
    with crl_server() as server:
        monkeypatch.setenv("CRL_SOURCES", json.dumps({server.url("/ca.crl"): "ca.crl"}))
        for content in (FIRST, SECOND):
            server.answers["/ca.crl"] = ok(content)
            crl_fetcher.handler({}, Context())
    stored = aws.client("s3").get_object(Bucket="other", Key="fetched/ca.crl")["Body"].read()
    assert stored == SECOND
    # Lambda itself changes network interfaces.
    assert (iam.denied, {action.partition(":")[0] for action, _ in iam.unused()}) == (set(), {"ec2"})
