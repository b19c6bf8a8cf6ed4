"""The values of fields: as facts of a certificate, and as they are written in a configuration.

Functions that read facts never raise. Functions that parse raise ValueError.
"""

from __future__ import annotations

import re

from client_certificate_auth import SubjectAltName
from client_certificate_auth.helpers import read_fingerprint, read_serial_number
from client_certificate_auth.x509.der import DerError
from client_certificate_auth.x509.names import has_control_characters
from client_certificate_auth.x509.sha256 import sha256
from mtls_authorizer.rules.conditions import Fact
from mtls_authorizer.rules.names.distinguished_names import name_value, read_sorted_name, sorted_name
from mtls_authorizer.rules.names.patterns import (
    DIRECTORY_NAME,
    DNS_LABELS,
    EMAIL_LABELS,
    LABELS_WITH_SPELLINGS,
    URI_LABELS,
)
from mtls_authorizer.rules.names.written_names import read_written_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from client_certificate_auth import PeerCertificate
    from client_certificate_auth.x509.names import DistinguishedName

# C0, DEL or C1 as the string form of a name has them (RFC 4514 §2.4), after an even number of backslashes.
_ESCAPED_CONTROL = re.compile(r"(?<!\\)(?:\\\\)*\\(?:[01][0-9A-F]|7F|C2\\[89])")

# In the local part of an email address: paths to another domain, as mail systems once wrote them, and characters that
# Unicode's compatibility forms replace with an @.
_IN_NO_LOCAL_PART = frozenset("!%\ufe6b\uff20")

# What may be the final dot of a URI's host. A regular expression would take longer to compile at each start.
_DOT_AND_DELIMITER = ("./", ".?", ".#", ".:")

_SHA256_LENGTH = len(":".join(["00"] * 32))


def parse_text(text: str) -> Fact:
    """Return text as it is."""
    return Fact("", text)


def parse_distinguished_name(text: str) -> Fact:
    """Return the value of a distinguished name (RFC 4514)."""
    return Fact("", read_written_name(text))


def parse_subject_alt_name(text: str) -> Fact:
    """Return a subject alternative name, written with its type: ``DNS:api.example.com``."""
    name = SubjectAltName.from_string(text)
    if name.type == DIRECTORY_NAME:
        read_written_name(name.value)
        return Fact(name.type, read_sorted_name(name.value))
    return Fact(*name)


def parse_sha256(text: str) -> Fact:
    """Return a SHA-256 as upper-case hexadecimal pairs with colons."""
    try:
        fingerprint = read_fingerprint(text)
    except ValueError:
        message = f"{text!r} is not a SHA-256 in hexadecimal (64 digits, colons allowed; a SHA-1 has 40)"
        raise ValueError(message) from None
    if len(fingerprint) != _SHA256_LENGTH:
        message = f"{text!r} is a SHA-512: write the SHA-256"
        raise ValueError(message)
    return Fact("", fingerprint)


def parse_serial_number(text: str) -> Fact:
    """Return a serial number as upper-case hexadecimal."""
    # A string, since the hashes of integers can be made to collide by the author of a document or a certificate.
    return Fact("", f"{read_serial_number(text):X}")


def only_value_facts(certificate: PeerCertificate, attribute: str) -> list[Fact]:
    """Return the subject's values of an attribute, which are ambiguous if there are several."""
    values = certificate.subject.get_all(attribute)
    return [Fact("", value, len(values) > 1) for value in values]


def name_facts(name: DistinguishedName) -> Iterator[Fact]:
    """Return a name as a whole, and its attributes. Other spellings are ambiguous, as in ``subject_alt_name_facts``."""
    yield Fact("", name_value(name))
    spellings: list[Fact] = []
    for attribute in name:
        values = name.get_all(attribute)
        ambiguous = attribute == "CN" and len(values) > 1
        for value in values:
            yield Fact(attribute, value, ambiguous or is_misleading(attribute, value))
            if attribute in LABELS_WITH_SPELLINGS:
                spellings += _other_spellings([(attribute, value)])
    if spellings:
        from mtls_authorizer.rules.names.spellings import name_in_common_spelling  # noqa: PLC0415 -- few need it

        yield from spellings
        yield Fact("", name_in_common_spelling(name_value(name)), ambiguous=True)


def subject_alt_name_facts(certificate: PeerCertificate) -> list[Fact]:
    """Return the subject alternative names.

    If a name is not in its common spelling, such as a DNS name in lower case, the common spelling is an ambiguous fact:
    the client may have chosen the spelling, and exclusions must apply to all. Names with control characters are
    ambiguous, because some readers truncate them, and so are URIs and email addresses that some read as others.
    """
    names = certificate.subject_alt_names
    facts = [
        Fact(label, sorted_name(value), _ESCAPED_CONTROL.search(value) is not None)
        if label == DIRECTORY_NAME
        # The first condition of each part saves a call for each name.
        else Fact(
            label,
            value,
            (not value.isprintable() and has_control_characters(value))
            or (label != "DNS" and is_misleading(label, value)),
        )
        for label, value in names
    ]
    return [*facts, *_other_spellings(names)]


def is_misleading(label: str, value: str) -> bool:
    """Return whether a value begins or ends like one name, and some read another one.

    These are URIs with dot segments or encoded control characters, and email addresses in which some find another
    domain: ``a@evil.example,b@acme.example``.
    """
    if label in EMAIL_LABELS:
        local_part, _, domain = value.partition("@")
        if domain.startswith("[") and domain.endswith("]"):  # an IP address: [192.0.2.1], [IPv6:2001:db8::1]
            domain = domain[1:-1].replace(":", "")
        # Readers of headers decode "=?utf-8?q?a=40evil.example?=", also in an address (RFC 2047).
        return not _is_domain(domain) or "=?" in local_part or not _IN_NO_LOCAL_PART.isdisjoint(local_part)
    # The last condition only saves an import.
    if label not in URI_LABELS or not ("/." in value or "\\" in value or "%" in value):
        return False
    from mtls_authorizer.rules.names.spellings import may_be_another_path  # noqa: PLC0415 -- few certificates need it

    return may_be_another_path(value)


def is_ambiguous_in_patterns(label: str, value: str) -> bool:
    """Return whether a value is ambiguous for suffixes, because some may read it as a name with another end.

    These are DNS names with characters of no domain: ``evil.example/.acme.example``, also in place of email addresses.
    CAs of companies write all kinds of text as such names, so that rules can still list one exactly.
    """
    is_dns_name = label in DNS_LABELS or (label in EMAIL_LABELS and "@" not in value)
    return is_dns_name and not _is_domain(value.replace("*", ""))  # which may be a wildcard (RFC 6125 §6.4.3)


def _is_domain(text: str) -> bool:
    """Return whether text consists of letters and digits of any language, combining marks, and ``._-``.

    Some readers end a domain at any other character, or at one of its compatibility forms, such as U+FF0F for a slash.
    """
    # The normalization forms of an identifier are identifiers (UAX #31 §5.1.3).
    return f"a{text}".replace(".", "").replace("-", "").isidentifier()


def _other_spellings(names: Iterable[tuple[str, str]]) -> list[Fact]:
    """Return the common spellings of names, given by label and value, that are written in another one."""
    unusual = [
        (label, value)
        for label, value in names
        if label in LABELS_WITH_SPELLINGS
        and (
            label == DIRECTORY_NAME
            or value.endswith(".")
            or not value.isascii()
            or value != value.lower()
            or (label in URI_LABELS and any(each in value for each in _DOT_AND_DELIMITER))
        )
    ]
    if not unusual:
        return []
    from mtls_authorizer.rules.names.spellings import common_spelling  # noqa: PLC0415 -- few certificates need it

    return [
        Fact(label, spelling, ambiguous=True)
        for label, value in unusual
        if (spelling := common_spelling(label, value)) != value
    ]


def public_key_facts(certificate: PeerCertificate) -> list[Fact]:
    """Return the SHA-256 of the SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in DER.

    The digests of other encodings of the same key are ambiguous facts: a client can choose the encoding in the request
    for a renewed certificate, and exclusions must apply to it as well.
    """
    from client_certificate_auth.x509.public_key import equal_encodings  # noqa: PLC0415 -- few rules need it

    encoded = certificate.fields.public_key
    others = [other for other in equal_encodings(encoded) if other != encoded]
    return [Fact("", sha256(each).hex(":").upper(), ambiguous=each is not encoded) for each in (encoded, *others)]


# SPIFFE IDs and PSD2 statements are read by modules that only configurations with such rules import.


def parse_trust_domain(text: str) -> Fact:
    """Return a SPIFFE trust domain."""
    from mtls_authorizer.rules.names.spiffe import read_trust_domain  # noqa: PLC0415 -- see above

    return Fact("", read_trust_domain(text))


def trust_domain_facts(certificate: PeerCertificate) -> list[Fact]:
    """Return the trust domain of the certificate's SPIFFE ID, and ambiguous ones that resemble it."""
    from mtls_authorizer.rules.names.spiffe import similar_trust_domains, trust_domain  # noqa: PLC0415 -- see above

    uris = [name.value for name in certificate.subject_alt_names if name.type == "URI"]
    own = trust_domain(uris)
    similar = [Fact("", each, ambiguous=True) for each in similar_trust_domains(uris) if each != own]
    return similar if own is None else [Fact("", own), *similar]


def parse_psd2_role(text: str) -> Fact:
    """Return a role of a payment service provider, written as its name or as a dotted OID."""
    from mtls_authorizer.rules.psd2 import parse_role  # noqa: PLC0415 -- see above

    return Fact("", parse_role(text))


def psd2_role_facts(certificate: PeerCertificate) -> list[Fact]:
    """Return the roles in the PSD2 statement. There are none if it is malformed: see ``RuleSet.evaluate``."""
    from mtls_authorizer.rules.psd2 import read_psd2_statement  # noqa: PLC0415 -- see above

    try:
        statement = read_psd2_statement(certificate)
    except DerError:
        return []
    return [] if statement is None else [Fact("", role) for role in statement.roles]


def psd2_statement_problem(certificate: PeerCertificate) -> str | None:
    """Return why the PSD2 statement cannot be read; None if it can be read, or if there is none."""
    from mtls_authorizer.rules.psd2 import read_psd2_statement  # noqa: PLC0415 -- see above

    try:
        read_psd2_statement(certificate)
    except DerError as error:
        return str(error)
    return None
