"""The keys of the CAs in a truststore that signed a certificate, for rules that name them."""

from __future__ import annotations

from mtls_authorizer.revocation.chains import find_signers
from mtls_authorizer.revocation.truststore.signatures import read_signature_algorithm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.revocation.truststore.bundle import Truststore


def issuer_keys(certificate: PeerCertificate, truststore: Truststore) -> frozenset[str]:
    """Return the SHA-256 of the keys, in DER as SubjectPublicKeyInfo, in upper-case hexadecimal pairs with colons.

    These are the keys of immediate issuers: of CAs whose name is the certificate's issuer, whose key verifies the
    signature, and whose key usage permits it. Their validity is not checked. Signatures with hashes that are weaker
    than SHA-256 are ignored. Raises nothing.
    """
    algorithm = read_signature_algorithm(certificate.fields.signature_algorithm)
    if algorithm is None or algorithm.is_weak:
        return frozenset()
    return frozenset(
        bytes.fromhex(digest).hex(":").upper()
        for signer in find_signers(certificate.fields, truststore)
        if signer.is_permitted
        for digest in signer.authority.key_digests
    )
