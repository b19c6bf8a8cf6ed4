"""Certificates of odd but mostly well-formed parts: strings, times, extensions and keys, and some with broken bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from client_certificate_auth.x509.certificate import parse_certificate
from client_certificate_auth.x509.pem import read_pem
from tests.pki import der
from tests.pki.certificates import ED25519_KEY, OIDS, certificate_der, extension

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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
    *("client", "Acme, Inc.", "M\u00fcller & S\u00f6hne", "*.example.com"),
    *("a_b@c.example", "", " ", "#", "#a ", "\u20ac"),
    *("\U0001f600", 'say "x"', "it's", "a\\b", "a+b;c<d>e=f", "a\0b", "a\nb", "\x7f\x85", "\ufeffx", "\uffff"),
)
_OTHER_OIDS = ("1.2.3.4", "2.5.4.97", "2.5.4.13", "2.999.1", "1.3.6.1.4.1.99999.1", "0.9.2342.19200300.100.1.3")
_PURPOSES = ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "2.5.29.37.0", "1.2.3.4", "2.999.5")
_OTHER_NAMES = ("1.3.6.1.4.1.311.20.2.3", "1.3.6.1.5.5.7.8.5", "1.3.6.1.5.5.7.8.7", "1.3.6.1.5.5.7.8.9", "1.2.3.4")
_ACCESS_METHODS = ("1.3.6.1.5.5.7.48.1", "1.3.6.1.5.5.7.48.2", "1.3.6.1.5.5.7.48.5", "1.2.3.4")
_TIMES = (
    *(b"491231235959Z", b"500101000000Z", b"200229120000Z", b"99991231235959Z", b"00000101000000Z"),
    *(b"210229120000Z", b"20200101000000Z", b"2001010000Z"),
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
        parts: dict[str, Callable[[], Any]] = {
            "subject": self._name,
            "issuer": self._name,
            "serial_number": self._serial_number,
            "not_before": self._time,
            "not_after": self._time,
            "public_key": self._public_key,
            "extensions": self._extensions,
        }
        chosen = self._chance.sample(sorted(parts), self._chance.choice((1, 1, 2, 3)))
        return certificate_der(**{part: parts[part]() for part in chosen})

    def _some(self, make: Callable[[], bytes], most: int = 3) -> list[bytes]:
        return [make() for _ in range(self._chance.choice((0, *range(1, most + 1), 1, 1)))]

    def _string(self) -> bytes:
        tag = self._chance.choice(_STRING_TAGS[: self._chance.choice((1, 6, len(_STRING_TAGS)))])
        text = self._chance.choice(_TEXTS)
        encoding = self._chance.choice(("utf-8", "latin-1", "utf-16-be", "utf-32-be"))
        if self._chance.random() < 0.6:
            encoding = {der.BMP_STRING: "utf-16-be", der.UNIVERSAL_STRING: "utf-32-be"}.get(tag, "utf-8")
        content = text.encode(encoding, "replace" if encoding == "latin-1" else "strict")
        return der.tlv(tag, b"\0" if tag == der.BIT_STRING else b"", content)

    def _oid(self) -> str:
        return self._one_of((*OIDS.values(), *OIDS.values(), *_OTHER_OIDS))

    def _one_of(self, oids: Sequence[str]) -> str:
        """Return one of the OIDs, or rarely one about as long as the buffers in which OpenSSL and Node write it."""
        if self._chance.random() < 0.95:
            return self._chance.choice(oids)
        length = self._chance.choice((78, 79, 80, 81, 254, 255, 256, 257, 600))
        arc = self._chance.choice(("1", "99", "123456789", "9" * 30))
        return ("2.5" + f".{arc}" * length)[:length].removesuffix(".")

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
        # The first ones are in the forms of RFC 5280.
        content = self._chance.choice(_TIMES[: self._chance.choice((5, 5, 5, len(_TIMES)))])
        fitting = der.GENERALIZED_TIME if len(content) == 15 else der.UTC_TIME
        return der.tlv(fitting if self._chance.random() < 0.95 else self._chance.choice((0x17, 0x18, 0x16)), content)

    def _public_key(self) -> bytes:
        key = self._chance.choice(_KEYS)
        return key if self._chance.random() < 0.6 else mutated(self._chance, key)

    def _general_name(self) -> bytes:
        text = self._chance.choice(_TEXTS).encode(self._chance.choice(("utf-8", "utf-16-be")))
        address = self._chance.randbytes(self._chance.choice((4, 16, 4, 16, 0, 5, 8, 32)))
        other = [self._string(), self._string(), der.integer(5), der.tlv(der.NULL)]
        other_value = der.tagged(0, self._chance.choice(other), constructed=True)
        party = [der.tagged(number, self._string(), constructed=True) for number in (0, 1)]
        return self._chance.choice(
            [
                *(der.tagged(number, text) for number in (1, 2, 6)),
                der.tagged(7, address),
                der.tagged(4, self._name(), constructed=True),
                der.tagged(8, der.oid_content(self._oid())),
                der.tagged(0, der.oid(self._one_of(_OTHER_NAMES)), other_value, constructed=True),
                der.tagged(5, *party[self._chance.randrange(2) :], constructed=True),
                der.tagged(self._chance.choice((3, 9)), self._string(), constructed=True),
            ]
        )

    def _general_names(self) -> bytes:
        return der.sequence(*self._some(self._general_name))

    def _bits(self) -> bytes:
        unused = self._chance.choice((0, 0, 1, 5, 7))
        content = bytearray(self._chance.randbytes(self._chance.choice((0, 1, 1, 2))))
        if content:
            content[-1] &= 0xFF << unused & 0xFF
        return der.tlv(der.BIT_STRING, bytes([unused if content else 0]), bytes(content))

    def _extension(self) -> bytes:
        oid, make = self._chance.choice(
            [
                *[("2.5.29.17", self._general_names)] * 2,
                ("1.3.6.1.5.5.7.1.1", lambda: der.sequence(*self._some(self._access_description))),
                ("2.5.29.37", lambda: der.sequence(*self._some(lambda: der.oid(self._one_of(_PURPOSES))))),
                ("2.5.29.15", self._bits),
                ("2.5.29.19", lambda: der.sequence(*self._subset(self._true(), self._integer()))),
                ("2.5.29.14", lambda: der.octets(self._chance.randbytes(20))),
                ("2.5.29.35", self._authority_key_identifier),
                ("2.5.29.31", lambda: der.sequence(*self._some(self._distribution_point))),
                ("2.5.29.30", self._name_constraints),
                ("2.5.29.32", self._policies),
                ("2.5.29.33", lambda: der.sequence(der.sequence(der.oid("1.2.3"), der.oid("1.2.4")))),
                ("2.5.29.36", lambda: der.sequence(*self._subset(*self._two_integers()))),
                ("2.5.29.54", self._integer),
                ("2.16.840.1.113730.1.1", self._bits),
                ("1.3.6.1.5.5.7.48.1.5", lambda: der.tlv(der.NULL)),
                ("1.3.6.1.5.5.7.1.14", self._proxy_information),
                ("1.3.6.1.5.5.7.1.7", self._address_blocks),
                ("1.3.6.1.5.5.7.1.8", self._autonomous_systems),
                ("1.2.3.4", self._string),
            ]
        )
        value = make()
        chance = self._chance.random()
        if chance < 0.15 and value:
            value = mutated(self._chance, value)
        elif chance > 0.95:
            value += self._chance.choice((b"\0", value, der.integer(5)))
        return extension(oid, value, critical=self._chance.random() < 0.2)

    def _access_description(self) -> bytes:
        return der.sequence(der.oid(self._one_of(_ACCESS_METHODS)), self._general_name())

    def _true(self) -> bytes:
        return der.tlv(der.BOOLEAN, self._chance.choice((b"\xff", b"\xff", b"\xff", b"\0", b"\1")))

    def _integer(self) -> bytes:
        return der.integer(self._chance.choice((0, 1, 5, -1, 2**40)))

    def _two_integers(self) -> list[bytes]:
        return [_implicit(number, self._integer()) for number in (0, 1)]

    def _authority_key_identifier(self) -> bytes:
        issuer, serial_number = _implicit(1, self._general_names()), _implicit(2, self._integer())
        return der.sequence(*self._subset(der.tagged(0, b"key"), issuer, serial_number))

    def _name_constraints(self) -> bytes:
        subtree = der.sequence(self._general_name(), *self._subset(*self._two_integers()))
        return der.sequence(*self._subset(*(der.tagged(number, subtree, constructed=True) for number in (0, 1))))

    def _policies(self) -> bytes:
        qualifier = der.sequence(der.oid("1.3.6.1.5.5.7.2.1"), self._string())
        return der.sequence(der.sequence(der.oid("1.2.3"), *self._subset(der.sequence(qualifier))))

    def _proxy_information(self) -> bytes:
        policy = der.sequence(der.oid("1.3.6.1.5.5.7.21.1"), *self._subset(der.octets(b"policy")))
        return der.sequence(*self._subset(self._integer()), policy)

    def _address_blocks(self) -> bytes:
        blocks = der.sequence(self._bits(), der.sequence(self._bits(), self._bits()))
        return der.sequence(der.sequence(der.octets(b"\0\1"), self._chance.choice((der.tlv(der.NULL), blocks))))

    def _autonomous_systems(self) -> bytes:
        numbers = der.sequence(self._integer(), der.sequence(self._integer(), self._integer()))
        choice = self._chance.choice((der.tlv(der.NULL), numbers))
        return der.sequence(*self._subset(*(der.tagged(number, choice, constructed=True) for number in (0, 1))))

    def _distribution_point(self) -> bytes:
        full_name = _implicit(0, self._general_names())
        name = self._chance.choice((full_name, full_name, _implicit(1, der.tlv(der.SET, self._attribute()))))
        reasons, issuer = _implicit(1, self._bits()), _implicit(2, self._general_names())
        return der.sequence(*self._subset(der.tagged(0, name, constructed=True), reasons, issuer))

    def _subset(self, *parts: bytes) -> list[bytes]:
        return [part for part in parts if self._chance.random() < 0.6]

    def _extensions(self) -> list[bytes]:
        by_oid = {each[:9]: each for each in self._some(self._extension, 4)}
        if self._chance.random() < 0.4:
            constraints = extension("2.5.29.19", der.sequence(der.tlv(der.BOOLEAN, b"\xff")), critical=True)
            by_oid.setdefault(constraints[:9], constraints)
        return list(by_oid.values())


def _implicit(number: int, value: bytes) -> bytes:
    """Return an element with a context-specific tag instead of its own."""
    return bytes([0x80 | (value[0] & 0x20) | number]) + value[1:]


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
