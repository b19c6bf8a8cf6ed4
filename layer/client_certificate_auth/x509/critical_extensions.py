"""Critical extensions (RFC 5280 §4.2): a certificate with an unknown or unreadable one must be rejected."""

from __future__ import annotations

from client_certificate_auth.x509.der import DerError
from client_certificate_auth.x509.extensions import COMMON


def find_unhandled_critical_extensions(extensions: dict[str, tuple[bool, bytes]]) -> tuple[str, ...]:
    """Return the dotted OIDs of critical extensions that are unknown or cannot be read (RFC 5280 §4.2)."""
    return tuple([oid for oid, (critical, value) in extensions.items() if critical and not _is_handled(oid, value)])


def _is_handled(oid: str, value: bytes) -> bool:
    read = COMMON.get(oid)
    if read is None:
        from client_certificate_auth.x509.known_extensions import SUPPORTED  # noqa: PLC0415 -- few certificates need it

        read = SUPPORTED.get(oid)
    try:
        if read is not None:
            read(value)
    except DerError:
        return False
    return read is not None
