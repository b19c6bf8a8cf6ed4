"""The PSD2 statement in a certificate of a payment service provider (ETSI TS 119 495 §5, Annex A).

It is one of the QCStatements (RFC 3739 §3.2.6). This module does not check whether the provider is still authorized.
"""

from __future__ import annotations

import re

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.short_names import DOTTED_OID
from client_certificate_auth.x509.der import (
    OID,
    SEQUENCE,
    UTF8_STRING,
    DerError,
    check_any,
    describe,
    read_elements,
    read_oid,
    read_sequence_of,
)
from client_certificate_auth.x509.names import has_control_characters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from client_certificate_auth import PeerCertificate

_QC_STATEMENTS = "1.3.6.1.5.5.7.1.3"
_PSD2_STATEMENT = "0.4.0.19495.2"
_ROLE_NAMES = {
    "0.4.0.19495.1.1": "PSP_AS",
    "0.4.0.19495.1.2": "PSP_PI",
    "0.4.0.19495.1.3": "PSP_AI",
    "0.4.0.19495.1.4": "PSP_IC",
}
ROLES = tuple(_ROLE_NAMES.values())
"""Account servicing, payment initiation, account information, issuing of card-based payment instruments."""

_ROLE_OIDS = {name: oid for oid, name in _ROLE_NAMES.items()}

_LONGEST_TEXT = 256
_ID_AND_INFO = 2


class Psd2Statement(NamedTuple):
    """A PSD2 statement. ``roles`` are names in ``ROLES``, or dotted OIDs of roles in other versions of the standard."""

    roles: tuple[str, ...]
    authority_name: str
    authority_id: str


def read_psd2_statement(certificate: PeerCertificate) -> Psd2Statement | None:
    """Return the PSD2 statement of a certificate, None if it has none. Raises DerError if it is malformed.

    The whole extension must be well-formed, and contain the statement at most once. The OID and the name of a role must
    belong together.
    """
    value = certificate.fields.extension(_QC_STATEMENTS)
    if value is None:
        return None
    found: Psd2Statement | None = None
    for content in read_sequence_of(value, SEQUENCE):
        tags, contents = read_elements(content)
        if tags[:1] != [OID] or len(tags) > _ID_AND_INFO:
            message = f"a QCStatement has {describe(tags)}, not an OBJECT IDENTIFIER and its information"
            raise DerError(message)
        for tag, information in zip(tags, contents, strict=True):
            check_any(tag, information)
        if read_oid(contents[0]) != _PSD2_STATEMENT:
            continue
        if found is not None:
            message = "the PSD2 statement occurs twice"
            raise DerError(message)
        if tags[1:] != [SEQUENCE]:
            message = f"the PSD2 statement has {describe(tags[1:])}, not a SEQUENCE"
            raise DerError(message)
        found = _read_statement(contents[1])
    return found


def parse_role(text: str) -> str:
    """Return the name of a role, given by its name or dotted OID; the OID if it has no name. Raises ValueError."""
    if text not in ROLES and not re.fullmatch(DOTTED_OID, text):
        message = f"{text!r} is not a role: write one of {', '.join(ROLES)}, or a dotted OID"
        raise ValueError(message)
    return _ROLE_NAMES.get(text, text)


def _read_statement(content: bytes) -> Psd2Statement:
    """Return a PSD2QcType from the content of its SEQUENCE: roles, name and identifier of the competent authority."""
    tags, contents = read_elements(content)
    if tags != [SEQUENCE, UTF8_STRING, UTF8_STRING]:
        message = f"a PSD2 statement has {describe(tags)}, not roles, name and identifier of the authority"
        raise DerError(message)
    tags, roles = read_elements(contents[0])
    if not roles or tags != [SEQUENCE] * len(roles):
        message = f"the roles of a PSD2 statement have {describe(tags)}, not one SEQUENCE for each"
        raise DerError(message)
    return Psd2Statement(tuple(map(_read_role, roles)), _read_text(contents[1]), _read_text(contents[2]))


def _read_role(content: bytes) -> str:
    tags, contents = read_elements(content)
    if tags != [OID, UTF8_STRING]:
        message = f"a PSD2 role has {describe(tags)}, not an OBJECT IDENTIFIER and a name"
        raise DerError(message)
    oid, name = read_oid(contents[0]), _read_text(contents[1])
    if _ROLE_NAMES.get(oid, name) != name:
        message = f"the PSD2 role {oid} is called {name!a}, not {_ROLE_NAMES[oid]}"
        raise DerError(message)
    if _ROLE_OIDS.get(name, oid) != oid:
        message = f"the PSD2 role {oid} is called {name!a}, which is {_ROLE_OIDS[name]}"
        raise DerError(message)
    return _ROLE_NAMES.get(oid, oid)


def _read_text(content: bytes) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        message = "a name in a PSD2 statement is not UTF-8"
        raise DerError(message) from error
    if not 1 <= len(text) <= _LONGEST_TEXT or has_control_characters(text):
        message = f"a name in a PSD2 statement is empty, too long or not printable: {text[:32]!a}"
        raise DerError(message)
    return text
