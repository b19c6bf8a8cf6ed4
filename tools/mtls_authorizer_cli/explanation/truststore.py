"""The truststore of API Gateway's custom domain as a list of certificates, usable or not.

The authorizer's own ``read_truststore`` keeps CAs only, to check CRLs. API Gateway uses every readable certificate.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from client_certificate_auth.node_view import is_ca, read_any_boolean
from client_certificate_auth.x509.certificate import parse_certificate
from client_certificate_auth.x509.der import BIT_STRING, DerError, first_element, read_element
from client_certificate_auth.x509.extensions import BASIC_CONSTRAINTS, KEY_USAGE, read_basic_constraints
from client_certificate_auth.x509.handled_extensions import CHECKED_FOR_CA, HANDLED
from client_certificate_auth.x509.names import DistinguishedName
from mtls_authorizer.revocation.chains import MAX_AUTHORITIES
from mtls_authorizer.revocation.truststore.authority import read_authority
from mtls_authorizer.revocation.truststore.bundle import MAX_TRUSTSTORE_BYTES, read_blocks
from mtls_authorizer.revocation.truststore.names import canonical_name
from mtls_authorizer.revocation.truststore.signatures import is_signed_by, load_public_key
from mtls_authorizer.rules.names.distinguished_names import name_value
from mtls_authorizer_cli.certificates.content import mislabelled_kind, recognize
from mtls_authorizer_cli.certificates.files import describe_no_truststore
from mtls_authorizer_cli.command_line import text_encoding
from mtls_authorizer_cli.explanation.wording import value_text
from mtls_authorizer_cli.printed import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from client_certificate_auth.x509.certificate import Certificate

_MAX_CERTIFICATES = 1000
_MAX_PATHS = 100
"""A truststore can contain many certificates for one name and key, which makes very many paths."""

_BOUNDARY = re.compile(rb"-----(?:BEGIN|END)[ %]")
_BOUNDARY_LINE = re.compile(rb"^(?:\A\xef\xbb\xbf)?-----(?:BEGIN|END) [^\r\n-]*-----[ \t]*\r?$", re.MULTILINE)
"""A line without anything else, except for a byte order mark, as OpenSSL requires it."""
_CHECKED: dict[str, Callable[[bytes], object]] = {KEY_USAGE: partial(read_element, tag=BIT_STRING), **CHECKED_FOR_CA}
"""Functions that read the extensions that OpenSSL reads of every CA. One that cannot be read makes the CA invalid."""


class TruststoreCertificate(NamedTuple):
    """A certificate, and its position in the truststore, from 1."""

    position: int
    certificate: Certificate

    def __str__(self) -> str:
        return f"certificate {self.position} of the truststore ({printed_name(self.certificate.subject)})"


Chain: TypeAlias = tuple[TruststoreCertificate, ...]
"""CA certificates, each of which has signed the one before. The first has signed the certificate in question."""


class TruststoreBundle:
    """The certificates of a truststore, and what AWS's documentation says against it."""

    def __init__(self, certificates: Sequence[TruststoreCertificate], warnings: Sequence[str]) -> None:
        self.certificates = certificates
        self.warnings = warnings
        self._by_subject: dict[object, list[TruststoreCertificate]] = {}
        for each in certificates:
            self._by_subject.setdefault(canonical_name(each.certificate.subject), []).append(each)

    def named(self, name: bytes) -> list[TruststoreCertificate]:
        """Return the certificates with a subject, a Name in DER."""
        return self._by_subject.get(canonical_name(name), [])

    def issuers(self, certificate: Certificate) -> list[TruststoreCertificate]:
        """Return the certificates of the CA that has signed a certificate."""
        return [each for each in self.named(certificate.issuer) if _has_signed(each.certificate, certificate)]

    def chains(self, certificate: Certificate, most: int = MAX_AUTHORITIES) -> tuple[list[Chain], Chain]:
        """Return the paths from a certificate to a self-issued one with at most ``most`` CAs, and the longest path."""
        paths = list(islice(self._paths(certificate), _MAX_PATHS))
        complete = [path for path in paths if len(path) <= most and is_self_issued(path[-1].certificate)]
        return complete, max(paths, key=len, default=())

    def _paths(self, certificate: Certificate, path: Chain = ()) -> Iterator[Chain]:
        """Return the paths from a certificate, each up to its end, or to one certificate more than MAX_AUTHORITIES."""
        issuers = self.issuers(certificate)
        if path and (not issuers or is_self_issued(certificate) or len(path) > MAX_AUTHORITIES):
            yield path
            return
        for issuer in issuers:
            yield from self._paths(issuer.certificate, (*path, issuer))


def read_bundle(content: bytes) -> TruststoreBundle:
    """Read a truststore: a bundle in PEM. Raises ValueError if no certificate in it can be read."""
    certificates: list[TruststoreCertificate] = []
    warnings: list[str] = []
    recognized = recognize(content, largest_json=MAX_TRUSTSTORE_BYTES)
    for position, pem in enumerate(recognized.certificates, start=1):
        try:
            (block,) = read_blocks(pem.encode())
            certificate = parse_certificate(a2b_base64(block.body, strict_mode=True))
            # Their names are used later on.
            _ = canonical_name(certificate.subject), canonical_name(certificate.issuer)
        except ValueError as error:
            kind = mislabelled_kind(pem)
            problem = f"{error}" if kind is None else f"it is {kind} with the label of a certificate"
            if isinstance(error, Base64Error):
                problem = "its lines are not valid base64, such as after a mail program has changed them"
            warnings.append(f"certificate {position} of the truststore cannot be read, so it is ignored: {problem}")
        else:
            certificates.append(TruststoreCertificate(position, certificate))
            # The first line may be empty: it ends the headers of a block (RFC 1421 §4.4), of which there are none.
            if not all(map(str.strip, pem.split("\n")[2:-1])):
                warning = f"certificate {position} of the truststore has an empty line in it"
                warnings.append(f"{warning}: OpenSSL does not read such a file")
    if not certificates:
        raise ValueError("; ".join(warnings) or describe_no_truststore(recognized))
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


def is_self_issued(certificate: Certificate) -> bool:
    """Return whether subject and issuer are the same."""
    return canonical_name(certificate.subject) == canonical_name(certificate.issuer)


def printed_name(name: bytes) -> str:
    """Return a Name in DER for a message; in hexadecimal if it is not text."""
    try:
        return quoted(value_text(name_value(DistinguishedName(name))))
    except DerError:
        return quoted(f"#{name.hex()}")


def _limits(content: bytes, count: int) -> list[str]:
    limits = []
    if len(content) > MAX_TRUSTSTORE_BYTES:
        limits.append(f"the truststore has {len(content):,} bytes; API Gateway accepts {MAX_TRUSTSTORE_BYTES:,}")
    if count > _MAX_CERTIFICATES:
        limits.append(f"the truststore has {count:,} certificates; API Gateway accepts {_MAX_CERTIFICATES:,}")
    return limits


def _has_signed(issuer: Certificate, certificate: Certificate) -> bool:
    key = load_public_key(issuer.public_key)
    return (
        (may_be_ca(issuer) or issuer.der == certificate.der)
        and key is not None
        and is_signed_by(key, certificate.signature_algorithm, certificate.signature, certificate.tbs_certificate)
    )


def may_be_ca(certificate: Certificate) -> bool:
    """Return False only if a certificate has basic constraints of no CA, or extensions that OpenSSL cannot decode."""
    constraints = certificate.extension(BASIC_CONSTRAINTS)
    try:
        for oid, (_, value) in certificate.extensions.items():
            if oid in _CHECKED:
                _CHECKED[oid](first_element(value))
        return constraints is None or read_basic_constraints(first_element(constraints), read_any_boolean)[0]
    except DerError:
        return False


def ca_objections(path: Iterable[TruststoreCertificate]) -> Iterator[str]:
    """Yield why ``openssl verify`` rejects CAs of a path, from a client's issuer up. AWS documents none of it."""
    for cas_below, each in enumerate(path):
        problem = _ca_problem(each.certificate, cas_below)
        if problem is not None:
            yield f"openssl verify rejects {each} as a CA: {problem}. AWS does not document whether API Gateway does"


def _ca_problem(certificate: Certificate, cas_below: int) -> str | None:
    """Return why OpenSSL rejects a certificate that may be a CA's, or None."""
    unknown = [oid for oid, (critical, _) in certificate.extensions.items() if critical and oid not in HANDLED]
    if unknown:
        return f"it has a critical extension that OpenSSL does not handle ({', '.join(unknown)})"
    constraints = certificate.extension(BASIC_CONSTRAINTS)
    if constraints is None:
        return None if _is_root_without_constraints(certificate) else "it has no basic constraints"
    if not is_ca(certificate.extensions):
        return "its key usage does not include keyCertSign"
    path_length = read_basic_constraints(first_element(constraints), read_any_boolean)[1]
    if path_length is not None and cas_below > path_length:
        return f"its path length is {path_length}, and the number of CAs between it and clients is {cas_below}"
    return None


def _is_root_without_constraints(certificate: Certificate) -> bool:
    try:
        authority = read_authority(certificate) if is_self_issued(certificate) else None
    except DerError:
        return False
    return authority is not None and authority.is_ca
