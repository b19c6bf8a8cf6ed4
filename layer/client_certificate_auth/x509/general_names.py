"""General names (RFC 5280 §4.2.1.6): their structure, as far as OpenSSL checks it.

A general name is an element: the tag determines the type of its content.
"""

from __future__ import annotations

from client_certificate_auth.x509.der import (
    BMP_STRING,
    PRINTABLE_STRING,
    T61_STRING,
    UNIVERSAL_STRING,
    UTF8_STRING,
    DerError,
    check_any,
    describe,
    read_elements,
    read_oid,
    read_optional_elements,
    read_typed_value,
)
from client_certificate_auth.x509.names import check_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from client_certificate_auth.x509.der import Element

OTHER_NAME, EMAIL, DNS, X400_ADDRESS, DIRECTORY_NAME = 0xA0, 0x81, 0x82, 0xA3, 0xA4
EDI_PARTY_NAME, URI, IP_ADDRESS, REGISTERED_ID = 0xA5, 0x86, 0x87, 0x88

# [0] around the value of an other name (EXPLICIT); the optional nameAssigner and the partyName of an EDIPartyName.
_VALUE, _NAME_ASSIGNER, _PARTY_NAME = 0xA0, 0xA0, 0xA1
_DIRECTORY_STRINGS = (T61_STRING, PRINTABLE_STRING, UNIVERSAL_STRING, UTF8_STRING, BMP_STRING)


def read_general_names(content: bytes) -> list[Element]:
    """Return the tags and contents of GeneralNames, which may be empty. Raises DerError.

    ``content`` is the content of the SEQUENCE.
    """
    names = list(zip(*read_elements(content), strict=True))
    for name in names:
        check_general_name(*name)
    return names


def check_general_name(tag: int, content: bytes) -> None:
    """Check a GeneralName. Raises DerError."""
    # The octets of strings and addresses are not restricted here.
    if tag in (DNS, EMAIL, URI, IP_ADDRESS, X400_ADDRESS):
        return
    if tag == DIRECTORY_NAME:
        check_name(content)
    elif tag == OTHER_NAME:
        read_other_name(content)
    elif tag == REGISTERED_ID:
        read_oid(content)
    elif tag == EDI_PARTY_NAME:
        _check_edi_party_name(content)
    else:
        message = f"a general name has the tag {tag:02X}"
        raise DerError(message)


def read_other_name(content: bytes) -> tuple[str, int, bytes]:
    """Return the type of an OtherName, and the tag and content of its value. Raises DerError."""
    oid, tag, value = read_typed_value(content)
    tags, contents = read_elements(value)
    if tag != _VALUE or len(tags) != 1:
        message = f"expected one value of an other name, found {describe(tags)}"
        raise DerError(message)
    check_any(tags[0], contents[0])
    return oid, tags[0], contents[0]


def _check_edi_party_name(content: bytes) -> None:
    names = read_optional_elements(content, (_NAME_ASSIGNER, _PARTY_NAME))
    if _PARTY_NAME not in names:
        message = "an EDI party name has no party name"
        raise DerError(message)
    for name in names.values():
        tags, contents = read_elements(name)
        if len(tags) != 1 or tags[0] not in _DIRECTORY_STRINGS:
            message = f"expected a string in an EDI party name, found {describe(tags)}"
            raise DerError(message)
        check_any(tags[0], contents[0])
