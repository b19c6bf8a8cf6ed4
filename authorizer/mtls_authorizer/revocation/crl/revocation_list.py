"""The interface of a revocation list: a verified CRL, or the index of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from mtls_authorizer.revocation.crl.rejection import CrlError
    from mtls_authorizer.revocation.crl.scope import CrlScope


class Edition(Protocol):
    """The facts about a revocation list by which it is compared with others of the same CA and scope."""

    @property
    def number(self) -> int | None:
        """The CRL number (RFC 5280 §5.2.3), not negative and at most 20 bytes long; None if the CRL has none."""

    @property
    def this_update(self) -> datetime:
        """The date of issue (RFC 5280 §5.1.2.4), aware, in UTC."""

    @property
    def next_update(self) -> datetime | None:
        """The date by which the next CRL is issued (RFC 5280 §5.1.2.5), aware, in UTC; None if the CRL has none."""

    @property
    def is_complete(self) -> bool:
        """Whether it contains all certificates of its scope that the CA had revoked when it was issued.

        Delta CRLs do not, and CRLs with other defects need not.
        """

    @property
    def base(self) -> bytes | None:
        """The value of the delta CRL indicator (RFC 5280 §5.2.4), in DER; None if it is no delta CRL.

        Delta CRLs with the same one contain the changes since the same complete CRL.
        """


class RevocationList(Edition, Protocol):
    """The certificates that a CA has revoked, all or a part of them."""

    @property
    def issuer(self) -> bytes:
        """The name of the CA as the CRL has it (RFC 5280 §5.1.2.3), in DER."""

    @property
    def signer(self) -> str:
        """The key that verified the CRL: SHA-256 of its SubjectPublicKeyInfo in DER, in lower-case hexadecimal.

        It distinguishes CAs with the same name.
        """

    @property
    def key_identifier(self) -> bytes | None:
        """The value of the authority key identifier (RFC 5280 §5.2.1), in DER; None if the CRL has none."""

    @property
    def distribution_point(self) -> bytes | None:
        """The value of the issuing distribution point (RFC 5280 §5.2.5), in DER; None if the CRL has none.

        A CA may have several CRLs at the same time, which differ in it.
        """

    @property
    def scope(self) -> CrlScope | None:
        """The scope that the issuing distribution point states; None if that cannot be read."""

    @property
    def digest(self) -> str:
        """SHA-256 of the CRL in DER, in lower-case hexadecimal."""

    @property
    def size(self) -> int:
        """In bytes: the memory that the list takes."""

    @property
    def defect(self) -> CrlError | None:
        """Why the list can never prove a certificate good. Its entries still revoke. None: it has no defect."""

    def is_revoked(self, serial_number: int) -> bool:
        """Return whether the CA has revoked the certificate with this serial number, or put it on hold."""
