"""Reading and verifying one CRL (RFC 5280 §5)."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from client_certificate_auth.x509.der import DerError
from client_certificate_auth.x509.extensions import AUTHORITY_KEY_IDENTIFIER, read_authority_key_identifier
from mtls_authorizer.revocation.crl.encoding import crl_der
from mtls_authorizer.revocation.crl.entries import CrlEntries, find_unknown_extension
from mtls_authorizer.revocation.crl.fields import CRL_NUMBER, load_entries, read_fields
from mtls_authorizer.revocation.crl.rejection import INSTEAD_OF_INDIRECT, CrlError, CrlRejection, shown_time
from mtls_authorizer.revocation.crl.revocation_list import ListIdentity, RevocationList
from mtls_authorizer.revocation.crl.scope import COMPLETE, MOST_NAMES, CrlScope, read_crl_scope
from mtls_authorizer.revocation.crl.signer import missing_signer, permitted_signers, verify_signature
from mtls_authorizer.revocation.truststore.names import printed_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from cryptography import x509

    from mtls_authorizer.revocation.crl.fields import CrlFields
    from mtls_authorizer.revocation.truststore.authority import Authority, AuthorityId
    from mtls_authorizer.revocation.truststore.bundle import Truststore

_DELTA_CRL_INDICATOR, _ISSUING_DISTRIBUTION_POINT = "2.5.29.27", "2.5.29.28"
_KNOWN_EXTENSIONS = {AUTHORITY_KEY_IDENTIFIER, _DELTA_CRL_INDICATOR, _ISSUING_DISTRIBUTION_POINT}

LONGEST_VALUE = 4096
"""In octets: the limit for the value of an extension. Some are remembered after their CRL has left the memory, or read
again whenever any CRL has changed. Most have less than 200."""


def verify_crl(content: bytes, truststore: Truststore) -> RevocationList:
    """Read a CRL, in PEM (RFC 7468 §6, one block) or DER, and verify its signature.

    The certificates that it lists are revoked if a CA of the truststore has the issuer's name and the key that verifies
    the CRL. Whether the others are good is another question: see ``find_problem``.

    Raises CrlError, with a message for users, for every other content, and for a CRL with entries of other CAs.
    """
    return verify_with_entries(content, truststore)[0]


def verify_with_entries(content: bytes, truststore: Truststore) -> tuple[RevocationList, CrlEntries]:
    """Read and verify a CRL, as ``verify_crl`` does. Return its entries as well, from which an index is made."""
    encoded = crl_der(content)
    try:
        fields = read_fields(encoded)
    except DerError as error:
        message = f"the CRL cannot be decoded: {error}"
        raise CrlError(CrlRejection.MALFORMED, message) from error
    issuer = verify_signature(fields, truststore)
    try:
        return _read_verified(encoded, fields, issuer)
    except CrlError:
        raise
    except Exception as error:
        # cryptography decodes lazily, and raises ValueError, TypeError and others.
        message = f"the CRL cannot be decoded: {error}"
        raise CrlError(CrlRejection.MALFORMED, message) from error


def _read_verified(encoded: bytes, fields: CrlFields, issuer: AuthorityId) -> tuple[RevocationList, CrlEntries]:
    """Return a CRL that its issuer has signed, and its entries. Raises CrlError, and what cryptography raises."""
    crl, is_regular = load_entries(encoded, fields)
    this_update, next_update = crl.last_update_utc, crl.next_update_utc
    scope = _scope(fields)
    defect = _defect(encoded, crl, fields, scope, is_regular=is_regular)
    entries = CrlEntries(encoded, crl)
    revocation_list = RevocationList(
        identity=ListIdentity(issuer, _value(fields, _ISSUING_DISTRIBUTION_POINT)),
        issuer_name=fields.issuer,
        key_identifier=_value(fields, AUTHORITY_KEY_IDENTIFIER),
        scope=scope,
        number=fields.number,
        this_update=this_update,
        next_update=next_update,
        digest=hashlib.sha256(encoded).hexdigest(),
        size=len(encoded),
        is_revoked=entries.is_revoked,
        defect=defect,
        is_complete=defect is None,
        base=_value(fields, _DELTA_CRL_INDICATOR),
    )
    return revocation_list, entries


def read_crl(
    content: bytes,
    truststore: Truststore,
    now: datetime,
    *,
    max_age: timedelta = timedelta(0),
    may_be_delta: bool = False,
) -> RevocationList:
    """Read a CRL that proves certificates good at an aware time: see ``verify_crl`` and ``find_problem``.

    Raises CrlError.
    """
    verified = verify_crl(content, truststore)
    problem = find_problem(verified, truststore, now, max_age, may_be_delta=may_be_delta)
    if problem is not None:
        raise problem
    return verified


def is_stale(next_update: datetime | None, now: datetime, max_age: timedelta) -> bool:
    """Return whether the nextUpdate of a list, plus ``max_age``, has passed at an aware time.

    At exactly that time it has passed, as in OpenSSL. Without a nextUpdate, it never passes.
    """
    # No sum: nextUpdate may be the last moment that a datetime can represent (RFC 5280 §4.1.2.5).
    return next_update is not None and now - max_age >= next_update


def current_rejection(
    revocation_list: RevocationList,
    signers: tuple[Authority, ...],
    now: datetime,
    max_age: timedelta,
    *,
    may_be_delta: bool = False,
) -> CrlRejection | None:
    """Return why a list, which was verified, proves no certificate good at an aware time; None if it does.

    ``signers`` are the certificates of its issuer that permit it: see ``permitted_signers``. Any of them must be valid.
    ``thisUpdate`` must not be in the future, and ``nextUpdate`` plus ``max_age`` must be. A CRL without ``nextUpdate``
    never expires, as in OpenSSL. With ``may_be_delta``, a delta CRL passes as well, although it only revokes.
    """
    if not signers:
        return CrlRejection.UNKNOWN_ISSUER
    defect = revocation_list.defect
    if defect is not None and not (may_be_delta and defect.rejection is CrlRejection.DELTA):
        return defect.rejection
    if not any(signer.is_valid_at(now) for signer in signers):
        return CrlRejection.ISSUER_NOT_VALID
    if revocation_list.this_update > now:
        return CrlRejection.NOT_YET_VALID
    return CrlRejection.STALE if is_stale(revocation_list.next_update, now, max_age) else None


def find_problem(
    revocation_list: RevocationList,
    truststore: Truststore,
    now: datetime,
    max_age: timedelta = timedelta(0),
    *,
    may_be_delta: bool = False,
) -> CrlError | None:
    """Return why a list proves no certificate good, as ``current_rejection`` does, with a message for users."""
    signers = permitted_signers(revocation_list, truststore)
    rejection = current_rejection(revocation_list, signers, now, max_age, may_be_delta=may_be_delta)
    issuer = printed_name(revocation_list.issuer_name)
    match rejection:
        case None:
            return None
        case CrlRejection.UNKNOWN_ISSUER:
            return missing_signer(revocation_list, truststore)
        case CrlRejection.ISSUER_NOT_VALID:
            message = f"the certificate of {issuer}, which signed the CRL, is not valid at {shown_time(now)}"
        case CrlRejection.NOT_YET_VALID:
            message = f"the CRL's thisUpdate, {shown_time(revocation_list.this_update)}, is after {shown_time(now)}"
        case CrlRejection.STALE:
            message = (
                f"the CRL's nextUpdate, {shown_time(revocation_list.next_update)}, has passed at {shown_time(now)}"
            )
        case _:
            message = str(revocation_list.defect or rejection)
    return CrlError(rejection, message)


def _value(fields: CrlFields, oid: str) -> bytes | None:
    """Return the value of an extension, None without it.

    In place of a long value, return its digest, with an octet that makes it invalid DER: the CRL then only revokes.
    """
    if oid not in fields.extensions:
        return None
    _, value = fields.extensions[oid]
    return value if len(value) <= LONGEST_VALUE else b"\0" + hashlib.sha256(value).digest()


def _scope(fields: CrlFields) -> CrlScope | None:
    """Return the scope of a CRL, None if it cannot be read."""
    value = _value(fields, _ISSUING_DISTRIBUTION_POINT)
    if value is None:
        return COMPLETE
    try:
        return read_crl_scope(value, fields.issuer)
    except DerError:
        return None


def _defect(
    encoded: bytes, crl: x509.CertificateRevocationList, fields: CrlFields, scope: CrlScope | None, *, is_regular: bool
) -> CrlError | None:
    """Return why a CRL proves nothing good. Raises CrlError if it must not be used at all."""
    critical = [oid for oid, (is_critical, _) in fields.extensions.items() if is_critical]
    in_entry = find_unknown_extension(encoded, crl, len(critical))
    unknown = [oid for oid in critical if oid not in _KNOWN_EXTENSIONS]
    if unknown:
        return CrlError(CrlRejection.CRITICAL_EXTENSION, f"the CRL has an unknown critical extension: {unknown[0]}")
    if in_entry is not None:
        return CrlError(CrlRejection.CRITICAL_EXTENSION, in_entry)
    return _limitation(scope, fields) or _unreadable_part(fields, is_regular=is_regular)


def _limitation(scope: CrlScope | None, fields: CrlFields) -> CrlError | None:
    """Return why its kind or scope lets a CRL prove no certificate good."""
    if _DELTA_CRL_INDICATOR in fields.extensions:
        return CrlError(CrlRejection.DELTA, "the CRL is a delta CRL: it revokes, but proves no certificate good")
    if scope is None:
        message = (
            "the issuing distribution point of the CRL cannot be read, or has more than "
            f"{LONGEST_VALUE} bytes or {MOST_NAMES} names"
        )
        return CrlError(CrlRejection.PARTIAL, message)
    if scope.is_indirect:
        message = f"the CRL is an indirect one (indirectCRL): it proves no certificate good; {INSTEAD_OF_INDIRECT}"
        return CrlError(CrlRejection.INDIRECT, message)
    if scope.only_attributes or scope.only_some_reasons:
        what = "onlyContainsAttributeCerts" if scope.only_attributes else "onlySomeReasons"
        message = f"the CRL is limited by its issuing distribution point ({what}): it proves no certificate good"
        return CrlError(CrlRejection.PARTIAL, message)
    return None


def _unreadable_part(fields: CrlFields, *, is_regular: bool) -> CrlError | None:
    if fields.problem is not None:
        return CrlError(CrlRejection.MALFORMED, fields.problem)
    if not is_regular:
        message = "the date or the critical flag of an entry is not in DER, or not as RFC 5280 §5.1.2.6 requires"
        return CrlError(CrlRejection.MALFORMED, message)
    if fields.number is None and CRL_NUMBER in fields.extensions:
        message = "the CRL number cannot be read, is negative, or has more than 20 octets"
        return CrlError(CrlRejection.MALFORMED, message)
    try:
        value = _value(fields, AUTHORITY_KEY_IDENTIFIER)
        if value is not None:
            read_authority_key_identifier(value)
    except DerError:
        message = f"the authority key identifier of the CRL cannot be read, or has more than {LONGEST_VALUE} bytes"
        return CrlError(CrlRejection.MALFORMED, message)
    return None
