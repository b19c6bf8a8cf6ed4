"""CAs that are valid today, and their CRLs: for functions and commands that ask the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.pki.certificate_authorities import DAY, CertificateAuthority, crl_number, entry

if TYPE_CHECKING:
    from collections.abc import Iterable

TODAY = datetime.now(UTC).replace(microsecond=0)
_VALIDITY: dict[str, Any] = {"not_before": TODAY - 100 * DAY, "not_after": TODAY + 100 * DAY}
CA = CertificateAuthority("CA", **_VALIDITY)
OTHER_CA = CertificateAuthority("Other CA", **_VALIDITY)
STRANGER = CertificateAuthority("CA", **_VALIDITY)
"""It has the name of the CA, and another key."""


def crl(
    *serial_numbers: int,
    number: int = 1,
    ca: CertificateAuthority = CA,
    days_left: int = 1,
    extensions: Iterable[bytes] = (),
) -> bytes:
    """Return a CRL. A higher number is newer."""
    return ca.revoke(
        *map(entry, serial_numbers),
        this_update=TODAY - 50 * DAY + number * DAY / 10,
        next_update=TODAY + days_left * DAY,
        extensions=[crl_number(number), *extensions],
    )
