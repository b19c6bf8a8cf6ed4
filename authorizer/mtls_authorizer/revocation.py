"""Revocation: which certificates their CA has withdrawn (RFC 5280 §5 and §6.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class RevocationList(Protocol):
    """What one CA says it has revoked: a CRL that was verified, or the compact index that was made of one."""

    @property
    def issuer(self) -> bytes:
        """The CA's name as the CRL has it (RFC 5280 §5.1.2.3), in DER."""

    @property
    def signer(self) -> str:
        """The CA's key: SHA-256 of its SubjectPublicKeyInfo in DER, in lower-case hexadecimal.

        It tells CAs of one name apart, and it is the key that the CRL's signature was verified with.
        """

    @property
    def number(self) -> int | None:
        """The CRL number (RFC 5280 §5.2.3), not negative and up to 20 bytes long; None where there is none."""

    @property
    def this_update(self) -> datetime:
        """When the list was issued (RFC 5280 §5.1.2.4), aware, in UTC."""

    @property
    def next_update(self) -> datetime | None:
        """When the next one comes at the latest (RFC 5280 §5.1.2.5), aware, in UTC; None where the CRL doesn't say."""

    @property
    def digest(self) -> str:
        """SHA-256 of the CRL in DER, in lower-case hexadecimal."""

    def is_revoked(self, serial_number: int) -> bool:
        """Tell whether the CA has revoked the certificate with this serial number, or holds it."""

    def serial_numbers(self) -> Iterable[int]:
        """Return those of which ``is_revoked`` is true, in the CRL's order. One may come twice, and be negative."""
