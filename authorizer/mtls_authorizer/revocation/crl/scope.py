"""The scope of a CRL: which certificates it covers (RFC 5280 §5.2.5 and §6.3.3).

A CRL without an issuing distribution point covers all certificates of its issuer. Other CRLs are limited to a part of
the certificates (a certificate names its part in a distribution point), to users or CAs, or to some reasons.
"""

from __future__ import annotations

from itertools import islice

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.der import SEQUENCE, DerError, read_boolean, read_element, read_optional_elements
from client_certificate_auth.x509.extensions import (
    BASIC_CONSTRAINTS,
    CRL_DISTRIBUTION_POINTS,
    bit_is_set,
    read_basic_constraints,
    read_distribution_point_name,
    read_distribution_points,
)
from client_certificate_auth.x509.general_names import DIRECTORY_NAME, URI
from mtls_authorizer.revocation.truststore.names import canonical_attributes, canonical_name, name_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    from client_certificate_auth.x509.certificate import Certificate
    from client_certificate_auth.x509.der import Element
    from client_certificate_auth.x509.extensions import DistributionPoint
    from mtls_authorizer.revocation.truststore.names import CanonicalName

# The fields of an IssuingDistributionPoint: [0] distributionPoint, [1] onlyContainsUserCerts, [2] onlyContainsCACerts,
# [3] onlySomeReasons, [4] indirectCRL, [5] onlyContainsAttributeCerts.
_NAME, _USERS, _CAS, _REASONS, _INDIRECT, _ATTRIBUTES = 0xA0, 0x81, 0x82, 0x83, 0x84, 0x85

MOST_NAMES = 64
"""The maximum number of names in the distribution point of a CRL, and of those that are used of a certificate. Usually,
there are one to five. Each takes more memory than its octets."""

# The bits of ReasonFlags (§4.2.1.13). Bit 0 is unused.
_ALL_REASONS = range(1, 9)

PointName: TypeAlias = tuple[int, bytes]
"""The tag of a name of a distribution point, and its content, which CRL and certificate must encode identically; for
directory names, the digest of the canonical name."""


class CertificateScope(NamedTuple):
    """The properties of a certificate that determine which CRLs cover it."""

    is_ca: bool | None
    """None if the basic constraints cannot be read."""

    has_points: bool
    """Whether the certificate has the extension CRLDistributionPoints, even if it cannot be decoded."""

    has_only_limited_points: bool
    """Whether there are distribution points, but all are for some reasons only."""

    names: frozenset[PointName]
    """The first MOST_NAMES of the points that are for all reasons, and whose CRL the certificate's issuer signs."""

    uris: tuple[bytes, ...] = ()
    """The first MOST_NAMES URIs of all points, in their order. They are only used to find CRLs."""


class CrlScope(NamedTuple):
    """The limits of a CRL."""

    names: frozenset[PointName] | None = None
    """The names of the part that the CRL covers; None if it is not limited to a part."""

    only_users: bool = False
    only_cas: bool = False
    only_attributes: bool = False
    """Whether it covers only attribute certificates, which are not X.509 certificates."""

    only_some_reasons: bool = False
    is_indirect: bool = False
    """Whether it may contain certificates of other issuers."""

    def covers(self, certificate: CertificateScope, *, assume_complete: bool = False) -> bool:
        """Return whether the CRL would contain a certificate of its issuer if it was revoked for any reason.

        ``assume_complete`` is for CAs that have one CRL, with a name, and write no names into certificates.
        """
        if self.only_attributes or self.only_some_reasons or certificate.has_only_limited_points:
            return False
        if (self.only_users and certificate.is_ca is not False) or (self.only_cas and certificate.is_ca is not True):
            return False
        if self.names is None:
            return True
        return not self.names.isdisjoint(certificate.names) if certificate.has_points else assume_complete


COMPLETE = CrlScope()


def read_crl_scope(value: bytes, issuer: bytes) -> CrlScope:
    """Return the scope of an IssuingDistributionPoint (RFC 5280 §5.2.5). ``issuer`` is the CRL's, in DER.

    Raises DerError, also for an empty one, for contradictory limits, and for more than MOST_NAMES.
    """
    fields = read_optional_elements(
        read_element(value, SEQUENCE), (_NAME, _USERS, _CAS, _REASONS, _INDIRECT, _ATTRIBUTES)
    )
    users, cas, indirect, attributes = (
        tag in fields and read_boolean(fields[tag]) for tag in (_USERS, _CAS, _INDIRECT, _ATTRIBUTES)
    )
    if not fields or users + cas + attributes > 1:
        message = "the issuing distribution point is empty, or its limits contradict each other"
        raise DerError(message)
    names = None
    if _NAME in fields:
        full_name, relative_name = read_distribution_point_name(fields[_NAME])
        if len(full_name or ()) > MOST_NAMES:
            message = f"the issuing distribution point has more than {MOST_NAMES} names"
            raise DerError(message)
        names = frozenset(_point_names(full_name, relative_name, name_digest(canonical_name(issuer))))
    return CrlScope(names, users, cas, attributes, _REASONS in fields, indirect)


def read_certificate_scope(certificate: Certificate, issuer: CanonicalName) -> CertificateScope:
    """Return the properties of a certificate. Raises nothing for extensions that cannot be read."""
    value = certificate.extension(CRL_DISTRIBUTION_POINTS)
    if value is None:
        return CertificateScope(_is_ca(certificate), has_points=False, has_only_limited_points=False, names=frozenset())
    issuer_digest = name_digest(issuer)
    try:
        points = read_distribution_points(value)
        names = (
            name
            for point in points
            if not _is_limited(point) and _is_signed_by_issuer(point, issuer_digest)
            for name in _point_names(point.full_name, point.relative_name, issuer_digest)
        )
        first_names = frozenset(islice(names, MOST_NAMES))
    except DerError:
        points, first_names = [], frozenset()
    uris = dict.fromkeys(content for point in points for tag, content in point.full_name or () if tag == URI)
    return CertificateScope(
        _is_ca(certificate),
        has_points=True,
        has_only_limited_points=bool(points) and all(map(_is_limited, points)),
        names=first_names,
        uris=tuple(islice(uris, MOST_NAMES)),
    )


def _is_ca(certificate: Certificate) -> bool | None:
    value = certificate.extension(BASIC_CONSTRAINTS)
    try:
        return value is not None and read_basic_constraints(value)[0]
    except DerError:
        return None


def _is_limited(point: DistributionPoint) -> bool:
    """Return whether a point is for some reasons only. A CA may also list all of them."""
    reasons = point.reasons
    return reasons is not None and not all(bit_is_set(reasons, reason) for reason in _ALL_REASONS)


def _is_signed_by_issuer(point: DistributionPoint, issuer_digest: bytes) -> bool:
    """Return whether the CRL of a point is signed by the issuer of the certificate (RFC 5280 §4.2.1.13)."""
    return point.crl_issuer is None or (DIRECTORY_NAME, issuer_digest) in _comparable(point.crl_issuer)


def _point_names(
    full_name: list[Element] | None, relative_name: bytes | None, issuer_digest: bytes
) -> Iterator[PointName]:
    """Yield the names of a distribution point. A relative one is completed with the name of the CRL's issuer."""
    yield from _comparable(full_name or ())
    if relative_name is not None:
        yield DIRECTORY_NAME, name_digest([canonical_attributes(relative_name)], issuer_digest)


def _comparable(general_names: list[Element] | tuple[()]) -> Iterator[PointName]:
    for tag, content in general_names:
        yield tag, name_digest(canonical_name(content)) if tag == DIRECTORY_NAME else content
