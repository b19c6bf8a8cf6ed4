"""Checks of an API: its default endpoint, its domain names, its routes and their deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer_cli.doctor.account.api import CUSTOM
from mtls_authorizer_cli.doctor.account.aws import Variable, command
from mtls_authorizer_cli.doctor.account.rest_api import RestApi
from mtls_authorizer_cli.doctor.findings import Check, Mistake
from mtls_authorizer_cli.printed import counted, listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtls_authorizer_cli.doctor.live.examination import Checks
    from mtls_authorizer_cli.doctor.live.examined_api import ExaminedApi


def _default_endpoint(examined: ExaminedApi) -> Iterator[Mistake]:
    api = examined.api
    if not api.endpoint_is_disabled:
        yield Mistake(
            f"its default endpoint {examined.aws.endpoint_host(api.api_id)} is enabled",
            "Clients can bypass mutual TLS: these requests carry no certificate. The authorizer denies them, but "
            "routes without it are open to everyone.",
            "Disable it",
            (api.disable_endpoint(), *examined.deploy_commands()),
        )


def _domain_name(examined: ExaminedApi) -> Iterator[Mistake | str]:
    if not examined.domains:
        api = examined.api
        stage: str | Variable = next((each.name for each in api.stages()), Variable("STAGE"))
        words = ("apigatewayv2", "create-api-mapping", "--api-id", api.api_id, "--stage", stage)
        yield Mistake(
            "no custom domain name leads to it",
            "Only custom domain names have mutual TLS. The authorizer denies requests without a certificate: "
            "lambda_event_missing_clientcert.",
            "Create a domain name with mutual TLS (docs/deploy/cli.md#mutual-tls), put it into DOMAIN_NAME, and map it "
            "to the API",
            (command(examined.aws.region, *words, "--domain-name", Variable("DOMAIN_NAME")),),
        )
    for domain in examined.domains:
        if domain.has_routing_rules:
            yield f"{domain} has routing rules, which are not read: name each of their APIs with --api"


def _routes(examined: ExaminedApi) -> Iterator[Mistake]:
    api = examined.api
    own = {each.authorizer.authorizer_id for each in examined.authorizers}
    routes = api.routes()
    open_routes = [each for each in routes if each.authorization != CUSTOM or each.authorizer_id not in own]
    if open_routes:
        authorizer = examined.authorizers[0].authorizer
        described = [
            f"{each.name} ({each.authorization if each.authorization != CUSTOM else 'another authorizer'})"
            for each in open_routes
        ]
        replaces = any(each.authorization != "NONE" for each in open_routes)
        yield Mistake(
            f"the authorizer is missing on {len(open_routes)} of {counted(len(routes), 'route')}: {listing(described)}",
            "Every client with a certificate from a CA in the truststore may call them, regardless of the rules; "
            "without mutual TLS, anyone may.",
            "Attach the authorizer to each of them"
            + ("; where one has another authorization, this replaces it" if replaces else ""),
            (*(api.attach(each, authorizer) for each in open_routes), *examined.deploy_commands()),
        )


def _deployment(examined: ExaminedApi) -> Iterator[Mistake | str]:
    api = examined.api
    routes = {route.name: route.authorization for route in api.routes()}
    for stage in examined.served_stages:
        subject = f"{api}, stage {stage.name}"
        if stage.failure:
            yield Mistake(
                f"its last deployment failed: {stage.failure}",
                "The routes that were checked are not those that clients call.",
                "Correct the reason, and deploy",
                api.deploy([stage._replace(is_automatic=False)]),
                subject,
            )
            continue
        if stage.has_canary:
            yield f"{subject}, has a canary deployment, which is not examined"
        if stage.deployment_id is None:
            yield f"{subject}, has no deployment"
            continue
        deployed = api.deployed_routes(stage)
        differing = sorted(name for name in {**routes, **deployed} if routes.get(name) != deployed.get(name))
        if differing:
            described = listing([_difference(name, routes, deployed) for name in differing])
            yield Mistake(
                f"its deployment differs from the API: {described}",
                "The stage is a snapshot: clients call the routes of the deployment, with the authorization that they "
                "had then.",
                "Deploy the API",
                api.deploy([stage]),
                subject,
            )


def _difference(name: str, routes: dict[str, str], deployed: dict[str, str]) -> str:
    now, then = routes.get(name, "removed"), deployed.get(name, "missing")
    return f"{name} ({now} now, {then} in the deployment)"


def _api_key_source(examined: ExaminedApi) -> Iterator[Mistake]:
    api = examined.api
    for _, function in examined.authorizers:
        uses_plans = any(rule.usage_plan_key is not None for rule in function.rules.rules)
        if not uses_plans or api.api_key_source == "AUTHORIZER":
            continue
        commands: tuple[str, ...] = ()
        fix = "Use a REST API for usage plans, or remove usage_plan_key"
        if isinstance(api, RestApi):
            fix = "Take the keys from the authorizer"
            commands = (api.use_keys_of_authorizer(), *examined.deploy_commands())
        yield Mistake(
            f"rules have a usage_plan_key, and the API takes keys from {api.api_key_source or 'nowhere'}",
            "The limits of usage plans do not apply to these clients.",
            fix,
            commands,
        )


API_CHECKS: Checks[ExaminedApi] = {
    Check.DEFAULT_ENDPOINT: _default_endpoint,
    Check.DOMAIN_NAME: _domain_name,
    Check.ROUTES: _routes,
    Check.DEPLOYMENT: _deployment,
    Check.API_KEY_SOURCE: _api_key_source,
}
"""The checks of an API."""
