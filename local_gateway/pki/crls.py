"""The CRLs of the CAs of a local gateway."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric import ec


def sign_crl(ca: bytes, ca_key: bytes, number: int, serial_numbers: Iterable[int], *, part: int | None = None) -> bytes:
    """Return a CRL in PEM of a CA, whose certificate and key are in PEM: of a part of its certificates, or of all."""
    issuer = x509.load_pem_x509_certificate(ca)
    key = cast("ec.EllipticCurvePrivateKey", load_pem_private_key(ca_key, password=None))
    now = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now)
        .next_update(now + timedelta(days=30))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
    )
    if part is not None:
        scope = x509.IssuingDistributionPoint(
            part_names(part),
            relative_name=None,
            only_contains_user_certs=False,
            only_contains_ca_certs=False,
            only_some_reasons=None,
            indirect_crl=False,
            only_contains_attribute_certs=False,
        )
        builder = builder.add_extension(scope, critical=True)
    for serial_number in serial_numbers:
        entry = x509.RevokedCertificateBuilder().serial_number(serial_number).revocation_date(now).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def part_names(part: int) -> list[x509.GeneralName]:
    """Return the name of a part of a CA's certificates, as its CRL and the certificates have it."""
    return [x509.UniformResourceIdentifier(f"http://crl.example/{part}.crl")]
