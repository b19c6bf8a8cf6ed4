"""The CA that signed a CRL: which one it is, and whether its CRL can prove a certificate good."""

from __future__ import annotations

from mtls_authorizer.revocation.crl.rejection import CrlError, CrlRejection
from mtls_authorizer.revocation.truststore.authority import (
    authority_key_identifier,
    matches_key_identifier,
    verifying_keys,
)
from mtls_authorizer.revocation.truststore.names import canonical_name, printed_name
from mtls_authorizer.revocation.truststore.signatures import read_signature_algorithm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.revocation.crl.fields import CrlFields
    from mtls_authorizer.revocation.crl.revocation_list import RevocationList
    from mtls_authorizer.revocation.truststore.authority import Authority
    from mtls_authorizer.revocation.truststore.bundle import Truststore


def verify_signature(fields: CrlFields, truststore: Truststore) -> str:
    """Return the fingerprint of the key that verifies a CRL. Raises CrlError.

    The validity, key usage and key identifier of the CA's certificate do not matter here: the entries of the CRL
    always revoke.
    """
    issuer = printed_name(fields.issuer)
    authorities = truststore.named(canonical_name(fields.issuer))
    if not authorities:
        raise CrlError(
            CrlRejection.UNKNOWN_ISSUER, f"no CA in the truststore has the name of the CRL's issuer, {issuer}"
        )
    algorithm = read_signature_algorithm(fields.signature_algorithm)
    if algorithm is not None and algorithm.is_weak and algorithm.hash_algorithm is not None:
        raise CrlError(
            CrlRejection.WEAK_SIGNATURE,
            f"the CRL of {issuer} is signed with {algorithm.hash_algorithm.name}; SHA-256 or stronger is required",
        )
    signer = next(verifying_keys(authorities, fields.signature_algorithm, fields.signature, fields.signed), None)
    if signer is None:
        raise CrlError(CrlRejection.INVALID_SIGNATURE, f"the CRL is not signed by the CA named as its issuer, {issuer}")
    return signer


def permitted_signers(revocation_list: RevocationList, truststore: Truststore) -> tuple[Authority, ...]:
    """Return the certificates of the issuer under which its list can prove a certificate good while they are valid."""
    identifier = authority_key_identifier(revocation_list.key_identifier)
    return tuple(
        authority
        for authority in truststore.identified(revocation_list.identity.issuer)
        if authority.may_sign_crls and matches_key_identifier(identifier, authority)
    )


def missing_signer(revocation_list: RevocationList, truststore: Truststore) -> CrlError:
    """Return why no certificate of the issuer permits its list, which was verified before, to prove anything."""
    issuer = printed_name(revocation_list.issuer_name)
    authorities = truststore.identified(revocation_list.identity.issuer)
    if not authorities:
        message = f"the issuer of the CRL, {issuer}, with its key, is not in the truststore"
        return CrlError(CrlRejection.UNKNOWN_ISSUER, message)
    if not any(authority.may_sign_crls for authority in authorities):
        message = f"{issuer} must not sign CRLs: its key usage does not include cRLSign"
        return CrlError(CrlRejection.ISSUER_MAY_NOT_SIGN, message)
    message = f"no CA in the truststore has the name of the CRL's issuer, {issuer}, and its key identifier"
    return CrlError(CrlRejection.UNKNOWN_ISSUER, message)
