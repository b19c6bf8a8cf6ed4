"""The rules document to change, and the configuration of the function that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer_cli import function
from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.documents.update import Access
from mtls_authorizer_cli.rules.change.trust import read_trust
from mtls_authorizer_cli.rules.rule_sources import RULES, RULES_URI, TRUSTSTORE_URI, read_location, read_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer_cli.command_line import Parser
    from mtls_authorizer_cli.rules.change.trust import Trust


class Target(NamedTuple):
    """A rules document, the settings of its function, and the truststore by which certificates are verified.

    ``function_has_truststore`` is whether the function has one, without which ``issuer_key`` matches nothing.
    """

    location: str
    access: Access
    settings: Settings
    trust: Trust | None
    function_has_truststore: bool

    def warnings(self) -> tuple[str, ...]:
        """Return what the function lacks for the new rules."""
        if self.trust is None or self.function_has_truststore:
            return ()
        return (f"the function needs {TRUSTSTORE_URI}: without it, rules with issuer_key match no client",)


def add_options(parser: Parser) -> None:
    """Add the options that name the document, the truststore and the function."""
    parser.add_argument(
        "--rules", metavar="FILE|URI", help="the rules document (default: AUTHORIZER_RULES_URI of the function)"
    )
    parser.add_argument(
        "--truststore",
        metavar="FILE|URI",
        help="the truststore of the custom domain: verify the chain, and name the key of the CA in the rule (default: "
        "TRUSTSTORE_URI)",
    )
    function.add_options(parser)


def read_target(options: argparse.Namespace, environment: Mapping[str, str]) -> Target:
    """Return the document that the options name. Raises CommandError."""
    region = None
    if options.function and not options.env_file:
        deployed = function.deployed(options)
        environment, region = deployed.environment, deployed.region
    else:
        environment = function.read_environment(options, environment)
    location = options.rules or environment.get(RULES_URI, "").strip()
    if not location:
        message = f"no rules document: name it with --rules, or the function with --function, or set {RULES_URI}"
        if RULES in environment:
            message = f"{RULES} contains the rules themselves: move them to a document, and set {RULES_URI} instead"
        raise CommandError(message)
    settings = read_settings(environment)
    truststore = options.truststore or environment.get(TRUSTSTORE_URI, "").strip()
    trust = read_trust(truststore, read_location(truststore, settings)) if truststore else None
    access = Access(region, settings.s3_bucket_owner)
    return Target(location, access, settings, trust, TRUSTSTORE_URI in environment)
