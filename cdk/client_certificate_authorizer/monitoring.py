"""The dashboard and the alarms of the authorizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk.cloudformation_include import CfnInclude
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .authorizer import ClientCertificateAuthorizer
    from .revocation import ClientCertificateRevocation

_PARAMETERS = {"UNAUTHENTICATED_RESPONSE": "UnauthenticatedResponse", "EXPIRY_WARNING_DAYS": "ExpiryWarningDays"}


class ClientCertificateMonitoring(Construct):
    """The dashboard and the alarms of an authorizer with ``METRICS_NAMESPACE``: ``monitoring.yaml`` of the release.

    With ``revocation``, also those of its functions. ``parameters`` has further parameters of that template, such as
    ``AlarmTopicArn``.
    """

    def __init__(  # noqa: PLR0913 -- what is monitored
        self,
        scope: Construct,
        name: str,
        *,
        release_folder: str,
        authorizer: ClientCertificateAuthorizer,
        revocation: ClientCertificateRevocation | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(scope, name)
        variables = authorizer.environment
        if "METRICS_NAMESPACE" not in variables:
            message = "the dashboard and the alarms require METRICS_NAMESPACE in the environment of the authorizer"
            raise ValueError(message)
        values: dict[str, Any] = {
            "AuthorizerFunctionName": authorizer.function.function_name,
            "AuthorizerLogGroup": authorizer.log_group.log_group_name,
            "MetricsNamespace": variables["METRICS_NAMESPACE"],
            **{parameter: variables[name] for name, parameter in _PARAMETERS.items() if name in variables},
        }
        if revocation:
            values["CrlIndexerFunctionName"] = revocation.indexer.function_name
            values["CrlIndexerFailuresName"] = revocation.failures.queue_name
            if revocation.fetcher:
                values["CrlFetcherFunctionName"] = revocation.fetcher.function_name
        CfnInclude(
            self,
            "Template",
            template_file=f"{release_folder}/monitoring.yaml",
            preserve_logical_ids=False,
            parameters={**values, **(parameters or {})},
        )
