"""A revocation list with its signer: when it proves certificates good, and which ones, and when it is in force."""

from __future__ import annotations

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.revocation.crl.reader import current_rejection
from mtls_authorizer.revocation.crl.rejection import CrlRejection
from mtls_authorizer.revocation.status import RevocationState, RevocationStatus, UnknownReason
from mtls_authorizer.revocation.succession.order import is_superseded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, timedelta

    from mtls_authorizer.revocation.chains import ChainLink
    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.crl.scope import CertificateScope
    from mtls_authorizer.revocation.truststore.authority import Authority


# All other rejections are defects.
_UNKNOWN_REASONS = {
    CrlRejection.UNKNOWN_ISSUER: UnknownReason.NO_LIST,
    CrlRejection.ISSUER_NOT_VALID: UnknownReason.ISSUER_NOT_VALID,
    CrlRejection.NOT_YET_VALID: UnknownReason.NOT_YET_VALID,
    CrlRejection.STALE: UnknownReason.STALE,
}


class SignedList(NamedTuple):
    """A list, and the certificates of its issuer that permit it to prove certificates good."""

    revocation_list: RevocationList
    signers: tuple[Authority, ...] = ()
    assume_complete: bool = False
    """Whether the list also covers certificates without distribution points, although it has a name."""

    def unknown_reason(self, now: datetime, max_age: timedelta) -> UnknownReason | None:
        """Return why the list does not prove certificates good at an aware time; None if it does."""
        rejection = current_rejection(self.revocation_list, self.signers, now, max_age)
        return None if rejection is None else _UNKNOWN_REASONS.get(rejection, UnknownReason.UNUSABLE)

    def covers(self, certificate: CertificateScope) -> bool:
        """Return whether the scope of the list includes a certificate of the issuer."""
        scope = self.revocation_list.scope
        return scope is not None and scope.covers(certificate, assume_complete=self.assume_complete)

    def can_prove_good(self, certificate: CertificateScope, now: datetime, max_age: timedelta) -> bool:
        """Return whether the list can prove a certificate of the issuer good at an aware time."""
        return self.covers(certificate) and self.unknown_reason(now, max_age) is None

    def concerns(self, link: ChainLink) -> bool:
        """Return whether the list covers or revokes a certificate of the issuer, or has an unknown scope."""
        return (
            self.revocation_list.scope is None
            or self.covers(link.scope)
            or self.revocation_list.is_revoked(link.serial_number)
        )

    def status(self, certificate: CertificateScope, unknown_reason: UnknownReason | None) -> RevocationStatus:
        """Return the status of a certificate of the issuer that is not listed."""
        if self.revocation_list.scope is not None and not self.covers(certificate):
            unknown_reason = UnknownReason.NOT_COVERED
        state = RevocationState.GOOD if unknown_reason is None else RevocationState.UNKNOWN
        return RevocationStatus(state, unknown_reason, self.revocation_list)


def in_force(
    newest_first: Sequence[SignedList], now: datetime, max_age: timedelta
) -> Iterator[tuple[SignedList, UnknownReason | None]]:
    """Yield those of some lists with the same identity that are in force at an aware time.

    Each comes with the reason why it does not prove certificates good; None if it does.
    """
    usable: list[RevocationList] = []
    for each in newest_first:
        if any(is_superseded(each.revocation_list, newer) for newer in usable):
            continue
        reason = each.unknown_reason(now, max_age)
        if reason is None:
            usable.append(each.revocation_list)
        yield each, reason
