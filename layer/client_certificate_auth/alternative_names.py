"""Subject alternative names (RFC 5280 §4.2.1.6)."""

from __future__ import annotations

import re

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.short_names import DOTTED_OID
from client_certificate_auth.x509.der import (
    UTF8_STRING,
    DerError,
    check_any,
    encode,
    read_elements,
    read_oid,
    read_sequence,
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
    check_general_name,
    read_other_name,
)
from client_certificate_auth.x509.names import DistinguishedName

# The types whose values are text.
_TEXT_TYPES = {DNS: "DNS", URI: "URI", EMAIL: "email"}
_TYPES = (*_TEXT_TYPES.values(), "IP", "dirName", "RID", "otherName")

# The forms in which ``str()`` writes a registered ID and an other name. Other text would never match.
_FORMS = {"RID": DOTTED_OID, "otherName": rf"({DOTTED_OID});(UTF8:[\s\S]*|DER:([0-9a-f]{{2}})+)"}
_EXAMPLES = "RID:1.2.3, otherName:1.2.3;UTF8:text or otherName:1.2.3;DER:0c0161"

_IP_ADDRESS_LENGTHS = (4, 16)

# The types as OpenSSL, Node, Java and Windows print them, in lower case and without spaces; UPN is Microsoft's.
_PRINTED_TYPES = {
    "dns": "DNS:",
    "dnsname": "DNS:",
    "email": "email:",
    "ip": "IP:",
    "ipaddress": "IP:",
    "registeredid": "RID:",
    "rfc822name": "email:",
    "uri": "URI:",
    "uriname": "URI:",
    "url": "URI:",
    **dict.fromkeys(
        ("upn", "othername:upn", "principalname", "othername:principalname"), "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:"
    ),
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
        """Return the name that ``str()`` has written. Raises ValueError.

        An IPv6 address may be in any form (RFC 4291 §2.2), and the UTF8String of an other name also in hexadecimal. The
        form of a directory name is not checked.
        """
        kind, _, value = text.partition(":")
        # The part after a % in an IPv6 address names an interface of one host.
        if kind not in _TYPES or not value or (kind == "IP" and "%" in value):
            message = f"{text!r} is not a type and a value, such as DNS:api.example.com; types: {', '.join(_TYPES)}"
            raise ValueError(message + _hint(text))
        if kind == "IP":
            value = _ip_address(value)
        elif kind in _FORMS:
            try:
                value = _canonical_form(kind, value)
            except DerError as error:
                message = f"{text!r} cannot be in a certificate: write {_EXAMPLES}"
                raise ValueError(message) from error
        return cls(kind, value)

    def __str__(self) -> str:
        return f"{self.type}:{self.value}"


def read_subject_alt_names(value: bytes) -> tuple[SubjectAltName, ...]:
    """Return the names in a SubjectAltName extension's value. Raises ValueError.

    There may be none: some CAs write such an extension, which RFC 5280 §4.2.1.6 forbids and OpenSSL accepts.
    X.400 addresses and EDI party names are left out: nothing identifies a client by them, and Node does not show them.
    """
    return tuple(filter(None, map(_read_name, *read_sequence(value))))


def _read_name(tag: int, content: bytes) -> SubjectAltName | None:
    if tag in _TEXT_TYPES:
        # These are IA5Strings, whose octets OpenSSL and Node read as Latin-1.
        # Without the constructor, which is Python code: saves 12 µs for 100 names.
        return tuple.__new__(SubjectAltName, (_TEXT_TYPES[tag], content.decode("latin-1")))
    if tag == IP_ADDRESS and len(content) in _IP_ADDRESS_LENGTHS:
        return SubjectAltName("IP", _ip_address(content))
    if tag == DIRECTORY_NAME:
        return SubjectAltName("dirName", DistinguishedName(content).rfc4514_string())
    if tag == REGISTERED_ID:
        return SubjectAltName("RID", read_oid(content))
    if tag == OTHER_NAME:
        return SubjectAltName("otherName", _other_name(*read_other_name(content)))
    if tag not in (X400_ADDRESS, EDI_PARTY_NAME):
        message = f"a subject alternative name has the tag {tag:02X} and {len(content)} octets"
        raise DerError(message)
    check_general_name(tag, content)
    return None


def _hint(text: str) -> str:
    """Return how to write a name as a program has printed it; nothing if that is not known."""
    printed = re.match(r"((?:other ?name: ?)?[a-z0-9 ]{1,20})[:=]+", text, re.IGNORECASE)
    kind = printed and _PRINTED_TYPES.get(printed[1].replace(" ", "").lower())
    value = text[printed.end() :].strip() if printed else ""
    is_one = value and ", " not in value
    return f": write {f'{kind}{value}'!r}" if kind and is_one and text != f"{kind}{value}" else ""


def _canonical_form(kind: str, text: str) -> str:
    """Return a registered ID or an other name as ``str()`` writes it, which has text as text. Raises DerError."""
    if not re.fullmatch(_FORMS[kind], text):
        message = "not in the form of this type"
        raise DerError(message)
    oid, _, value = text.partition(";")
    if not value.startswith("DER:"):
        return text
    tags, contents = read_elements(bytes.fromhex(value.removeprefix("DER:")))
    if len(tags) != 1:
        message = "not one element"
        raise DerError(message)
    check_any(tags[0], contents[0])
    return _other_name(oid, tags[0], contents[0])


def _other_name(oid: str, tag: int, value: bytes) -> str:
    if tag == UTF8_STRING:
        try:
            return f"{oid};UTF8:{value.decode()}"
        except UnicodeDecodeError:
            # Not text, so it is written in hexadecimal like all other types.
            pass
    return f"{oid};DER:{encode(tag, value).hex()}"


def _ip_address(address: str | bytes) -> str:
    # Few certificates have one, and the module takes longer to import than this package.
    from ipaddress import IPv6Address, ip_address  # noqa: PLC0415

    parsed = ip_address(address)
    # The mixed notation of RFC 5952 §5, which Python writes only from version 3.13 on.
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return f"::ffff:{parsed.ipv4_mapped}"
    return str(parsed)
