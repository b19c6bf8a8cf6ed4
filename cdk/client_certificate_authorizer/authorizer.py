"""The authorizer and the layer."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from aws_cdk import Aws, CfnParameter, CfnResource, Duration, FileSystem, RemovalPolicy, Stack
from aws_cdk.aws_iam import ManagedPolicy, PolicyStatement
from aws_cdk.aws_lambda import Alias, Architecture, IFunction, LayerVersion, SnapStartConf, Tracing
from aws_cdk.aws_logs import RetentionDays
from constructs import Construct

from .functions import (
    CRLS,
    OBJECT,
    RULES,
    Release,
    allow,
    check_bucket,
    check_environment,
    check_uri,
    create_function,
    create_layer,
    object_arn,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import IConstruct


class ClientCertificateAuthorizer(Construct):
    """The layer, the authorizer, its log group, and a role that may read what the environment names, and nothing else.

    ``release_folder`` contains the layer's zip files and ``authorizer.zip``. ``environment`` has the variables of
    ``docs/configuration.md``. ``policy_arn`` is a managed policy to add to the role, such as one with ``kms:Decrypt``.
    ``crl_bucket_name`` is the bucket of ``ClientCertificateRevocation``, whose indexes the authorizer may read.
    ``snap_start`` and ``provisioned_concurrency`` exclude each other.
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
        check_environment(environment)
        if crl_bucket_name:
            check_bucket(crl_bucket_name)
            if "CRL_URIS" not in environment:
                message = (
                    "without CRL_URIS, no certificate is checked for revocation: set it, or remove crl_bucket_name"
                )
                raise ValueError(message)
        release = Release(release_folder, architecture, log_retention)
        self.environment = {"S3_BUCKET_OWNER": Stack.of(self).account, **environment}
        self.layer = create_layer(
            self,
            release,
            name="client-certificate-auth",
            description="The client certificate of a Lambda event in one call, and cryptography.",
            removal_policy=RemovalPolicy.RETAIN,  # functions of other stacks may use it
        )
        statements = _document_permissions(self.environment, crl_bucket_name)
        if tracing:  # X-Ray has no resources to name
            statements.append(allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"]))
        self.function, self.log_group, _ = create_function(
            self,
            "Authorizer",
            release,
            description="Allows the listed client certificates.",
            handler="mtls_authorizer.handler.handler",
            layers=[self.layer],
            memory_size=512,  # the work is short and CPU-bound, and Lambda allocates CPU in proportion to memory
            timeout=Duration.seconds(5),
            tracing=Tracing.ACTIVE if tracing else Tracing.PASS_THROUGH,
            snap_start=SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            environment=self.environment,
            role_description="Allows the authorizer to write its own log and to read the documents that its variables "
            "name.",
            statements=statements,
            managed_policies=[ManagedPolicy.from_managed_policy_arn(self, "Policy", policy_arn)] if policy_arn else [],
        )
        self.authorizer = self.function
        if snap_start or provisioned_concurrency:
            _check_published(self, self.environment)
            # The CDK publishes another version if the function changes, and does not see the contents of the layer.
            self.function.invalidate_version_based_on(FileSystem.fingerprint(release.layer_zip))
            self.authorizer = Alias(
                self,
                "Live",
                alias_name="live",
                version=self.function.current_version,
                provisioned_concurrent_executions=provisioned_concurrency or None,
            )


_REFERENCE = re.compile(r'(?:"Ref": "|"Fn::GetAtt": \["|\$\{)(\w+)["}.]')
# "Value" is an attribute of parameters in Parameter Store. Their names can contain references; only a number at the end
# names a version.
_ELSEWHERE = re.compile(
    r'"Fn::(FindInMap|GetStackOutput|If|Transform)"|"Fn::GetAtt": \["\w+", "Value"\]|'
    r"\{\{resolve:(ssm:(?!((?!\}\}).)*:\d+\}\})|secretsmanager:)"
)


def _check_published(scope: Construct, environment: Mapping[str, str]) -> None:
    """Raise ValueError for references to values elsewhere: if only the values change, no version is published.

    The alias would keep the earlier values, and a client that was removed from a list would stay allowed.
    """
    # Also those of other stacks: the CDK may refer to them by an output, which can change.
    sources = [each for each in scope.node.root.node.find_all() if _is_changed_elsewhere(each)]
    ids = {Stack.of(scope).resolve(each.logical_id) for each in sources}
    for name, value in environment.items():
        resolved = json.dumps(Stack.of(scope).resolve(value))
        if _ELSEWHERE.search(resolved) or not ids.isdisjoint(_REFERENCE.findall(resolved)):
            message = (
                f"{name} refers to a parameter, secret, mapping, condition, transform, custom resource, nested stack "
                "or output of a stack, and no version is published if only its value changes: write the value, or "
                "remove snap_start and provisioned_concurrency"
            )
            raise ValueError(message)


def _is_changed_elsewhere(node: IConstruct) -> bool:
    """Return whether references to a construct can get another value without a change of what refers to it."""
    return isinstance(node, CfnParameter) or (
        isinstance(node, CfnResource) and node.cfn_resource_type.startswith(("Custom::", "AWS::CloudFormation::"))
    )


def _document_permissions(environment: Mapping[str, str], crl_bucket_name: str | None) -> list[PolicyStatement]:
    rules = [
        check_uri(environment[name], RULES)
        for name in ("AUTHORIZER_RULES_URI", "AUTHORIZER_SHADOW_RULES_URI")
        if name in environment
    ]
    truststore = [check_uri(environment["TRUSTSTORE_URI"], OBJECT)] if "TRUSTSTORE_URI" in environment else []
    crls = [check_uri(uri, CRLS) for uri in environment["CRL_URIS"].split(",")] if "CRL_URIS" in environment else []
    prefixes = [uri for uri in crls if uri.startswith("s3://") and uri.endswith("/")]
    objects = [
        f"{object_arn(uri)}{'*.crl' if uri in prefixes else ''}"
        for uri in (*rules, *truststore, *crls)
        if uri.startswith("s3://")
    ]
    if crl_bucket_name:
        # Indexes are not signed by a CA, so the authorizer reads them only in a bucket where nothing but the indexer
        # can write them.
        objects.append(f"arn:{Aws.PARTITION}:s3:::{crl_bucket_name}/*.crl.index")
    # The ARN of a parameter contains neither a version nor a label.
    parameters = [
        f"arn:{Aws.PARTITION}:ssm:{Aws.REGION}:{Aws.ACCOUNT_ID}:parameter{name.partition(':')[0]}"
        for uri in rules
        if uri.startswith("ssm://")
        for name in uri.removeprefix("ssm://").split(",")
    ]
    statements = []
    if objects:
        statements.append(allow(["s3:GetObject"], objects))
    for uri in prefixes:
        # As in the template: the bucket of a prefix, and its first folder.
        _, _, bucket, folder, *_ = uri.split("/")
        listing = allow(["s3:ListBucket"], [f"arn:{Aws.PARTITION}:s3:::{bucket}"])
        listing.add_condition("StringLike", {"s3:prefix": f"{folder}/*"})
        statements.append(listing)
    if parameters:
        statements.append(allow(["ssm:GetParameters"], parameters))
    if any(uri.startswith("appconfig://") for uri in rules):
        # ARNs contain AppConfig's IDs, and the URI contains names.
        configurations = "application/*/environment/*/configuration/*"
        statements.append(
            allow(
                ["appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"],
                [f"arn:{Aws.PARTITION}:appconfig:{Aws.REGION}:{Aws.ACCOUNT_ID}:{configurations}"],
            )
        )
    return statements
