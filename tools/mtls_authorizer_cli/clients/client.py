"""A client's certificate: the rules that it matches, when it expires, and whether it is renewed."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer_cli.explanation.reasons import ABOUT_RULES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_DAY = timedelta(days=1)

DEPENDS_ON_REQUEST = (None, DenyReason.CERTIFICATE_EXPIRED, DenyReason.ROUTE_NOT_ALLOWED, DenyReason.RULE_NOT_IN_EFFECT)
"""The reasons with which a certificate may be allowed for another request or, before it expired, at another time."""

_MAY_CHANGE = (*DEPENDS_ON_REQUEST, DenyReason.CERTIFICATE_NOT_YET_VALID, DenyReason.REVOCATION_STATUS_UNKNOWN)
"""The reasons with which a certificate may be allowed later, without a change to it or to the rules."""


class State(StrEnum):
    """The states of a client's certificate."""

    EXPIRED = "expired"
    EXPIRING = "expiring"
    """It expires within the time that was asked for."""

    RENEWED = "renewed"
    """It expires or has expired, and the client has a newer one that is valid for longer than that time.

    The newer one is not denied, except for some routes or at some times.
    """

    VALID = "valid"
    UNKNOWN = "unknown"
    """The log does not contain the expiry."""


class Client(NamedTuple):
    """One certificate of a client. All times are aware.

    ``name`` is the subject (RFC 4514), with an alternative name if that does not distinguish clients or is empty; None
    if a log entry contains neither. ``is_distinct`` is whether only one client is known to have the name.
    ``rules`` are the names of the matching rules, ``reason`` is the deny reason if the certificate is denied.
    ``not_after`` is exact for a certificate; the log has whole days, so that the certificate expires within one day
    after it. ``files`` are those that contain the certificate; ``requests`` and ``last_seen`` are from the log.
    """

    name: str | None
    issuer_dn: str | None
    serial_number: str | None
    fingerprint: str | None
    rules: tuple[str, ...] = ()
    reason: str | None = None
    not_after: datetime | None = None
    files: tuple[str, ...] = ()
    requests: int = 0
    last_seen: datetime | None = None
    renewed_until: datetime | None = None
    is_distinct: bool = True

    @property
    def is_exact(self) -> bool:
        """Whether the expiry is from the certificate, and not calculated from the log."""
        return bool(self.files)

    def days_to_expiry(self, now: datetime) -> int | None:
        """Return the whole days until the certificate expires, negative afterwards; None if that is not known."""
        return None if self.not_after is None else (self.not_after - now).days

    def state(self, now: datetime, until: datetime) -> State:
        """Return the state of the certificate now and until a later time."""
        if self.not_after is None:
            return State.UNKNOWN
        if self.not_after > until:
            return State.VALID
        if self.renewed_until is not None and self.renewed_until > until:
            return State.RENEWED
        # From the log, it may be valid for up to one more day.
        has_expired = now - self.not_after >= (timedelta(0) if self.is_exact else _DAY)
        return State.EXPIRED if has_expired else State.EXPIRING


def with_renewals(clients: Iterable[Client]) -> list[Client]:
    """Return the clients in the order of their expiry, each with the expiry of its certificate that lasts longest.

    Certificates are of the same client if they have the same name, and match a rule in common or have the same issuer.
    """
    by_name: dict[str | None, list[Client]] = {}
    for client in clients:
        by_name.setdefault(client.name, []).append(client)
    return sorted(
        (
            client._replace(renewed_until=_renewed_until(client, group))
            for group in by_name.values()
            for client in group
        ),
        key=lambda client: (client.not_after is None, client.not_after, client.name or ""),
    )


def _renewed_until(client: Client, others: Iterable[Client]) -> datetime | None:
    if client.name is None or client.not_after is None or not client.is_distinct:
        return None
    later = [
        other.not_after
        for other in others
        if other.not_after is not None
        and other.not_after > client.not_after
        and _is_same(client, other)
        and _replaces(other, client)
    ]
    return max(later, default=None)


def _replaces(newer: Client, older: Client) -> bool:
    """Return whether a newer certificate can be used: it is not revoked or blocked, for example."""
    # Rules that do not allow the client at all are no reason to renew its certificate again.
    return newer.reason in _MAY_CHANGE or (newer.reason == older.reason and newer.reason in ABOUT_RULES)


def _is_same(one: Client, other: Client) -> bool:
    # A certificate of another CA with the same name belongs to another client, unless a rule allows both.
    return one.issuer_dn == other.issuer_dn or not set(one.rules).isdisjoint(other.rules)
