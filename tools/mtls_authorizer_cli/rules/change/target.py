"""The rules document to change, and the truststore with which certificates of new clients are verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.revocation.chains import issuer_keys
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.configuration.loading import read_truststore_at
from mtls_authorizer_cli.documents.location import add_options as add_location_options
from mtls_authorizer_cli.documents.location import find_rules
from mtls_authorizer_cli.explanation.gateway import explain_gateway
from mtls_authorizer_cli.explanation.truststore import read_bundle

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from datetime import datetime

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer_cli.command_line import Parser
    from mtls_authorizer_cli.documents.location import RulesLocation
    from mtls_authorizer_cli.explanation.truststore import TruststoreBundle


class Trust(NamedTuple):
    """A truststore: all of its certificates, as API Gateway uses them, and its CAs, as the authorizer does."""

    bundle: TruststoreBundle
    authorities: Truststore


class Target(NamedTuple):
    """A rules document, and the truststore with which certificates are verified; None without one.

    ``option`` names the truststore in a further command, where the function does not.
    """

    rules: RulesLocation
    trust: Trust | None
    option: tuple[str, ...]

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
    trust = read_truststore_at(options.truststore, rules.settings, read_trust)
    option = () if options.truststore is None or options.function else ("--truststore", options.truststore)
    return Target(rules, trust, option)


def read_trust(content: bytes) -> Trust:
    """Read a truststore. Raises ValueError."""
    return Trust(read_bundle(content), read_truststore(content))


def verified_issuer_key(certificate: PeerCertificate, trust: Trust, now: datetime) -> str:
    """Return the key of the CA that signed a certificate, as ``issuer_key`` names it. ``now`` is aware.

    Raises CommandError for a certificate that API Gateway would reject, as documented, and for one whose signature the
    authorizer cannot verify.
    """
    rejection = explain_gateway(certificate, trust.bundle, now).rejection
    if rejection is not None:
        problem = f"{rejection.name}: {rejection.found}"
        message = f"API Gateway would reject the certificate with this truststore: {problem}"
        raise CommandError(message)
    keys = sorted(issuer_keys(certificate.fields, trust.authorities))
    if not keys:
        message = "no CA of the truststore is known to have signed the certificate, so issuer_key would not match"
        raise CommandError(message)
    return keys[0]
