"""The rules document to change, and the truststore with which certificates of new clients are verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer_cli.configuration.sources import read_location
from mtls_authorizer_cli.documents.location import add_options as add_location_options
from mtls_authorizer_cli.documents.location import find_rules
from mtls_authorizer_cli.rules.change.trust import read_trust

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer_cli.command_line import Parser
    from mtls_authorizer_cli.documents.location import RulesLocation
    from mtls_authorizer_cli.rules.change.trust import Trust


class Target(NamedTuple):
    """A rules document, and the truststore with which certificates are verified; None without one.

    ``option`` names the truststore in a further command, where the function does not.
    """

    rules: RulesLocation
    trust: Trust | None
    option: tuple[str, ...] = ()

    @property
    def settings(self) -> Settings:
        """The settings of the function that uses the document."""
        return self.rules.settings

    def warnings(self) -> tuple[str, ...]:
        """Return what the function lacks for the new rules."""
        if self.trust is None or self.settings.truststore_uri is not None:
            return ()
        return ("the function needs TRUSTSTORE_URI: without it, rules with issuer_key match no client",)


def add_options(parser: Parser) -> None:
    """Add the options that name the document, the truststore and the function."""
    add_location_options(parser)
    parser.add_argument(
        "--truststore",
        metavar="FILE|URI",
        help="the truststore of the custom domain: verify the chain, and name the key of the CA in the rule (default: "
        "TRUSTSTORE_URI)",
    )


def read_target(options: argparse.Namespace, environment: Mapping[str, str]) -> Target:
    """Return the document that the options name, and the truststore. Raises CommandError."""
    rules = find_rules(options, environment)
    truststore = options.truststore or rules.settings.truststore_uri
    trust = read_trust(truststore, read_location(truststore, rules.settings)) if truststore else None
    option = () if options.truststore is None or options.function else ("--truststore", options.truststore)
    return Target(rules, trust, option)
