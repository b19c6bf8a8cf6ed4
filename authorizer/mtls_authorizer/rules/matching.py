"""What a rule can match on: the fields of a certificate, and the conditions that its values meet.

``FIELDS`` is the one table of fields. The environment's lists, the rules document, its JSON Schema and the README
agree with it.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cryptography import x509

from client_certificate_auth import SubjectAltName
from client_certificate_auth.helpers import read_fingerprint, read_serial_number
from client_certificate_auth.short_names import DOTTED_OID, OID_BY_SHORT_NAME, SHORT_NAME_BY_OID
from mtls_authorizer.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping

    from client_certificate_auth import PeerCertificate
    from client_certificate_auth.names import DistinguishedName

SUBJECT_ALT_NAME_LABELS = {"dns": "DNS", "uri": "URI", "email": "email", "ip": "IP"}
"""The types of subject alternative names that an object in a rules document can ask for."""

WITHOUT_PATTERNS = frozenset({"IP"})
"""Those that are compared as a whole only: the beginning of an address is no network."""

OF_SEVERAL = {"": "of several", "CN": "CN of several"}
"""The labels of a common name that isn't the only one, by the usual one. Only exclusions look for these."""

_SHA256_LENGTH = 32 * 3 - 1

Fact: TypeAlias = "tuple[str, Hashable]"
"""Something that a certificate says in a field: a label, such as ``URI`` or ``O``, empty where there is one kind only,
and a value."""


class Comparison(StrEnum):
    """How a condition compares a value: to the character, case included."""

    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"

    # Enum's own is written in Python, and conditions are hashed for each certificate.
    __hash__ = str.__hash__


class Condition(NamedTuple):
    """Something that one fact of a field must be. Prefixes and suffixes are of strings."""

    field: str
    label: str
    comparison: Comparison
    value: Hashable


def read_text(text: str) -> Fact:
    """Return the fact of a field with one kind of facts, which are as they are written."""
    return "", text


class Field(NamedTuple):
    """A field that rules can match on.

    ``facts`` reads it from a certificate and raises nothing. ``variable`` is the list for it in the environment, and
    ``reason`` is given where a certificate doesn't match. ``read`` makes the fact that a certificate must have of what
    somebody has written, and raises ValueError.

    ``label`` makes a label of a key, where the field has several kinds of facts, and raises ValueError. An object has
    then one such key, or some with ``combines``. Without ``patterns``, only what is exact is compared.
    """

    facts: Callable[[PeerCertificate], Iterable[Fact]]
    reason: Reason
    variable: str | None
    meaning: str
    read: Callable[[str], Fact] = read_text
    patterns: bool = True
    label: Callable[[str], str] | None = None
    combines: bool = False


class Matcher(NamedTuple):
    """A field that must match: any of the alternatives. An alternative is met if all of its conditions hold."""

    field: str
    alternatives: frozenset[Condition]
    """Those of one condition, which nearly all are: however many, it takes no longer."""
    combinations: tuple[frozenset[Condition], ...] = ()
    """Those of several."""

    def matches(self, holding: frozenset[Condition]) -> bool:
        """Return whether the field matches, given the conditions that hold for a certificate."""
        return not self.alternatives.isdisjoint(holding) or any(
            combination <= holding for combination in self.combinations
        )

    def conditions(self) -> Iterator[Condition]:
        """Return all conditions."""
        yield from self.alternatives
        for combination in self.combinations:
            yield from combination


def make_matcher(field: str, alternatives: Iterable[frozenset[Condition]]) -> Matcher:
    """Return a matcher for alternatives. Raises ValueError without any, or for one without conditions."""
    single: set[Condition] = set()
    several: list[frozenset[Condition]] = []
    for conditions in alternatives:
        if not conditions:
            message = f"{field}: an alternative without conditions would match every certificate"
            raise ValueError(message)
        if len(conditions) == 1:
            single.update(conditions)
        else:
            several.append(conditions)
    if not single and not several:
        message = f"{field}: a matcher needs something to match"
        raise ValueError(message)
    return Matcher(field, frozenset(single), tuple(several))


def make_exclusion(matcher: Matcher) -> Matcher:
    """Return a matcher to exclude with: for it, each of several common names counts.

    Nobody can say which one they mean, so none lets in, and each keeps out.
    """
    if not any(_is_common_name(condition) for condition in matcher.conditions()):
        return matcher
    alternatives = [frozenset([condition]) for condition in matcher.alternatives] + list(matcher.combinations)
    return make_matcher(matcher.field, [*alternatives, *map(_of_several, alternatives)])


def _is_common_name(condition: Condition) -> bool:
    return condition.field == "common_name" or condition.label == "CN"


def _of_several(conditions: frozenset[Condition]) -> frozenset[Condition]:
    return frozenset(
        condition._replace(label=OF_SEVERAL[condition.label]) if _is_common_name(condition) else condition
        for condition in conditions
    )


class Conditions:
    """A set of conditions, indexed, that tells which of them hold for a certificate.

    That takes a look-up for each fact, and for each length of the prefixes and suffixes, whatever their number.
    """

    __slots__ = ("_conditions", "_lengths")

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self._conditions = frozenset(conditions)
        lengths: dict[str, dict[str, set[tuple[Comparison, int]]]] = {}
        for field, label in {(condition.field, condition.label) for condition in self._conditions}:
            lengths.setdefault(field, {})[label] = set()
        for condition in self._conditions:
            if condition.comparison is not Comparison.EXACT:
                lengths[condition.field][condition.label].add((condition.comparison, len(str(condition.value))))
        self._lengths = lengths

    def holding(self, certificate: PeerCertificate) -> frozenset[Condition]:
        """Return the conditions that hold for a certificate. Fields that no condition is about aren't read."""
        candidates = set()
        for field, labels in self._lengths.items():
            for label, value in FIELDS[field].facts(certificate):
                if label in labels:
                    candidates.add(Condition(field, label, Comparison.EXACT, value))
                    for comparison, length in labels[label]:
                        text = str(value)
                        if length <= len(text):
                            part = text[:length] if comparison is Comparison.PREFIX else text[-length:]
                            candidates.add(Condition(field, label, comparison, part))
        return self._conditions & candidates


def name_value(name: DistinguishedName) -> Hashable:
    """Return a distinguished name as a value: equal for names of equal attributes in equal order.

    Within a relative distinguished name, which is a set, the order doesn't count. Text is compared as it is read,
    whatever its string type, and to the character, which RFC 5280 §7.1 permits.
    """
    return tuple(tuple(sorted(relative_name)) for relative_name in name.rdns)


def read_name(text: str) -> Fact:
    """Return what ``name_value`` makes of a name in RFC 4514's form. Raises ValueError.

    Attribute types are OpenSSL's short names or dotted OIDs. A value in hexadecimal after a # is refused: cryptography
    doesn't read the DER in it.
    """
    if "=#" in text:
        message = f"{text!r} has a value in hexadecimal: write it as text, and a # in it as \\#"
        raise ValueError(message)
    try:
        name = x509.Name.from_rfc4514_string(text, _attribute_types())
    except Exception as error:
        # Mostly ValueError, but it is made for names that a program has written.
        message = f"{text!r} is not a distinguished name in RFC 4514's form, such as CN=Issuing CA,O=Acme"
        raise ValueError(message + (f" ({error})" if str(error) else ", without spaces after commas")) from error
    return "", tuple(
        tuple(sorted((attribute.oid.dotted_string, str(attribute.value)) for attribute in relative_name))
        for relative_name in name.rdns
    )


@cache
def _attribute_types() -> dict[str, x509.ObjectIdentifier]:
    """Return object identifiers by short name, in capitals as well (RFC 4514 §3) where that is no other's."""
    oids = {name: x509.ObjectIdentifier(oid) for name, oid in OID_BY_SHORT_NAME.items()}
    return {**{name.upper(): oid for name, oid in oids.items()}, **oids}


def _read_fingerprint(text: str) -> Fact:
    fingerprint = read_fingerprint(text)
    if len(fingerprint) != _SHA256_LENGTH:
        message = f"{text!r} is a SHA-512: write the SHA-256"
        raise ValueError(message)
    return "", fingerprint


def _subject_alt_name_label(key: str) -> str:
    if key not in SUBJECT_ALT_NAME_LABELS:
        message = f"write one of {', '.join(SUBJECT_ALT_NAME_LABELS)}"
        raise ValueError(message)
    return SUBJECT_ALT_NAME_LABELS[key]


def _attribute_label(key: str) -> str:
    if key not in OID_BY_SHORT_NAME and not DOTTED_OID.fullmatch(key):
        message = "write an attribute's short name, such as CN, O or OU, or its dotted OID"
        raise ValueError(message)
    return SHORT_NAME_BY_OID.get(key, key)


def _serial_number(text: str) -> Fact:
    # Not as a number: whoever wrote a document could choose some that collide in a set.
    return "", f"{read_serial_number(text):X}"


def _common_name(certificate: PeerCertificate) -> list[Fact]:
    return _common_names("", certificate.subject.get_all("CN"))


def _common_names(label: str, names: list[str]) -> list[Fact]:
    # Of several nobody can say which one it means.
    return [(label if len(names) == 1 else OF_SEVERAL[label], name) for name in names]


def _attributes(name: DistinguishedName) -> list[Fact]:
    facts: list[Fact] = [("", name_value(name))]
    for attribute in name:
        values = name.get_all(attribute)
        facts += _common_names("CN", values) if attribute == "CN" else [(attribute, value) for value in values]
    return facts


FIELDS: Mapping[str, Field] = {
    "common_name": Field(
        _common_name,
        Reason.COMMON_NAME_NOT_ALLOWED,
        "ALLOWED_COMMON_NAMES",
        "the subject's common name, if it has exactly one",
    ),
    "organizational_unit": Field(
        lambda certificate: [("", value) for value in certificate.subject.get_all("OU")],
        Reason.ORGANIZATIONAL_UNIT_NOT_ALLOWED,
        "ALLOWED_ORGANIZATIONAL_UNITS",
        "any of the subject's organizational units",
    ),
    "organization": Field(
        lambda certificate: [("", value) for value in certificate.subject.get_all("O")],
        Reason.ORGANIZATION_NOT_ALLOWED,
        "ALLOWED_ORGANIZATIONS",
        "any of the subject's organizations",
    ),
    "subject": Field(
        lambda certificate: _attributes(certificate.subject),
        Reason.SUBJECT_NOT_ALLOWED,
        None,
        "the subject: a whole DN, or some attributes",
        read_name,
        label=_attribute_label,
        combines=True,
    ),
    "subject_alt_name": Field(
        lambda certificate: certificate.subject_alt_names,
        Reason.SUBJECT_ALT_NAME_NOT_ALLOWED,
        "ALLOWED_SUBJECT_ALT_NAMES",
        "any of the subject alternative names, by type and value",
        SubjectAltName.from_string,
        label=_subject_alt_name_label,
    ),
    "issuer": Field(
        lambda certificate: _attributes(certificate.issuer),
        Reason.ISSUER_NOT_ALLOWED,
        "ALLOWED_ISSUERS",
        "the issuer: a whole DN, or some attributes",
        read_name,
        label=_attribute_label,
        combines=True,
    ),
    "fingerprint": Field(
        lambda certificate: [("", certificate.fingerprint256)],
        Reason.FINGERPRINT_NOT_ALLOWED,
        "ALLOWED_FINGERPRINTS",
        "the SHA-256 of the certificate",
        _read_fingerprint,
        patterns=False,
    ),
    "serial_number": Field(
        lambda certificate: [_serial_number(certificate.serial_number)],
        Reason.SERIAL_NUMBER_NOT_ALLOWED,
        "ALLOWED_SERIAL_NUMBERS",
        "the serial number, which only counts together with one issuer",
        _serial_number,
        patterns=False,
    ),
}
"""All fields, in the order in which a certificate that doesn't match is told why."""
