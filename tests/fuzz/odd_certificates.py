"""Certificates of odd but mostly well-formed parts: strings, times, extensions and keys, and some with broken bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from client_certificate_auth.certificate_parser import parse_certificate
from client_certificate_auth.pem import read_pem
from tests import der
from tests.certificates import ED25519_KEY, OIDS, certificate_der, extension

if TYPE_CHECKING:
    from random import Random

_CERTIFICATES = Path(__file__).parents[1] / "golden" / "certificates"
GOLDEN = [read_pem(path.read_text(encoding="ascii")) for path in sorted(_CERTIFICATES.glob("*.pem"))]

_KEYS = [
    *(ED25519_KEY, ED25519_KEY),
    *(
        parse_certificate(read_pem(path.read_text(encoding="ascii"))).public_key
        for path in sorted(_CERTIFICATES.glob("key-*.pem"))
    ),
]

_STRING_TAGS = (
    *(der.UTF8_STRING, der.PRINTABLE_STRING, der.T61_STRING, der.IA5_STRING, der.BMP_STRING, der.UNIVERSAL_STRING),
    *(der.NUMERIC_STRING, der.VISIBLE_STRING, der.BIT_STRING, der.SEQUENCE, der.OCTET_STRING, 0x1B),
)
_TEXTS = (
    *(
        "client",
        "Acme, Inc.",
        "M\u00fcller & S\u00f6hne",
        "*.example.com",
        "a_b@c.example",
        "",
        " ",
        "#",
        "#a ",
        "\u20ac",
    ),
    *("\U0001f600", 'say "x"', "it's", "a\\b", "a+b;c<d>e=f", "a\0b", "a\nb", "\x7f\x85", "\ufeffx", "\uffff"),
)
_OTHER_OIDS = ("1.2.3.4", "2.5.4.97", "2.5.4.13", "2.999.1", "1.3.6.1.4.1.99999.1", "0.9.2342.19200300.100.1.3")
_PURPOSES = ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "2.5.29.37.0", "1.2.3.4", "2.999.5")
_OTHER_NAMES = ("1.3.6.1.4.1.311.20.2.3", "1.3.6.1.5.5.7.8.5", "1.3.6.1.5.5.7.8.7", "1.3.6.1.5.5.7.8.9", "1.2.3.4")
_ACCESS_METHODS = ("1.3.6.1.5.5.7.48.1", "1.3.6.1.5.5.7.48.2", "1.3.6.1.5.5.7.48.5", "1.2.3.4")
_TIMES = (
    *(b"200101000000Z", b"491231235959Z", b"500101000000Z", b"991231235959Z", b"200229120000Z", b"210229120000Z"),
    *(b"20200101000000Z", b"20500101000000Z", b"99991231235959Z", b"00000101000000Z", b"2001010000Z"),
    *(b"200101000000+0100", b"20200101000000.5Z", b"200101240000Z", b"200101006000Z", b"200101000060Z", b"yesterday"),
)


class OddCertificates:
    """Makes certificates of a seeded generator's choice."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def make(self) -> bytes:
        """Return a certificate in DER. Of four, one is a golden one with broken bytes, and one has broken bytes too."""
        kind = self._chance.randrange(4)
        certificate = self._chance.choice(GOLDEN) if kind == 0 else self._certificate()
        return mutated(self._chance, certificate) if kind < 2 else certificate

    def _certificate(self) -> bytes:
        parts = {
            "subject": self._name,
            "issuer": self._name,
            "serial_number": self._serial_number,
            "not_before": self._time,
            "not_after": self._time,
            "public_key": self._public_key,
            "extensions": self._extensions,
        }
        chosen = self._chance.sample(sorted(parts), self._chance.choice((1, 1, 2, 3)))
        return certificate_der(**{part: parts[part]() for part in chosen})  # type: ignore[operator]

    def _some(self, make: object, most: int = 3) -> list[bytes]:
        return [make() for _ in range(self._chance.choice((0, *range(1, most + 1), 1, 1)))]  # type: ignore[operator]

    def _string(self) -> bytes:
        tag = self._chance.choice(_STRING_TAGS[: self._chance.choice((1, 6, len(_STRING_TAGS)))])
        text = self._chance.choice(_TEXTS)
        encoding = self._chance.choice(("utf-8", "latin-1", "utf-16-be", "utf-32-be"))
        if self._chance.random() < 0.6:
            encoding = {der.BMP_STRING: "utf-16-be", der.UNIVERSAL_STRING: "utf-32-be"}.get(tag, "utf-8")
        content = text.encode(encoding, "replace" if encoding == "latin-1" else "strict")
        return der.tlv(tag, b"\0" if tag == der.BIT_STRING else b"", content)

    def _oid(self) -> str:
        return self._chance.choice((*OIDS.values(), *OIDS.values(), *_OTHER_OIDS))

    def _attribute(self) -> bytes:
        return der.sequence(der.oid(self._oid()), self._string())

    def _name(self) -> bytes:
        return der.sequence(*self._some(lambda: der.tlv(der.SET, *self._some(self._attribute, 2)), 4))

    def _serial_number(self) -> bytes:
        return der.integer(
            self._chance.getrandbits(self._chance.choice((0, 1, 8, 63, 64, 160, 400)))
            - self._chance.choice((0, 0, 2**64))
        )

    def _time(self) -> bytes:
        content = self._chance.choice(_TIMES)
        fitting = der.GENERALIZED_TIME if len(content) == 15 else der.UTC_TIME
        return der.tlv(fitting if self._chance.random() < 0.8 else self._chance.choice((0x17, 0x18, 0x16)), content)

    def _public_key(self) -> bytes:
        key = self._chance.choice(_KEYS)
        return key if self._chance.random() < 0.6 else mutated(self._chance, key)

    def _general_name(self) -> bytes:
        text = self._chance.choice(_TEXTS).encode(self._chance.choice(("utf-8", "utf-16-be")))
        match self._chance.randrange(9):
            case 0 | 1 | 2:
                return der.tagged(self._chance.choice((1, 2, 6)), text)
            case 3:
                return der.tagged(7, self._chance.randbytes(self._chance.choice((4, 16, 4, 16, 0, 5, 8, 32))))
            case 4:
                return der.tagged(4, self._name(), constructed=True)
            case 5:
                return der.tagged(8, der.oid(self._oid())[2:])
            case 6:
                value = self._chance.choice((self._string(), self._string(), der.integer(5), der.tlv(der.NULL)))
                oid = der.oid(self._chance.choice(_OTHER_NAMES))
                return der.tagged(0, oid, der.tagged(0, value, constructed=True), constructed=True)
            case 7:
                party = [der.tagged(number, self._string(), constructed=True) for number in (0, 1)]
                return der.tagged(5, *party[self._chance.randrange(2) :], constructed=True)
            case _:
                return der.tagged(self._chance.choice((3, 9)), self._string(), constructed=True)

    def _general_names(self) -> bytes:
        return der.sequence(*self._some(self._general_name))

    def _bits(self) -> bytes:
        unused = self._chance.choice((0, 0, 1, 5, 7))
        content = bytearray(self._chance.randbytes(self._chance.choice((0, 1, 1, 2))))
        if content:
            content[-1] &= 0xFF << unused & 0xFF
        return der.tlv(der.BIT_STRING, bytes([unused if content else 0]), bytes(content))

    def _implicit(self, number: int, value: bytes) -> bytes:
        """Return an element with another tag than its own; its content is shorter than 128 bytes, or longer."""
        return bytes([0x80 | (value[0] & 0x20) | number]) + value[1:]

    def _distribution_point(self) -> bytes:
        name = (
            self._implicit(0, self._general_names())
            if self._chance.random() < 0.7
            else self._implicit(1, der.tlv(der.SET, self._attribute()))
        )
        parts = [
            der.tagged(0, name, constructed=True),
            self._implicit(1, self._bits()),
            self._implicit(2, self._general_names()),
        ]
        return der.sequence(*self._subset(parts))

    def _subset(self, parts: list[bytes]) -> list[bytes]:
        return [part for part in parts if self._chance.random() < 0.6]

    def _extension(self) -> bytes:
        integer = der.integer(self._chance.choice((0, 1, 5, -1, 2**40)))
        true = der.tlv(der.BOOLEAN, self._chance.choice((b"\xff", b"\xff", b"\xff", b"\0", b"\1")))
        subtree = der.sequence(
            self._general_name(), *self._subset([self._implicit(0, integer), self._implicit(1, integer)])
        )
        oid, make = self._chance.choice(
            (
                ("2.5.29.17", self._general_names),
                ("2.5.29.17", self._general_names),
                (
                    "1.3.6.1.5.5.7.1.1",
                    lambda: der.sequence(
                        *self._some(
                            lambda: der.sequence(der.oid(self._chance.choice(_ACCESS_METHODS)), self._general_name())
                        )
                    ),
                ),
                ("2.5.29.37", lambda: der.sequence(*self._some(lambda: der.oid(self._chance.choice(_PURPOSES))))),
                ("2.5.29.15", self._bits),
                ("2.5.29.19", lambda: der.sequence(*self._subset([true, integer]))),
                ("2.5.29.14", lambda: der.octets(self._chance.randbytes(20))),
                (
                    "2.5.29.35",
                    lambda: der.sequence(
                        *self._subset(
                            [
                                der.tagged(0, b"key"),
                                self._implicit(1, self._general_names()),
                                self._implicit(2, integer),
                            ]
                        )
                    ),
                ),
                ("2.5.29.31", lambda: der.sequence(*self._some(self._distribution_point))),
                (
                    "2.5.29.30",
                    lambda: der.sequence(
                        *self._subset([der.tagged(number, subtree, constructed=True) for number in (0, 1)])
                    ),
                ),
                (
                    "2.5.29.32",
                    lambda: der.sequence(
                        der.sequence(
                            der.oid("1.2.3"),
                            *self._subset([der.sequence(der.sequence(der.oid("1.3.6.1.5.5.7.2.1"), self._string()))]),
                        )
                    ),
                ),
                ("2.5.29.33", lambda: der.sequence(der.sequence(der.oid("1.2.3"), der.oid("1.2.4")))),
                (
                    "2.5.29.36",
                    lambda: der.sequence(*self._subset([self._implicit(0, integer), self._implicit(1, integer)])),
                ),
                ("2.5.29.54", lambda: integer),
                ("2.16.840.1.113730.1.1", self._bits),
                ("1.3.6.1.5.5.7.48.1.5", lambda: der.tlv(der.NULL)),
                (
                    "1.3.6.1.5.5.7.1.14",
                    lambda: der.sequence(
                        *self._subset([integer]),
                        der.sequence(der.oid("1.3.6.1.5.5.7.21.1"), *self._subset([der.octets(b"p")])),
                    ),
                ),
                (
                    "1.3.6.1.5.5.7.1.7",
                    lambda: der.sequence(
                        der.sequence(
                            der.octets(b"\0\1"),
                            self._chance.choice(
                                (
                                    der.tlv(der.NULL),
                                    der.sequence(self._bits(), der.sequence(self._bits(), self._bits())),
                                )
                            ),
                        )
                    ),
                ),
                (
                    "1.3.6.1.5.5.7.1.8",
                    lambda: der.sequence(
                        *self._subset(
                            [
                                der.tagged(
                                    number,
                                    self._chance.choice(
                                        (der.tlv(der.NULL), der.sequence(integer, der.sequence(integer, integer)))
                                    ),
                                    constructed=True,
                                )
                                for number in (0, 1)
                            ]
                        )
                    ),
                ),
                ("1.2.3.4", self._string),
            )
        )
        value = make()
        if self._chance.random() < 0.15 and value:
            value = mutated(self._chance, value)
        return extension(oid, value, critical=self._chance.random() < 0.2)

    def _extensions(self) -> list[bytes]:
        by_oid = {each[:9]: each for each in self._some(self._extension, 4)}
        if self._chance.random() < 0.4:
            constraints = extension("2.5.29.19", der.sequence(der.tlv(der.BOOLEAN, b"\xff")), critical=True)
            by_oid.setdefault(constraints[:9], constraints)
        return list(by_oid.values())


# Tags, lengths and parts of OIDs.
_INTERESTING = bytes.fromhex(
    "30 31 04 06 0c 13 14 16 17 18 1c 1e a0 a3 81 82 86 87 80 83 84 55 1d 0e 11 00 01 02 03 05 7f ff"
)


def mutated(chance: Random, encoded: bytes) -> bytes:
    """Return the octets with some of them changed, and their number mostly not."""
    content = bytearray(encoded)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 5))):
        place = chance.randrange(len(content))
        match chance.randrange(6):
            case 0 | 1:
                content[place] = chance.choice(_INTERESTING)
            case 2:
                content[place] = (content[place] + chance.choice((-2, -1, 1, 2))) % 256
            case 3:
                content[place] ^= 1 << chance.randrange(8)
            case 4:
                content[place] = chance.randrange(256)
            case _:
                length = min(chance.randrange(1, 8), len(content) - place)
                start = chance.randrange(len(content) - length + 1)
                content[place : place + length] = content[start : start + length]
    return bytes(content)
