"""Distinguished names, read as Node's ``getPeerCertificate()`` presents them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from client_certificate_auth.short_names import OID_BY_SHORT_NAME, SHORT_NAME_BY_OID

if TYPE_CHECKING:
    from cryptography.x509 import Name, NameAttribute

_UTF8_STRING, _UNIVERSAL_STRING, _BMP_STRING = 12, 28, 30
_NUMERIC_STRING, _PRINTABLE_STRING, _T61_STRING, _IA5_STRING = 18, 19, 20, 22

# OpenSSL takes these for Latin-1, and a BMPString for UCS-2, in which a character has two bytes.
_LATIN_1_TYPES = frozenset({_NUMERIC_STRING, _PRINTABLE_STRING, _T61_STRING, _IA5_STRING})
_LAST_OF_UCS_2 = "\uffff"


class DistinguishedName(Mapping[str, "str | list[str]"]):
    """A subject or an issuer (RFC 5280 §4.1.2.4 and §4.1.2.6).

    As a mapping it is Node's object: keys are OpenSSL's short names, or dotted OIDs where OpenSSL has none; a
    value is a string, or a list of strings where the attribute repeats. The short names are attributes too:
    ``subject.CN`` is ``subject.get("CN")``, None where the subject has no common name. A misspelt name
    (``subject.commonName``) is an AttributeError, so that it can't pass for an attribute that isn't there.

    Raises ValueError for a name with an attribute value that OpenSSL, and so Node, doesn't read as text.
    """

    __slots__ = ("_values", "x509")

    x509: Name
    """The same name as cryptography's object, with relative distinguished names and their order."""

    def __init__(self, name: Name) -> None:
        values: dict[str, list[str]] = {}
        for relative_distinguished_name in name.rdns:
            for attribute in relative_distinguished_name:
                oid = attribute.oid.dotted_string
                values.setdefault(SHORT_NAME_BY_OID.get(oid, oid), []).append(attribute_text(attribute))
        self._values = values
        self.x509 = name

    def get_all(self, key: str) -> list[str]:
        """Return every value of an attribute, in the order of the name; an empty list where there is none."""
        return list(self._values.get(key, ()))

    def rfc4514_string(self) -> str:
        """Return the name as RFC 4514 has it, in printable ASCII.

        All other characters are escaped as the hexadecimal pairs of their UTF-8 bytes (RFC 4514 §2.4), so that
        the string fits an HTTP header and one line of a log.
        """
        text = ",".join(
            "+".join(
                f"{attribute.rfc4514_attribute_name}={escape_attribute_text(attribute_text(attribute))}"
                for attribute in relative_distinguished_name
            )
            for relative_distinguished_name in reversed(self.x509.rdns)
        )
        if text.isascii() and text.isprintable():
            return text
        return "".join(
            character if " " <= character <= "~" else "".join(f"\\{byte:02X}" for byte in character.encode())
            for character in text
        )

    def to_dict(self) -> dict[str, str | list[str]]:
        """Return Node's object as a plain dictionary."""
        return dict(self)

    def __getitem__(self, key: str) -> str | list[str]:
        values = self._values[key]
        return values[0] if len(values) == 1 else list(values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

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
    escaped = "".join("\\" + character if character in ',+"\\<>;' else character for character in text)
    if text.startswith(("#", " ")):
        escaped = "\\" + escaped
    if len(text) > 1 and text.endswith(" "):
        escaped = escaped[:-1] + "\\ "
    return escaped
