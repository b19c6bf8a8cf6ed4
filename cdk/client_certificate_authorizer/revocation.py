"""The bucket for CRLs, the function that verifies and indexes them, and the function that downloads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk.aws_cloudwatch import CfnAlarm
from aws_cdk.aws_events import CfnRule
from aws_cdk.aws_lambda import Architecture, CfnEventInvokeConfig, CfnFunction, CfnPermission, Function
from aws_cdk.aws_logs import RetentionDays
from aws_cdk.aws_sqs import Queue, QueueEncryption
from constructs import Construct

from .bucket import create_bucket
from .functions import (
    OBJECT,
    FunctionResources,
    Release,
    allow,
    check_sources,
    check_uri,
    create_function,
    create_layer,
    object_arn,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk.aws_iam import PolicyStatement
    from aws_cdk.aws_s3 import Bucket

# The actions of AWSLambdaVPCAccessExecutionRole.
_VPC_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)


class ClientCertificateRevocation(Construct):
    """A bucket for CRLs with an indexer; a fetcher if there are ``crl_sources``, which are keys by URLs; their alarms.

    It does not depend on the authorizer: deploy it, and upload the truststore and the CRLs, before you set
    ``CRL_URIS`` there. The arguments are the parameters of the revocation stack in ``docs/deploy/sam.md``.
    """

    bucket: Bucket

    indexer: Function

    failures: Queue
    """The queue of uploads that have no index after three attempts."""

    fetcher: Function | None = None

    metrics_namespace: str | None
    """That of the fetcher's metrics."""

    def __init__(  # noqa: PLR0913 -- the parameters of the template
        self,
        scope: Construct,
        name: str,
        *,
        release_folder: str,
        bucket_name: str,
        truststore_uri: str,
        crl_max_age_seconds: int | None = None,
        private_ca_arns: Sequence[str] = (),
        publisher_role_arns: Sequence[str] = (),
        crl_sources: Mapping[str, str] | None = None,
        crl_source_private_hosts: Sequence[str] = (),
        crl_fetch_schedule: str = "rate(1 hour)",
        fetcher_subnet_ids: Sequence[str] = (),
        fetcher_security_group_ids: Sequence[str] = (),
        metrics_namespace: str | None = None,
        deploy_alarms: bool = True,
        alarm_topic_arn: str | None = None,
        architecture: Architecture = Architecture.ARM_64,
        log_retention: RetentionDays = RetentionDays.THREE_MONTHS,
    ) -> None:
        super().__init__(scope, name)
        if bool(fetcher_subnet_ids) != bool(fetcher_security_group_ids):
            message = "set both fetcher_subnet_ids and fetcher_security_group_ids, or neither"
            raise ValueError(message)
        if (fetcher_subnet_ids or crl_source_private_hosts) and not crl_sources:
            message = "fetcher_subnet_ids, fetcher_security_group_ids and crl_source_private_hosts require crl_sources"
            raise ValueError(message)
        check_sources(crl_sources or {})
        self.metrics_namespace = metrics_namespace
        self._release = Release(release_folder, architecture, log_retention)
        self._layer = create_layer(
            self,
            self._release,
            name="client-certificate-auth-crl-indexer",
            description="The layer of the CRL indexer.",
            removal_policy=RemovalPolicy.DESTROY,
        )
        self._environment = {"TRUSTSTORE_URI": truststore_uri, "S3_BUCKET_OWNER": Stack.of(self).account}
        if crl_max_age_seconds is not None:
            self._environment["CRL_MAX_AGE_SECONDS"] = str(crl_max_age_seconds)
        bucket_arn = f"arn:{Aws.PARTITION}:s3:::{bucket_name}"
        # Without it, S3 answers AccessDenied for an object that does not exist.
        self._reading = [allow(["s3:ListBucket"], [bucket_arn])]
        truststore = check_uri(truststore_uri, OBJECT)
        if truststore.startswith("s3://"):
            self._reading.append(allow(["s3:GetObject"], [object_arn(truststore)]))

        indexer = self._add_indexer(bucket_arn)
        self.bucket = create_bucket(self, bucket_name, indexer, private_ca_arns, publisher_role_arns)
        if crl_sources:
            variables = {
                "CRL_SOURCES": json.dumps(dict(crl_sources), ensure_ascii=False, separators=(",", ":")),
                "CRL_DESTINATION": f"s3://{bucket_name}/fetched/",
                "CRL_SOURCE_PRIVATE_HOSTS": ",".join(crl_source_private_hosts),
                "METRICS_NAMESPACE": metrics_namespace or "",
            }
            # Variables that are set and empty are invalid.
            variables = {variable: value for variable, value in variables.items() if value}
            self.fetcher = self._create_fetcher(bucket_arn, variables, fetcher_subnet_ids, fetcher_security_group_ids)
            self._add_schedule(self.fetcher, crl_fetch_schedule)
        if deploy_alarms:
            self._add_alarms(alarm_topic_arn)

    def _add_indexer(self, bucket_arn: str) -> FunctionResources:
        self.failures = Queue(
            self,
            "CrlIndexerFailures",
            retention_period=Duration.days(14),
            encryption=QueueEncryption.SQS_MANAGED,
            removal_policy=RemovalPolicy.DESTROY,
        )
        indexer = self._create_function(
            "CrlIndexer",
            handler="mtls_authorizer.crl_indexer.handler",
            description="Verifies uploaded CRLs and writes their indexes.",
            role_description="Allows the indexer to write its own log, to read CRLs and to write their indexes.",
            environment=self._environment,
            statements=[
                allow(["s3:GetObject"], [f"{bucket_arn}/*.crl", f"{bucket_arn}/*.crl.index"]),
                allow(["s3:PutObject"], [f"{bucket_arn}/*.crl.index"]),
                allow(["sqs:SendMessage"], [self.failures.queue_arn]),
            ],
        )
        self.indexer = indexer.function
        on_failure = CfnEventInvokeConfig.OnFailureProperty(destination=self.failures.queue_arn)
        invocations = CfnEventInvokeConfig(
            self,
            "CrlIndexerEventInvokeConfig",
            function_name=self.indexer.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            destination_config=CfnEventInvokeConfig.DestinationConfigProperty(on_failure=on_failure),
        )
        invocations.node.add_dependency(indexer.role)  # Lambda verifies the permission
        return indexer

    def _create_fetcher(
        self,
        bucket_arn: str,
        variables: Mapping[str, str],
        subnet_ids: Sequence[str],
        security_group_ids: Sequence[str],
    ) -> Function:
        statements = [allow(["s3:GetObject", "s3:PutObject"], [f"{bucket_arn}/fetched/*.crl"])]
        if subnet_ids:
            # Requests of the function itself have this key, and those that Lambda makes for its interfaces do not.
            interfaces = allow(_VPC_ACTIONS, ["*"])
            interfaces.add_condition("Null", {"lambda:SourceFunctionArn": "true"})
            statements.append(interfaces)
        fetcher = self._create_function(
            "CrlFetcher",
            handler="mtls_authorizer.crl_fetcher.handler",
            description="Downloads CRLs, verifies them and stores them in the bucket.",
            role_description="Allows the fetcher to write its own log, and to read and write CRLs below fetched/.",
            environment={**self._environment, **variables},
            statements=statements,
            retry_attempts=0,  # the next run is the retry
        ).function
        if subnet_ids:
            resource = fetcher.node.default_child
            assert isinstance(resource, CfnFunction)  # noqa: S101 -- for type checkers
            resource.vpc_config = CfnFunction.VpcConfigProperty(
                subnet_ids=list(subnet_ids), security_group_ids=list(security_group_ids)
            )
        return fetcher

    def _create_function(
        self,
        name: str,
        *,
        statements: Sequence[PolicyStatement],
        **options: Any,  # noqa: ANN401 -- further arguments of create_function
    ) -> FunctionResources:
        return create_function(
            self,
            name,
            self._release,
            layers=[self._layer],
            # A CRL with a million entries (39 MB) takes 220 MB and 2 seconds, the largest one 1.5 GB. The fetcher has
            # the stored CRL and the new one in memory at the same time.
            memory_size=2048,
            timeout=Duration.minutes(5),
            statements=[*self._reading, *statements],
            **options,
        )

    def _add_schedule(self, fetcher: Function, schedule: str) -> None:
        rule = CfnRule(
            self,
            "CrlFetcherSchedule",
            schedule_expression=schedule,
            targets=[
                CfnRule.TargetProperty(
                    arn=fetcher.function_arn,
                    id="CrlFetcherScheduleLambdaTarget",
                    retry_policy=CfnRule.RetryPolicyProperty(maximum_retry_attempts=0),
                )
            ],
        )
        CfnPermission(
            self,
            "CrlFetcherSchedulePermission",
            action="lambda:InvokeFunction",
            function_name=fetcher.function_name,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )

    def _add_alarms(self, topic_arn: str | None) -> None:
        errors = ("AWS/Lambda", "Errors", "Sum", "FunctionName")
        self._add_alarm(
            "CrlIndexerErrorsAlarm",
            "The CRL indexer has failed or rejected a CRL. Its log contains the reason. See docs/stale-crl.md.",
            (*errors, self.indexer.function_name),
            topic_arn,
        )
        self._add_alarm(
            "CrlIndexerFailuresAlarm",
            "An uploaded CRL has no index after three attempts. See docs/stale-crl.md.",
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", "QueueName", self.failures.queue_name),
            topic_arn,
            # SQS may stop sending metrics after six hours without a request, also while the queue contains messages.
            treat_missing_data="ignore",
        )
        if self.fetcher:
            self._add_alarm(
                "CrlFetcherErrorsAlarm",
                "The CRL fetcher has failed as a whole. Its log contains the reason. See docs/stale-crl.md.",
                (*errors, self.fetcher.function_name),
                topic_arn,
                treat_missing_data="ignore",  # between two runs
            )

    def _add_alarm(
        self,
        name: str,
        description: str,
        metric: tuple[str, str, str, str, str],
        topic_arn: str | None,
        treat_missing_data: str = "notBreaching",
    ) -> None:
        namespace, metric_name, statistic, dimension, value = metric
        actions = [topic_arn] if topic_arn else None
        CfnAlarm(
            self,
            name,
            alarm_description=description,
            namespace=namespace,
            metric_name=metric_name,
            dimensions=[CfnAlarm.DimensionProperty(name=dimension, value=value)],
            statistic=statistic,
            period=300,
            evaluation_periods=1,
            threshold=0,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data=treat_missing_data,
            alarm_actions=actions,
            ok_actions=actions,
        )
