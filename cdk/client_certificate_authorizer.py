"""The authorizer and its monitoring as constructs of the AWS CDK, from the files of a release: a file to copy.

``client-certificate-authorizer.ts`` is the same in TypeScript.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Aws, Duration, FileSystem, RemovalPolicy, Stack
from aws_cdk.aws_iam import ManagedPolicy, PolicyDocument, PolicyStatement, Role, ServicePrincipal
from aws_cdk.aws_lambda import (
    Alias,
    ApplicationLogLevel,
    Architecture,
    Code,
    Function,
    IFunction,
    LayerVersion,
    LoggingFormat,
    Runtime,
    SnapStartConf,
    Tracing,
)
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.cloudformation_include import CfnInclude
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Mapping

_RUNTIMES = [Runtime.PYTHON_3_11, Runtime.PYTHON_3_12, Runtime.PYTHON_3_13, Runtime("python3.14")]


class ClientCertificateAuthorizer(Construct):
    """The layer, the authorizer, its log group, and a role that may read what the environment names, and nothing else.

    ``release_folder`` contains the layer's zip files and ``authorizer.zip``. ``environment`` has the variables of
    ``docs/configuration.md``. ``policy_arn`` is a managed policy to add to the role, such as one with ``kms:Decrypt``.
    ``crl_bucket_name`` is the bucket of the revocation stack. ``snap_start`` and ``provisioned_concurrency`` exclude
    each other.
    """

    layer: LayerVersion
    """The layer, for functions of the same architecture."""

    authorizer: IFunction
    """The authorizer, for ``RequestAuthorizer`` and ``HttpLambdaAuthorizer``: the alias if versions are published."""

    def __init__(  # noqa: PLR0913 -- the options of the template
        self,
        scope: Construct,
        name: str,
        *,
        release_folder: str,
        environment: Mapping[str, str],
        architecture: Architecture = Architecture.ARM_64,
        policy_arn: str | None = None,
        crl_bucket_name: str | None = None,
        snap_start: bool = False,
        provisioned_concurrency: int = 0,
        tracing: bool = False,
        log_retention: RetentionDays = RetentionDays.THREE_MONTHS,
    ) -> None:
        super().__init__(scope, name)
        if snap_start and provisioned_concurrency:
            message = "set snap_start or provisioned_concurrency, not both"
            raise ValueError(message)
        layer_name = f"client-certificate-auth-{architecture.name}"
        layer_zip = f"{release_folder}/{layer_name}.zip"
        self.environment = {"S3_BUCKET_OWNER": Stack.of(self).account, **environment}
        self.layer = LayerVersion(
            self,
            "Layer",
            layer_version_name=layer_name,
            description="The client certificate of a Lambda event in one call, and cryptography.",
            code=Code.from_asset(layer_zip),
            compatible_architectures=[architecture],
            compatible_runtimes=_RUNTIMES,
            removal_policy=RemovalPolicy.RETAIN,  # functions of other stacks may use it
        )
        self.log_group = LogGroup(self, "Logs", retention=log_retention, removal_policy=RemovalPolicy.DESTROY)
        statements = [_allow(["logs:CreateLogStream", "logs:PutLogEvents"], [self.log_group.log_group_arn])]
        if tracing:  # X-Ray has no resources to name
            statements.append(_allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"]))
        statements += _read_documents(self.environment, crl_bucket_name)
        role = Role(
            self,
            "Role",
            description="Allows the authorizer to write its own log and to read the documents that its variables name.",
            assumed_by=ServicePrincipal("lambda.amazonaws.com"),
            inline_policies={"Work": PolicyDocument(statements=statements)},
            managed_policies=[ManagedPolicy.from_managed_policy_arn(self, "Policy", policy_arn)]
            if policy_arn
            else None,
        )
        self.function = Function(
            self,
            "Function",
            description="Allows the listed client certificates.",
            code=Code.from_asset(f"{release_folder}/authorizer.zip"),
            handler="mtls_authorizer.handler.handler",
            runtime=Runtime.PYTHON_3_13,
            architecture=architecture,
            layers=[self.layer],
            memory_size=512,  # the work is short and CPU-bound, and Lambda allocates CPU in proportion to memory
            timeout=Duration.seconds(5),
            role=role.without_policy_updates(),
            tracing=Tracing.ACTIVE if tracing else Tracing.PASS_THROUGH,
            snap_start=SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            log_group=self.log_group,
            logging_format=LoggingFormat.JSON,
            application_log_level_v2=ApplicationLogLevel.INFO,
            environment=self.environment,
        )
        self.authorizer = self.function
        if snap_start or provisioned_concurrency:
            # The CDK publishes another version if the function changes, and does not see the contents of the layer.
            self.function.invalidate_version_based_on(FileSystem.fingerprint(layer_zip))
            self.authorizer = Alias(
                self,
                "Live",
                alias_name="live",
                version=self.function.current_version,
                provisioned_concurrent_executions=provisioned_concurrency or None,
            )


class ClientCertificateMonitoring(Construct):
    """The dashboard and the alarms of an authorizer with ``METRICS_NAMESPACE``: ``monitoring.yaml`` of the release.

    ``parameters`` has further parameters of that template, such as ``AlarmTopicArn``.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        release_folder: str,
        authorizer: ClientCertificateAuthorizer,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(scope, name)
        variables = authorizer.environment
        parameter_of = {
            "UNAUTHENTICATED_RESPONSE": "UnauthenticatedResponse",
            "EXPIRY_WARNING_DAYS": "ExpiryWarningDays",
        }
        CfnInclude(
            self,
            "Template",
            template_file=f"{release_folder}/monitoring.yaml",
            preserve_logical_ids=False,
            parameters={
                "AuthorizerFunctionName": authorizer.function.function_name,
                "AuthorizerLogGroup": authorizer.log_group.log_group_name,
                "MetricsNamespace": variables["METRICS_NAMESPACE"],
                **{parameter_of[name]: variables[name] for name in parameter_of if name in variables},
                **(parameters or {}),
            },
        )


def _read_documents(environment: Mapping[str, str], crl_bucket_name: str | None) -> list[PolicyStatement]:
    rules = [
        environment[name] for name in ("AUTHORIZER_RULES_URI", "AUTHORIZER_SHADOW_RULES_URI") if name in environment
    ]
    crls = environment["CRL_URIS"].split(",") if "CRL_URIS" in environment else []
    truststore = [environment["TRUSTSTORE_URI"]] if "TRUSTSTORE_URI" in environment else []
    objects = [
        f"arn:{Aws.PARTITION}:s3:::{uri.removeprefix('s3://')}{'*.crl' if uri.endswith('/') else ''}"
        for uri in (*rules, *truststore, *crls)
        if uri.startswith("s3://")
    ]
    if crl_bucket_name:
        # Indexes are not signed by a CA, so the authorizer reads them only in a bucket where nothing but the indexer
        # can write them.
        objects.append(f"arn:{Aws.PARTITION}:s3:::{crl_bucket_name}/*.crl.index")
    parameters = [
        f"arn:{Aws.PARTITION}:ssm:{Aws.REGION}:{Aws.ACCOUNT_ID}:parameter{name}"
        for uri in rules
        if uri.startswith("ssm://")
        for name in uri.removeprefix("ssm://").split(",")
    ]
    statements = []
    if objects:
        statements.append(_allow(["s3:GetObject"], objects))
    if crls and crls[0].startswith("s3://") and crls[0].endswith("/"):
        # As in the template: the bucket of the first URI, if that is a prefix, and its first folder.
        _, _, bucket, folder, *_ = crls[0].split("/")
        listing = _allow(["s3:ListBucket"], [f"arn:{Aws.PARTITION}:s3:::{bucket}"])
        listing.add_condition("StringLike", {"s3:prefix": f"{folder}/*"})
        statements.append(listing)
    if parameters:
        statements.append(_allow(["ssm:GetParameters"], parameters))
    if any(uri.startswith("appconfig://") for uri in rules):
        # ARNs contain AppConfig's IDs, and the URI contains names.
        configurations = "application/*/environment/*/configuration/*"
        statements.append(
            _allow(
                ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"],
                [f"arn:{Aws.PARTITION}:appconfig:{Aws.REGION}:{Aws.ACCOUNT_ID}:{configurations}"],
            )
        )
    return statements


def _allow(actions: list[str], resources: list[str]) -> PolicyStatement:
    return PolicyStatement(actions=actions, resources=resources)
