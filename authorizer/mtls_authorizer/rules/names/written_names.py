"""Distinguished names and attribute types as a configuration contains them: read strictly, and corrected in errors."""

from __future__ import annotations

import re

from client_certificate_auth.short_names import AMBIGUOUS_TYPES, DOTTED_OID, OID_BY_SHORT_NAME, SHORT_NAME_BY_OID
from mtls_authorizer.rules.names.distinguished_names import read_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.rules.names.distinguished_names import NameValue

_LONGEST_CORRECTED = 500

# Corrections are imported only for an error.


def parse_attribute_type(key: str) -> str:
    """Return the short name, or the OID, of an attribute type that is given by either. Raises ValueError."""
    _reject_ambiguous(key)
    if key not in OID_BY_SHORT_NAME and not re.fullmatch(DOTTED_OID, key):
        from mtls_authorizer.rules.names.name_correction import correct_type  # noqa: PLC0415 -- see above

        correct = correct_type(key)
        hint = f" ({correct} for {key})" if correct else ""
        message = f"write an attribute's short name, such as CN, O or OU, or its dotted OID{hint}"
        raise ValueError(message)
    return SHORT_NAME_BY_OID.get(key, key)


def read_written_name(text: str) -> NameValue:
    """Return the value of a name in RFC 4514 form, as ``read_name`` does. Raises ValueError, with the correct form."""
    if any(name in text for name in AMBIGUOUS_TYPES):
        from mtls_authorizer.rules.names.name_correction import attribute_types  # noqa: PLC0415 -- see above

        for attribute_type in attribute_types(text):
            _reject_ambiguous(attribute_type)
    try:
        return read_name(text)
    except ValueError:
        from mtls_authorizer.rules.names.name_correction import corrected_name  # noqa: PLC0415 -- see above

        corrected = corrected_name(text) if len(text) <= _LONGEST_CORRECTED else None
        if corrected is None:
            raise
        in_json = " (in JSON, with each backslash twice)" if "\\" in corrected else ""
        message = f"{text!r} is not a distinguished name in RFC 4514 form: write '{corrected}'{in_json}"
        raise ValueError(message) from None


def _reject_ambiguous(name: str) -> None:
    if name in AMBIGUOUS_TYPES:
        short_name, oid, other_oid = AMBIGUOUS_TYPES[name]
        message = (
            f"{name} is ambiguous, since OpenSSL and RFC 4519 define it differently: write {short_name} or {oid} for "
            f"the attribute that RFC 4519 calls {name}, or {other_oid} for the one that OpenSSL calls {name}"
        )
        raise ValueError(message)
