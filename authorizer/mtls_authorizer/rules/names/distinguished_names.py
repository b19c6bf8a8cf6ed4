"""Distinguished names as values that can be compared: from a certificate, and from text (RFC 4514)."""

from __future__ import annotations

import re

from client_certificate_auth.rfc4514 import attribute_string, parse_name
from client_certificate_auth.short_names import DOTTED_OID, OID_BY_SHORT_NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from client_certificate_auth.x509.names import DistinguishedName

    NameValue: TypeAlias = "tuple[tuple[tuple[str, str], ...], ...]"
    """The OIDs and values of the attributes of each relative distinguished name, sorted."""


def name_value(name: DistinguishedName) -> NameValue:
    """Return a certificate's name as a value: equal for names with equal attributes in equal order.

    The attributes of one relative distinguished name are a set, so their order is irrelevant. Text is compared exactly,
    whatever its string type: RFC 5280 §7.1 permits this stricter comparison.
    """
    return tuple(tuple(sorted(relative_name)) for relative_name in name.rdns)


def read_name(text: str) -> NameValue:
    """Return the value of a name in the string form of RFC 4514. Raises ValueError.

    Attribute types are OpenSSL's short names or dotted OIDs.
    """
    try:
        return tuple(
            tuple(sorted((_oid(attribute_type), value) for attribute_type, value in rdn)) for rdn in parse_name(text)
        )
    except ValueError as error:
        message = f"{text!r} is not a distinguished name in RFC 4514 form, such as CN=Issuing CA,O=Acme ({error})"
        raise ValueError(message) from error


def read_sorted_name(text: str) -> str:
    """Return a name in the string form of RFC 4514 with the attribute types of certificates. Raises ValueError.

    The attributes of one relative distinguished name, which is a set, are sorted.
    """
    return ",".join(
        "+".join(sorted(attribute_string(_oid(attribute_type), value) for attribute_type, value in rdn))
        for rdn in reversed(parse_name(text))
    )


def sorted_name(name: str, convert: Callable[[str], str] = str) -> str:
    """Return a certificate's name in string form with sorted attributes, as ``read_sorted_name`` returns it.

    ``convert`` is applied to each attribute before they are sorted.
    It is not parsed, because a certificate can contain very long names, and ``parse_name`` takes quadratic time.
    """
    rdns: list[list[str]] = [[]]
    for attribute, separator in re.findall(r"((?:\\.|[^\\+,])+)([+,]?)", name):
        rdns[-1].append(convert(attribute))
        if separator == ",":
            rdns.append([])
    return ",".join("+".join(sorted(rdn)) for rdn in rdns)


def _oid(attribute_type: str) -> str:
    oid = _OID_BY_TYPE.get(attribute_type, attribute_type)
    if not re.fullmatch(DOTTED_OID, oid):
        message = f"{attribute_type!r} is neither a short name such as CN nor a dotted OID"
        raise ValueError(message)
    return oid


# Short names also in upper case (RFC 4514 §3), where this is not another short name.
_OID_BY_TYPE = {**{name.upper(): oid for name, oid in OID_BY_SHORT_NAME.items()}, **OID_BY_SHORT_NAME}
