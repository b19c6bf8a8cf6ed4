"""The keys, certificates and CRLs of a local gateway: created at each start, and trusted nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local_gateway.server import LOOPBACK
from mtls_authorizer_cli.crl.options import replace_file

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path


_OIDS = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME}


class Ca(StrEnum):
    """The CAs that issue clients' certificates."""

    CLIENT = "Client CA"
    NAMESAKE = "Namesake of the Client CA"
    """Also in the truststore, with the same name and another key."""

    PARTNER = "Partner CA"
    """Also in the truststore. It publishes its CRL over HTTP."""

    PARTITIONED = "Partitioned CA"
    """Also in the truststore. It has a CRL for each part of its certificates, which name their part."""

    UNREADABLE = "Unreadable CA"
    """In the truststore, in a damaged block."""

    UNTRUSTED = "Untrusted CA"
    """Not in the truststore."""


_READABLE = (Ca.CLIENT, Ca.NAMESAKE, Ca.PARTNER, Ca.PARTITIONED)

PARTS = 20
"""So many CRLs that they are not loaded at the start, but when a certificate names them."""


class Client(NamedTuple):
    """A client and its certificate.

    ``name`` is the file's. ``subject`` contains the attributes of the distinguished name (RFC 5280 §4.1.2.6), with the
    short names CN, O and OU. The certificate of a revoked client is in its CA's first CRL. The serial number is random
    unless one is given. ``part`` is the part of its CA's certificates that the certificate names.
    """

    name: str
    subject: tuple[tuple[str, str], ...]
    expired: bool = False
    ca: Ca = Ca.CLIENT
    revoked: bool = False
    serial_number: int | None = None
    part: int | None = None


class Pki:
    """The paths of the files, which are all in PEM (RFC 7468)."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        self.truststore: Final = folder / "truststore.pem"
        """The CA certificates that API Gateway can read, to which clients' certificates must chain."""
        self.stored_truststore: Final = folder / "stored-truststore.pem"
        """The truststore as it would be in S3, with a block that cannot be read, which API Gateway ignores."""
        self.own_truststore: Final = folder / "own-truststore.pem"
        """The certificates of the user's own truststore that can be read, if there is one."""
        self.client_ca_key: Final = folder / "client-ca-key.pem"
        """The private key of the first CA in the truststore, for revoking more clients."""
        self.revocation_list: Final = folder / "client-ca.crl"
        """The CRL of the first CA in the truststore (RFC 5280 §5), as it would be in S3."""
        self.published_crl: Final = folder / "partner-ca.crl"
        """The CRL of the partner's CA, as the partner publishes it."""
        self.fetched_crl: Final = folder / "fetched.crl"
        """The CRL of the partner's CA as it is fetched, as it would be in S3."""
        self.partitions: Final = folder / "crl"
        """The folder with the CRLs of the partitioned CA, as they would be below a prefix in S3."""
        self.untrusted_ca: Final = folder / "untrusted-ca.pem"
        """The certificate of the CA that is not trusted."""
        self.server: Final = folder / "server.pem"
        """The server's private key and certificate."""
        self.server_ca: Final = folder / "server-ca.pem"
        """The CA certificate that clients need to trust the server."""

    @property
    def client_ca_fingerprint(self) -> str:
        """The SHA-256 of the public key of the CA in the truststore: in DER, as SubjectPublicKeyInfo."""
        key = x509.load_pem_x509_certificate(self.truststore.read_bytes()).public_key()
        return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()

    def client(self, client: Client) -> Path:
        """Return the file with a client's private key and certificate."""
        return self.folder / f"{client.name}.pem"

    def certificate(self, client: Client) -> str:
        """Return a client's certificate alone."""
        _, beginning, rest = self.client(client).read_text().partition("-----BEGIN CERTIFICATE-----")
        return beginning + rest

    def serial_number(self, client: Client) -> int:
        """Return the serial number of a client's certificate."""
        return x509.load_pem_x509_certificate(self.certificate(client).encode()).serial_number


def make_pki(folder: Path, clients: Collection[Client]) -> Pki:
    """Create CAs, CRLs, a server's certificate and one for each client in a folder. Replaces older ones."""
    pki = Pki(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # On AWS the server's certificate is from a public CA, which is not in the truststore.
    server_ca = _make_ca("Server CA")
    cas = {ca: _make_ca(Ca.CLIENT if ca is Ca.NAMESAKE else ca) for ca in Ca}
    server_ca.cert_pem.write_to_path(pki.server_ca)
    server_ca.issue_cert("localhost", LOOPBACK).private_key_and_cert_chain_pem.write_to_path(pki.server)
    pki.truststore.write_bytes(b"".join(cas[ca].cert_pem.bytes() for ca in _READABLE))
    unreadable = cas[Ca.UNREADABLE].cert_pem.bytes().splitlines(keepends=True)
    pki.stored_truststore.write_bytes(pki.truststore.read_bytes() + b"".join([unreadable[0], *unreadable[2:]]))
    cas[Ca.UNTRUSTED].cert_pem.write_to_path(pki.untrusted_ca)
    for client in clients:
        pki.client(client).write_bytes(issue(cas[client.ca], client))
    cas[Ca.CLIENT].private_key_pem.write_to_path(pki.client_ca_key)
    revoked = {ca: [pki.serial_number(client) for client in clients if client.revoked and client.ca is ca] for ca in Ca}
    write_revocation_list(pki, 1, revoked[Ca.CLIENT])
    partner = cas[Ca.PARTNER]
    pki.published_crl.write_bytes(
        sign_crl(partner.cert_pem.bytes(), partner.private_key_pem.bytes(), 1, revoked[Ca.PARTNER])
    )
    pki.fetched_crl.unlink(missing_ok=True)
    _write_partitions(pki, cas[Ca.PARTITIONED], [client for client in clients if client.ca is Ca.PARTITIONED])
    return pki


def _write_partitions(pki: Pki, ca: trustme.CA, clients: Iterable[Client]) -> None:
    """Sign a CRL for each part of a CA's certificates."""
    revoked = [(client.part, pki.serial_number(client)) for client in clients if client.revoked]
    pki.partitions.mkdir(exist_ok=True)
    for part in range(PARTS):
        of_part = [serial_number for of, serial_number in revoked if of == part]
        crl = sign_crl(ca.cert_pem.bytes(), ca.private_key_pem.bytes(), 1, of_part, part=part)
        (pki.partitions / f"{part}.crl").write_bytes(crl)


def write_revocation_list(pki: Pki, number: int, serial_numbers: Iterable[int]) -> None:
    """Sign a CRL with the key of the first CA in the truststore, and replace the older one. Raises CommandError."""
    crl = sign_crl(pki.truststore.read_bytes(), pki.client_ca_key.read_bytes(), number, serial_numbers)
    replace_file(pki.revocation_list, crl)


def _make_ca(name: str) -> trustme.CA:
    return trustme.CA(organization_name="Local gateway", organization_unit_name=name)


def issue(ca: trustme.CA, client: Client) -> bytes:
    """Return a client's new private key and certificate. trustme cannot create certificates with such subjects."""
    issuer = x509.load_pem_x509_certificate(ca.cert_pem.bytes())
    issuer_key = cast("ec.EllipticCurvePrivateKey", load_pem_private_key(ca.private_key_pem.bytes(), password=None))
    key = ec.generate_private_key(ec.SECP256R1())
    not_before = datetime.now(UTC) - timedelta(days=2)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(_OIDS[kind], value) for kind, value in client.subject]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(client.serial_number or x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_before + timedelta(days=1 if client.expired else 90))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if client.part is not None:
        point = x509.DistributionPoint(_part_names(client.part), relative_name=None, reasons=None, crl_issuer=None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    certificate = builder.sign(issuer_key, hashes.SHA256())
    key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key_pem + certificate.public_bytes(Encoding.PEM)


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
            _part_names(part),
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


def _part_names(part: int) -> list[x509.GeneralName]:
    """Return the name of a part of a CA's certificates, as its CRL and the certificates have it."""
    return [x509.UniformResourceIdentifier(f"http://crl.example/{part}.crl")]
