"""The TLS settings of the ways into an API, of other front doors, and of their clients."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local_gateway.pki import Client, Pki

# X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which Python has no name for.
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)


def custom_domain_context(pki: Pki) -> ssl.SSLContext:
    """Return a server's context that demands a client certificate which chains to the truststore and is valid now.

    As API Gateway does for a custom domain with mutual TLS, and a load balancer in verify mode without a revocation
    list, it does not check revocation.
    """
    context = optional_context(pki)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def optional_context(pki: Pki) -> ssl.SSLContext:
    """Return a server's context that takes the same client certificates, or none, as CloudFront's optional mode."""
    context = default_endpoint_context(pki)
    context.verify_mode = ssl.CERT_OPTIONAL
    # In TLS 1.3 a client has finished its handshake before it learns that its certificate is refused (RFC 8446
    # §4.4.2.4), and mostly sees a broken connection. In TLS 1.2 it is told why.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(pki.truststore)
    return context


def passthrough_context(pki: Pki) -> ssl.SSLContext:
    """Return a server's context that takes any client certificate, expired or not, or none.

    As far as it goes: Python's ssl can't be told to take a certificate from a CA that it has never heard of, so this
    one knows every CA of the local gateway. A load balancer in passthrough mode needs to know none.
    """
    context = optional_context(pki)
    context.load_verify_locations(pki.untrusted_ca)
    context.verify_flags |= _NO_CHECK_TIME
    return context


def default_endpoint_context(pki: Pki) -> ssl.SSLContext:
    """Return a server's context that asks for no client certificate, as the default execute-api endpoint."""
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
