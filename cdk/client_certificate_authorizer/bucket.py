"""The bucket for CRLs, and its policy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk.aws_iam import (
    ArnPrincipal,
    Effect,
    PolicyStatement,
    ServicePrincipal,
    StarPrincipal,
)
from aws_cdk.aws_lambda import CfnPermission
from aws_cdk.aws_s3 import BlockPublicAccess, Bucket, BucketEncryption, CfnBucket, LifecycleRule, ObjectOwnership

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from constructs import Construct

    from .functions import FunctionResources

_READING = ["s3:Get*", "s3:List*"]

# If the stack cannot be created, the next attempt creates the bucket again. The policy is retained with the bucket,
# whose indexes the authorizer may still read.
_RETAINED = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE

# Their last parts become names of folders. References do not match: their text is not known yet.
_PRIVATE_CA = r"arn:aws(-[a-z]+)*:acm-pca:[a-z0-9-]+:[0-9]{12}:certificate-authority/[0-9a-f-]{36}"
_ROLE = r"arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[A-Za-z0-9+=.@_-]{1,64}"


def create_bucket(
    scope: Construct,
    name: str,
    indexer: FunctionResources,
    private_ca_arns: Sequence[str],
    publisher_role_arns: Sequence[str],
) -> Bucket:
    """Add a bucket that invokes the indexer for each uploaded CRL. It is retained when the stack is deleted.

    Raises ValueError for ARNs that do not name a folder of their own.
    """
    _check_arns(private_ca_arns, _PRIVATE_CA, "the ARN of a certificate authority")
    _check_arns(publisher_role_arns, _ROLE, "the ARN of an IAM role without a path")
    if len({arn.split("/")[1] for arn in publisher_role_arns}) < len(publisher_role_arns):
        message = "publisher_role_arns must have different names: roles of the same name would share a folder"
        raise ValueError(message)
    permission = CfnPermission(
        scope,
        "CrlBucketInvokesIndexer",
        action="lambda:InvokeFunction",
        function_name=indexer.function.function_name,
        principal="s3.amazonaws.com",
        source_account=Stack.of(scope).account,
        source_arn=f"arn:{Aws.PARTITION}:s3:::{name}",  # a reference to the bucket would be circular
    )
    bucket = Bucket(
        scope,
        "CrlBucket",
        bucket_name=name,
        encryption=BucketEncryption.S3_MANAGED,
        object_ownership=ObjectOwnership.BUCKET_OWNER_ENFORCED,
        block_public_access=BlockPublicAccess.BLOCK_ALL,
        versioned=True,
        removal_policy=_RETAINED,
        lifecycle_rules=[
            LifecycleRule(
                id="OldVersions",
                noncurrent_version_expiration=Duration.days(90),
                abort_incomplete_multipart_upload_after=Duration.days(1),
            )
        ],
    )
    resource = bucket.node.default_child
    assert isinstance(resource, CfnBucket)  # noqa: S101 -- for type checkers
    # Neither an index nor the truststore has this suffix. Bucket.add_event_notification would add a function.
    resource.add_property_override(
        "NotificationConfiguration.LambdaConfigurations",
        [
            {
                "Event": "s3:ObjectCreated:*",
                "Filter": {"S3Key": {"Rules": [{"Name": "suffix", "Value": ".crl"}]}},
                "Function": indexer.function.function_arn,
            }
        ],
    )
    resource.node.add_dependency(permission)  # S3 verifies the permission
    for statement in _policy(bucket.bucket_arn, indexer.role.role_arn, private_ca_arns, publisher_role_arns):
        bucket.add_to_resource_policy(statement)
    assert bucket.policy  # noqa: S101 -- for type checkers
    bucket.policy.apply_removal_policy(_RETAINED)
    return bucket


def _check_arns(arns: Sequence[str], pattern: str, expected: str) -> None:
    for arn in arns:
        if not re.fullmatch(pattern, arn):
            message = f"{arn} is not {expected}, as text"
            raise ValueError(message)


def _policy(
    bucket_arn: str, indexer_role_arn: str, private_ca_arns: Sequence[str], publisher_role_arns: Sequence[str]
) -> Iterator[PolicyStatement]:
    yield PolicyStatement(
        sid="OverTlsOnly",
        effect=Effect.DENY,
        principals=[StarPrincipal()],
        actions=["s3:*"],
        resources=[bucket_arn, f"{bucket_arn}/*"],
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )
    # No CA signs an index: it is trusted because only the indexer, which verifies the CRL, can write it. Others may
    # only read indexes: if one was deleted, the indexer would accept an older CRL.
    yield PolicyStatement(
        sid="IndexesByTheIndexerOnly",
        effect=Effect.DENY,
        principals=[StarPrincipal()],
        not_actions=_READING,
        resources=[f"{bucket_arn}/*.index"],
        conditions={"ArnNotEquals": {"aws:PrincipalArn": indexer_role_arn}},
    )
    # From AWS's guide to Private CA, which writes complete CRLs to crl/<CA ID>.crl, all others below CustomPath: set
    # that to crl/<CA ID>. The test key is written when the CA is configured.
    private_ca = ServicePrincipal("acm-pca.amazonaws.com")
    if private_ca_arns:
        yield PolicyStatement(
            sid="PrivateCasReadThePropertiesOfTheBucket",
            principals=[private_ca],
            actions=["s3:GetBucketAcl", "s3:GetBucketLocation"],
            resources=[bucket_arn],
            conditions={"StringEquals": {"aws:SourceArn": list(private_ca_arns)}},
        )
    for number, arn in enumerate(private_ca_arns, start=1):
        folder = f"{bucket_arn}/crl/{arn.split('/')[1]}"
        yield PolicyStatement(
            sid=f"PrivateCa{number}",
            principals=[private_ca],
            actions=["s3:PutObject", "s3:PutObjectAcl"],
            resources=[f"{folder}.crl", f"{folder}/*", f"{bucket_arn}/acm-pca-permission-test-key*"],
            conditions={"StringEquals": {"aws:SourceArn": arn, "aws:SourceAccount": arn.split(":")[4]}},
        )
    for number, arn in enumerate(publisher_role_arns, start=1):
        objects = f"{bucket_arn}/published/{arn.split('/')[1]}/*"
        yield PolicyStatement(
            sid=f"Publisher{number}", principals=[ArnPrincipal(arn)], actions=["s3:PutObject"], resources=[objects]
        )
        yield PolicyStatement(
            sid=f"Publisher{number}NowhereElse",
            effect=Effect.DENY,
            principals=[StarPrincipal()],
            not_actions=_READING,
            not_resources=[objects],
            conditions={"ArnEquals": {"aws:PrincipalArn": arn}},
        )
