"""Fetching one CRL: it is downloaded, verified as the authorizer does, and replaces an older one of the same kind."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.revocation.crl.reader import find_problem, is_stale, read_crl, verify_crl
from mtls_authorizer.revocation.crl.rejection import CrlError
from mtls_authorizer.revocation.succession.order import check_succession

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.fetch.download import Downloaded, Validators
    from mtls_authorizer.revocation.truststore.bundle import Truststore

# In case another process writes the CRL in between.
_ATTEMPTS = 3


class FetchError(Exception):
    """A CRL was downloaded and verified, but is not stored."""


class Outcome(StrEnum):
    """The result for the stored CRL."""

    STORED = "CRL stored"
    UNCHANGED = "CRL unchanged"
    FAILED = "CRL not fetched"


class FetchResult(NamedTuple):
    """The end of fetching a CRL."""

    outcome: Outcome
    crl: RevocationList | None
    """The CRL that is stored now, None if there is none that could be verified."""

    error: Exception | None = None


class Stored(NamedTuple):
    """The content of a destination: a CRL, or whatever else is there."""

    content: bytes
    validators: Validators | None = None
    """The validators that the source has sent with it; None if there are none, or if it is from elsewhere."""

    etag: str | None = None
    """Its version in S3."""


class Destination(Protocol):
    """The place where a CRL is stored."""

    def read(self) -> Stored | None:
        """Return what is stored, None if there is nothing."""

    def replace(self, stored: Stored | None, downloaded: Downloaded) -> bool:
        """Store a CRL in place of what was read. Return False if that has changed since."""


class Verification(NamedTuple):
    """What CRLs are verified against."""

    truststore: Truststore
    clock: Callable[[], datetime]
    """Returns the time, which is aware. A CRL may have been issued after the first one was downloaded."""

    max_age: timedelta


def fetch(
    destination: Destination, verification: Verification, download: Callable[[Validators | None], Downloaded | None]
) -> FetchResult:
    """Fetch a CRL. ``download`` returns it, or None if it has not changed since the validators that it receives.

    A stored CRL is replaced only by one that is usable now or a current delta CRL, of the same issuer, key and scope,
    and not older; if it has expired, also by one of another key or scope. A delta CRL never replaces a complete one.
    A stored CRL that cannot be verified is replaced, because the authorizer does not use it either. Every failure is
    reported in the result, and leaves the stored CRL unchanged.
    """
    current: RevocationList | None = None
    try:
        stored = destination.read()
        current = _verified(stored, verification)
        # A CRL that is not usable is downloaded again, even if the server reports that it has not changed.
        is_kept = current is not None and is_usable(current, verification)
        downloaded = download(stored.validators if stored is not None and is_kept else None)
        if downloaded is None:
            return FetchResult(Outcome.UNCHANGED, current)
        for _ in range(_ATTEMPTS):
            new = _acceptable(downloaded, current, verification)
            if current is not None and new.digest == current.digest:
                return FetchResult(Outcome.UNCHANGED, current)
            if destination.replace(stored, downloaded):
                return FetchResult(Outcome.STORED, new)
            stored = destination.read()
            current = _verified(stored, verification)
        message = f"another process replaced the stored CRL during all {_ATTEMPTS} attempts: the next run retries"
        raise FetchError(message)  # noqa: TRY301 -- handled as all others
    except Exception as error:  # noqa: BLE001 -- one source must not affect the others, whatever it sends
        return FetchResult(Outcome.FAILED, current, error)


def is_usable(crl: RevocationList, verification: Verification) -> bool:
    """Return whether a stored CRL proves certificates good now, or is a current delta CRL."""
    truststore, clock, max_age = verification
    return find_problem(crl, truststore, clock(), max_age, may_be_delta=True) is None


def _verified(stored: Stored | None, verification: Verification) -> RevocationList | None:
    try:
        return None if stored is None else verify_crl(stored.content, verification.truststore)
    except CrlError:
        return None


def _acceptable(downloaded: Downloaded, current: RevocationList | None, verification: Verification) -> RevocationList:
    truststore, clock, max_age = verification
    now = clock()
    new = read_crl(downloaded.content, truststore, now, max_age=max_age, may_be_delta=True)
    if current is None:
        return new
    is_expired = is_stale(current.next_update, now, max_age)
    # The revocations of an expired CRL apply, and it proves nothing good. Without it, a CA above the issuer has no CRL,
    # and is skipped: an attacker on the network could have it replaced by a CRL of another CA.
    is_of_same_ca = new.identity.issuer.name == current.identity.issuer.name
    check_succession(new, current, replaceable=is_expired and is_of_same_ca)
    # A delta CRL lacks revocations of the complete one.
    if _is_delta(new) is _is_delta(current) or (is_expired and not _is_delta(new)):
        return new
    kinds = ("delta", "complete") if _is_delta(new) else ("complete", "delta")
    message = "it is a {} CRL, and the stored one is a {} CRL: store each under a name of its own".format(*kinds)
    raise FetchError(message)


def _is_delta(crl: RevocationList) -> bool:
    return crl.base is not None
