"""Distinguished names as strings (RFC 4514)."""

from __future__ import annotations

# The attribute types that have names in RFC 4514 §3.
_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}

# The characters that are escaped everywhere in a value (RFC 4514 §2.4).
_SPECIAL = '"+,;<>\\'
_ESCAPES = {ord(character): "\\" + character for character in _SPECIAL}


def attribute_string(oid: str, text: str) -> str:
    """Return an attribute's type and value in printable ASCII (RFC 4514 §2.3).

    Other characters are written as the hexadecimal pairs of their UTF-8 octets (§2.4).
    """
    escaped = escape_value(text)
    if not (escaped.isascii() and escaped.isprintable()):
        escaped = "".join([_hexadecimal_pairs(character) for character in escaped])
    return f"{_NAMES.get(oid, oid)}={escaped}"


def escape_value(text: str) -> str:
    """Return an attribute's value with the characters escaped that have a meaning (RFC 4514 §2.4)."""
    escaped = text.translate(_ESCAPES)
    if text.startswith(("#", " ")):
        escaped = "\\" + escaped
    if len(text) > 1 and text.endswith(" "):
        escaped = escaped[:-1] + "\\ "
    return escaped


def _hexadecimal_pairs(character: str) -> str:
    if " " <= character <= "~":
        return character
    return "".join([f"\\{octet:02X}" for octet in character.encode()])
