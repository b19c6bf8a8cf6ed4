"""A list that is older than one that was in force."""

from __future__ import annotations

from mtls_authorizer.revocation.crl.rejection import CrlError, CrlRejection, shown_number, shown_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.revocation.crl.revocation_list import RevocationList


class RolledBackList:
    """A list that is older than one that was in force: its entries revoke, but it proves no certificate good."""

    def __init__(self, revocation_list: RevocationList) -> None:
        self.original = revocation_list
        self.issuer, self.signer = revocation_list.issuer, revocation_list.signer
        self.key_identifier = revocation_list.key_identifier
        self.distribution_point, self.scope = revocation_list.distribution_point, revocation_list.scope
        self.number, self.digest, self.size = revocation_list.number, revocation_list.digest, revocation_list.size
        self.is_complete, self.base = revocation_list.is_complete, revocation_list.base
        self.this_update, self.next_update = revocation_list.this_update, revocation_list.next_update
        self.defect = CrlError(
            CrlRejection.ROLLED_BACK,
            f"the CRL (number {shown_number(self.number)}, thisUpdate {shown_time(self.this_update)}) is older than "
            "the one that was in force",
        )

    def is_revoked(self, serial_number: int) -> bool:
        """Return whether the list contains a serial number."""
        return self.original.is_revoked(serial_number)
