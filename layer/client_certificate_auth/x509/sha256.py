"""SHA-256 (FIPS 180-4) that does not load OpenSSL for a typical certificate.

``hashlib`` loads it, which takes a tenth of a cold start. Python's own implementation, which the standard library's
``random`` imports for the same reason, takes 2 µs longer for a typical certificate.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256 as _sha256
else:
    try:
        from _sha2 import sha256 as _sha256  # Python 3.12 and later
    except ImportError:
        try:
            from _sha256 import sha256 as _sha256  # Python 3.11
        except ImportError:  # some distributions of Linux build Python without them
            from hashlib import sha256 as _sha256

_LARGE = 4096
"""In bytes. OpenSSL is more than 10 µs faster for this length."""


def sha256(data: bytes) -> bytes:
    """Return the digest of any data: 32 bytes."""
    if len(data) < _LARGE:
        return _sha256(data).digest()
    import hashlib  # noqa: PLC0415 -- see above

    return hashlib.sha256(data).digest()
