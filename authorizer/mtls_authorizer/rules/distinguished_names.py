"""Distinguished names as values that can be compared: from a certificate, and from text (RFC 4514)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from client_certificate_auth.short_names import OID_BY_SHORT_NAME

if TYPE_CHECKING:
    from collections.abc import Hashable

    from cryptography.x509 import ObjectIdentifier

    from client_certificate_auth.names import DistinguishedName


def name_value(name: DistinguishedName) -> Hashable:
    """Return a certificate's name as a value: equal for names with equal attributes in equal order.

    The attributes of one relative distinguished name are a set, so their order is irrelevant. Text is compared exactly,
    whatever its string type: RFC 5280 §7.1 permits this stricter comparison.
    """
    return tuple(tuple(sorted(relative_name)) for relative_name in name.rdns)


def read_name(text: str) -> Hashable:
    """Return the value of a name in the string form of RFC 4514. Raises ValueError.

    Attribute types are OpenSSL's short names or dotted OIDs. A hexadecimal value (``CN=#0C0161``) is rejected, since
    cryptography does not decode the DER in it.
    """
    from cryptography import x509  # noqa: PLC0415 -- only configurations with distinguished names need cryptography

    if "=#" in text:
        message = f"{text!r} contains a hexadecimal value: write the value as text, and a leading # as \\#"
        raise ValueError(message)
    try:
        name = x509.Name.from_rfc4514_string(text, _attribute_types())
    except Exception as error:
        # Mostly ValueError, but the parser is not hardened against arbitrary text.
        message = f"{text!r} is not a distinguished name in RFC 4514 form, such as CN=Issuing CA,O=Acme"
        raise ValueError(message + (f" ({error})" if str(error) else ", without spaces after commas")) from error
    return tuple(
        tuple(sorted((attribute.oid.dotted_string, str(attribute.value)) for attribute in relative_name))
        for relative_name in name.rdns
    )


@cache
def _attribute_types() -> dict[str, ObjectIdentifier]:
    """Return OIDs by short name, also in upper case (RFC 4514 §3) where this is not another short name."""
    from cryptography.x509 import ObjectIdentifier  # noqa: PLC0415 -- see above

    oids = {name: ObjectIdentifier(oid) for name, oid in OID_BY_SHORT_NAME.items()}
    return {**{name.upper(): oid for name, oid in oids.items()}, **oids}
