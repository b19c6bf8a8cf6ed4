"""Checks that compare a certificate with a list of allowed values.

Each ``allow_…`` takes a list once and returns a check: a function that takes a certificate and returns whether it
matches. Values must be equal, including case. A check never raises for a certificate: a value that cannot be decoded
does not match. An empty list matches no certificate, and no list matches one with ``unhandled_critical_extensions``. An
unusable list raises when the check is created: TypeError for a bare string or for items of another type, ValueError for
items that are empty or not in the form of their kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from client_certificate_auth.alternative_names import SubjectAltName
from client_certificate_auth.certificate import PeerCertificate
from client_certificate_auth.short_names import AMBIGUOUS_TYPES, DOTTED_OID, OID_BY_SHORT_NAME, SHORT_NAME_BY_OID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from client_certificate_auth.x509.names import DistinguishedName

CertificateCheck: TypeAlias = Callable[[PeerCertificate], bool]

_HEX = r"[0-9A-Fa-f]+"
_SHA256_DIGITS = 64
_SHA512_DIGITS = 128


def allow_cn(common_names: Iterable[str]) -> CertificateCheck:
    """Match a subject with exactly one common name, which is in the list.

    A subject with several common names matches no list, because it is not clear which of them names the client.
    """
    allowed = _strings(common_names, "common_names")
    return _check(lambda certificate: certificate.subject.get_single("CN") in allowed)


def allow_ou(organizational_units: Iterable[str]) -> CertificateCheck:
    """Match a subject if any of its organizational units is in the list."""
    allowed = _strings(organizational_units, "organizational_units")
    return _check(lambda certificate: not allowed.isdisjoint(certificate.subject.get_all("OU")))


def allow_organization(organizations: Iterable[str]) -> CertificateCheck:
    """Match a subject if any of its organizations is in the list."""
    allowed = _strings(organizations, "organizations")
    return _check(lambda certificate: not allowed.isdisjoint(certificate.subject.get_all("O")))


def allow_fingerprints(fingerprints: Iterable[str]) -> CertificateCheck:
    """Match a certificate whose SHA-256 or SHA-512 is in the list.

    Fingerprints are hexadecimal, in upper or lower case, with or without colons, also after ``SHA256:``. A SHA-1 raises
    ValueError, because it is broken.
    """
    allowed = {read_fingerprint(text) for text in _strings(fingerprints, "fingerprints")}
    return _check(lambda certificate: certificate.fingerprint256 in allowed or certificate.fingerprint512 in allowed)


def allow_issuer(issuers: Iterable[Mapping[str, str]] | Mapping[str, str]) -> CertificateCheck:
    """Match an issuer that has all attributes of one of the mappings.

    ``[{"O": "Acme", "CN": "Acme Issuing CA"}]``: keys are short names, except ``uid``, or dotted OIDs. If the issuer
    has several values of an attribute, one of them must be equal, but a common name matches only if there is exactly
    one. A single mapping need not be in a list.
    """
    allowed = _attribute_mappings(issuers, "issuers")
    return _check(lambda certificate: any(_has_all(certificate.issuer, attributes) for attributes in allowed))


def allow_subject(subjects: Iterable[Mapping[str, str]] | Mapping[str, str]) -> CertificateCheck:
    """Match a subject that has all attributes of one of the mappings, as ``allow_issuer`` does for issuers."""
    allowed = _attribute_mappings(subjects, "subjects")
    return _check(lambda certificate: any(_has_all(certificate.subject, attributes) for attributes in allowed))


def allow_serial(serial_numbers: Iterable[str]) -> CertificateCheck:
    """Match a certificate whose serial number is in the list: hexadecimal, any case, with or without colons.

    A serial number is unique only within its issuer (RFC 5280 §4.1.2.2): combine this check with ``allow_issuer`` if
    the truststore contains more than one CA.
    """
    allowed = {read_serial_number(text) for text in _strings(serial_numbers, "serial_numbers")}
    return _check(lambda certificate: int(certificate.serial_number, 16) in allowed)


def allow_san(subject_alt_names: Iterable[str]) -> CertificateCheck:
    """Match a certificate if any of its subject alternative names is in the list, by type and value.

    ``["DNS:api.example.com", "URI:spiffe://example/a", "email:a@example.com", "IP:192.0.2.1"]``, also ``dirName``,
    ``RID`` and ``otherName`` as ``SubjectAltName`` writes them. The form of a ``dirName`` is not checked: in another
    one, it matches no certificate.
    """
    allowed = {SubjectAltName.from_string(text) for text in _strings(subject_alt_names, "subject_alt_names")}
    return _check(lambda certificate: not allowed.isdisjoint(certificate.subject_alt_names))


def allow_email(addresses: Iterable[str]) -> CertificateCheck:
    """Match a certificate if any of its email addresses is in the list.

    These are the subject's ``emailAddress`` attributes, and the email addresses among the subject alternative names.
    """
    allowed = _strings(addresses, "addresses")

    def check(certificate: PeerCertificate) -> bool:
        alternative = [name.value for name in certificate.subject_alt_names if name.type == "email"]
        return not allowed.isdisjoint(certificate.subject.get_all("emailAddress") + alternative)

    return _check(check)


def all_of(*checks: CertificateCheck | Iterable[CertificateCheck]) -> CertificateCheck:
    """Match if every check matches. Takes checks, or one list of them; without any, raises ValueError.

    Raises TypeError for a certificate if a check returns anything true except True.
    """
    flat = _checks(checks)
    return lambda certificate: all(_matches(check, certificate) for check in flat)


def any_of(*checks: CertificateCheck | Iterable[CertificateCheck]) -> CertificateCheck:
    """Match if at least one check matches. Takes checks, or one list of them; without any, raises ValueError.

    Raises TypeError for a certificate if a check returns anything true except True.
    """
    flat = _checks(checks)
    return lambda certificate: any(_matches(check, certificate) for check in flat)


def _check(matches: CertificateCheck) -> CertificateCheck:
    """Return a check that also demands that all critical extensions are handled (RFC 5280 §4.2)."""
    return lambda certificate: not certificate.unhandled_critical_extensions and matches(certificate)


def _matches(check: CertificateCheck, certificate: PeerCertificate) -> bool:
    result: object = check(certificate)
    if result and result is not True:
        # The coroutine of an async function and a check that was created, but not called, are true for every client.
        message = f"a check must return True or False, not a value of type {type(result).__name__}"
        raise TypeError(message)
    return result is True


def _strings(values: Iterable[object], parameter: str) -> frozenset[str]:
    if isinstance(values, str | bytes):
        message = f"{parameter} must be a list of strings, not the bare string {values!r}: write [{values!r}]"
        raise TypeError(message)
    if isinstance(values, Mapping):
        message = f"{parameter} must be a list of strings, not a mapping"
        raise TypeError(message)
    strings = set()
    for item in values:
        if not isinstance(item, str):
            message = f"{parameter} must contain strings, not {item!r}"
            raise TypeError(message)
        if not item:
            message = f"{parameter} must not contain an empty string: it would match an empty attribute"
            raise ValueError(message)
        strings.add(item)
    return frozenset(strings)


def read_fingerprint(text: str) -> str:
    """Return a SHA-256 or SHA-512 in hexadecimal as ``PeerCertificate`` writes it. Raises ValueError."""
    digits = text.removeprefix("SHA256:").replace(":", "")
    if not re.fullmatch(_HEX, digits) or len(digits) not in {_SHA256_DIGITS, _SHA512_DIGITS}:
        message = f"{text!r} is not a SHA-256 or SHA-512 in hexadecimal (64 or 128 digits, colons allowed)"
        raise ValueError(message)
    return bytes.fromhex(digits).hex(":").upper()


def read_serial_number(text: str) -> int:
    """Return a serial number in hexadecimal as a number. Raises ValueError."""
    digits = text.replace(":", "")
    if not re.fullmatch(_HEX, digits.removeprefix("-")):
        message = f"{text!r} is not a serial number in hexadecimal (colons allowed)"
        raise ValueError(message)
    return int(digits, 16)


def _attribute_mappings(mappings: Iterable[object] | Mapping[str, str], parameter: str) -> list[dict[str, str]]:
    items = [mappings] if isinstance(mappings, Mapping | str) else list(mappings)
    return [_attributes(item, parameter) for item in items]


def _attributes(mapping: object, parameter: str) -> dict[str, str]:
    if not isinstance(mapping, Mapping):
        message = f"{parameter} must be a list of mappings such as {{'O': 'Acme'}}, not {mapping!r}"
        raise TypeError(message)
    if not mapping:
        message = f"{parameter} must not contain an empty mapping: every name would match it"
        raise ValueError(message)
    _strings(mapping.values(), parameter)
    _strings(mapping.keys(), parameter)
    unknown = [key for key in mapping if key not in OID_BY_SHORT_NAME and not re.fullmatch(DOTTED_OID, key)]
    if unknown:
        message = f"{parameter} has {unknown}, which are neither short names (CN, O, OU, ...) nor dotted OIDs"
        raise ValueError(message)
    attributes: dict[str, str] = dict(mapping)
    for key in attributes:
        if key in AMBIGUOUS_TYPES:
            name, oid, other_oid = AMBIGUOUS_TYPES[key]
            message = (
                f"{parameter} has {key}, which is ambiguous: write {name} ({oid}), or {other_oid} for OpenSSL's {key}"
            )
            raise ValueError(message)
        if SHORT_NAME_BY_OID.get(key) in attributes:
            message = f"{parameter} has {key} and {SHORT_NAME_BY_OID[key]}, which are the same attribute: remove one"
            raise ValueError(message)
    return {SHORT_NAME_BY_OID.get(key, key): value for key, value in attributes.items()}


def _has_all(name: DistinguishedName, attributes: Mapping[str, str]) -> bool:
    return all(
        name.get_single(key) == value if key == "CN" else value in name.get_all(key)
        for key, value in attributes.items()
    )


def _checks(checks: tuple[CertificateCheck | Iterable[CertificateCheck], ...]) -> list[CertificateCheck]:
    flat: list[CertificateCheck] = []
    for check in checks:
        flat.extend([check] if callable(check) else check)
    if not flat:
        message = "at least one check is needed: without any, every certificate would pass, or none"
        raise ValueError(message)
    if not all(map(callable, flat)):
        message = f"checks must be functions of a certificate, not {flat!r}"
        raise TypeError(message)
    return flat
