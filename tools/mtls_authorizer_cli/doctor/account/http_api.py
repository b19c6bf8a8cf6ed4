"""An HTTP API: its authorizers, routes and stages, and the commands of the AWS CLI that change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtls_authorizer_cli.doctor.account.api import DEFAULT_TTL, PEM_SOURCE, Authorizer, Route, Stage
from mtls_authorizer_cli.doctor.account.aws import UnavailableError, Variable, command

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mtls_authorizer_cli.doctor.account.aws import Aws


class HttpApi:
    """An HTTP API, or a WebSocket API, which has no mutual TLS."""

    kind = "HTTP API"
    api_key_source: str | None = None

    def __init__(self, aws: Aws, api_id: str) -> None:
        """Read the API. Raises UnavailableError."""
        self._aws = aws
        response = aws.get("apigatewayv2", "get_api", ApiId=api_id)
        self.api_id = api_id
        self.is_websocket_api = response.get("ProtocolType") == "WEBSOCKET"
        self.endpoint_is_disabled: bool = response.get("DisableExecuteApiEndpoint", False)

    def __str__(self) -> str:
        return f"{self.kind} {self.api_id}"

    def authorizers(self) -> Sequence[Authorizer]:
        """Read all authorizers."""
        return [
            Authorizer(
                each["AuthorizerId"],
                each.get("Name", ""),
                each["AuthorizerType"],
                each.get("AuthorizerUri", ""),
                each.get("AuthorizerResultTtlInSeconds", DEFAULT_TTL),
                tuple(each.get("IdentitySource", ())),
                each.get("AuthorizerCredentialsArn", ""),
                each.get("AuthorizerPayloadFormatVersion", ""),
                simple_responses=each.get("EnableSimpleResponses", False),
            )
            for each in self._items("get_authorizers")
        ]

    def routes(self) -> Sequence[Route]:
        """Read all routes."""
        return [
            Route(each["RouteKey"], each.get("AuthorizationType", "NONE"), each.get("AuthorizerId"), each["RouteId"])
            for each in self._items("get_routes")
        ]

    def stages(self) -> Sequence[Stage]:
        """Read all stages."""
        return [
            Stage(
                each["StageName"],
                each.get("DeploymentId"),
                is_automatic=each.get("AutoDeploy", False),
                failure=_failure(each) if each.get("AutoDeploy") else "",
            )
            for each in self._items("get_stages")
        ]

    def deployed_routes(self, stage: Stage) -> dict[str, str]:
        """Read the routes of a stage's deployment, which are the API's if they are deployed automatically."""
        if not stage.is_automatic:
            reason = (
                f"stage {stage.name} is deployed by hand, and AWS does not show which routes its deployment contains. "
                "To deploy the routes that were checked: " + self.deploy([stage])[0]
            )
            raise UnavailableError(reason)
        return {route.name: route.authorization for route in self.routes()}

    def disable_endpoint(self) -> str:
        """Return the command that disables the default endpoint."""
        return self._command("update-api", "--disable-execute-api-endpoint")

    def attach(self, route: Route, authorizer: Authorizer) -> str:
        """Return the command that makes a route use an authorizer."""
        return self._command(
            "update-route",
            *("--route-id", route.parent_id, "--authorization-type", "CUSTOM"),
            *("--authorizer-id", authorizer.authorizer_id),
        )

    def create_authorizer(self) -> str:
        """Return the command that creates an authorizer with the URI in FUNCTION_URI."""
        return self._command(
            "create-authorizer",
            *("--name", "client-certificate", "--authorizer-type", "REQUEST", "--identity-source", PEM_SOURCE),
            *("--authorizer-payload-format-version", "2.0", "--authorizer-result-ttl-in-seconds", "0"),
            *("--authorizer-uri", Variable("FUNCTION_URI")),
        )

    def stop_caching(self, authorizer: Authorizer) -> str:
        """Return the command that sets an authorizer's TTL to 0."""
        return self._update(authorizer, "--authorizer-result-ttl-in-seconds", "0")

    def identify_by_certificate(self, authorizer: Authorizer) -> str:
        """Return the command that makes the whole certificate the identity source."""
        return self._update(authorizer, "--identity-source", PEM_SOURCE)

    def set_simple_responses(self, authorizer: Authorizer, *, enabled: bool) -> str:
        """Return the command that turns simple responses on or off."""
        return self._update(authorizer, f"--{'' if enabled else 'no-'}enable-simple-responses")

    def deploy(self, stages: Sequence[Stage]) -> tuple[str, ...]:
        """Return the commands that make changes take effect: none for stages that are deployed automatically."""
        return tuple(self.deploy_stage(stage.name) for stage in stages if not stage.is_automatic)

    def deploy_stage(self, name: str | Variable) -> str:
        """Return the command that deploys the API to a stage."""
        return self._command("create-deployment", "--stage-name", name)

    def _items(self, operation: str) -> Iterable[Any]:
        return self._aws.items("apigatewayv2", operation, "Items", ApiId=self.api_id)

    def _update(self, authorizer: Authorizer, *words: str) -> str:
        return self._command("update-authorizer", "--authorizer-id", authorizer.authorizer_id, *words)

    def _command(self, name: str, *words: str | Variable) -> str:
        return command(self._aws.region, "apigatewayv2", name, "--api-id", self.api_id, *words)


def _failure(stage: Mapping[str, Any]) -> str:
    message: str = stage.get("LastDeploymentStatusMessage", "")
    return message if "fail" in message.lower() else ""
