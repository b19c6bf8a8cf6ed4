"""The truststore of the custom domain, with which the chain of a new client's certificate is verified."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.revocation.issuer_keys import issuer_keys
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer_cli.command_line import CommandError, shown_file
from mtls_authorizer_cli.explanation.gateway import explain_gateway
from mtls_authorizer_cli.explanation.truststore import read_bundle

if TYPE_CHECKING:
    from datetime import datetime

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer_cli.explanation.truststore import TruststoreBundle


class Trust(NamedTuple):
    """A truststore: all of its certificates, as API Gateway uses them, and its CAs, as the authorizer does."""

    bundle: TruststoreBundle
    authorities: Truststore


def read_trust(location: str, content: bytes) -> Trust:
    """Read the truststore that was at a location. Raises CommandError."""
    try:
        return Trust(read_bundle(content), read_truststore(content))
    except ValueError as error:
        message = f"{shown_file(location)}: {error}"
        raise CommandError(message) from error


def verified_issuer_key(certificate: PeerCertificate, trust: Trust, now: datetime) -> str:
    """Return the key of the CA that signed a certificate, as ``issuer_key`` names it. ``now`` is aware.

    Raises CommandError for a certificate that API Gateway would reject, as documented, and for one whose signature the
    authorizer cannot verify.
    """
    gateway = explain_gateway(certificate, trust.bundle, now)
    if gateway.rejection is not None or gateway.skipped is not None:
        rejection = gateway.rejection
        problem = gateway.skipped if rejection is None else f"{rejection.name}: {rejection.found}"
        message = f"API Gateway would reject the certificate with this truststore: {problem}"
        raise CommandError(message)
    keys = sorted(issuer_keys(certificate, trust.authorities))
    if not keys:
        message = "no CA of the truststore is known to have signed the certificate, so issuer_key would not match"
        raise CommandError(message)
    return keys[0]
