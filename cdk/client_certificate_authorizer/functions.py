"""A layer and functions from the files of a release, each function with its own log group and role."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from aws_cdk import Aws, RemovalPolicy
from aws_cdk.aws_iam import IManagedPolicy, PolicyDocument, PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda import (
    ApplicationLogLevel,
    Architecture,
    Code,
    Function,
    LayerVersion,
    LoggingFormat,
    Runtime,
)
from aws_cdk.aws_logs import LogGroup, RetentionDays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from constructs import Construct

# A reference to another resource, such as the name of a bucket. Its text is not known yet: below, ~ stands for it.
_TOKEN = re.compile(r"\$\{Token\[[^\]]*\]\}")
_BUCKET = r"[A-Za-z0-9._~-]+"
_KEY = r"[^*?#$]*[^*?#$/]"
_OBJECT = rf"s3://(~|{_BUCKET}/{_KEY})|file:///.*[^/]"
_PARAMETER = r"(~|/[A-Za-z0-9_.~-]+)(/[A-Za-z0-9_.~-]+)*(:[A-Za-z0-9_.~-]+)?"


class Uri(NamedTuple):
    """A kind of URI that permissions follow from: its pattern, and how to write it."""

    pattern: str
    expected: str


OBJECT = Uri(_OBJECT, "s3://bucket/key or file:///path")
CRLS = Uri(rf"{_OBJECT}|s3://{_BUCKET}/{_KEY}/|file:///.*[^/]/", f"{OBJECT.expected}, and / after a prefix")
RULES = Uri(
    rf"{_OBJECT}|ssm://{_PARAMETER}(,{_PARAMETER})*|appconfig://.+",
    "s3://bucket/key, ssm:///name, appconfig://application/environment/profile or file:///path",
)

RUNTIMES = [
    *(Runtime.PYTHON_3_11, Runtime.PYTHON_3_12, Runtime.PYTHON_3_13),
    *(Runtime("python3.14"), Runtime("python3.15")),
]


class Release(NamedTuple):
    """The common properties of the functions of one deployment."""

    folder: str
    architecture: Architecture
    log_retention: RetentionDays

    @property
    def layer_zip(self) -> str:
        """The path of the layer for the architecture."""
        return f"{self.folder}/client-certificate-auth-{self.architecture.name}.zip"


class FunctionResources(NamedTuple):
    """A function with its log group and role."""

    function: Function
    logs: LogGroup
    role: Role


def create_layer(
    scope: Construct, release: Release, *, name: str, description: str, removal_policy: RemovalPolicy
) -> LayerVersion:
    """Add the layer of the release."""
    return LayerVersion(
        scope,
        "Layer",
        layer_version_name=f"{name}-{release.architecture.name}",
        description=description,
        code=Code.from_asset(release.layer_zip),
        compatible_architectures=[release.architecture],
        compatible_runtimes=RUNTIMES,
        removal_policy=removal_policy,
    )


def create_function(  # noqa: PLR0913 -- those that differ between the functions
    scope: Construct,
    name: str,
    release: Release,
    *,
    role_description: str,
    statements: Sequence[PolicyStatement],
    managed_policies: Sequence[IManagedPolicy] = (),
    environment: Mapping[str, str],
    **options: Any,  # noqa: ANN401 -- further arguments of Function
) -> FunctionResources:
    """Add a function that may write its own log, and what ``statements`` allow, and nothing else."""
    logs = LogGroup(scope, f"{name}Logs", retention=release.log_retention, removal_policy=RemovalPolicy.DESTROY)
    write_log = allow(["logs:CreateLogStream", "logs:PutLogEvents"], [logs.log_group_arn])
    role = Role(
        scope,
        f"{name}Role",
        description=role_description,
        assumed_by=ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"Work": PolicyDocument(statements=[write_log, *statements])},
        managed_policies=list(managed_policies),
    )
    function = Function(
        scope,
        name,
        code=Code.from_asset(f"{release.folder}/authorizer.zip"),
        runtime=Runtime.PYTHON_3_13,
        architecture=release.architecture,
        role=role.without_policy_updates(),
        log_group=logs,
        logging_format=LoggingFormat.JSON,
        application_log_level_v2=ApplicationLogLevel.INFO,
        environment=dict(environment),
        **options,
    )
    return FunctionResources(function, logs, role)


def allow(actions: Sequence[str], resources: Sequence[str]) -> PolicyStatement:
    """Return a statement of a policy."""
    return PolicyStatement(actions=list(actions), resources=list(resources))


def object_arn(uri: str) -> str:
    """Return the ARN of the object at an S3 URI."""
    return f"arn:{Aws.PARTITION}:s3:::{uri.removeprefix('s3://')}"


def check_uri(uri: str, kind: Uri) -> str:
    """Return a URI without surrounding whitespace. Raises ValueError if it would permit nothing, or more than it names.

    The text of a reference to a whole URI is not known, and IAM would read wildcards as a pattern.
    """
    stripped = uri.strip()  # as the functions do
    if not re.fullmatch(kind.pattern, _TOKEN.sub("~", stripped)):
        message = f"{uri} must be {kind.expected}, as text without *, ?, # and $: permissions follow from it"
        raise ValueError(message)
    return stripped


def check_bucket(name: str) -> None:
    """Raise ValueError for what is not the name of a bucket."""
    if not re.fullmatch(_BUCKET, _TOKEN.sub("~", name)):
        message = f"{name} is not the name of a bucket"
        raise ValueError(message)


def check_sources(sources: Mapping[str, str]) -> None:
    """Raise ValueError for keys by URLs that the fetcher would reject. URLs may be confidential: it names none."""
    keys = list(sources.values())
    is_valid = len(set(keys)) == len(keys) and all(
        re.fullmatch(r"(https?://.|~).*", _TOKEN.sub("~", url)) and re.search(r"(\.crl|~)\Z", _TOKEN.sub("~", key))
        for url, key in sources.items()
    )
    if not is_valid:
        message = "crl_sources must map http or https URLs to keys that end in .crl, without a key twice"
        raise ValueError(message)


def check_environment(environment: Mapping[str, str]) -> None:
    """Raise ValueError for a variable without a value: left out, an allowlist would allow more clients."""
    for name, value in environment.items():
        if not isinstance(value, str) or not value.strip():
            message = f"{name} is empty or not text: write its value, or remove the variable for its default"
            raise ValueError(message)
