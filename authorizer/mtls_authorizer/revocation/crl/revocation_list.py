"""A revocation list: a verified CRL, or the index of one."""

from __future__ import annotations

from functools import lru_cache

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.revocation.crl.rejection import CrlError, CrlRejection, shown_number, shown_time
from mtls_authorizer.revocation.truststore.authority import AuthorityId
from mtls_authorizer.revocation.truststore.names import canonical_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mtls_authorizer.revocation.crl.scope import CrlScope


class ListIdentity(NamedTuple):
    """The identity of a list: only a list with the same identity replaces it."""

    issuer: AuthorityId
    """The CA that issued the CRL, whose key verified it: the key distinguishes CAs with the same name."""

    distribution_point: bytes | None
    """The value of the issuing distribution point (RFC 5280 §5.2.5), in DER; None if the CRL has none.

    A CA may have several CRLs at the same time, which differ in it.
    """


class RevocationList(NamedTuple):
    """The certificates that a CA has revoked, all or a part of them."""

    identity: ListIdentity
    issuer_name: bytes
    """The name of the CA as the CRL has it (RFC 5280 §5.1.2.3), in DER."""

    key_identifier: bytes | None
    """The value of the authority key identifier (RFC 5280 §5.2.1), in DER; None if the CRL has none."""

    scope: CrlScope | None
    """The scope that the issuing distribution point states; None if that cannot be read."""

    number: int | None
    """The CRL number (RFC 5280 §5.2.3), not negative and at most 20 bytes long; None if the CRL has none."""

    this_update: datetime
    """The date of issue (RFC 5280 §5.1.2.4), aware, in UTC."""

    next_update: datetime | None
    """The date by which the next CRL is issued (RFC 5280 §5.1.2.5), aware, in UTC; None if the CRL has none."""

    digest: str
    """SHA-256 of the CRL in DER, in lower-case hexadecimal."""

    size: int
    """In bytes: the memory that the list takes."""

    is_revoked: Callable[[int], bool]
    """Returns whether the CA has revoked the certificate with a serial number, or put it on hold."""

    defect: CrlError | None = None
    """Why the list can never prove a certificate good. Its entries still revoke. None: it has no defect."""

    is_complete: bool = True
    """Whether it contains all certificates of its scope that the CA had revoked when it was issued.

    Delta CRLs do not, and CRLs with other defects need not.
    """

    base: bytes | None = None
    """The value of the delta CRL indicator (RFC 5280 §5.2.4), in DER; None if it is no delta CRL.

    Delta CRLs with the same one contain the changes since the same complete CRL.
    """

    source_version: str | None = None
    """The version of the stored CRL that an index was made from, if that was known: its ETag in S3."""

    def rolled_back(self) -> RevocationList:
        """Return the list as one that is older than the one that was in force: it revokes, but proves nothing good."""
        message = (
            f"the CRL (number {shown_number(self.number)}, thisUpdate {shown_time(self.this_update)}) is older than "
            "the one that was in force"
        )
        return self._replace(defect=CrlError(CrlRejection.ROLLED_BACK, message))


# There may be hundreds of CRLs of the same few CAs, and their names would take most of the time to put them in force.
_canonical_name = lru_cache(64)(canonical_name)


def make_identity(issuer_name: bytes, signer: str, distribution_point: bytes | None) -> ListIdentity:
    """Return the identity of a list of the CA with a name, in DER, and the key with a fingerprint. Raises DerError."""
    return ListIdentity(AuthorityId(_canonical_name(issuer_name), signer), distribution_point)
