"""Subjects and issuers, as honest, careless and hostile certification authorities write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.pki import der
from tests.pki.certificates import attribute, certificate_der, name

if TYPE_CHECKING:
    from collections.abc import Mapping

GENERAL_STRING = 0x1B

# Longer than the buffers in which OpenSSL and Node write OIDs. The second one has one long arc.
LONG_OID: Final = "1.2" + ".3" * 200
LARGE_ARC: Final = f"2.5.{10**400}"


def raw_attribute(dotted_oid: str, value: bytes) -> bytes:
    """Return an attribute with any value, in DER."""
    return der.sequence(der.oid(dotted_oid), value)


def _common_name(tag: int, content: bytes) -> bytes:
    return name(raw_attribute("2.5.4.3", der.tlv(tag, content)))


def _each(*dotted_oids: str) -> bytes:
    """Return a name with an attribute of each type; its value tells which."""
    return name(*(attribute(dotted_oid, f"the value of {dotted_oid}") for dotted_oid in dotted_oids))


def _children(arc: str, *numbers: int) -> bytes:
    return _each(*(f"{arc}.{number}" for number in numbers))


_STRING_TYPES: Final = (der.UTF8_STRING, der.PRINTABLE_STRING, der.IA5_STRING, der.T61_STRING, der.BMP_STRING)

_VALUES: Final = {
    "that-looks-like-another-attribute": "x,CN=admin",
    "with-quotes": "\"double\" and 'single'",
    "with-punctuation": "back\\slash \\2C a+b;c<d>e=f",
    "with-leading-hash": "#0C0141",
    "with-surrounding-spaces": "  two on each side  ",
    "with-newlines": "first line\nCN=second line\r\n",
    "with-nul": "admin\0.example",
    "with-del-and-c1": "a\x7fb\x80c\x9fd",
    "with-bidirectional-override": "evil\u202enimda",
    "with-byte-order-mark": "\ufeffadmin",
    "beyond-the-basic-plane": "\U0001f600 \U0010ffff",
    "composed-and-decomposed": "caf\u00e9, cafe\u0301",
    "prototype": "__proto__",
    "of-300-characters": "long " * 60,
}

_SUBJECTS: Final[Mapping[str, bytes]] = {
    "common-name-only": name(("CN", "client")),
    "of-a-person": name(
        attribute("C", "DE", der.PRINTABLE_STRING),
        ("ST", "Bayern"),
        ("L", "München"),
        ("O", "Ümläut GmbH & Co. KG"),
        ("OU", "Vertrieb"),
        ("GN", "Jürgen"),
        ("SN", "Groß"),
        ("CN", "Jürgen Groß"),
        ("title", "Dr."),
        attribute("serialNumber", "0042", der.PRINTABLE_STRING),
        attribute("emailAddress", "juergen@example.com", der.IA5_STRING),
    ),
    "of-a-directory": name(
        attribute("DC", "com", der.IA5_STRING), attribute("DC", "example", der.IA5_STRING), ("UID", "u123"), ("CN", "x")
    ),
    "empty": name(),
    "empty-values": name(("O", ""), ("CN", ""), attribute("L", "", der.BMP_STRING)),
    "several-organizational-units": name(
        ("OU", "one"), ("O", "Acme"), ("OU", "two"), ("CN", "client"), ("OU", "three")
    ),
    "two-common-names": name(("CN", "client"), ("CN", "admin")),
    "one-value-twice": name(("OU", "same"), ("OU", "same"), ("CN", "client")),
    "100-organizational-units": name(*(("OU", f"unit {number}") for number in range(100))),
    "multi-valued": name([attribute("CN", "c"), attribute("OU", "u"), attribute("UID", "1")], ("OU", "other")),
    "multi-valued-one-type": name([attribute("OU", "a"), attribute("OU", "b")], ("CN", "client")),
    "multi-valued-one-attribute": name([attribute("OU", "a"), attribute("OU", "a")], ("CN", "client")),
    "multi-valued-unsorted": name([attribute("OU", "unit"), attribute("CN", "client")]),
    "empty-relative-distinguished-name": name(("CN", "client"), []),
    "string-types": name(*(attribute("OU", "Unit 1", tag) for tag in (*_STRING_TYPES, der.UNIVERSAL_STRING))),
    "unicode-strings": name(
        *(attribute("OU", "Jürgen ¥", tag) for tag in (der.UTF8_STRING, der.BMP_STRING, der.UNIVERSAL_STRING))
    ),
    "numeric-string": name(attribute("CN", "0 123 456", der.NUMERIC_STRING)),
    "numeric-string-of-letters": name(attribute("CN", "letters", der.NUMERIC_STRING)),
    "printable-string-beyond-its-alphabet": name(attribute("CN", "*.a_b@c", der.PRINTABLE_STRING)),
    "printable-string-in-latin-1": _common_name(der.PRINTABLE_STRING, "Jürgen".encode("latin-1")),
    "ia5-string-in-latin-1": _common_name(der.IA5_STRING, "Jürgen".encode("latin-1")),
    "ia5-string-in-utf-8": _common_name(der.IA5_STRING, "Jürgen ¥".encode()),
    "t61-string-in-latin-1": _common_name(der.T61_STRING, "Jürgen".encode("latin-1")),
    "t61-string-in-utf-8": _common_name(der.T61_STRING, "Jürgen ¥".encode()),
    "utf8-string-in-latin-1": _common_name(der.UTF8_STRING, "Jürgen".encode("latin-1")),
    "utf8-string-overlong": _common_name(der.UTF8_STRING, b"a\xc0\xaf"),
    "bmp-string-of-odd-length": _common_name(der.BMP_STRING, b"\0a\0"),
    "bmp-string-with-surrogate-pair": name(attribute("CN", "a\U0001f600", der.BMP_STRING)),
    "universal-string-beyond-unicode": _common_name(der.UNIVERSAL_STRING, b"\0\x11\0\0"),
    "visible-string": name(attribute("CN", "client", der.VISIBLE_STRING)),
    "general-string": _common_name(GENERAL_STRING, b"client"),
    "generalized-time": _common_name(der.GENERALIZED_TIME, b"20200101000000Z"),
    "octet-string": _common_name(der.OCTET_STRING, b"client"),
    "bit-string": name(("CN", "client"), raw_attribute("2.5.4.45", der.bits(b"\1\2"))),
    "sequence": name(raw_attribute("2.5.4.16", der.sequence(der.text("1 Main Street"), der.text("Springfield")))),
    **{f"value-{kind}": name(("O", value), ("CN", value)) for kind, value in _VALUES.items()},
    "types-of-x520": _children("2.5.4", *range(2, 55), 65, 72, 97, 98, 99, 100),
    "types-of-cosine": _children("0.9.2342.19200300.100.1", *range(1, 57)),
    "types-of-pkcs9": _children("1.2.840.113549.1.9", *range(1, 27)),
    "types-of-personal-data": _children("1.3.6.1.5.5.7.9", *range(1, 6)),
    "types-of-extended-validation": name(
        *(attribute(f"1.3.6.1.4.1.311.60.2.1.{number}", "DE", der.PRINTABLE_STRING) for number in (1, 2, 3)),
        attribute("2.5.4.15", "Private Organization"),
        attribute("2.5.4.97", "NTRDE-HRB12345"),
    ),
    "types-of-russia": _each("1.2.643.3.131.1.1", *(f"1.2.643.100.{number}" for number in (1, 3, 5, 111, 112, 113))),
    "types-of-active-directory": _children("1.3.6.1.4.1.311.20.2", 2, 3),
    "types-that-are-no-attributes": _each("2.5.29.17", "1.2.840.113549.1.1.1", "2.16.840.1.101.3.4.2.1"),
    "types-unknown": _each("1.2.3.4", "2.5.4.200", "2.999.1.2", "0.0", "1.3.6.1.4.1.99999.1", "1.2.3.4"),
    "types-unknown-of-a-uuid": _each("2.25.329800735698586629295641978511506172918"),
    "types-unknown-of-100-characters": _each("1.3.6.1.4.1" + ".123456789" * 9),
    "types-unknown-of-400-characters": _each(LONG_OID, LARGE_ARC),
    "types-unknown-of-200-characters": _each("1.3.6.1.4.1" + ".123456789" * 19),
}

_ISSUERS: Final[Mapping[str, bytes]] = {
    "empty": name(),
    "of-many-kinds": name(
        [attribute("CN", "CA\nline"), attribute("OU", "x,y")],
        attribute("O", "Jürgen", der.BMP_STRING),
        ("1.2.3.4", "unknown"),
        ("O", "again"),
    ),
    "t61-string-in-latin-1": name(attribute("CN", "Jürgen", der.T61_STRING)),
    "octet-string": _common_name(der.OCTET_STRING, b"CA"),
}

CERTIFICATES: Final[Mapping[str, bytes]] = {
    **{f"subject-{kind}": certificate_der(subject=subject) for kind, subject in _SUBJECTS.items()},
    **{f"issuer-{kind}": certificate_der(issuer=issuer) for kind, issuer in _ISSUERS.items()},
}
"""DER by name."""
