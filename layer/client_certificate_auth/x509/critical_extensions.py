"""Critical extensions (RFC 5280 §4.2): a certificate with an unknown or unreadable one must be rejected."""

from __future__ import annotations

from client_certificate_auth.x509.der import DerError
from client_certificate_auth.x509.extensions import BASIC_CONSTRAINTS, read_basic_constraints

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def can_be_critical(oid: str, value: bytes) -> bool:
    """Return whether an extension is known and can be read, as a critical one must (RFC 5280 §4.2)."""
    if oid == BASIC_CONSTRAINTS:
        # Commonly critical in client certificates.
        read: Callable[[bytes], object] | None = read_basic_constraints
    else:
        from client_certificate_auth.x509.known_extensions import SUPPORTED  # noqa: PLC0415 -- few certificates need it

        read = SUPPORTED.get(oid)
    try:
        if read is not None:
            read(value)
    except DerError:
        return False
    return read is not None
