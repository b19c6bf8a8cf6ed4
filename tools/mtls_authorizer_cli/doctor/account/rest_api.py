"""A REST API: its authorizers, methods and stages, and the commands of the AWS CLI that change it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mtls_authorizer_cli.doctor.account.api import DEFAULT_TTL, Authorizer, Route, Stage
from mtls_authorizer_cli.doctor.account.aws import Variable, command

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mtls_authorizer_cli.doctor.account.aws import Aws

_CERTIFICATE_SOURCES = "context.identity.clientCert.issuerDN,context.identity.clientCert.serialNumber"


class RestApi:
    """A REST API. Its methods take effect in a stage with a deployment, which is a snapshot of them."""

    kind = "REST API"

    def __init__(self, aws: Aws, api_id: str) -> None:
        """Read the API. Raises UnavailableError."""
        self._aws = aws
        response = aws.get("apigateway", "get_rest_api", restApiId=api_id)
        self.api_id = api_id
        self.endpoint_is_disabled: bool = response.get("disableExecuteApiEndpoint", False)
        self.api_key_source: str | None = response.get("apiKeySource", "HEADER")

    def __str__(self) -> str:
        return f"{self.kind} {self.api_id}"

    def authorizers(self) -> Sequence[Authorizer]:
        """Read all authorizers."""
        return [
            Authorizer(
                each["id"],
                each.get("name", ""),
                each["type"],
                each.get("authorizerUri", ""),
                each.get("authorizerResultTtlInSeconds", DEFAULT_TTL),
                _split(each.get("identitySource", "")),
                each.get("authorizerCredentials", ""),
                "1.0",
                simple_responses=False,
            )
            for each in self._items("get_authorizers")
        ]

    def routes(self) -> Sequence[Route]:
        """Read the methods of all resources."""
        return [
            Route(
                f"{method} {resource['path']}",
                details.get("authorizationType", "NONE"),
                details.get("authorizerId"),
                resource["id"],
            )
            for resource in self._items("get_resources", embed=["methods"])
            for method, details in resource.get("resourceMethods", {}).items()
        ]

    def stages(self) -> Sequence[Stage]:
        """Read all stages."""
        response = self._aws.get("apigateway", "get_stages", restApiId=self.api_id)
        return [
            Stage(each["stageName"], each.get("deploymentId"), has_canary="canarySettings" in each)
            for each in response.get("item", ())
        ]

    def deployed_routes(self, stage: Stage) -> dict[str, str]:
        """Read which authorization each method of a stage's deployment has."""
        response = self._aws.get(
            "apigateway",
            "get_deployment",
            restApiId=self.api_id,
            deploymentId=str(stage.deployment_id),
            embed=["apisummary"],
        )
        summary: Mapping[str, Mapping[str, Any]] = response.get("apiSummary", {})
        return {
            f"{method} {path}": details.get("authorizationType", "NONE")
            for path, methods in summary.items()
            for method, details in methods.items()
        }

    def disable_endpoint(self) -> str:
        """Return the command that disables the default endpoint."""
        return self._command("update-rest-api", "--patch-operations", _replace("/disableExecuteApiEndpoint", "true"))

    def attach(self, route: Route, authorizer: Authorizer) -> str:
        """Return the command that makes a method use an authorizer."""
        method = route.name.partition(" ")[0]
        return self._command(
            "update-method",
            *("--resource-id", route.parent_id, "--http-method", method, "--patch-operations"),
            _replace("/authorizationType", "CUSTOM"),
            _replace("/authorizerId", authorizer.authorizer_id),
        )

    def create_authorizer(self) -> str:
        """Return the command that creates an authorizer with the URI in FUNCTION_URI."""
        return self._command(
            "create-authorizer",
            *("--name", "client-certificate", "--type", "REQUEST", "--authorizer-result-ttl-in-seconds", "0"),
            *("--authorizer-uri", Variable("FUNCTION_URI")),
        )

    def stop_caching(self, authorizer: Authorizer) -> str:
        """Return the command that sets an authorizer's TTL to 0."""
        return self._update(authorizer, _replace("/authorizerResultTtlInSeconds", "0"))

    def identify_by_certificate(self, authorizer: Authorizer) -> str:
        """Return the command that sets identity sources that every request with a certificate has."""
        # A value with a comma, which the CLI's shorthand would end there.
        operation = {"op": "replace", "path": "/identitySource", "value": _CERTIFICATE_SOURCES}
        return self._update(authorizer, json.dumps([operation], separators=(",", ":")))

    def use_keys_of_authorizer(self) -> str:
        """Return the command that takes the keys of usage plans from the authorizer."""
        return self._command("update-rest-api", "--patch-operations", _replace("/apiKeySource", "AUTHORIZER"))

    def deploy(self, stages: Sequence[Stage]) -> tuple[str, ...]:
        """Return the commands that make changes take effect."""
        return tuple(self.deploy_stage(stage.name) for stage in stages)

    def deploy_stage(self, name: str | Variable) -> str:
        """Return the command that deploys the API to a stage."""
        return self._command("create-deployment", "--stage-name", name)

    def _items(self, operation: str, **arguments: list[str]) -> Iterable[Any]:
        return self._aws.items("apigateway", operation, "items", restApiId=self.api_id, **arguments)

    def _update(self, authorizer: Authorizer, *operations: str) -> str:
        return self._command(
            "update-authorizer", "--authorizer-id", authorizer.authorizer_id, "--patch-operations", *operations
        )

    def _command(self, name: str, *words: str | Variable) -> str:
        return command(self._aws.region, "apigateway", name, "--rest-api-id", self.api_id, *words)


def _replace(path: str, value: str) -> str:
    return f"op=replace,path={path},value={value}"


def _split(sources: str) -> tuple[str, ...]:
    return tuple(source.strip() for source in sources.split(",") if source.strip())
