"""The facts that Node reports about a certificate's public key, read without a cryptographic library.

Only ``to_dict()`` and rules with public keys need this module.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.der import (
    BIT_STRING,
    INTEGER,
    OID,
    SEQUENCE,
    DerError,
    encode,
    encode_integer,
    read_bit_string,
    read_elements,
    read_oid,
    read_sequence,
)
from client_certificate_auth.x509.elliptic_curves import BASE_POINTS, NAMED_CURVES, PRIME_CURVES

_RSA, _EC = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1"
# The algorithm of RSA keys in X.509 of 1988, which OpenSSL knows as well.
_X500_RSA = "2.5.8.1.1"
# RSASSA-PSS and RSAES-OAEP (RFC 4055 §1.2): the same keys with a restricted use, about which Node reports nothing.
_OTHER_RSA = ("1.2.840.113549.1.1.10", "1.2.840.113549.1.1.7")
_RSA_ALGORITHM = bytes.fromhex("06092a864886f70d0101010500")
# RSASSA-PSS without parameters, and with those for SHA-256, SHA-384 and SHA-512 and a salt of the hash's length
# (RFC 4055 §3.1).
_PSS = "06092a864886f70d01010a"
_PSS_ALGORITHMS = (
    bytes.fromhex(_PSS),
    *(
        bytes.fromhex(
            f"{_PSS}3034a00f{hash_algorithm}a11c301a06092a864886f70d010108{hash_algorithm}a2030201{salt_length}"
        )
        for hash_algorithm, salt_length in (
            ("300d06096086480165030402010500", "20"),
            ("300d06096086480165030402020500", "30"),
            ("300d06096086480165030402030500", "40"),
        )
    ),
)

# OpenSSL gives the exponent as one machine word, and all ones for a longer one.
_LARGEST_EXPONENT = 2**64 - 1

# BER (X.690 §8.1.3.6 and §8.1.5): the length of an element that ends with these octets.
_INDEFINITE, _END_OF_CONTENTS = 0x80, b"\0\0"

# The first octet of a point (SEC 1 §2.3.3): compressed with an even or odd y, uncompressed, and both.
_COMPRESSED, _UNCOMPRESSED, _HYBRID = (2, 3), 4, (6, 7)


class PublicKey(NamedTuple):
    """Node's fields of an RSA or an elliptic curve key; all None for keys of other kinds, as in Node.

    ``modulus`` and ``exponent`` are hexadecimal, ``bits`` is the length of the modulus, or of the curve's order.
    ``pubkey`` is the DER of the SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of an RSA key and the uncompressed point
    (SEC 1 §2.3.3) of an elliptic curve key.
    """

    bits: int | None = None
    pubkey: bytes | None = None
    modulus: str | None = None
    exponent: str | None = None
    asn1_curve: str | None = None
    nist_curve: str | None = None


def read_public_key(subject_public_key_info: bytes) -> PublicKey:
    """Return what Node reports about the key in a SubjectPublicKeyInfo in DER; all None if OpenSSL does not read it."""
    _, (algorithm, key) = read_sequence(subject_public_key_info)
    tags, (oid, *parameters) = read_elements(algorithm)
    try:
        name = read_oid(oid)
        if name in (_RSA, _X500_RSA):
            return _read_rsa_key(read_bit_string(key))
        if name == _EC and parameters:
            return _read_ec_key(_read_curve(tags[1], parameters[0]), read_bit_string(key))
    except DerError:
        # A certificate may have a key that OpenSSL, and so Node, does not read.
        pass
    return PublicKey()


def equal_encodings(subject_public_key_info: bytes) -> list[bytes]:
    """Return all encodings that certificates use for an RSA or an elliptic curve key, given any of them.

    Encodings differ in the algorithm of an RSA key, of which the common ones are returned; in whether a curve is named
    or described; and in the form of a point (three, SEC 1 §2.3.3). The request for a certificate chooses one. The usual
    one is first. For keys of other kinds, for a compressed point of a curve that is not in ``PRIME_CURVES``, and for
    what OpenSSL does not read, only the usual one is returned if another is given, and none otherwise.
    """
    _, (algorithm, key) = read_sequence(subject_public_key_info)
    facts = read_public_key(subject_public_key_info)
    if facts.pubkey is not None and facts.asn1_curve is not None:
        return _ec_encodings(facts.pubkey, facts.asn1_curve, algorithm)
    usual = facts.pubkey
    if read_oid(read_elements(algorithm)[1][0]) in _OTHER_RSA:
        with suppress(DerError):
            usual = _read_rsa_key(read_bit_string(key)).pubkey
    if usual is not None:
        return _rsa_encodings(usual, algorithm)
    # Octets that end with zero bits can be written with a number of unused ones.
    usual = encode(SEQUENCE, encode(SEQUENCE, algorithm) + encode(BIT_STRING, b"\0" + read_bit_string(key)))
    return [] if usual == subject_public_key_info else [usual]


def _rsa_encodings(usual: bytes, algorithm: bytes) -> list[bytes]:
    """Return the encodings of an RSA key with the common algorithms and with this one, given the usual encoding."""
    _, (_, key) = read_sequence(usual)
    others = [
        encode(SEQUENCE, encode(SEQUENCE, each) + encode(BIT_STRING, key)) for each in (*_PSS_ALGORITHMS, algorithm)
    ]
    return list(dict.fromkeys((usual, *others)))


def _ec_encodings(point: bytes, curve_name: str, algorithm: bytes) -> list[bytes]:
    """Return the encodings of a key with its curve named and as in an algorithm, given the uncompressed point."""
    odd = point[-1] % 2
    compressed = bytes([_COMPRESSED[odd]]) + point[1 : len(point) // 2 + 1]
    curve = next(oid for oid, (name, _, _) in NAMED_CURVES.items() if name == curve_name)
    named = encode(OID, _encode_oid(_EC)) + encode(OID, _encode_oid(curve))
    return [
        encode(SEQUENCE, encode(SEQUENCE, each) + encode(BIT_STRING, b"\0" + form))
        for each in dict.fromkeys((named, algorithm))
        for form in (point, compressed, bytes([_HYBRID[odd]]) + point[1:])
    ]


def _read_rsa_key(encoded: bytes) -> PublicKey:
    """Return the facts of an RSAPublicKey (RFC 8017 §A.1.1).

    OpenSSL accepts BER here, which a certificate has if its CA copies the key from the request, and data after it.
    """
    numbers, _ = _read_ber(encoded, SEQUENCE)
    first, numbers = _read_ber(numbers, INTEGER)
    second, end = _read_ber(numbers, INTEGER)
    if end[:2] != (_END_OF_CONTENTS if encoded[1] == _INDEFINITE else b""):
        message = "not an RSA key"
        raise DerError(message)
    # OpenSSL reads these as unsigned, of any length.
    modulus, exponent = int.from_bytes(first, "big"), int.from_bytes(second, "big")
    key = encode(SEQUENCE, encode_integer(modulus) + encode_integer(exponent))
    return PublicKey(
        modulus.bit_length(),
        encode(SEQUENCE, encode(SEQUENCE, _RSA_ALGORITHM) + encode(BIT_STRING, b"\0" + key)),
        modulus=f"{modulus:X}",
        exponent=f"0x{min(exponent, _LARGEST_EXPONENT):x}",
    )


def _read_ber(encoded: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return the content of the first element, which must have a tag, and what follows it (X.690 §8.1.3).

    The content of one with an indefinite length is everything up to the end.
    """
    if tag == SEQUENCE and encoded[:2] == bytes([tag, _INDEFINITE]):
        return encoded[2:], b""
    # Only a constructed element may have an indefinite length.
    is_definite = len(encoded) > 1 and encoded[0] == tag and encoded[1] != _INDEFINITE
    length, start = (encoded[1], 2) if is_definite else (-1, 0)
    if length > _INDEFINITE:
        start += length - _INDEFINITE
        length = int.from_bytes(encoded[2:start], "big")
    if length < 0 or start + length > len(encoded):
        message = f"no complete element with the tag {tag:02X}"
        raise DerError(message)
    return encoded[start : start + length], encoded[start + length :]


def _read_curve(tag: int, content: bytes) -> str:
    """Return the dotted OID of a curve in ECParameters (RFC 5480 §2.1.1): its name, or its description in full."""
    if tag == OID:
        return read_oid(content)
    # SpecifiedECDomain (SEC 1 §C.2): a version, the field, the curve and the base point come first.
    _, field, equation, base, *_ = [*read_elements(content)[1], b"", b"", b"", b""]
    octets = read_elements(field)[1][1:2] + read_elements(equation)[1][:2]
    numbers = [int.from_bytes(each, "big") for each in octets]
    for oid, (name, _, _) in NAMED_CURVES.items():
        if name not in PRIME_CURVES:
            continue
        p, a, b = PRIME_CURVES[name]
        x = int.from_bytes(base[1 : (p.bit_length() + 7) // 8 + 1], "big")
        # With another base point, everyone can make a private key for a given public key (CVE-2020-0601).
        if numbers == [p, a % p, b] and x == BASE_POINTS[name]:
            return oid
    message = "an elliptic curve of another equation or base point than the known ones"
    raise DerError(message)


def _read_ec_key(curve: str, point: bytes) -> PublicKey:
    if curve not in NAMED_CURVES:
        return PublicKey()
    name, nist_name, bits = NAMED_CURVES[curve]
    return PublicKey(bits, _uncompressed(name, point), asn1_curve=name, nist_curve=nist_name)


def _uncompressed(curve: str, point: bytes) -> bytes:
    """Return a point in its uncompressed form (SEC 1 §2.3.3 and §2.3.4). Raises DerError for one off its curve."""
    if curve not in PRIME_CURVES:
        # Whether it is on its curve is not checked.
        if point[:1] != bytes([_UNCOMPRESSED]):
            message = "not an uncompressed point"
            raise DerError(message)
        return point
    p, a, b = PRIME_CURVES[curve]
    length = (p.bit_length() + 7) // 8
    form, x, y = point[0] if point else 0, int.from_bytes(point[1 : length + 1], "big"), p
    right_side = x**3 + a * x + b
    if form in _COMPRESSED and len(point) == length + 1:
        y = _square_root(right_side % p, p)
        y = y if y % 2 == form % 2 else p - y
    elif form == _UNCOMPRESSED or (form in _HYBRID and point[-1] % 2 == form % 2):
        y = int.from_bytes(point[length + 1 :], "big")
    if x >= p or y >= p or (y * y - right_side) % p or (form not in _COMPRESSED and len(point) != 2 * length + 1):
        message = "the point is not on the curve"
        raise DerError(message)
    return bytes([_UNCOMPRESSED]) + x.to_bytes(length, "big") + y.to_bytes(length, "big")


def _square_root(square: int, p: int) -> int:
    """Return a square root modulo a prime; some other number if there is none."""
    if p % 4 == 3 or not square:  # noqa: PLR2004 -- the case that needs one exponentiation
        return pow(square, (p + 1) // 4, p)
    # P-224: Cipolla's algorithm. It raises t + √w to a power, where w is not a square.
    t = next(t for t in count(1) if pow(t * t - square, (p - 1) // 2, p) == p - 1)
    w = t * t - square
    root, factor, exponent = (1, 0), (t, 1), (p + 1) // 2
    while exponent:
        if exponent % 2:
            root = _product(root, factor, w, p)
        factor, exponent = _product(factor, factor, w, p), exponent // 2
    return root[0]


def _product(one: tuple[int, int], other: tuple[int, int], w: int, p: int) -> tuple[int, int]:
    """Return the product of two numbers a + b√w modulo p."""
    return (one[0] * other[0] + one[1] * other[1] * w) % p, (one[0] * other[1] + one[1] * other[0]) % p


def _encode_oid(dotted: str) -> bytes:
    first, second, *others = map(int, dotted.split("."))
    content = bytearray([40 * first + second])
    for number in others:
        octets = [number & 0x7F]
        while number := number >> 7:
            octets.append(number & 0x7F | 0x80)
        content += bytes(reversed(octets))
    return bytes(content)
