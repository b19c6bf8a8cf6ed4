"""Indexes of CRLs, of lists that no CA has signed, and what is in them, byte by byte."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mtls_authorizer.revocation.crl.scope import COMPLETE, CrlScope
from mtls_authorizer.revocation.index.format import write_index
from tests.pki.certificates import name

if TYPE_CHECKING:
    from mtls_authorizer.revocation.crl.rejection import CrlError

CHECKSUM_LENGTH = 16
NEXT_UPDATE = datetime(2026, 12, 1, tzinfo=UTC)


class ListedRevocations(NamedTuple):
    """A revocation list of given serial numbers."""

    listed: tuple[int, ...] = ()
    number: int | None = 7
    this_update: datetime = datetime(2026, 11, 1, 12, 30, 59, tzinfo=UTC)
    next_update: datetime | None = NEXT_UPDATE
    issuer: bytes = name(("CN", "Test CA"))
    signer: str = "5a" * 32
    digest: str = "c3" * 32
    size: int = 0
    key_identifier: bytes | None = None
    distribution_point: bytes | None = None
    scope: CrlScope | None = COMPLETE
    defect: CrlError | None = None
    is_complete: bool = True
    base: bytes | None = None

    def is_revoked(self, serial_number: int) -> bool:
        return serial_number in self.listed

    def to_index(self, source_version: str | None = None) -> bytes:
        return write_index(self, self.listed, source_version=source_version)


def with_checksum(body: bytes) -> bytes:
    """Return an index whose checksum is right, whatever the rest of it is."""
    return body + AESGCM(b"index, no secret").encrypt(bytes(12), b"", body)


def indexed_serial_numbers(index: bytes) -> list[int]:
    """Return the serial numbers in an index, in its order."""
    width, count = struct.unpack_from(">BQ", index, 10)
    entries = index[-count * width - CHECKSUM_LENGTH : -CHECKSUM_LENGTH]
    return [
        int.from_bytes(entries[place : place + width]) - 2 ** (8 * width - 1) for place in range(0, len(entries), width)
    ]
