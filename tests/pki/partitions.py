"""CRLs that cover a part of the certificates each, certificates that name them, and an authorizer that finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.policy.settings import load_settings
from tests.clocks import Clock
from tests.pki.certificate_authorities import (
    DAY,
    crl_distribution_points,
    crl_number,
    distribution_point,
    entry,
    full_name,
)
from tests.pki.certificates import name, pem, uri
from tests.pki.kept_lists import CA, NOW, EventAuthorizer, Storage, make_live

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tests.pki.certificate_authorities import CertificateAuthority

INTERVAL = 60


class PrefixAuthorizer(EventAuthorizer):
    """An authorizer with a prefix, which is listed once a minute by a clock that a test sets."""

    def __init__(self, storage: Storage, uris: str | None = None, **variables: str) -> None:
        self.clock = Clock()
        self.now = NOW
        environment = {
            "ALLOWED_COMMON_NAMES": "client",
            "CRL_URIS": uris or storage.uri("crl/"),
            "TRUSTSTORE_URI": storage.uri("truststore.pem"),
            "CRL_REFRESH_SECONDS": str(INTERVAL),
            **variables,
        }
        self.live = make_live(storage, load_settings(environment), clock=self.clock, now=lambda: self.now)
        super().__init__(self.live, clock=lambda: self.now)

    def next(self, *certificates: str) -> list[str | None]:
        """Return the deny reasons one interval later."""
        self.clock.advance(INTERVAL)
        return self.deny_reasons(*certificates)

    def loaded_crls(self) -> list[str]:
        """Return the URI of each list in memory."""
        documents, policy = self.live._revocation, self.live.get()  # noqa: SLF001 -- the memory that it takes
        assert documents is not None
        assert policy.revocation is not None
        return [located.uri for located in documents.prefix_crls.lists(policy.revocation.truststore)]


def point_uri(part: object) -> str:
    """Return the URI by which certificates and CRLs name a part, which may be a URI itself."""
    return str(part) if "://" in str(part) else f"http://ca.example/crls/{part}.crl"


def points(*uris: str) -> bytes:
    """Return the distribution points of a certificate."""
    return crl_distribution_points(*(full_name(uri(each)) for each in uris))


def client_of(part: object, serial_number: int = 1, ca: CertificateAuthority = CA) -> str:
    """Return a client's certificate that names a part; one that names none if that is None."""
    extensions = [] if part is None else [points(point_uri(part))]
    issued = ca.issue(
        serial_number,
        subject=name(("CN", "client")),
        not_before=NOW - DAY,
        not_after=NOW + 100 * DAY,
        extensions=extensions,
    )
    return pem(issued)


def partition(  # noqa: PLR0913 -- one for each field that a test wants to be odd
    part: object,
    *revoked: int,
    number: int = 1,
    ca: CertificateAuthority = CA,
    this_update: datetime | None = None,
    next_update: datetime = NOW + DAY,
    padding: int = 0,
    extensions: Sequence[bytes] = (),
) -> bytes:
    """Return the CRL of a part; the complete one if that is None. A higher number is newer.

    ``padding`` adds that many entries.
    """
    scope = [] if part is None else [distribution_point(full_name(uri(point_uri(part))))]
    return ca.revoke(
        *(entry(serial) for serial in (*revoked, *range(10_000, 10_000 + padding))),
        this_update=this_update or NOW - DAY + number * DAY / 1000,
        next_update=next_update,
        extensions=[crl_number(number), *scope, *extensions],
    )
