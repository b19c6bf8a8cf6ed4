"""Distinguished names that are not in RFC 4514 form, and how to write them correctly.

OpenSSL, Java, Windows and API Gateway print names with spaces, quotation marks, slashes or other attribute types, or
from the least specific attribute to the most specific one.
"""

from __future__ import annotations

import re

from client_certificate_auth.rfc4514 import escape_value
from client_certificate_auth.short_names import DOTTED_OID, SHORT_NAME_BY_OID
from client_certificate_auth.x509.der import DerError, read_elements
from client_certificate_auth.x509.names import read_text
from mtls_authorizer.rules.names.distinguished_names import read_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_COMPONENT = re.compile(r'(?:"(?:\\.|[^"\\])*"|\\.|[^\\",+;])*')
_SLASH_COMPONENT = re.compile(r"(?<!\\)([/+])([A-Za-z][A-Za-z0-9.-]*|[0-9.]+)=")
_UNESCAPED_SPECIAL = re.compile(r"(\\.)|([,+<>;])")
_LABEL = re.compile(r"\A\s*(?:subject|issuer|owner(?=:))\s*[=:]\s*", re.IGNORECASE)
_OCTET = re.compile(r"(?<!\\)\\x([0-9A-F]{2})")
_HEXADECIMAL = re.compile(r"#((?:[0-9A-Fa-f]{2})+)")
_ESCAPED_SPACE_AT_END = re.compile(r"(?<!\\)(?:\\\\)*\\ \Z")
_SHORT_NAMES = (
    {name.lower(): name for name in SHORT_NAME_BY_OID.values()}
    | {
        # Other names in RFC 4519.
        "commonname": "CN",
        "countryname": "C",
        "domaincomponent": "DC",
        "givenname": "GN",
        "localityname": "L",
        "organizationname": "O",
        "organizationalunitname": "OU",
        "stateorprovincename": "ST",
        "streetaddress": "street",
        "surname": "SN",
        "uid": "UID",
        "userid": "UID",
        # As Windows, Java, GnuTLS and OpenSSL's long form have them.
        "dnq": "dnQualifier",
        "e": "emailAddress",
        "email": "emailAddress",
        "g": "GN",
        "generation": "generationQualifier",
        "i": "initials",
        "s": "ST",
        "t": "title",
    }
    | {
        f"jurisdiction{words}{name}": f"jurisdiction{short}"
        for words in ("", "ofincorporation")
        for name, short in {"countryname": "C", "localityname": "L", "stateorprovincename": "ST"}.items()
    }
)
_SPECIFICITY = {"C": 0, "DC": 0, "ST": 1, "L": 1, "O": 2, "OU": 3} | dict.fromkeys(
    ("CN", "EMAILADDRESS", "SERIALNUMBER", "UID"), 4
)
"""How specific an attribute is, by the short name of its type in upper case: a country contains organizations, which
contain people and servers."""


def correct_type(name: str) -> str | None:
    """Return the short name of an attribute type that is written in another way, such as ``cn`` or ``commonName``."""
    if re.fullmatch(rf"(?i:OID)\.{DOTTED_OID}", name):  # as Java writes it
        return SHORT_NAME_BY_OID.get(name[4:], name[4:])
    return _SHORT_NAMES.get(name.lower())


def attribute_types(text: str) -> Iterator[str]:
    """Return the attribute types in a name, as they are written there."""
    for components in _relative_names(_LABEL.sub("", text)):
        for component in components:
            yield component.partition("=")[0].strip()


def corrected_name(text: str) -> str | None:
    """Return the RFC 4514 form of a name that is written otherwise; None if it cannot be determined."""
    if not text.isprintable():
        return None
    # As the first word of a line that openssl, keytool or certtool prints, and bytes as in OpenSSL's old form.
    text = _OCTET.sub(r"\\\1", _LABEL.sub("", text))
    names = _relative_names(text)
    if text.startswith("/") or _is_reversed(names) or _is_printed_by_openssl(names):
        names = names[::-1]
    if any("=" not in component for components in names for component in components):
        return None
    corrected = ",".join("+".join(map(_corrected_component, components)) for components in names)
    try:
        read_name(corrected)
    except ValueError:
        return None
    return corrected


def reversed_name(text: str) -> str | None:
    """Return a name in RFC 4514 form with its attributes in reverse order, if it looks reversed; None if it does not.

    It does if its last attribute is more specific than its first one, as in ``C=DE,O=Acme,CN=X``, which is the order in
    a certificate. RFC 4514 begins with the last, most specific attribute (§2.1).
    """
    names = _relative_names(text)
    return ",".join("+".join(components) for components in reversed(names)) if _is_reversed(names) else None


def _relative_names(text: str) -> list[list[str]]:
    """Return the relative distinguished names in the order of the text, each a list of attributes."""
    if not text.startswith("/"):
        return _split(text)
    # OpenSSL's old form. Version 3 joins the attributes of a relative name by "+", and escapes "/" and "+" in values.
    first, *parts = _SLASH_COMPONENT.split(text)
    # Text without an attribute is left as it is, and rejected.
    names = [[first]] if first else []
    for separator, kind, value in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if separator == "/":
            names.append([])
        unescaped = value.replace("\\/", "/")
        names[-1].append(f"{kind}={_escaped(unescaped)}")
    return names


def _split(text: str) -> list[list[str]]:
    """Return the relative distinguished names, and their attributes, without decoding anything.

    A part without an equals sign belongs to the value before it: ``CN=Acme, Inc.``.
    """
    names: list[list[str]] = []
    separator, position = ",", 0
    while position <= len(text):
        match = _COMPONENT.match(text, position)
        component = match.group() if match else ""
        position += len(component)
        if names and "=" not in component and component.strip():
            names[-1][-1] += f"\\{separator}{component}"
        elif separator == "+" and names:
            names[-1].append(component)
        else:
            names.append([component])
        separator = text[position : position + 1]
        position += 1
    return names


def _is_reversed(names: list[list[str]]) -> bool:
    first, last = _type(names[0]), _type(names[-1])
    # Attributes that are not in the table can be anywhere, but a country or domain does not precede them.
    return first in _SPECIFICITY and _SPECIFICITY[first] < _SPECIFICITY.get(last, 1)


def _is_printed_by_openssl(names: list[list[str]]) -> bool:
    """Return whether OpenSSL seems to have printed a name, in the order of the certificate: with spaces around =.

    Only for names whose first attribute does not tell the order.
    """
    return _type(names[0]) not in _SPECIFICITY and all(" = " in name for components in names for name in components)


def _type(components: list[str]) -> str:
    name = components[0].partition("=")[0].strip()
    return (correct_type(name) or name).upper()


def _corrected_component(component: str) -> str:
    kind, _, value = component.partition("=")
    kind, value = kind.strip(), value.lstrip()
    if value.startswith('"') and value.rstrip().endswith('"') and len(value.rstrip()) > 1:
        value = _escaped(value.rstrip()[1:-1])
    elif not _ESCAPED_SPACE_AT_END.search(value):
        value = value.rstrip()
        value = _decoded(value) or value
    return f"{correct_type(kind) or kind}={value}"


def _decoded(value: str) -> str | None:
    """Return the text of a value in hexadecimal (RFC 4514 §2.4), as OpenSSL prints it for types that it does not know.

    None if it is not in hexadecimal, or not text.
    """
    match = _HEXADECIMAL.fullmatch(value)
    if match is None:
        return None
    try:
        (tag,), (content,) = read_elements(bytes.fromhex(match[1]))
    except (DerError, ValueError):
        return None
    text = read_text(tag, content)
    return None if text is None else escape_value(text)


def _escaped(value: str) -> str:
    return _UNESCAPED_SPECIAL.sub(lambda match: match[1] or f"\\{match[2]}", value)
