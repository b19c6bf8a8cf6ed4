"""The fields of a certificate that rules can match: one table, FIELDS.

The lists in the environment, the rules document and its JSON Schema are derived from it; a test compares docs/rules.md.
To add a field, add an entry to the table, and a function that reads its facts from a certificate.
"""

from __future__ import annotations

from enum import StrEnum

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.short_names import DOTTED_OID
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.conditions import Comparison, Condition, Fact
from mtls_authorizer.rules.field_values import (
    name_facts,
    only_value_facts,
    parse_distinguished_name,
    parse_psd2_role,
    parse_serial_number,
    parse_sha256,
    parse_subject_alt_name,
    parse_text,
    parse_trust_domain,
    psd2_role_facts,
    public_key_facts,
    subject_alt_name_facts,
    trust_domain_facts,
)
from mtls_authorizer.rules.names.patterns import ATTRIBUTE_PATTERNS, SUBJECT_ALT_NAME_PATTERNS
from mtls_authorizer.rules.names.written_names import parse_attribute_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.rules.names.patterns import PatternRestriction


class FieldKind(StrEnum):
    """How the values of a field are written in a rules document, and how they are compared."""

    TEXT = "text"
    """Text, compared exactly, by prefix or by suffix."""

    DISTINGUISHED_NAME = "distinguished_name"
    """A whole name, compared exactly; or an object of attributes, each of which is compared like text."""

    SUBJECT_ALT_NAME = "subject_alt_name"
    """A name with its type, compared exactly; or an object with one type, whose value is compared like text."""

    IDENTIFIER = "identifier"
    """A number or a digest that can be written in several ways, compared exactly."""


class Field(NamedTuple):
    """A field that rules can match."""

    kind: FieldKind
    facts: Callable[[PeerCertificate], Iterable[Fact]]
    """Reads the field from a certificate. Never raises."""
    parse: Callable[[str], Fact]
    """Reads a value from a configuration: the fact that a certificate must have. Raises ValueError."""
    reason: DenyReason
    """The reason if a certificate does not match."""
    variable: str | None
    """The environment variable that lists values of this field."""
    meaning: str
    """The values that are compared, for the documentation."""
    syntax: str | None = None
    """A regular expression that all text accepted by ``parse`` matches, for the JSON Schema."""
    patterns: Mapping[tuple[str, Comparison], PatternRestriction] = {}
    """Restrictions on prefixes and suffixes, by label."""
    companion: str | None = None
    """A field that the rule must also match, by exactly one exact value, because values of this field are unique only
    within it: a serial number within its issuer."""
    exclusion_problem: str | None = None
    """Why an exclusion by this field would be ineffective, and what to write instead."""


ISSUER, ISSUER_KEY, SPIFFE_TRUST_DOMAIN = "issuer", "issuer_key", "spiffe_trust_domain"
ORGANIZATION_IDENTIFIER, PSD2_ROLE, SERIAL_NUMBER = "organization_identifier", "psd2_role", "serial_number"
_SHA256 = "^(SHA256:)?[0-9A-Fa-f:]{64,}$"

FIELDS: Mapping[str, Field] = {
    "common_name": Field(
        FieldKind.TEXT,
        lambda certificate: only_value_facts(certificate, "CN"),
        parse_text,
        DenyReason.COMMON_NAME_NOT_ALLOWED,
        "ALLOWED_COMMON_NAMES",
        "the subject's common name, if it has exactly one",
    ),
    "organizational_unit": Field(
        FieldKind.TEXT,
        lambda certificate: [Fact("", value) for value in certificate.subject.get_all("OU")],
        parse_text,
        DenyReason.ORGANIZATIONAL_UNIT_NOT_ALLOWED,
        "ALLOWED_ORGANIZATIONAL_UNITS",
        "any of the subject's organizational units",
    ),
    "organization": Field(
        FieldKind.TEXT,
        lambda certificate: [Fact("", value) for value in certificate.subject.get_all("O")],
        parse_text,
        DenyReason.ORGANIZATION_NOT_ALLOWED,
        "ALLOWED_ORGANIZATIONS",
        "any of the subject's organizations",
    ),
    "subject": Field(
        FieldKind.DISTINGUISHED_NAME,
        lambda certificate: name_facts(certificate.subject),
        parse_distinguished_name,
        DenyReason.SUBJECT_NOT_ALLOWED,
        None,
        "the subject: a whole DN, or some attributes",
        syntax="=",
        patterns=ATTRIBUTE_PATTERNS,
    ),
    "subject_alt_name": Field(
        FieldKind.SUBJECT_ALT_NAME,
        subject_alt_name_facts,
        parse_subject_alt_name,
        DenyReason.SUBJECT_ALT_NAME_NOT_ALLOWED,
        "ALLOWED_SUBJECT_ALT_NAMES",
        "any of the subject alternative names, by type and value",
        syntax="^(DNS|email|URI|IP|dirName|RID|otherName):.",
        patterns=SUBJECT_ALT_NAME_PATTERNS,
    ),
    ISSUER: Field(
        FieldKind.DISTINGUISHED_NAME,
        lambda certificate: name_facts(certificate.issuer),
        parse_distinguished_name,
        DenyReason.ISSUER_NOT_ALLOWED,
        "ALLOWED_ISSUERS",
        "the issuer: a whole DN, or some attributes",
        syntax="=",
        patterns=ATTRIBUTE_PATTERNS,
    ),
    "fingerprint": Field(
        FieldKind.IDENTIFIER,
        lambda certificate: [Fact("", certificate.fingerprint256)],
        parse_sha256,
        DenyReason.FINGERPRINT_NOT_ALLOWED,
        "ALLOWED_FINGERPRINTS",
        "the SHA-256 of the certificate",
        syntax=_SHA256,
        # From an ECDSA signature (r, s) anybody can make another valid one: (r, n - s).
        exclusion_problem="is not a reliable exclusion: the holder of a certificate can change its signature, and so "
        "its fingerprint. Write serial_number and issuer",
    ),
    SERIAL_NUMBER: Field(
        FieldKind.IDENTIFIER,
        lambda certificate: [parse_serial_number(certificate.serial_number)],
        parse_serial_number,
        DenyReason.SERIAL_NUMBER_NOT_ALLOWED,
        "ALLOWED_SERIAL_NUMBERS",
        "the serial number, which must be combined with exactly one issuer",
        syntax="^[-0-9A-Fa-f:]+$",
        companion=ISSUER,
    ),
    "public_key": Field(
        FieldKind.IDENTIFIER,
        public_key_facts,
        parse_sha256,
        DenyReason.PUBLIC_KEY_NOT_ALLOWED,
        None,
        "the SHA-256 of the client's public key (SubjectPublicKeyInfo), which a renewal can keep",
        syntax=_SHA256,
    ),
    ISSUER_KEY: Field(
        FieldKind.IDENTIFIER,
        # A truststore is needed: RuleSet.with_issuer_key_reader provides the facts.
        lambda _certificate: (),
        parse_sha256,
        DenyReason.ISSUER_KEY_NOT_ALLOWED,
        "ALLOWED_ISSUER_KEYS",
        "the SHA-256 of the public key of the CA in the truststore that signed the certificate",
        syntax=_SHA256,
        exclusion_problem="is not supported in exclusions: without a usable truststore, nobody would be excluded. "
        "Write issuer",
    ),
    SPIFFE_TRUST_DOMAIN: Field(
        FieldKind.IDENTIFIER,
        trust_domain_facts,
        parse_trust_domain,
        DenyReason.SPIFFE_TRUST_DOMAIN_NOT_ALLOWED,
        None,
        "the trust domain of the SPIFFE ID, which is the only URI among the alternative names",
        syntax="^[a-z0-9._-]{1,255}$",
    ),
    ORGANIZATION_IDENTIFIER: Field(
        FieldKind.TEXT,
        lambda certificate: only_value_facts(certificate, "organizationIdentifier"),
        parse_text,
        DenyReason.ORGANIZATION_IDENTIFIER_NOT_ALLOWED,
        None,
        "the subject's organization identifier (2.5.4.97), if it has exactly one",
    ),
    PSD2_ROLE: Field(
        FieldKind.IDENTIFIER,
        psd2_role_facts,
        parse_psd2_role,
        DenyReason.PSD2_ROLE_NOT_ALLOWED,
        None,
        "any of the roles of a payment service provider in the PSD2 statement (ETSI TS 119 495)",
        syntax=rf"^(PSP_(AS|PI|AI|IC)|{DOTTED_OID})$",
    ),
}
"""All fields. If several do not match, the first of them in this order is the deny reason."""

FACT_READERS = {name: field.facts for name, field in FIELDS.items()}
"""The functions that read facts from a certificate, by field."""

SUBJECT_ALT_NAME_LABELS = {"dns": "DNS", "uri": "URI", "email": "email", "ip": "IP"}
"""The types of subject alternative names that an object can name, and their labels."""


def parse_exact(field: str, text: str) -> Condition:
    """Return the condition that a field of a certificate has exactly this value. Raises ValueError."""
    label, value, _ = FIELDS[field].parse(text)
    return Condition(field, label, Comparison.EXACT, value)


def takes_long(field: str, text: str) -> bool:
    """Return whether ``parse_exact`` takes long for text of this length: for distinguished names and IP addresses."""
    kind = FIELDS[field].kind
    return kind is FieldKind.DISTINGUISHED_NAME or (
        kind is FieldKind.SUBJECT_ALT_NAME and text.startswith(("IP:", "dirName:"))
    )


def parse_label(kind: FieldKind, key: str) -> str:
    """Return the label of the facts that a key in an object selects. Raises ValueError."""
    if kind is FieldKind.SUBJECT_ALT_NAME:
        if key not in SUBJECT_ALT_NAME_LABELS:
            message = f"write one of {', '.join(SUBJECT_ALT_NAME_LABELS)}"
            raise ValueError(message)
        return SUBJECT_ALT_NAME_LABELS[key]
    return parse_attribute_type(key)
