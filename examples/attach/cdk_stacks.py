"""A REST API and an HTTP API with the authorizer, and a function with the layer behind them: with the CDK.

Copy ``cdk/client_certificate_authorizer`` next to this file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import Duration, Stack
from aws_cdk import aws_apigateway as rest
from aws_cdk import aws_apigatewayv2 as http
from aws_cdk.aws_apigatewayv2_authorizers import HttpLambdaAuthorizer, HttpLambdaResponseType
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from aws_cdk.aws_certificatemanager import Certificate
from aws_cdk.aws_lambda import Architecture, Code, Function, Runtime
from aws_cdk.aws_logs import LogGroup, RetentionDays
from aws_cdk.aws_s3 import Bucket

from client_certificate_authorizer import ClientCertificateAuthorizer

if TYPE_CHECKING:
    from constructs import Construct

_CODE = Path(__file__).parents[1] / "layer_only.py"
# Names of the certificate are not among the fields: access logs escape nothing, and names may contain quotes.
_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "sourceIp": "$context.identity.sourceIp",
    "requestTime": "$context.requestTime",
    "status": "$context.status",
    "reason": "$context.authorizer.reason",
    "fingerprint": "$context.authorizer.clientCertFingerprint256",
    "serialNumber": "$context.identity.clientCert.serialNumber",
    "notBefore": "$context.identity.clientCert.validity.notBefore",
    "notAfter": "$context.identity.clientCert.validity.notAfter",
}
_HTTP_ACCESS_LOG = {
    **_ACCESS_LOG,
    "routeKey": "$context.routeKey",
    "authorizerError": "$context.authorizer.error",
}
_REST_ACCESS_LOG = {
    **_ACCESS_LOG,
    "extendedRequestId": "$context.extendedRequestId",
    "httpMethod": "$context.httpMethod",
    "resourcePath": "$context.resourcePath",
    "authorizerStatus": "$context.authorizer.status",
    "authorizerLatency": "$context.authorizer.latency",
}


@dataclass(frozen=True)
class Prerequisites:
    """The existing resources: the files of a release, and those that mutual TLS requires."""

    release_folder: str
    domain_name: str
    certificate_arn: str
    truststore_bucket: str
    truststore_key: str


class RestApiStack(Stack):
    """A REST API with mutual TLS. Responses of the authorizer are not cached."""

    def __init__(self, scope: Construct, name: str, prerequisites: Prerequisites) -> None:
        super().__init__(scope, name)
        deployed = _deploy_authorizer(self, prerequisites)
        authorizer = rest.RequestAuthorizer(
            self,
            "Authorizer",
            handler=deployed.authorizer,
            # No caching: two certificates may have the same issuer and serial number. The default would be 5 minutes.
            identity_sources=[],
            results_cache_ttl=Duration.seconds(0),
        )
        api = rest.RestApi(
            self,
            "Api",
            # Requests to this endpoint carry no certificate.
            disable_execute_api_endpoint=True,
            endpoint_types=[rest.EndpointType.REGIONAL],
            cloud_watch_role=False,
            default_method_options=rest.MethodOptions(authorizer=authorizer),
            deploy_options=rest.StageOptions(
                access_log_destination=rest.LogGroupLogDestination(
                    LogGroup(self, "AccessLogs", retention=RetentionDays.THREE_MONTHS)
                ),
                access_log_format=rest.AccessLogFormat.custom(json.dumps(_REST_ACCESS_LOG)),
            ),
            domain_name=rest.DomainNameOptions(
                domain_name=prerequisites.domain_name,
                certificate=Certificate.from_certificate_arn(self, "Certificate", prerequisites.certificate_arn),
                security_policy=rest.SecurityPolicy.TLS_1_2,
                mtls=rest.MTLSConfig(
                    bucket=Bucket.from_bucket_name(self, "Truststore", prerequisites.truststore_bucket),
                    key=prerequisites.truststore_key,
                ),
            ),
        )
        # Shows the reason for a denial to clients, and also to attackers: omit it if you do not want that.
        api.add_gateway_response(
            "AccessDenied",
            type=rest.ResponseType.ACCESS_DENIED,
            status_code="403",
            templates={
                "application/json": '{"message": "Forbidden", "reason": "$context.authorizer.reason", '
                '"requestId": "$context.extendedRequestId"}'
            },
        )
        api.root.add_method("GET", rest.LambdaIntegration(_function_with_layer(self, deployed)))


class HttpApiStack(Stack):
    """An HTTP API with mutual TLS. Responses of the authorizer are not cached."""

    def __init__(self, scope: Construct, name: str, prerequisites: Prerequisites) -> None:
        super().__init__(scope, name)
        deployed = _deploy_authorizer(self, prerequisites)
        domain = http.DomainName(
            self,
            "Domain",
            domain_name=prerequisites.domain_name,
            certificate=Certificate.from_certificate_arn(self, "Certificate", prerequisites.certificate_arn),
            security_policy=http.SecurityPolicy.TLS_1_2,
            mtls=http.MTLSConfig(
                bucket=Bucket.from_bucket_name(self, "Truststore", prerequisites.truststore_bucket),
                key=prerequisites.truststore_key,
            ),
        )
        authorizer = HttpLambdaAuthorizer(
            "Authorizer",
            deployed.authorizer,
            response_types=[HttpLambdaResponseType.IAM],  # the CDK then uses payload 1.0, which is supported
            # The whole certificate: two clients may share other identity sources. The default would be the
            # Authorization header.
            identity_source=["$context.identity.clientCert.clientCertPem"],
            # No caching. Before you change it, read docs/security-model.md#caching.
            results_cache_ttl=Duration.seconds(0),
        )
        api = http.HttpApi(
            self,
            "Api",
            # Requests to this endpoint carry no certificate.
            disable_execute_api_endpoint=True,
            default_authorizer=authorizer,
            default_domain_mapping=http.DomainMappingOptions(domain_name=domain),
        )
        log_group = LogGroup(self, "AccessLogs", retention=RetentionDays.THREE_MONTHS)
        api.default_stage.node.default_child.access_log_settings = http.CfnStage.AccessLogSettingsProperty(
            destination_arn=log_group.log_group_arn, format=json.dumps(_HTTP_ACCESS_LOG)
        )
        integration = HttpLambdaIntegration("Integration", _function_with_layer(self, deployed))
        api.add_routes(path="/", methods=[http.HttpMethod.GET], integration=integration)


def _deploy_authorizer(stack: Stack, prerequisites: Prerequisites) -> ClientCertificateAuthorizer:
    return ClientCertificateAuthorizer(
        stack,
        "Deployed",
        release_folder=prerequisites.release_folder,
        environment={"ALLOWED_COMMON_NAMES": "alpha,beta"},
    )


def _function_with_layer(stack: Stack, deployed: ClientCertificateAuthorizer) -> Function:
    return Function(
        stack,
        "Function",
        runtime=Runtime.PYTHON_3_13,
        architecture=Architecture.ARM_64,  # the layer's
        layers=[deployed.layer],
        code=Code.from_inline(_CODE.read_text(encoding="utf-8")),
        handler="index.handler",
    )
