"""The truststore of API Gateway's custom domain as a list of certificates, usable or not.

The authorizer's own ``read_truststore`` keeps CAs only, to check CRLs. API Gateway uses every readable certificate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509

from mtls_authorizer.revocation.truststore import MAX_TRUSTSTORE_BYTES
from mtls_authorizer_cli.content import recognize

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_CERTIFICATES = 1000


class TruststoreBundle(NamedTuple):
    """The certificates of a truststore, with their positions from 1, and what AWS's documentation says against it."""

    certificates: Sequence[tuple[int, x509.Certificate]]
    warnings: Sequence[str] = ()


def read_bundle(content: bytes) -> TruststoreBundle:
    """Read a truststore: a bundle in PEM. Raises ValueError if no certificate in it can be read."""
    certificates: list[tuple[int, x509.Certificate]] = []
    warnings: list[str] = []
    recognized = recognize(content)
    for position, pem in enumerate(recognized.certificates, start=1):
        try:
            certificate = x509.load_pem_x509_certificate(pem.encode())
            # These are decoded when they are first used, and can raise as well.
            _ = certificate.subject, certificate.issuer
        except Exception as error:  # noqa: BLE001 -- cryptography raises ValueError and more
            warnings.append(f"certificate {position} of the truststore cannot be read, so it is ignored: {error}")
        else:
            certificates.append((position, certificate))
    if not certificates:
        message = f"is {recognized.kinds[0]}: name the truststore, a bundle of CA certificates in PEM"
        raise ValueError(message if not warnings else "; ".join(warnings))
    if recognized.is_der:
        warnings.append("the truststore is in DER, and API Gateway requires PEM")
    return TruststoreBundle(certificates, [*warnings, *_limits(content, certificates)])


def _limits(content: bytes, certificates: Sequence[tuple[int, x509.Certificate]]) -> list[str]:
    limits = []
    if len(content) > MAX_TRUSTSTORE_BYTES:
        limits.append(f"the truststore has {len(content):,} bytes; API Gateway accepts {MAX_TRUSTSTORE_BYTES:,}")
    if len(certificates) > _MAX_CERTIFICATES:
        limits.append(
            f"the truststore has {len(certificates):,} certificates; API Gateway accepts {_MAX_CERTIFICATES:,}"
        )
    return limits
