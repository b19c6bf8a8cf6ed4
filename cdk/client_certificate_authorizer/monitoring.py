"""The dashboard and the alarms of the authorizer."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from aws_cdk import Aws, Fn, Stack, Token
from aws_cdk.aws_cloudwatch import CfnDashboard
from aws_cdk.cloudformation_include import CfnInclude
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .authorizer import ClientCertificateAuthorizer
    from .revocation import ClientCertificateRevocation

# Conditions must not refer to resources, which these parameters name. An empty parameter is not the ARN of a topic.
_CONDITIONS = {
    "HasAlarmTopic": "AlarmTopicArn",
    "HasCrlIndexer": "CrlIndexerFunctionName",
    "HasCrlFetcher": "CrlFetcherFunctionName",
}
_PARAMETERS = {"UNAUTHENTICATED_RESPONSE": "UnauthenticatedResponse", "EXPIRY_WARNING_DAYS": "ExpiryWarningDays"}


class ClientCertificateMonitoring(Construct):
    """The dashboard and the alarms of an authorizer with ``METRICS_NAMESPACE``: ``monitoring.yaml`` of the release.

    With ``revocation``, also those of its functions. ``parameters`` has further parameters of that template, such as
    ``AlarmTopicArn``. Raises ValueError for values that it does not accept.
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
        if not variables.get("METRICS_NAMESPACE"):
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
                if revocation.metrics_namespace != variables["METRICS_NAMESPACE"]:
                    message = (
                        "the alarm of the fetcher requires the METRICS_NAMESPACE of the authorizer as metrics_namespace"
                    )
                    raise ValueError(message)
                values["CrlFetcherFunctionName"] = revocation.fetcher.function_name
        values |= {name: _text(value) for name, value in (parameters or {}).items()}
        conditions = {condition: bool(values.get(parameter)) for condition, parameter in _CONDITIONS.items()}
        if not conditions["HasAlarmTopic"]:
            values["AlarmTopicArn"] = Aws.NO_VALUE  # a reference, which is not checked
        with TemporaryDirectory() as folder:
            template = Path(folder, "monitoring.yaml")
            template.write_text(_shortened(Path(release_folder, template.name).read_text("utf-8")), "utf-8")
            _check(str(template), values)
            included = CfnInclude(
                self,
                "Template",
                template_file=str(template),
                preserve_logical_ids=False,
                parameters=values,
            )
        for condition, holds in conditions.items():
            included.get_condition(condition).expression = Fn.condition_equals(str(holds), str(True))
        # Unique in the account, even if the stack monitors several authorizers.
        dashboard = included.get_resource("Dashboard")
        assert isinstance(dashboard, CfnDashboard)  # noqa: S101 -- for type checkers
        dashboard.dashboard_name = f"{Aws.STACK_NAME}-{Aws.REGION}-{self.node.addr[-8:]}"


def _text(value: Any) -> Any:  # noqa: ANN401 -- as in JSON
    """Return a value as a template compares it: true and false are text."""
    return str(value).lower() if isinstance(value, bool) else value


def _check(template_file: str, values: Mapping[str, Any]) -> None:
    """Raise ValueError for values that the template's parameters do not accept. CfnInclude does not look."""
    declared = CfnInclude(Stack(), "Template", template_file=template_file)
    for name, value in values.items():
        parameter, text = declared.get_parameter(name), str(value)
        if Token.is_unresolved(value) or isinstance(value, dict):
            continue
        if parameter.type == "Number":
            highest = parameter.max_value or float("inf")
            accepted = re.fullmatch("[0-9]+", text) and parameter.min_value <= int(text) <= highest
            expected = f"a whole number from {parameter.min_value} to {highest}"
        elif parameter.allowed_values:
            accepted = text in parameter.allowed_values
            expected = " or ".join(parameter.allowed_values)
        else:
            accepted = re.fullmatch(parameter.allowed_pattern, text)
            expected = parameter.constraint_description
        if not accepted:
            message = f"{name} is {text}: write {expected}"
            raise ValueError(message)


def _shortened(template: str) -> str:
    """Return a template without the order of parameters on the console, of which a stack can have only one.

    Rules are about parameters that the construct replaces, and must not refer to resources either.
    """
    return re.sub(r"^(Metadata|Rules):\n(?: .*\n|\n)+", "", template, flags=re.MULTILINE)
