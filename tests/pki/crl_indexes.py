"""Indexes of CRLs, of lists that no CA has signed, and what is in them, byte by byte."""

from __future__ import annotations

import struct
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mtls_authorizer.revocation.crl.revocation_list import RevocationList, make_identity
from mtls_authorizer.revocation.crl.scope import COMPLETE
from mtls_authorizer.revocation.index.format import write_index
from tests.pki.certificates import name

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
    key_identifier: bytes | None = None
    distribution_point: bytes | None = None

    def to_list(self) -> RevocationList:
        return RevocationList(
            identity=make_identity(self.issuer, self.signer, self.distribution_point),
            issuer_name=self.issuer,
            key_identifier=self.key_identifier,
            scope=COMPLETE,
            number=self.number,
            this_update=self.this_update,
            next_update=self.next_update,
            digest=self.digest,
            size=0,
            is_revoked=self.listed.__contains__,
        )

    def to_index(self, source_version: str | None = None) -> bytes:
        return write_index(self.to_list(), self.listed, source_version=source_version)


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
