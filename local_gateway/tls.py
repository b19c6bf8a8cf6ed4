"""The TLS settings of APIs, of other front doors, and of their clients."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from local_gateway.pki.certificates import Client, Pki

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python has no name for.
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)


def custom_domain_context(pki: Pki, truststore: Path) -> ssl.SSLContext:
    """Return a server's context that requires a client certificate that chains to the truststore and is valid now.

    Like API Gateway's custom domains with mutual TLS, and load balancers in verify mode without a revocation list, it
    does not check revocation.
    """
    context = optional_context(pki, truststore)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def optional_context(pki: Pki, truststore: Path) -> ssl.SSLContext:
    """Return a server's context that accepts the same client certificates, or none, as CloudFront's optional mode."""
    context = default_endpoint_context(pki)
    context.verify_mode = ssl.CERT_OPTIONAL
    # In TLS 1.3 a client completes the handshake before the server rejects its certificate (RFC 8446 §4.4.2.4), and
    # usually sees a closed connection. In TLS 1.2 it receives the alert that names the reason.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(truststore)
    return context


def passthrough_context(pki: Pki, truststore: Path) -> ssl.SSLContext:
    """Return a server's context that accepts any client certificate of a known CA, expired or not, or none.

    A load balancer in passthrough mode also accepts certificates of unknown CAs, which Python's ssl cannot do. So this
    context trusts every CA of the local gateway.
    """
    context = optional_context(pki, truststore)
    context.load_verify_locations(pki.untrusted_ca)
    context.verify_flags |= _NO_CHECK_TIME
    return context


def default_endpoint_context(pki: Pki) -> ssl.SSLContext:
    """Return a server's context that asks for no client certificate, like the default execute-api endpoint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pki.server)
    return context


def client_context(pki: Pki, client: Client | None) -> ssl.SSLContext:
    """Return the context of a client, or of one without a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(pki.server_ca)
    if client is not None:
        context.load_cert_chain(pki.client(client))
    return context
