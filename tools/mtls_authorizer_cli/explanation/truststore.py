"""The truststore of API Gateway's custom domain as a list of certificates, usable or not.

The authorizer's own ``read_truststore`` keeps CAs only, to check CRLs. API Gateway uses every readable certificate.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from client_certificate_auth.x509.certificate import parse_certificate
from mtls_authorizer.revocation.chains import MAX_AUTHORITIES
from mtls_authorizer.revocation.truststore.bundle import MAX_TRUSTSTORE_BYTES, read_blocks
from mtls_authorizer.revocation.truststore.names import canonical_name
from mtls_authorizer.revocation.truststore.signatures import is_signed_by, load_public_key
from mtls_authorizer_cli.certificates.content import recognize
from mtls_authorizer_cli.command_line import text_encoding
from mtls_authorizer_cli.printed import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from client_certificate_auth.x509.certificate import Certificate

_MAX_CERTIFICATES = 1000
_BOUNDARY = re.compile(rb"-----(?:BEGIN|END)[ %]")
_BOUNDARY_LINE = re.compile(rb"^(?:\A\xef\xbb\xbf)?-----(?:BEGIN|END) [^\r\n-]*-----[ \t]*\r?$", re.MULTILINE)
"""A line without anything else, except for a byte order mark, as OpenSSL requires it."""


class TruststoreCertificate(NamedTuple):
    """A certificate, and its position in the truststore, from 1."""

    position: int
    certificate: x509.Certificate

    def __str__(self) -> str:
        return f"certificate {self.position} of the truststore ({printed_name(self.certificate.subject)})"


class TruststoreBundle:
    """The certificates of a truststore, and what AWS's documentation says against it."""

    def __init__(self, certificates: Sequence[TruststoreCertificate], warnings: Sequence[str]) -> None:
        self.certificates = certificates
        self.warnings = warnings
        self._by_subject: dict[object, list[TruststoreCertificate]] = {}
        for each in certificates:
            self._by_subject.setdefault(canonical_name(each.certificate.subject.public_bytes()), []).append(each)

    def named(self, name: x509.Name) -> list[TruststoreCertificate]:
        """Return the certificates with a subject."""
        return self._by_subject.get(canonical_name(name.public_bytes()), [])

    def issuers(self, certificate: x509.Certificate) -> list[TruststoreCertificate]:
        """Return the certificates of the CA that has signed a certificate."""
        return [each for each in self.named(certificate.issuer) if _has_signed(each.certificate, certificate)]

    def paths(
        self, certificate: x509.Certificate, path: tuple[TruststoreCertificate, ...] = ()
    ) -> Iterator[tuple[TruststoreCertificate, ...]]:
        """Return the paths from a certificate, each up to its end, or to one certificate more than MAX_AUTHORITIES."""
        issuers = self.issuers(certificate)
        if path and (not issuers or is_self_issued(certificate) or len(path) > MAX_AUTHORITIES):
            yield path
            return
        for issuer in issuers:
            yield from self.paths(issuer.certificate, (*path, issuer))


def read_bundle(content: bytes) -> TruststoreBundle:
    """Read a truststore: a bundle in PEM. Raises ValueError if no certificate in it can be read."""
    certificates: list[TruststoreCertificate] = []
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
            certificates.append(TruststoreCertificate(position, certificate))
    if not certificates:
        message = f"is {recognized.kinds[0]}: name the truststore, a bundle of CA certificates in PEM"
        raise ValueError(message if not warnings else "; ".join(warnings))
    form = "DER" if recognized.is_der else "UTF-16" if text_encoding(content) == "utf-16" else None
    if form is not None:
        warnings.append(f"the truststore is in {form}, and API Gateway requires PEM")
    elif len(_BOUNDARY_LINE.findall(content)) < len(_BOUNDARY.findall(content)):
        warnings.append(
            "a BEGIN or END line contains something else, such as the BEGIN line of the next certificate, or "
            r"\n in place of a line end: OpenSSL does not read such a certificate"
        )
    else:
        try:
            read_blocks(content)
        except ValueError as error:
            warnings.append(f"{error} The authorizer rejects such a file at TRUSTSTORE_URI as a whole")
    return TruststoreBundle(certificates, [*warnings, *_limits(content, len(certificates))])


def is_self_issued(certificate: x509.Certificate) -> bool:
    """Return whether subject and issuer are the same. Raises nothing: names that cannot be decoded are not."""
    try:
        return canonical_name(certificate.subject.public_bytes()) == canonical_name(certificate.issuer.public_bytes())
    except Exception:  # noqa: BLE001 -- cryptography raises ValueError and more
        return False


def printed_name(name: x509.Name) -> str:
    """Return a name for a message."""
    return quoted(name.rfc4514_string())


def _limits(content: bytes, count: int) -> list[str]:
    limits = []
    if len(content) > MAX_TRUSTSTORE_BYTES:
        limits.append(f"the truststore has {len(content):,} bytes; API Gateway accepts {MAX_TRUSTSTORE_BYTES:,}")
    if count > _MAX_CERTIFICATES:
        limits.append(f"the truststore has {count:,} certificates; API Gateway accepts {_MAX_CERTIFICATES:,}")
    return limits


def _has_signed(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        key = load_public_key(_fields(issuer).public_key)
        signed = _fields(certificate)
        return (
            may_be_ca(issuer)
            and key is not None
            and is_signed_by(key, signed.signature_algorithm, signed.signature, signed.tbs_certificate)
        )
    except Exception:  # noqa: BLE001 -- keys of unknown kinds, and extensions that cannot be decoded
        return False


def _fields(certificate: x509.Certificate) -> Certificate:
    return parse_certificate(certificate.public_bytes(Encoding.DER))


def may_be_ca(certificate: x509.Certificate) -> bool:
    """Return False only if the certificate says that it is not a CA's, and is not its own issuer either.

    Raises what cryptography raises for extensions that cannot be decoded: ValueError and more.
    """
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return True
    return constraints.ca or is_self_issued(certificate)
