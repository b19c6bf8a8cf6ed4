"""Fuzzes the reader of PSD2 statements: `python -m tests.fuzz.fuzz_psd2 --seconds 600`.

`layer` and `authorizer` must be on the path. Certificates contain valid QCStatements that were changed, as a tree of
elements or as octets. The oracle is the declarative ASN.1 decoder of cryptography, with the rules of ETSI TS 119 495
written down a second time. The reader must accept the same statements and find the same roles and names, and rules must
see the same roles.
"""

from __future__ import annotations

import unicodedata
from random import Random
from typing import TYPE_CHECKING, Annotated, NamedTuple

from cryptography.hazmat import asn1
from cryptography.x509 import ObjectIdentifier

from client_certificate_auth import PeerCertificate
from client_certificate_auth.x509.der import DerError
from mtls_authorizer.rules.field_values import psd2_role_facts, psd2_statement_problem
from mtls_authorizer.rules.psd2 import Psd2Statement, read_psd2_statement
from tests.fuzz.command_line import repeat, run
from tests.pki import der
from tests.pki.certificates import certificate_der, extension, name, pem
from tests.pki.psd2_statements import PSD2_STATEMENT, QC_STATEMENTS, ROLE_OIDS

if TYPE_CHECKING:
    from collections import Counter

_NAMES_BY_OID = {oid: role for role, oid in ROLE_OIDS.items()}
_SUBJECT = name(("CN", "client"))


def fuzz(seed: int, **limits: float) -> Counter[str]:
    """Run until a limit is reached, and count the outcomes. Raises FindingError."""
    chance = Random(seed)  # noqa: S311 -- to be repeatable
    contents = iter(lambda: _damaged(chance, _changed(chance, _statements(chance)).encode()), None)
    return repeat(contents, _compare, **limits)


def _compare(content: bytes) -> str:
    """Return the outcome for the content of the extension. Raises AssertionError if reader and oracle disagree."""
    certificate = _certificate(content)
    found, problem = _read(certificate)
    assert psd2_statement_problem(certificate) == problem
    assert [fact.value for fact in psd2_role_facts(certificate)] == list(found.roles if found else ())
    try:
        expected = _decode(content)
    except _UnsupportedByOracleError:
        return "not compared"
    except ValueError:
        if found is not None and any(map(_is_long, found.roles)):
            return "not compared"
        assert problem is not None
        return "rejected"
    assert problem is None
    assert found == expected
    return "without a PSD2 statement" if found is None else "read"


def _certificate(content: bytes) -> PeerCertificate:
    extensions = [extension(QC_STATEMENTS, content)]
    return PeerCertificate.from_pem(pem(certificate_der(_SUBJECT, extensions=extensions)))


def _read(certificate: PeerCertificate) -> tuple[Psd2Statement | None, str | None]:
    """Return the statement, and why it cannot be read."""
    try:
        return read_psd2_statement(certificate), None
    except DerError as error:
        return None, str(error)


# The oracle.


@asn1.sequence
class _RoleOfPsp:
    oid: ObjectIdentifier
    name: str


@asn1.sequence
class _Psd2QcType:
    roles: Annotated[list[_RoleOfPsp], asn1.Size(1, None)]
    authority_name: str
    authority_id: str


@asn1.sequence
class _Certificate:
    """A SEQUENCE around the extension, because cryptography decodes a SEQUENCE OF only as a field."""

    statements: list[list[asn1.TLV]]


class _UnsupportedByOracleError(Exception):
    """The input contains an OID that cryptography cannot represent: more than 63 octets, or arcs of over 128 bits."""


_MOST_ARC_BITS = 120
_SHORT_OID = 17
"""In octets: whatever such an OID contains, cryptography can represent it."""


def _decode(content: bytes) -> Psd2Statement | None:
    """Return the PSD2 statement in the content of the extension, None if there is none. Raises ValueError."""
    found = []
    for statement in asn1.decode_der(_Certificate, der.sequence(content)).statements:
        _require(1 <= len(statement) <= 2)
        oid = _decode_oid(statement[0])
        for part in statement:
            _check_any(part)
        if oid == PSD2_STATEMENT:
            _require(len(statement) == 2)
            found.append(statement[1].parse(_Psd2QcType))
    _require(len(found) <= 1)
    for info in found:
        texts = [info.authority_name, info.authority_id, *(role.name for role in info.roles)]
        _require(all(1 <= len(text) <= 256 for text in texts))
        _require("Cc" not in {unicodedata.category(character) for text in texts for character in text})
        _require(all(_NAMES_BY_OID.get(role.oid.dotted_string, role.name) == role.name for role in info.roles))
        _require(all(ROLE_OIDS.get(role.name, role.oid.dotted_string) == role.oid.dotted_string for role in info.roles))
        roles = [_NAMES_BY_OID.get(role.oid.dotted_string, role.oid.dotted_string) for role in info.roles]
        return Psd2Statement(tuple(roles), info.authority_name, info.authority_id)
    return None


def _decode_oid(element: asn1.TLV) -> str:
    try:
        oid: ObjectIdentifier = element.parse(ObjectIdentifier)
    except ValueError:
        if element.tag_bytes == b"\x06" and len(element.data) > _SHORT_OID:
            raise _UnsupportedByOracleError from None
        raise
    return oid.dotted_string


def _check_any(element: asn1.TLV) -> None:
    """Check an element as OpenSSL checks an ANY: the form and content of universal types."""
    # Tags of several octets are rejected everywhere.
    _require(len(element.tag_bytes) == 1)
    (tag,) = element.tag_bytes
    if tag >= 0x40:
        return
    is_constructed, number = bool(tag & 0x20), tag & 0x1F
    _require(number != 0 and is_constructed == (number in (16, 17)))
    match number:
        case 1:
            element.parse(bool)
        case 2:
            element.parse(int)
        case 3:
            element.parse(asn1.BitString)
        case 5:
            element.parse(asn1.Null)
        case 6:
            _decode_oid(element)
        case 10:
            # Encoded like an INTEGER.
            asn1.decode_der(int, der.tlv(der.INTEGER, bytes(element.data)))
        case 28 | 30:
            _require(len(element.data) % (4 if number == 28 else 2) == 0)


def _require(condition: bool) -> None:  # noqa: FBT001 -- a condition
    if not condition:
        raise ValueError


def _is_long(oid: str) -> bool:
    return len(oid) > _MOST_ARC_BITS or any(int(arc) >> _MOST_ARC_BITS for arc in oid.split(".") if arc.isdecimal())


# The inputs.


class _Element(NamedTuple):
    """An element with its content, or with the elements that it contains."""

    tag: int
    content: bytes = b""
    children: list[_Element] | None = None

    def encode(self) -> bytes:
        if self.children is None:
            return der.tlv(self.tag, self.content)
        return der.tlv(self.tag, *(child.encode() for child in self.children))


def _sequence(*children: _Element) -> _Element:
    return _Element(der.SEQUENCE, children=list(children))


def _oid(dotted: str) -> _Element:
    return _Element(der.OID, _content(der.oid(dotted)))


def _text(value: str) -> _Element:
    return _Element(der.UTF8_STRING, value.encode())


def _content(encoded: bytes) -> bytes:
    """Return the content of a short element."""
    return encoded[2:]


_OTHER_OIDS = ("0.4.0.19495.1.0", "0.4.0.19495.1.5", "1.2.3", "2.999.1")
_TAGS = (0x0C, 0x13, 0x1E, 0x06, 0x30, 0x31, 0x04, 0xA0)
_VALID_TEXTS = ("Federal Authority", "DE-BAFIN", "Česká", "ä" * 256, "\u2028", "\ufffd", "\xa0")
_ODD_TEXTS = (
    b"a" * 257,
    b"",
    b"a\nb",
    b"\x7f",
    "\x85".encode(),
    "\x9f".encode(),
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"PSP_AI",
)
_CONTENTS = (
    b"",
    b"\x00",
    b"\x01",
    b"\xff",
    b"\x00\x7f",
    b"\x00\x80",
    b"\x07\x00",
    b"\x01\x02",
    b"\x80\x01",
    b"\x2a\x03",
)


def _statements(chance: Random) -> _Element:
    """Return QCStatements of which most are valid, with a PSD2 statement or without."""
    statements = [_sequence(_oid("0.4.0.1862.1.1")), _sequence(_oid("0.4.0.1862.1.6"), _sequence(_oid("1.2.3")))]
    statements += [_sequence(_oid("1.2.3"), _any(chance)) for _ in range(chance.randrange(2))]
    statements += [_psd2_statement(chance) for _ in range(chance.choice((0, 1, 1, 1, 1, 1, 1, 2)))]
    chance.shuffle(statements)
    return _sequence(*statements[: chance.randrange(1, 6)])


def _psd2_statement(chance: Random) -> _Element:
    """Return a statement of which one part may be odd."""
    roles = [_role(chance) for _ in range(chance.choice((1, 1, 2, 4)) if chance.random() < 0.95 else 0)]
    texts = [_text(chance.choice(_VALID_TEXTS)) for _ in range(2)]
    if chance.random() < 0.2:
        texts[chance.randrange(2)] = _Element(der.UTF8_STRING, chance.choice(_ODD_TEXTS))
    return _sequence(_oid(PSD2_STATEMENT), _sequence(_sequence(*roles), *texts))


def _role(chance: Random) -> _Element:
    role, oid = chance.choice(list(ROLE_OIDS.items()))
    if chance.random() < 0.1:
        oid = chance.choice((*ROLE_OIDS.values(), *_OTHER_OIDS))
    tag = der.UTF8_STRING if chance.random() < 0.95 else chance.choice(_TAGS)
    return _sequence(_oid(oid), _Element(tag, role.encode()))


def _any(chance: Random) -> _Element:
    if chance.random() < 0.5:
        return chance.choice((_oid("1.2.3"), _text("a"), _sequence(), _Element(0x81, b"a"), _Element(2, b"\x05")))
    tag = chance.choice((0, 1, 2, 3, 4, 5, 6, 10, 12, 28, 30, 31, 0x23, 0x24, 0x30, 0x31, 0x80, 0x9F, 0xA0, 0xBF, 0xDF))
    return _Element(tag, chance.choice((*_CONTENTS, chance.randbytes(chance.randrange(6)))))


def _changed(chance: Random, element: _Element) -> _Element:
    """Return a tree of elements of which up to three were changed."""
    for _ in range(chance.choice((0, 0, 0, 1, 1, 2))):
        path = []
        place = element
        while place.children and chance.random() < 0.85:
            path.append((place, chance.randrange(len(place.children))))
            place = place.children[path[-1][1]]
        if not path:
            element = _change(chance, element)
            continue
        parent, number = path[-1]
        assert parent.children is not None
        match chance.randrange(8):
            case 0:
                del parent.children[number]
            case 1:
                parent.children.insert(number, place)
            case 2:
                parent.children.insert(number, chance.choice((_any(chance), _role(chance), _psd2_statement(chance))))
            case 3:
                chance.shuffle(parent.children)
            case _:
                parent.children[number] = _change(chance, place)
    return element


def _change(chance: Random, element: _Element) -> _Element:
    """Return an element in place of another one."""
    match chance.randrange(6):
        case 0:
            return element._replace(tag=chance.choice((*_TAGS, element.tag ^ 0x20)))
        case 1:
            return _sequence(element)
        case 2:
            return _Element(0xA0, children=[element])
        case 3:
            return _Element(der.UTF8_STRING, chance.choice(_ODD_TEXTS))
        case 4:
            return _oid(chance.choice((PSD2_STATEMENT, *ROLE_OIDS.values(), *_OTHER_OIDS)))
        case _:
            return element.children[0] if element.children else element._replace(content=chance.choice(_CONTENTS))


def _damaged(chance: Random, content: bytes) -> bytes:
    """Return octets of which some were changed, in a quarter of the cases."""
    if chance.random() < 3 / 4:
        return content
    octets = bytearray(content)
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(octets) + 1)
        match chance.randrange(6):
            case 0:
                octets[place : place + 1] = chance.randbytes(1)
            case 1 if place < len(octets):
                octets[place] ^= 1 << chance.randrange(8)
            case 2:
                del octets[place : place + chance.randrange(1, 8)]
            case 3:
                octets[place:place] = chance.randbytes(chance.randrange(1, 8))
            case 4:
                # A length in another form.
                octets[place:place] = chance.choice((b"\x80", b"\x81", b"\x82\x00", b"\x84\x00\x00\x00", b"\x85"))
            case _:
                del octets[place:]
    return bytes(octets)


if __name__ == "__main__":
    run(fuzz, __doc__)
