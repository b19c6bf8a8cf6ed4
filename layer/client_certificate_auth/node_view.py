"""A certificate as Node's ``X509Certificate.toLegacyObject()`` presents it. For display: no decision depends on it.

Like OpenSSL, the functions that read the value of an extension ignore octets after it.
"""

from __future__ import annotations

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.rfc4514 import escape_value
from client_certificate_auth.short_names import ACCESS_METHOD_BY_OID, SHORT_NAME_BY_OID
from client_certificate_auth.x509.der import (
    BIT_STRING,
    IA5_STRING,
    SEQUENCE,
    SET,
    UTF8_STRING,
    DerError,
    encode,
    first_element,
    read_element,
    read_oid,
    read_sequence_of,
)
from client_certificate_auth.x509.extensions import (
    BASIC_CONSTRAINTS,
    KEY_CERT_SIGN,
    KEY_USAGE,
    bit_is_set,
    read_basic_constraints,
    read_extended_key_usage,
    read_info_access,
)
from client_certificate_auth.x509.general_names import (
    DIRECTORY_NAME,
    DNS,
    EDI_PARTY_NAME,
    EMAIL,
    IP_ADDRESS,
    OTHER_NAME,
    REGISTERED_ID,
    URI,
    X400_ADDRESS,
    read_general_names,
    read_other_name,
)
from client_certificate_auth.x509.handled_extensions import CHECKED_FOR_CA, PROXY_CERTIFICATE_INFORMATION
from client_certificate_auth.x509.names import read_attributes, read_text, values_by_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from client_certificate_auth.x509.names import DistinguishedName

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""English in every locale, unlike strftime's %b."""

# The types of other names that Node prints as text, with the string type that their definitions require.
_OTHER_NAMES = {
    "1.3.6.1.4.1.311.20.2.3": ("UPN", UTF8_STRING),
    "1.3.6.1.5.5.7.8.5": ("XmppAddr", UTF8_STRING),
    "1.3.6.1.5.5.7.8.7": ("SRVName", IA5_STRING),
    "1.3.6.1.5.5.7.8.8": ("NAIRealm", UTF8_STRING),
    "1.3.6.1.5.5.7.8.9": ("SmtpUTF8Mailbox", UTF8_STRING),
}
_STRINGS = {DNS: "DNS", EMAIL: "email", URI: "URI"}
_UNSUPPORTED = {X400_ADDRESS: "X400Name", EDI_PARTY_NAME: "EdiPartyName"}
# The characters for which Node and OpenSSL have space where they write a dotted OID. They cut off the rest.
_LONGEST_TYPE, _LONGEST_ID = 79, 255

_IPV4_OCTETS, _IPV6_OCTETS = 4, 16

_BITS = 8


class _Text(NamedTuple):
    """A name as Node writes it."""

    value: str
    utf8: bool = False
    """Characters beyond ASCII are kept, not escaped."""
    verbatim: bool = False
    """It cannot contain anything that needs quotes."""


def name_object(name: DistinguishedName) -> dict[str, str | list[str]]:
    """Return a name as Node's object. A repeated attribute is a list."""
    return values_by_key((_attribute_key(oid), text) for rdn in name.rdns for oid, text in rdn)


def _attribute_key(oid: str) -> str:
    return SHORT_NAME_BY_OID.get(oid) or oid[:_LONGEST_TYPE]


def time_string(time: str) -> str:
    """Return a time in UTC (RFC 3339: ``2026-11-22T06:54:49Z``) as OpenSSL prints it: ``Nov 22 06:54:49 2026 GMT``."""
    month = MONTHS[int(time[5:7]) - 1]
    return f"{month} {int(time[8:10]):2} {time[11:19]} {int(time[:4])} GMT"


def subject_alt_name_string(value: bytes) -> str | None:
    """Return Node's ``subjectaltname``: names with their types, joined, and quoted if they could contain a separator.

    None if the value of the extension cannot be decoded.
    """
    try:
        names = [_general_name(*name) for name in read_general_names(read_element(first_element(value), SEQUENCE))]
    except DerError:
        return None
    return ", ".join([f"{prefix}:{_quote_unless_safe(text)}" for prefix, text in names])


def info_access(value: bytes) -> dict[str, list[str]] | None:
    """Return Node's ``infoAccess``: locations by access method and type of name; None if they cannot be decoded."""
    locations: dict[str, list[str]] = {}
    try:
        for method, location in read_info_access(first_element(value)):
            prefix, text = _general_name(*location)
            method_name = ACCESS_METHOD_BY_OID.get(method) or method[:_LONGEST_TYPE]
            locations.setdefault(f"{method_name} - {prefix}", []).append(text.value)
    except DerError:
        return None
    return locations


def key_purposes(value: bytes) -> list[str] | None:
    """Return Node's ``ext_key_usage``; None if the value of the extension cannot be decoded."""
    try:
        return [oid[:_LONGEST_ID] for oid in read_extended_key_usage(first_element(value))]
    except DerError:
        return None


def is_ca(extensions: dict[str, tuple[bool, bytes]]) -> bool:
    """Return whether OpenSSL considers this a CA's certificate (``X509_check_ca``).

    Unlike decisions, OpenSSL also accepts some BER here.
    """
    if BASIC_CONSTRAINTS not in extensions or PROXY_CERTIFICATE_INFORMATION in extensions:
        return False
    try:
        ca, _ = read_basic_constraints(first_element(extensions[BASIC_CONSTRAINTS][1]), read_any_boolean)
        if not ca or (KEY_USAGE in extensions and not _has_key_cert_sign(first_element(extensions[KEY_USAGE][1]))):
            return False
        for oid, read in CHECKED_FOR_CA.items():
            if oid in extensions:
                read(first_element(extensions[oid][1]))
    except DerError:
        return False
    return True


def read_any_boolean(content: bytes) -> bool:
    """Return the value of a BOOLEAN in BER, where every octet except 00 is TRUE (X.690 §8.2.2)."""
    if len(content) != 1:
        message = f"a BOOLEAN has {len(content)} octets"
        raise DerError(message)
    return content != b"\0"


def _has_key_cert_sign(key_usage: bytes) -> bool:
    """Return whether a key usage has keyCertSign. Its unused bits may have any value, as in BER (X.690 §8.6.2.4)."""
    content = read_element(key_usage, BIT_STRING)
    unused = content[0] if content else _BITS
    used = _BITS * (len(content) - 1) - unused
    return unused < _BITS and used > KEY_CERT_SIGN and bit_is_set(content[1:], KEY_CERT_SIGN)


def _general_name(tag: int, content: bytes) -> tuple[str, _Text]:
    if tag in _STRINGS:
        return _STRINGS[tag], _Text(content.decode("latin-1"))
    if tag == IP_ADDRESS:
        return "IP Address", _Text(_ip_address(content), verbatim=True)
    if tag == DIRECTORY_NAME:
        return "DirName", _Text(_directory_name(content), utf8=True)
    if tag == OTHER_NAME:
        return "othername", _other_name(content)
    if tag == REGISTERED_ID:
        return "Registered ID", _Text(read_oid(content)[:_LONGEST_ID], verbatim=True)
    return _UNSUPPORTED[tag], _Text("<unsupported>", verbatim=True)


def _ip_address(packed: bytes) -> str:
    if len(packed) == _IPV4_OCTETS:
        return ".".join(map(str, packed))
    if len(packed) == _IPV6_OCTETS:
        return ":".join([f"{packed[i] << 8 | packed[i + 1]:X}" for i in range(0, _IPV6_OCTETS, 2)])
    return f"<invalid length={len(packed)}>"


def _other_name(content: bytes) -> _Text:
    oid, tag, value = read_other_name(content)
    prefix, expected_tag = _OTHER_NAMES.get(oid, ("", UTF8_STRING))
    if not prefix or tag != expected_tag:
        return _Text("<unsupported>", verbatim=True)
    utf8 = tag == UTF8_STRING
    return _Text(f"{prefix}:{value.decode('utf-8' if utf8 else 'latin-1', 'replace')}", utf8=utf8)


def _quote_unless_safe(text: _Text) -> str:
    """Return a name as Node writes it since CVE-2021-44532: as a JSON string if it contains unusual characters."""
    if text.verbatim or not any(_is_unsafe(character, utf8=text.utf8) for character in text.value):
        return text.value
    return '"' + "".join([_escape(character, utf8=text.utf8) for character in text.value]) + '"'


def _is_unsafe(character: str, *, utf8: bool) -> bool:
    return character in "\"\\,'" or character < " " or character == "\x7f" or (character > "~" and not utf8)


def _escape(character: str, *, utf8: bool) -> str:
    if character in '"\\':
        return "\\" + character
    if character != "'" and _is_unsafe(character, utf8=utf8):
        return f"\\u{ord(character):04x}"
    return character


def _directory_name(der: bytes) -> str:
    """Return a name as OpenSSL's XN_FLAG_RFC2253 has it, but with control characters and non-ASCII unescaped."""
    rdns = [[_attribute(*each) for each in read_attributes(content)] for content in read_sequence_of(der, SET)]
    return ",".join(["+".join(reversed(rdn)) for rdn in reversed(rdns) if rdn])


def _attribute(oid: str, tag: int, value: bytes) -> str:
    text = read_text(tag, value)
    if oid not in SHORT_NAME_BY_OID or text is None:
        # The DER of the value in hexadecimal (RFC 2253 §2.4).
        return f"{_attribute_key(oid)}=#{encode(tag, value).hex().upper()}"
    # OpenSSL does not escape a hash that is the whole value.
    return f"{SHORT_NAME_BY_OID[oid]}={text if text == '#' else escape_value(text)}"
