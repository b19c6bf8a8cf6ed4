"""Fuzzes the certificate parser against cryptography: `python -m tests.fuzz.fuzz_certificates --seconds 600`.

If both read a certificate, they agree on every field, name and extension. Only some strings differ. OpenSSL,
and so the parser, reads a NumericString, PrintableString, T61String or IA5String as Latin-1; cryptography reads UTF-8,
or rejects what is beyond the type's alphabet. OpenSSL reads a BMPString without surrogate pairs. The parser raises only
MalformedCertificateError. `layer` must be on PYTHONPATH.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from client_certificate_auth import DistinguishedName, MalformedCertificateError, PeerCertificate
from client_certificate_auth.x509.der import DerError, read_element, read_sequence_of
from client_certificate_auth.x509.extensions import (
    DistributionPoint,
    bit_is_set,
    read_authority_key_identifier,
    read_basic_constraints,
    read_bits,
    read_distribution_points,
    read_extended_key_usage,
    read_info_access,
    read_subject_key_identifier,
)
from client_certificate_auth.x509.general_names import (
    DIRECTORY_NAME,
    DNS,
    EMAIL,
    IP_ADDRESS,
    OTHER_NAME,
    REGISTERED_ID,
    URI,
    read_general_names,
)
from client_certificate_auth.x509.names import read_attributes
from tests.fuzz.command_line import repeat, run
from tests.fuzz.odd_certificates import OddCertificates
from tests.pki import der

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

    from client_certificate_auth.x509.der import Element

_READ_AS_LATIN_1 = {der.NUMERIC_STRING, der.PRINTABLE_STRING, der.T61_STRING, der.IA5_STRING}

_TAGS: dict[type[x509.GeneralName], int] = {
    x509.DNSName: DNS,
    x509.RFC822Name: EMAIL,
    x509.UniformResourceIdentifier: URI,
    x509.IPAddress: IP_ADDRESS,
    x509.DirectoryName: DIRECTORY_NAME,
    x509.RegisteredID: REGISTERED_ID,
    x509.OtherName: OTHER_NAME,
}

# The order of the bits in a KeyUsage and in ReasonFlags (RFC 5280 §4.2.1.3 and §4.2.1.13).
_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
_REASONS = {
    1: "key_compromise",
    2: "ca_compromise",
    3: "affiliation_changed",
    4: "superseded",
    5: "cessation_of_operation",
    6: "certificate_hold",
    7: "privilege_withdrawn",
    8: "aa_compromise",
}


# What cryptography raises. KeyError is for a TLS feature that it does not know (RFC 7633).
_REJECTIONS = (
    *(ValueError, TypeError, KeyError),
    *(x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType),
)


def fuzz(seed: int, **limits: float) -> Counter[str]:
    """Run until a limit is reached, and count who read the certificates. Raises FindingError."""
    certificates = OddCertificates(Random(seed))  # noqa: S311 -- to be repeatable
    with warnings.catch_warnings(action="ignore", category=UserWarning):
        return repeat(iter(certificates.make, None), compare, **limits)


def compare(certificate: bytes) -> str:
    """Return who reads a certificate in DER. Raises AssertionError if both do, and do not agree."""
    try:
        ours = PeerCertificate.from_der(certificate)
        ours.to_dict()
    except MalformedCertificateError:
        return "malformed"
    try:
        theirs = x509.load_der_x509_certificate(certificate)
        _compare_fields(ours, theirs)
        extensions = list(theirs.extensions)
    except _REJECTIONS:
        return "not read by cryptography"
    assert [(each.oid.dotted_string, each.critical) for each in extensions] == [
        (oid, critical) for oid, (critical, _) in ours.fields.extensions.items()
    ]
    for each in extensions:
        # Values that OpenSSL does not accept are ignored or reported, but do not make the certificate malformed.
        with suppress(DerError):
            _compare_extension(each.value, ours.fields.extensions[each.oid.dotted_string][1])
    return "read by both"


def _compare_fields(ours: PeerCertificate, theirs: x509.Certificate) -> None:
    fields = ours.fields
    assert fields.version == theirs.version.value + 1
    assert fields.serial_number == theirs.serial_number
    assert fields.tbs_certificate == theirs.tbs_certificate_bytes
    assert fields.signature == theirs.signature
    oid = theirs.signature_algorithm_oid.dotted_string
    assert read_element(fields.signature_algorithm, der.SEQUENCE).startswith(der.oid(oid))
    assert (ours.not_before, ours.not_after) == (theirs.not_valid_before_utc, theirs.not_valid_after_utc)
    _compare_name(fields.subject, ours.subject, theirs.subject)
    _compare_name(fields.issuer, ours.issuer, theirs.issuer)
    _compare_key(ours, theirs)


def _compare_key(ours: PeerCertificate, theirs: x509.Certificate) -> None:
    try:
        key = theirs.public_key()
    except Exception:  # noqa: BLE001 -- it raises ValueError, UnsupportedAlgorithm and more
        return
    if isinstance(key, rsa.RSAPublicKey) and ours.modulus is not None:
        numbers = key.public_numbers()
        assert (int(ours.modulus, 16), ours.bits) == (numbers.n, key.key_size)
    if isinstance(key, ec.EllipticCurvePublicKey):
        assert ours.pubkey is not None
        length = len(ours.pubkey) // 2
        assert int.from_bytes(ours.pubkey[1 : length + 1]) == key.public_numbers().x
        assert int.from_bytes(ours.pubkey[length + 1 :]) == key.public_numbers().y


def _compare_name(encoded: bytes, ours: DistinguishedName, theirs: x509.Name) -> None:
    tags = [[tag for _, tag, _ in read_attributes(rdn)] for rdn in read_sequence_of(encoded, der.SET)]
    assert ours.rdns == [
        [
            (attribute.oid.dotted_string, _text(attribute.value, tag))
            for attribute, tag in zip(rdn, rdn_tags, strict=True)
        ]
        for rdn, rdn_tags in zip(theirs.rdns, tags, strict=True)
    ]


def _text(value: str | bytes, tag: int) -> str:
    assert isinstance(value, str)
    return value.encode().decode("latin-1") if tag in _READ_AS_LATIN_1 else value


def _compare_extension(theirs: x509.ExtensionType, value: bytes) -> None:
    """Compare the value of an extension, if the parser decodes it."""
    match theirs:
        case x509.SubjectAlternativeName():
            _compare_general_names(read_general_names(read_element(value, der.SEQUENCE)), theirs)
        case x509.ExtendedKeyUsage():
            assert read_extended_key_usage(value) == tuple(usage.dotted_string for usage in theirs)
        case x509.KeyUsage():
            octets = read_bits(value)
            assert [bit_is_set(octets, bit) for bit in range(len(_USAGES))] == [
                getattr(theirs, f"_{usage}") for usage in _USAGES
            ]
        case x509.BasicConstraints():
            assert read_basic_constraints(value) == (theirs.ca, theirs.path_length)
        case x509.SubjectKeyIdentifier():
            assert read_subject_key_identifier(value) == theirs.digest
        case x509.UnrecognizedExtension():
            assert value == theirs.value
        case _:
            _compare_names_in_extension(theirs, value)


def _compare_names_in_extension(theirs: x509.ExtensionType, value: bytes) -> None:
    match theirs:
        case x509.AuthorityKeyIdentifier():
            identifier = read_authority_key_identifier(value)
            assert identifier.key_identifier == theirs.key_identifier
            assert identifier.cert_serial_number == theirs.authority_cert_serial_number
            _compare_general_names(identifier.cert_issuer, theirs.authority_cert_issuer)
        case x509.AuthorityInformationAccess():
            accesses = read_info_access(value)
            assert [method for method, _ in accesses] == [each.access_method.dotted_string for each in theirs]
            _compare_general_names([location for _, location in accesses], [each.access_location for each in theirs])
        case x509.CRLDistributionPoints():
            for point, their_point in zip(read_distribution_points(value), theirs, strict=True):
                _compare_distribution_point(point, their_point)
        case _:
            pass


def _compare_distribution_point(ours: DistributionPoint, theirs: x509.DistributionPoint) -> None:
    _compare_general_names(ours.full_name, theirs.full_name)
    _compare_general_names(ours.crl_issuer, theirs.crl_issuer)
    assert (ours.relative_name is None) == (theirs.relative_name is None)
    # cryptography does not tell of bits without a meaning.
    reasons = (
        None if ours.reasons is None else {name for bit, name in _REASONS.items() if bit_is_set(ours.reasons, bit)}
    )
    assert reasons == (None if theirs.reasons is None else {reason.name for reason in theirs.reasons})


def _compare_general_names(ours: list[Element] | None, theirs: Iterable[x509.GeneralName] | None) -> None:
    if ours is None or theirs is None:
        assert ours is None
        assert theirs is None
        return
    for (tag, content), name in zip(ours, theirs, strict=True):
        assert tag == _TAGS[type(name)]
        if isinstance(name, x509.DNSName | x509.RFC822Name | x509.UniformResourceIdentifier):
            assert content == name.value.encode()
        elif isinstance(name, x509.DirectoryName):
            _compare_name(content, DistinguishedName(content), name.value)
        elif isinstance(name, x509.RegisteredID):
            assert der.tlv(der.OID, content) == der.oid(name.value.dotted_string)


if __name__ == "__main__":
    run(fuzz, __doc__)
