"""Subject alternative names and access locations (RFC 5280 §4.2.1.6, §4.2.2.1)."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from cryptography import x509

from client_certificate_auth.names import DistinguishedName, attribute_text, escape_attribute_text
from client_certificate_auth.short_names import ACCESS_METHOD_BY_OID, SHORT_NAME_BY_OID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_UTF8_STRING, _IA5_STRING, _SEQUENCE, _SET = 0x0C, 0x16, 0x30, 0x31
_IPV4_OCTETS = 4

# The other names that Node writes out, with the string type that their definition demands. All others are
# "<unsupported>" there.
_NODE_OTHER_NAMES = {
    "1.3.6.1.4.1.311.20.2.3": ("UPN", _UTF8_STRING),
    "1.3.6.1.5.5.7.8.5": ("XmppAddr", _UTF8_STRING),
    "1.3.6.1.5.5.7.8.7": ("SRVName", _IA5_STRING),
    "1.3.6.1.5.5.7.8.8": ("NAIRealm", _UTF8_STRING),
    "1.3.6.1.5.5.7.8.9": ("SmtpUTF8Mailbox", _UTF8_STRING),
}


class SubjectAltName(NamedTuple):
    """One subject alternative name; ``str()`` joins type and value with a colon.

    ``type`` is as in OpenSSL's configuration files: ``DNS``, ``email``, ``URI``, ``IP``, ``dirName``, ``RID`` or
    ``otherName``. ``value`` is the name itself, unquoted: an IP address in its canonical form (RFC 5952), a
    directory name as RFC 4514 has it, a registered ID as a dotted OID, and an other name as ``OID;UTF8:text``, or
    ``OID;DER:hex`` where it is not a UTF8String.
    """

    type: str
    value: str

    @classmethod
    def from_string(cls, text: str) -> SubjectAltName:
        """Read what ``str()`` writes, an IP address in any form. Raises ValueError."""
        kind, _, value = text.partition(":")
        kinds = [each for each, _ in _KINDS.values()]
        if kind not in kinds or not value:
            message = f"{text!r} is not a type and a value, such as DNS:api.example.com; types: {sorted(kinds)}"
            raise ValueError(message)
        return cls(kind, str(ipaddress.ip_address(value)) if kind == "IP" else value)

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"


def subject_alt_name(name: x509.GeneralName) -> SubjectAltName:
    """Return cryptography's general name as type and value. Raises KeyError for a kind that it doesn't know."""
    kind, value = _KINDS[type(name)]
    return SubjectAltName(kind, value(name))


def _other_name_value(der: bytes) -> str:
    content = _der_content(der, _UTF8_STRING)
    if content is not None:
        with suppress(UnicodeDecodeError):
            return f"UTF8:{content.decode()}"
    return f"DER:{der.hex()}"


_KINDS: dict[type[x509.GeneralName], tuple[str, Callable[[Any], str]]] = {
    x509.DNSName: ("DNS", lambda name: name.value),
    x509.RFC822Name: ("email", lambda name: name.value),
    x509.UniformResourceIdentifier: ("URI", lambda name: name.value),
    x509.IPAddress: ("IP", lambda name: str(name.value)),
    x509.DirectoryName: ("dirName", lambda name: DistinguishedName(name.value).rfc4514_string()),
    x509.RegisteredID: ("RID", lambda name: name.value.dotted_string),
    x509.OtherName: ("otherName", lambda name: f"{name.type_id.dotted_string};{_other_name_value(name.value)}"),
}


def node_subject_alt_names(names: Iterable[x509.GeneralName]) -> str:
    """Return Node's ``subjectaltname``: typed names, joined, and quoted where they could pass for a separator."""
    return ", ".join(f"{prefix}:{_quote_unless_safe(text)}" for prefix, text in map(_node_general_name, names))


def node_info_access(descriptions: Iterable[x509.AccessDescription]) -> dict[str, list[str]]:
    """Return Node's ``infoAccess``: locations by access method and type of name."""
    locations: dict[str, list[str]] = {}
    for description in descriptions:
        method = description.access_method.dotted_string
        prefix, text = _node_general_name(description.access_location)
        locations.setdefault(f"{ACCESS_METHOD_BY_OID.get(method, method)} - {prefix}", []).append(text.value)
    return locations


class _NodeText(NamedTuple):
    """A name as Node writes it. ``utf8``: characters beyond ASCII are kept, not escaped."""

    value: str
    utf8: bool = False
    verbatim: bool = False


def _node_general_name(name: x509.GeneralName) -> tuple[str, _NodeText]:
    if isinstance(name, x509.IPAddress):
        # Networks are for name constraints (RFC 5280 §4.2.1.10); cryptography doesn't read one here.
        address = cast("ipaddress.IPv4Address | ipaddress.IPv6Address", name.value)
        return "IP Address", _NodeText(_node_ip_address(address.packed), verbatim=True)
    if isinstance(name, x509.DirectoryName):
        return "DirName", _NodeText(_rfc2253_string(name.value), utf8=True)
    if isinstance(name, x509.OtherName):
        return "othername", _node_other_name(name)
    kind, value = subject_alt_name(name)
    if kind == "RID":
        return "Registered ID", _NodeText(value, verbatim=True)
    # These are IA5Strings, and Node takes their bytes for Latin-1.
    return kind, _NodeText(value.encode().decode("latin-1"))


def _node_ip_address(packed: bytes) -> str:
    if len(packed) == _IPV4_OCTETS:
        return ".".join(map(str, packed))
    return ":".join(f"{packed[i] << 8 | packed[i + 1]:X}" for i in range(0, len(packed), 2))


def _node_other_name(name: x509.OtherName) -> _NodeText:
    prefix, tag = _NODE_OTHER_NAMES.get(name.type_id.dotted_string, ("", _UTF8_STRING))
    text = _der_content(name.value, tag)
    if not prefix or text is None:
        return _NodeText("<unsupported>", verbatim=True)
    utf8 = tag == _UTF8_STRING
    return _NodeText(f"{prefix}:{text.decode('utf-8' if utf8 else 'latin-1', 'replace')}", utf8=utf8)


def _der_content(der: bytes, tag: int) -> bytes | None:
    """Return the content of a DER element with this tag, None for anything else (X.690 §8.1)."""
    if len(der) < 2 or der[0] != tag:  # noqa: PLR2004 -- a tag and a length
        return None
    length_octets = der[1] & 0x7F if der[1] & 0x80 else 0
    content = der[2 + length_octets :]
    length = int.from_bytes(der[2 : 2 + length_octets]) if length_octets else der[1]
    return content if len(content) == length else None


def _quote_unless_safe(text: _NodeText) -> str:
    """Write a name as Node does since CVE-2021-44532: as a JSON string where it holds anything out of place."""
    if text.verbatim or not any(_is_unsafe(character, utf8=text.utf8) for character in text.value):
        return text.value
    return '"' + "".join(_escape(character, utf8=text.utf8) for character in text.value) + '"'


def _is_unsafe(character: str, *, utf8: bool) -> bool:
    return character in "\"\\,'" or character < " " or character == "\x7f" or (character > "~" and not utf8)


def _escape(character: str, *, utf8: bool) -> str:
    if character in '"\\':
        return "\\" + character
    if character != "'" and _is_unsafe(character, utf8=utf8):
        return f"\\u{ord(character):04x}"
    return character


def _rfc2253_string(name: x509.Name) -> str:
    """Return a name as OpenSSL's XN_FLAG_RFC2253 has it, but with control characters and non-ASCII unescaped."""
    return ",".join("+".join(map(_rfc2253_attribute, reversed(list(rdn)))) for rdn in reversed(name.rdns))


def _rfc2253_attribute(attribute: x509.NameAttribute[str | bytes]) -> str:
    oid = attribute.oid.dotted_string
    short_name = SHORT_NAME_BY_OID.get(oid)
    if isinstance(attribute.value, bytes):
        return f"{short_name or oid}={_hexadecimal_value(attribute)}"
    text = attribute_text(attribute)
    if short_name is None:
        return f"{oid}={_hexadecimal_value(attribute)}"
    # OpenSSL doesn't escape a hash that is all there is.
    return f"{short_name}={text if text == '#' else escape_attribute_text(text)}"


def _hexadecimal_value(attribute: x509.NameAttribute[str | bytes]) -> str:
    """Return the DER of an attribute's value in hexadecimal (RFC 2253 §2.4)."""
    encoded = x509.Name([attribute]).public_bytes()
    for tag in (_SEQUENCE, _SET, _SEQUENCE):
        encoded = _der_content(encoded, tag) or b""
    # After the type, whose length takes one byte: cryptography reads no longer OIDs.
    return f"#{encoded[2 + encoded[1] :].hex().upper()}"
