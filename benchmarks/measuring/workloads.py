"""Certificates and events for measurements: many different ones of the same shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mtls_authorizer.request.assessment import MAX_CACHED_CERTIFICATES
from tests.aws.api_events import rest_event

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

# So many that none is still in the authorizer's cache when it is used again.
CERTIFICATES = 2 * MAX_CACHED_CERTIFICATES
_COMMON_NAME = "client"
_NOT_BEFORE = datetime.now(UTC) - timedelta(days=1)


class Workload(NamedTuple):
    """A workload: clients with certificates of one shape, and a configuration that allows all of them.

    ``listed`` is the number of common names in the list. ``rules`` is the number of rules instead of a list, each for
    one common name; the last one matches. ``key`` is ``P-256`` or the length of an RSA key in bits. ``padding`` is the
    number of bytes of an unknown extension.
    """

    name: str
    listed: int = 100
    rules: int = 0
    subject_alt_names: int = 1
    key: str = "P-256"
    padding: int = 0


def write_workload(workload: Workload, folder: Path, certificates: int = CERTIFICATES) -> Path:
    """Write a workload for the measured processes, and return its path.

    Each line is JSON: first the environment variables, then events.
    """
    lines = [_make_environment(workload), *map(rest_event, _make_pems(workload, certificates))]
    path = folder / f"{workload.name}.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return path


def _make_environment(workload: Workload) -> dict[str, str]:
    names = [f"client-{number}" for number in range((workload.rules or workload.listed) - 1)] + [_COMMON_NAME]
    if not workload.rules:
        return {"ALLOWED_COMMON_NAMES": ",".join(names)}
    rules = [{"name": f"rule-{number}", "match": {"common_name": name}} for number, name in enumerate(names)]
    return {"AUTHORIZER_RULES": json.dumps({"rules": rules})}


def pem_size(path: Path) -> int:
    """Return the length of a workload's first PEM in bytes."""
    event = json.loads(path.read_text(encoding="utf-8").splitlines()[1])
    return len(event["requestContext"]["identity"]["clientCert"]["clientCertPem"])


def _make_pems(workload: Workload, count: int) -> list[str]:
    """Create certificates like those of a company's own CA, all for one key, because creating keys takes long."""
    key: CertificateIssuerPrivateKeyTypes
    if workload.key == "P-256":
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(65537, int(workload.key))
    return [_make_pem(workload, key, number) for number in range(count)]


def _make_pem(workload: Workload, key: CertificateIssuerPrivateKeyTypes, number: int) -> str:
    subject = [
        *((NameOID.COUNTRY_NAME, "US"), (NameOID.STATE_OR_PROVINCE_NAME, "Washington")),
        *((NameOID.LOCALITY_NAME, "Seattle"), (NameOID.ORGANIZATION_NAME, "Acme")),
        *((NameOID.ORGANIZATIONAL_UNIT_NAME, f"payments {number}"), (NameOID.COMMON_NAME, _COMMON_NAME)),
    ]
    issuer = [
        (NameOID.COUNTRY_NAME, "US"),
        (NameOID.ORGANIZATION_NAME, "Acme"),
        (NameOID.COMMON_NAME, "Acme Issuing CA"),
    ]
    usage = dict.fromkeys(
        (
            *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
            *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(*attribute) for attribute in subject]))
        .issuer_name(x509.Name([x509.NameAttribute(*attribute) for attribute in issuer]))
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_BEFORE + timedelta(days=365))
        .serial_number(x509.random_serial_number())
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier(bytes(20)), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(bytes(20), None, None), critical=False)
    )
    if workload.subject_alt_names:
        names = [x509.DNSName(f"host-{host}.client-{number}.example.com") for host in range(workload.subject_alt_names)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if workload.padding:
        padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), bytes(workload.padding))
        builder = builder.add_extension(padding, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
