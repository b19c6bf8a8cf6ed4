"""Custom domain names, and the APIs that they are mapped to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer_cli.doctor.account.aws import Variable, command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from mtls_authorizer_cli.doctor.account.aws import Aws


class Domain(NamedTuple):
    """A custom domain name. ``truststore_uri`` is None without mutual TLS, ``truststore_version`` if it names none."""

    name: str
    truststore_uri: str | None
    truststore_version: str | None
    truststore_warnings: tuple[str, ...]
    statuses: tuple[tuple[str, str], ...]
    """The status of each endpoint, with its message."""

    mapped_stages: tuple[tuple[str, str], ...]
    """The IDs of APIs, each with a stage."""

    has_routing_rules: bool

    def __str__(self) -> str:
        return f"domain name {self.name}"

    def update(self, region: str, path: str, value: str | Variable) -> str:
        """Return the command that changes its mutual TLS."""
        operation = f"op=replace,path=/mutualTlsAuthentication/{path},value="
        return command(
            region,
            *("apigateway", "update-domain-name", "--domain-name", self.name, "--patch-operations"),
            value._replace(prefix=operation) if isinstance(value, Variable) else f"{operation}{value}",
        )


def read_domain(aws: Aws, name: str) -> Domain:
    """Return a domain name. Raises UnavailableError."""
    return _domain(aws, aws.get("apigatewayv2", "get_domain_name", DomainName=name))


def domains_of_api(aws: Aws, api_id: str) -> Iterator[Domain]:
    """Yield the domain names that are mapped to an API. Raises UnavailableError."""
    for response in aws.items("apigatewayv2", "get_domain_names", "Items"):
        domain = _domain(aws, response)
        if any(mapped == api_id for mapped, _ in domain.mapped_stages):
            yield domain


def _domain(aws: Aws, response: Mapping[str, Any]) -> Domain:
    mutual_tls = response.get("MutualTlsAuthentication", {})
    mappings: Sequence[Mapping[str, Any]] = list(
        aws.items("apigatewayv2", "get_api_mappings", "Items", DomainName=response["DomainName"])
    )
    return Domain(
        response["DomainName"],
        mutual_tls.get("TruststoreUri"),
        mutual_tls.get("TruststoreVersion"),
        tuple(mutual_tls.get("TruststoreWarnings", ())),
        tuple(
            (each.get("DomainNameStatus", ""), each.get("DomainNameStatusMessage", ""))
            for each in response.get("DomainNameConfigurations", ())
        ),
        tuple((each["ApiId"], each["Stage"]) for each in mappings),
        has_routing_rules=response.get("RoutingMode", "API_MAPPING_ONLY") != "API_MAPPING_ONLY",
    )
