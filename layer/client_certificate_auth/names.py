"""Distinguished names, read as Node's ``getPeerCertificate()`` presents them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth.short_names import OID_BY_SHORT_NAME, SHORT_NAME_BY_OID

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cryptography.x509 import Name, NameAttribute

_UTF8_STRING, _UNIVERSAL_STRING, _BMP_STRING = 12, 28, 30
_NUMERIC_STRING, _PRINTABLE_STRING, _T61_STRING, _IA5_STRING = 18, 19, 20, 22

# OpenSSL takes these for Latin-1, and a BMPString for UCS-2, in which a character has two bytes.
_LATIN_1_TYPES = frozenset({_NUMERIC_STRING, _PRINTABLE_STRING, _T61_STRING, _IA5_STRING})
_LAST_OF_UCS_2 = "\uffff"

# C0, DEL and C1 (ISO/IEC 6429).
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_SPECIAL = re.compile(r'[,+"\\<>;]')
_ANYTHING_TO_ESCAPE = re.compile(rf"{_SPECIAL.pattern}|^[# ]| \Z")


class Attribute(NamedTuple):
    """An attribute of a name (RFC 5280 §4.1.2.4), and what is made of it. ``make_attribute`` makes it."""

    oid: str
    """The attribute type's dotted OID."""
    key: str
    """OpenSSL's short name, or the OID where it has none."""
    text: str
    """The value."""
    rfc4514_string: str
    """Type and value as in ``DistinguishedName.rfc4514_string``."""
    has_control_characters: bool


def make_attribute(oid: str, rfc4514_name: str, text: str) -> Attribute:
    """Return an attribute. ``rfc4514_name`` is the name in RFC 4514 §3, or the OID of a type that has none."""
    return Attribute(
        oid,
        SHORT_NAME_BY_OID.get(oid, oid),
        text,
        _in_printable_ascii(f"{rfc4514_name}={escape_attribute_text(text)}"),
        # Most text is printable, which takes no search to see.
        not text.isprintable() and bool(_CONTROL_CHARACTER.search(text)),
    )


class NameText:
    """What a name says, read once: all certificates of one issuer have the same one."""

    __slots__ = ("has_control_characters", "rdns", "rfc4514_string", "values")

    rdns: Sequence[Sequence[Attribute]]
    """The relative distinguished names in their order."""

    values: Mapping[str, list[str]]
    """The values by short name or dotted OID, in the order of the name."""

    has_control_characters: bool

    rfc4514_string: str
    """The name as ``DistinguishedName.rfc4514_string`` returns it."""

    def __init__(self, rdns: Sequence[Sequence[Attribute]]) -> None:
        values: dict[str, list[str]] = {}
        has_control_characters = False
        for relative_distinguished_name in rdns:
            for _, key, text, _, has_some in relative_distinguished_name:
                if key in values:
                    values[key].append(text)
                else:
                    values[key] = [text]
                has_control_characters |= has_some
        self.values = values
        self.rdns = rdns
        self.has_control_characters = has_control_characters
        self.rfc4514_string = ",".join(
            [
                # Nearly all have one attribute.
                rdn[0].rfc4514_string if len(rdn) == 1 else "+".join([each.rfc4514_string for each in rdn])
                for rdn in reversed(rdns)
            ]
        )


class DistinguishedName(Mapping[str, "str | list[str]"]):
    """A subject or an issuer (RFC 5280 §4.1.2.4 and §4.1.2.6).

    As a mapping it is Node's object: keys are OpenSSL's short names, or dotted OIDs where OpenSSL has none; a
    value is a string, or a list of strings where the attribute repeats. The short names are attributes too:
    ``subject.CN`` is ``subject.get("CN")``, None where the subject has no common name. A misspelt name
    (``subject.commonName``) is an AttributeError, so that it can't pass for an attribute that isn't there.

    Raises ValueError for a name with an attribute value that OpenSSL, and so Node, doesn't read as text.
    """

    __slots__ = ("_decode", "_text")

    _text: NameText
    _decode: Callable[[], Name]

    def __init__(self, name: Name) -> None:
        self._text = NameText(
            [
                [
                    make_attribute(
                        attribute.oid.dotted_string, attribute.rfc4514_attribute_name, attribute_text(attribute)
                    )
                    for attribute in relative_distinguished_name
                ]
                for relative_distinguished_name in name.rdns
            ]
        )
        self._decode = lambda: name

    @classmethod
    def from_text(cls, text: NameText, decode: Callable[[], Name]) -> DistinguishedName:
        """Return a name that has been read already; ``decode`` returns cryptography's object of the same name."""
        name = cls.__new__(cls)
        name._text = text  # noqa: SLF001 -- of its own class
        name._decode = decode  # noqa: SLF001 -- likewise
        return name

    @property
    def x509(self) -> Name:
        """The same name as cryptography's object, with relative distinguished names and their order."""
        return self._decode()

    @property
    def has_control_characters(self) -> bool:
        """Whether any value has a control character: C0, DEL or C1. They break headers, logs and terminals."""
        return self._text.has_control_characters

    @property
    def rdns(self) -> list[list[tuple[str, str]]]:
        """The relative distinguished names in their order, each a list of dotted OIDs and values."""
        return [[(attribute.oid, attribute.text) for attribute in rdn] for rdn in self._text.rdns]

    def get_all(self, key: str) -> list[str]:
        """Return every value of an attribute, in the order of the name; an empty list where there is none."""
        return list(self._text.values.get(key, ()))

    def get_single(self, key: str) -> str | None:
        """Return the value of an attribute that the name has exactly once, None for any other."""
        values = self._text.values.get(key)
        return values[0] if values is not None and len(values) == 1 else None

    def single_values(self) -> list[tuple[str, str]]:
        """Return keys and values of the attributes that the name has exactly once, in the order of the name."""
        return [(key, values[0]) for key, values in self._text.values.items() if len(values) == 1]

    def rfc4514_string(self) -> str:
        """Return the name as RFC 4514 has it, in printable ASCII.

        All other characters are escaped as the hexadecimal pairs of their UTF-8 bytes (RFC 4514 §2.4), so that
        the string fits an HTTP header and one line of a log.
        """
        return self._text.rfc4514_string

    def to_dict(self) -> dict[str, str | list[str]]:
        """Return Node's object as a plain dictionary."""
        return dict(self)

    def __getitem__(self, key: str) -> str | list[str]:
        values = self._text.values[key]
        return values[0] if len(values) == 1 else list(values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._text.values)

    def __len__(self) -> int:
        return len(self._text.values)

    def __getattr__(self, name: str) -> str | list[str] | None:
        if name not in OID_BY_SHORT_NAME:
            message = f"{name!r} is not a short name of a distinguished name's attributes"
            raise AttributeError(message)
        return self.get(name)

    def __repr__(self) -> str:
        return f"DistinguishedName({self.rfc4514_string()!r})"


def attribute_text(attribute: NameAttribute[str | bytes]) -> str:
    """Return an attribute's value as OpenSSL reads it.

    cryptography is more generous: it reads an OCTET STRING and others as text, a T61String as UTF-8 and a BMPString as
    UTF-16. Other readers of the certificate would then see another name, so it is OpenSSL's reading that counts, and
    what OpenSSL refuses raises ValueError.
    """
    # cryptography tells the type in private only; should that go, no name is read, and nobody is let in.
    value, string_type = attribute.value, attribute._type.value  # noqa: SLF001
    if isinstance(value, str):
        if string_type in _LATIN_1_TYPES:
            return value.encode().decode("latin-1")
        if string_type in {_UTF8_STRING, _UNIVERSAL_STRING}:
            return value
        if string_type == _BMP_STRING and max(value, default="") <= _LAST_OF_UCS_2:
            return value
    message = f"the value of attribute {attribute.oid.dotted_string} is not text"
    raise ValueError(message)


def escape_attribute_text(text: str) -> str:
    """Escape the characters that mean something in a distinguished name's string (RFC 4514 §2.4)."""
    if not _ANYTHING_TO_ESCAPE.search(text):
        return text
    escaped = _SPECIAL.sub(r"\\\g<0>", text)
    if text.startswith(("#", " ")):
        escaped = "\\" + escaped
    if len(text) > 1 and text.endswith(" "):
        escaped = escaped[:-1] + "\\ "
    return escaped


def _in_printable_ascii(text: str) -> str:
    """Escape all other characters as the hexadecimal pairs of their UTF-8 bytes (RFC 4514 §2.4)."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if " " <= character <= "~" else "".join(f"\\{byte:02X}" for byte in character.encode())
        for character in text
    )
