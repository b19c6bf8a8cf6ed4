"""The TLS settings of both ways into an API, and of its clients."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local_gateway.pki import Client, Pki


def custom_domain_context(pki: Pki) -> ssl.SSLContext:
    """Return a server's context that demands a client certificate which chains to the truststore and is valid now.

    As API Gateway does for a custom domain with mutual TLS, it does not check revocation.
    """
    context = default_endpoint_context(pki)
    context.verify_mode = ssl.CERT_REQUIRED
    # In TLS 1.3 a client has finished its handshake before it learns that its certificate is refused (RFC 8446
    # §4.4.2.4), and mostly sees a broken connection. In TLS 1.2 it is told why.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(pki.truststore)
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
