"""Distinguished names (RFC 5280 §4.1.2.4), read as OpenSSL and Node read them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from itertools import chain

from client_certificate_auth.rfc4514 import attribute_string
from client_certificate_auth.short_names import OID_BY_SHORT_NAME, SHORT_NAME_BY_OID
from client_certificate_auth.x509.der import (
    BIT_STRING,
    BMP_STRING,
    IA5_STRING,
    LONGEST_CACHED,
    NUMERIC_STRING,
    PRINTABLE_STRING,
    SEQUENCE,
    SET,
    T61_STRING,
    UNIVERSAL_STRING,
    UTF8_STRING,
    DerError,
    check_any,
    describe,
    read_element,
    read_elements,
    read_elements_of,
    read_sequence_of,
    read_typed_value,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TypeAlias

    # A relative distinguished name: its attributes as dotted OIDs and values; the same with OpenSSL's short names, if
    # they exist; its string form (RFC 4514); and whether a value contains a control character.
    _DecodedRdn: TypeAlias = tuple[list[tuple[str, str]], list[tuple[str, str]], str, bool]

_ENCODINGS = {
    UTF8_STRING: "utf-8",
    # OpenSSL reads the octets of these as Latin-1, whatever their alphabet in X.680 §41.
    NUMERIC_STRING: "latin-1",
    PRINTABLE_STRING: "latin-1",
    T61_STRING: "latin-1",
    IA5_STRING: "latin-1",
    # Without surrogate pairs, as OpenSSL reads it.
    BMP_STRING: "utf-16-be",
    UNIVERSAL_STRING: "utf-32-be",
}
_LAST_OF_BMP = "\uffff"

# The types that OpenSSL accepts for a value: text, and BIT STRING, SEQUENCE and the rarely used types of X.680 §8.6.
_VALUE_TYPES = frozenset({*_ENCODINGS, BIT_STRING, SEQUENCE, 0x07, 0x08, 0x09, 0x0B, 0x0D, 0x0E, 0x0F, 0x1D})


class DistinguishedName(Mapping[str, "str | list[str]"]):
    """A subject or an issuer (RFC 5280 §4.1.2.4 and §4.1.2.6), from the DER of a Name. Raises ValueError.

    As a mapping it is Node's object: keys are OpenSSL's short names, or dotted OIDs if OpenSSL has none; a value is a
    string, or a list of strings if the attribute occurs more than once. The short names are also attributes:
    ``subject.CN`` is ``subject.get("CN")``, None if the subject has no common name. A misspelt name
    (``subject.commonName``) is an AttributeError, so that it cannot be mistaken for an absent attribute.

    Names are equal if their relative distinguished names are equal and in the same order. String types do not matter.
    """

    __slots__ = ("_attributes", "_rfc4514_string", "_values", "has_control_characters")

    has_control_characters: bool
    """Whether any value has a control character: C0, DEL or C1. They break headers, logs and terminals."""

    def __init__(self, der: bytes) -> None:
        self._read(read_element(der, SEQUENCE))

    @classmethod
    def from_rdns(cls, content: bytes) -> DistinguishedName:
        """Return the name with these relative distinguished names: the content of a Name. Raises ValueError."""
        name = cls.__new__(cls)
        name._read(content)  # noqa: SLF001 -- a constructor
        return name

    def _read(self, content: bytes) -> None:
        read_rdn = _read_rdn if len(content) <= LONGEST_CACHED else _read_rdn.__wrapped__
        # Empty relative distinguished names are left out: to OpenSSL, names with and without them are equal.
        rdns = list(filter(None, map(read_rdn, read_elements_of(content, SET))))
        attributes, texts, strings, controls = zip(*rdns, strict=True) if rdns else ((), (), (), ())
        self._attributes: tuple[list[tuple[str, str]], ...] = attributes
        pairs = list(chain.from_iterable(texts))
        self._values: dict[str, str | list[str]] = dict(pairs)
        if len(self._values) < len(pairs):
            self._values = values_by_key(pairs)
        self.has_control_characters = any(controls)
        # The most specific relative distinguished name comes first (RFC 4514 §2.1).
        self._rfc4514_string = ",".join(strings[::-1])

    @property
    def rdns(self) -> list[list[tuple[str, str]]]:
        """The relative distinguished names in their order, each a list of dotted OIDs and values."""
        return list(map(list, self._attributes))

    def get_all(self, key: str) -> list[str]:
        """Return every value of an attribute, in the order of the name; an empty list if it is absent."""
        value = self._values.get(key)
        if value is None:
            return []
        return [value] if isinstance(value, str) else value.copy()

    def get_single(self, key: str) -> str | None:
        """Return the value of an attribute that occurs exactly once in the name, otherwise None."""
        value = self._values.get(key)
        return value if isinstance(value, str) else None

    def single_values(self) -> list[tuple[str, str]]:
        """Return keys and values of the attributes that occur exactly once in the name, in the order of the name."""
        return [(key, value) for key, value in self._values.items() if isinstance(value, str)]

    def rfc4514_string(self) -> str:
        """Return the name in the string form of RFC 4514, in printable ASCII.

        All other characters are escaped as hexadecimal pairs of their UTF-8 bytes (RFC 4514 §2.4), so that the string
        can be used in HTTP headers and in logs.
        """
        return self._rfc4514_string

    def to_dict(self) -> dict[str, str | list[str]]:
        """Return Node's object as a plain dictionary."""
        return dict(self)

    def __getitem__(self, key: str) -> str | list[str]:
        value = self._values[key]
        return value if isinstance(value, str) else value.copy()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __getattr__(self, name: str) -> str | list[str] | None:
        if name not in OID_BY_SHORT_NAME:
            message = f"{name!r} is not a short name of a distinguished name's attributes"
            raise AttributeError(message)
        return self.get(name)

    def __eq__(self, other: object) -> bool:
        # A relative distinguished name is a set: the order of its attributes does not matter.
        if isinstance(other, DistinguishedName):
            return [sorted(rdn) for rdn in self.rdns] == [sorted(rdn) for rdn in other.rdns]
        return super().__eq__(other)

    def __hash__(self) -> int:
        return hash(tuple([tuple(sorted(rdn)) for rdn in self.rdns]))

    def __repr__(self) -> str:
        return f"DistinguishedName({self._rfc4514_string!r})"


@lru_cache(64)
def read_issuer(content: bytes) -> DistinguishedName:
    """Return the issuer with these relative distinguished names, from a cache: many clients have the same issuer."""
    return DistinguishedName.from_rdns(content)


def read_text(tag: int, content: bytes) -> str | None:
    """Return the text of a string as OpenSSL reads it, None for a type that is not text."""
    encoding = _ENCODINGS.get(tag)
    if encoding is None:
        return None
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if tag == BMP_STRING and max(text, default="") > _LAST_OF_BMP else text


def has_control_characters(text: str) -> bool:
    """Return whether text contains a control character: C0, DEL or C1 (ISO/IEC 6429)."""
    # Most text is printable, which is fast to check.
    return not text.isprintable() and any(each < " " or "\x7f" <= each <= "\x9f" for each in text)


@lru_cache(512)
def _read_rdn(content: bytes) -> _DecodedRdn | None:
    """Decode the content of a SET; None for an empty one. Cached, because clients of one company share most of them."""
    attributes, texts, strings = [], [], []
    has_controls = False
    for oid, tag, value in read_attributes(content):
        text = _text(oid, tag, value)
        has_controls |= has_control_characters(text)
        attributes.append((oid, text))
        texts.append((SHORT_NAME_BY_OID.get(oid, oid), text))
        strings.append(attribute_string(oid, text))
    return (attributes, texts, "+".join(strings), has_controls) if attributes else None


def values_by_key(pairs: Iterable[tuple[str, str]]) -> dict[str, str | list[str]]:
    """Return the values of attributes by key, in a list if a key occurs more than once."""
    values: dict[str, list[str]] = {}
    for key, text in pairs:
        values.setdefault(key, []).append(text)
    return {key: texts[0] if len(texts) == 1 else texts for key, texts in values.items()}


def read_attributes(content: bytes) -> list[tuple[str, int, bytes]]:
    """Return type, tag and content of each AttributeTypeAndValue in the content of a SET. Raises DerError.

    There may be none, and they need not be sorted, as in OpenSSL.
    """
    tags, contents = read_elements(content)
    if tags.count(SEQUENCE) != len(tags):
        message = f"expected types and values of attributes, found {describe(tags)}"
        raise DerError(message)
    return [read_typed_value(each) for each in contents]


def _text(oid: str, tag: int, value: bytes) -> str:
    text = read_text(tag, value)
    if text is None:
        message = f"the value of attribute {oid} is not text (tag {tag:02X})"
        raise DerError(message)
    return text


def check_name(der: bytes) -> None:
    """Check a Name as strictly as OpenSSL does. Raises DerError.

    Values may also be of a few types other than text, which OpenSSL prints in hexadecimal.
    """
    for content in read_sequence_of(der, SET):
        check_rdn(content)


def check_rdn(content: bytes) -> None:
    """Check the content of a relative distinguished name as strictly as OpenSSL does. Raises DerError."""
    for oid, tag, value in read_attributes(content):
        if tag not in _VALUE_TYPES or (tag in _ENCODINGS and read_text(tag, value) is None):
            message = f"the value of attribute {oid} is not valid (tag {tag:02X})"
            raise DerError(message)
        check_any(tag, value)
