"""Certificates with keys and signatures of their own, as a test CA issues them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trustme

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _ca() -> trustme.CA:
    return trustme.CA(organization_name="Acme, Inc.", organization_unit_name="Test CA")


def _client() -> str:
    client = _ca().issue_cert(
        "client@example.com",
        "client.example.com",
        "*.example.com",
        "192.0.2.1",
        "2001:db8::1",
        common_name="client",
        organization_name="Acme, Inc.",
        organization_unit_name="Test client",
    )
    return client.cert_chain_pems[0].bytes().decode()


CERTIFICATES: Final[Mapping[str, Callable[[], str]]] = {
    "issued-ca": lambda: _ca().cert_pem.bytes().decode(),
    "issued-client": _client,
}
"""What makes the PEM, by name."""
