from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from client_certificate_auth import MalformedCertificateError, PeerCertificate
from client_certificate_auth.x509 import certificate as parser
from client_certificate_auth.x509.certificate import LARGEST_CERTIFICATE, parse_certificate
from client_certificate_auth.x509.der import read_element
from tests.pki import der
from tests.pki.certificates import ED25519_KEY, certificate_der, extension, name, pem, subject_alt_names, uri

GOLDEN = Path(__file__).parents[3] / "golden" / "certificates"
ALGORITHM = der.sequence(der.oid("1.3.101.112"))
SIGNATURE = der.bits(bytes(64))


def tbs_certificate(*fields: bytes) -> bytes:
    return der.sequence(der.sequence(*fields), ALGORITHM, SIGNATURE)


def test_the_fields_are_those_of_the_certificate() -> None:
    unknown = extension("1.2.3.4", b"value", critical=True)
    encoded = certificate_der(name(("CN", "client")), name(("CN", "Test CA")), extensions=[unknown])
    certificate = parse_certificate(encoded)
    assert certificate.der == encoded
    assert certificate.version == 3
    assert certificate.serial_number == 0x0102030405
    assert certificate.subject == name(("CN", "client"))
    assert certificate.issuer == name(("CN", "Test CA"))
    assert (certificate.not_before, certificate.not_after) == ("2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z")
    assert certificate.public_key == ED25519_KEY
    assert certificate.extensions == {"1.2.3.4": (True, b"value")}
    assert (certificate.extension("1.2.3.4"), certificate.extension("1.2.3")) == (b"value", None)
    assert certificate.signature_algorithm == certificate.tbs_signature_algorithm == ALGORITHM
    assert certificate.signature == bytes(64)
    assert der.sequence(certificate.tbs_certificate, ALGORITHM, SIGNATURE) == encoded


def test_a_certificate_is_read_from_pem_as_well() -> None:
    assert parse_certificate(pem(certificate_der())).der == certificate_der()
    with pytest.raises(MalformedCertificateError, match="not a certificate in PEM"):
        parse_certificate("garbage")


def test_the_signed_octets_are_those_that_cryptography_verifies() -> None:
    text = (GOLDEN / "issued-client.pem").read_text(encoding="ascii")
    certificate, theirs = parse_certificate(text), x509.load_pem_x509_certificate(text.encode())
    assert certificate.tbs_certificate == theirs.tbs_certificate_bytes
    assert certificate.signature == theirs.signature
    assert certificate.serial_number == theirs.serial_number


@pytest.mark.parametrize(("version", "expected"), [(None, 1), (0, 1), (1, 2), (2, 3)])
def test_there_are_three_versions(version: int | None, expected: int) -> None:
    assert parse_certificate(certificate_der(version=version)).version == expected


def test_unique_identifiers_are_ignored() -> None:
    identifiers = der.tagged(1, b"\0issuer") + der.tagged(2, b"\0subject")
    names = subject_alt_names(uri("spiffe://example/a"))
    certificate = parse_certificate(certificate_der(public_key=ED25519_KEY + identifiers, extensions=[names]))
    assert list(certificate.extensions) == ["2.5.29.17"]
    assert parse_certificate(certificate_der(public_key=ED25519_KEY + identifiers, version=1)).version == 2


@pytest.mark.parametrize(
    ("kind", "written", "expected"),
    [
        (der.UTC_TIME, b"491231235959Z", "2049-12-31T23:59:59Z"),
        (der.UTC_TIME, b"500101000000Z", "1950-01-01T00:00:00Z"),
        (der.UTC_TIME, b"000201000000Z", "2000-02-01T00:00:00Z"),
        (der.UTC_TIME, b"000229000000Z", "2000-02-29T00:00:00Z"),
        (der.UTC_TIME, b"280229000000Z", "2028-02-29T00:00:00Z"),
        (der.GENERALIZED_TIME, b"20200101000000Z", "2020-01-01T00:00:00Z"),
        (der.GENERALIZED_TIME, b"20000229000000Z", "2000-02-29T00:00:00Z"),
        (der.GENERALIZED_TIME, b"99991231235959Z", "9999-12-31T23:59:59Z"),
        (der.GENERALIZED_TIME, b"00000101000000Z", "0000-01-01T00:00:00Z"),
        (der.GENERALIZED_TIME, b"00000229000000Z", "0000-02-29T00:00:00Z"),
    ],
)
def test_a_time_has_two_forms(kind: int, written: bytes, expected: str) -> None:
    assert parse_certificate(certificate_der(not_after=der.tlv(kind, written))).not_after == expected


TIMES = {
    "without-seconds": (der.UTC_TIME, b"2001010000Z"),
    "offset": (der.UTC_TIME, b"200101000000+0000"),
    "no-zone": (der.UTC_TIME, b"200101000000"),
    "lower-case-zone": (der.UTC_TIME, b"200101000000z"),
    "fraction": (der.GENERALIZED_TIME, b"20200101000000.0Z"),
    "no-digits": (der.UTC_TIME, b"2001010000 0Z"),
    "digits-beyond-ascii": (der.UTC_TIME, b"20010100000\xb2Z"),
    "generalized-in-utc": (der.UTC_TIME, b"20200101000000Z"),
    "utc-in-generalized": (der.GENERALIZED_TIME, b"200101000000Z"),
    "other-type": (der.PRINTABLE_STRING, b"200101000000Z"),
    "month-0": (der.UTC_TIME, b"200001000000Z"),
    "month-13": (der.UTC_TIME, b"201301000000Z"),
    "day-0": (der.UTC_TIME, b"200100000000Z"),
    "day-32": (der.UTC_TIME, b"200132000000Z"),
    "april-31": (der.UTC_TIME, b"200431000000Z"),
    "february-29": (der.UTC_TIME, b"210229000000Z"),
    "february-29-of-2025": (der.UTC_TIME, b"250229000000Z"),
    "february-29-of-2022": (der.UTC_TIME, b"220229000000Z"),
    "february-29-of-1900": (der.GENERALIZED_TIME, b"19000229000000Z"),
    "february-30": (der.UTC_TIME, b"200230000000Z"),
    "hour-24": (der.UTC_TIME, b"200101240000Z"),
    "minute-60": (der.UTC_TIME, b"200101006000Z"),
    "second-60": (der.UTC_TIME, b"200101000060Z"),
}


@pytest.mark.parametrize(("kind", "written"), TIMES.values(), ids=TIMES)
def test_another_time_is_malformed(kind: int, written: bytes) -> None:
    for field in ("not_before", "not_after"):
        with pytest.raises(MalformedCertificateError, match="is not YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ"):
            parse_certificate(certificate_der(**{field: der.tlv(kind, written)}))  # type: ignore[arg-type]


NAME = name(("CN", "client"))
NULL = der.tlv(der.NULL)
SERIAL_NUMBER = der.integer(1)
VALIDITY = der.sequence(*[der.tlv(der.UTC_TIME, b"200101000000Z")] * 2)
FIELDS = [SERIAL_NUMBER, ALGORITHM, NAME, VALIDITY, NAME, ED25519_KEY]
VERSION_3 = der.tagged(0, der.integer(2), constructed=True)


def extensions(*encoded: bytes) -> bytes:
    return der.tagged(3, der.sequence(*encoded), constructed=True)


ANY = extension("1.2.3.4", b"")


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        pytest.param(b"", "expected one element with the tag 30, found nothing", id="nothing"),
        pytest.param(certificate_der() + b"\0\0", "found the tags 30 00", id="trailing data"),
        pytest.param(certificate_der()[:-1], "longer than", id="cut off"),
        pytest.param(der.sequence(*[ALGORITHM] * 2), "not a certificate: expected", id="no signature"),
        pytest.param(
            der.sequence(der.sequence(*FIELDS), ALGORITHM, SIGNATURE, NULL), "not a certificate", id="four parts"
        ),
        pytest.param(
            der.sequence(der.sequence(*FIELDS), ALGORITHM, der.octets(b"")), "not a certificate", id="no bit string"
        ),
        pytest.param(
            der.sequence(der.sequence(*FIELDS), ALGORITHM, der.tlv(3, b"\1\xff")), "BIT STRING", id="unused bits"
        ),
        pytest.param(
            der.sequence(der.sequence(*FIELDS), der.sequence(), SIGNATURE), "an algorithm", id="no signature algorithm"
        ),
        pytest.param(tbs_certificate(), "a field of the TBSCertificate is missing", id="no fields"),
        pytest.param(tbs_certificate(VERSION_3), "a field of the TBSCertificate is missing", id="a version only"),
        *(
            pytest.param(tbs_certificate(*FIELDS[:i], *FIELDS[i + 1 :]), "a field of the TBS", id=f"no field {i}")
            for i in range(len(FIELDS))
        ),
        *(
            pytest.param(
                tbs_certificate(*FIELDS[:i], der.octets(b""), *FIELDS[i + 1 :]), "a field of the TBS", id=f"type {i}"
            )
            for i in range(len(FIELDS))
        ),
        pytest.param(certificate_der(version=3), "an unknown version", id="version 4"),
        pytest.param(certificate_der(version=-1), "an unknown version", id="version 0"),
        pytest.param(certificate_der(version=2**20_000), "an unknown version", id="more digits than Python prints"),
        pytest.param(tbs_certificate(der.tagged(0, constructed=True), *FIELDS), "found nothing", id="an empty version"),
        pytest.param(
            tbs_certificate(der.tagged(0, NULL, constructed=True), *FIELDS), "found the tags 05", id="a NULL version"
        ),
        pytest.param(certificate_der(serial_number=der.tlv(der.INTEGER, b"\0\1")), "more octets", id="serial number"),
        pytest.param(certificate_der(serial_number=der.tlv(der.INTEGER)), "is empty", id="no serial number"),
        pytest.param(
            tbs_certificate(*FIELDS[:3], der.sequence(VALIDITY[2:17]), *FIELDS[4:]), "two times", id="one time"
        ),
        pytest.param(
            tbs_certificate(*FIELDS[:1], der.sequence(NULL), *FIELDS[2:]), "an algorithm", id="an algorithm without OID"
        ),
        pytest.param(
            certificate_der(public_key=der.sequence(ALGORITHM)), "expected an algorithm and a public key", id="no key"
        ),
        pytest.param(
            certificate_der(public_key=der.sequence(ALGORITHM, der.octets(b""))), "a public key", id="key of octets"
        ),
        pytest.param(
            certificate_der(public_key=der.sequence(der.sequence(der.oid("1.2.3"), NULL, NULL), der.bits(b""))),
            "an algorithm and its parameters",
            id="two parameters",
        ),
        pytest.param(
            certificate_der(
                public_key=der.sequence(der.sequence(der.oid("1.2.3"), der.tlv(der.NULL, b"a")), der.bits(b""))
            ),
            "tag 05 has 1 octets",
            id="a NULL that is not empty",
        ),
        pytest.param(
            certificate_der(public_key=der.sequence(der.sequence(der.tlv(der.OID, b"\x80")), der.bits(b""))),
            "an OBJECT IDENTIFIER",
            id="an OID that is none",
        ),
        pytest.param(certificate_der(version=None, extensions=[ANY]), "version 1 has extensions", id="version 1"),
        pytest.param(certificate_der(version=1, extensions=[ANY]), "version 2 has extensions", id="version 2"),
        pytest.param(certificate_der(extensions=[ANY, ANY]), r"extension 1\.2\.3\.4 occurs twice", id="twice"),
        pytest.param(
            tbs_certificate(VERSION_3, *FIELDS, extensions(), extensions()), "unexpected fields", id="extensions twice"
        ),
        pytest.param(
            tbs_certificate(VERSION_3, *FIELDS, extensions(), der.tagged(1, b"\0")), "unexpected fields", id="order"
        ),
        pytest.param(tbs_certificate(VERSION_3, *FIELDS, NULL), "unexpected fields", id="another field"),
        pytest.param(
            tbs_certificate(VERSION_3, *FIELDS, der.tagged(1, b"")), "BIT STRING", id="an empty unique identifier"
        ),
        pytest.param(
            tbs_certificate(VERSION_3, *FIELDS, der.tagged(3, constructed=True)), "found nothing", id="no sequence"
        ),
        pytest.param(
            tbs_certificate(VERSION_3, *FIELDS, extensions(NULL)),
            "elements with the tag 30, found the tags 05",
            id="a NULL",
        ),
        pytest.param(
            tbs_certificate(VERSION_3, *FIELDS, extensions(der.sequence())), "an extension's OID", id="an empty one"
        ),
        pytest.param(
            tbs_certificate(VERSION_3, *FIELDS, extensions(der.sequence(der.oid("1.2.3")))),
            "an extension's OID",
            id="no value",
        ),
        pytest.param(
            tbs_certificate(
                VERSION_3,
                *FIELDS,
                extensions(der.sequence(der.oid("1.2.3"), der.tlv(der.BOOLEAN, b"\1"), der.octets(b""))),
            ),
            "a BOOLEAN is 01",
            id="a flag that is neither",
        ),
        pytest.param(bytes(LARGEST_CERTIFICATE + 1), "524,289 bytes, more than 524,288", id="too large"),
    ],
)
def test_another_structure_is_malformed(encoded: bytes, message: str) -> None:
    with pytest.raises(MalformedCertificateError, match=message):
        parse_certificate(encoded)


def test_the_largest_certificate_is_read() -> None:
    others = len(certificate_der(extensions=[extension("1.2.3", bytes(300_000))])) - 300_000
    encoded = certificate_der(extensions=[extension("1.2.3", bytes(LARGEST_CERTIFICATE - others))])
    assert len(encoded) == LARGEST_CERTIFICATE
    assert parse_certificate(encoded).der == encoded


def test_long_parameters_of_an_algorithm_are_checked_like_short_ones() -> None:
    for length in (10, 3_000):
        algorithm = der.sequence(der.oid("1.2.3"), der.octets(bytes(length)))
        key = der.sequence(algorithm, der.bits(b"key"))
        assert parse_certificate(certificate_der(public_key=key)).public_key == key
        broken = der.sequence(algorithm[:-1] + b"\0\0", der.bits(b"key"))
        with pytest.raises(MalformedCertificateError):
            parse_certificate(certificate_der(public_key=broken))


@pytest.mark.parametrize(("length", "beginning"), parser.COMMON_KEYS.items())
def test_common_keys_are_those_that_the_general_check_accepts(
    length: int, beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = der.sequence(beginning + b"\xff" * (length - len(beginning)))
    assert parse_certificate(certificate_der(public_key=key)).public_key == key
    monkeypatch.setattr(parser, "COMMON_KEYS", {})
    assert parse_certificate(certificate_der(public_key=key)).public_key == key


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)])
def test_common_keys_begin_as_those_of_cryptography(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> None:
    encoded = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    content = read_element(encoded, der.SEQUENCE)
    assert content.startswith(parser.COMMON_KEYS[len(content)])


@pytest.mark.parametrize("flag", [b"", der.tlv(der.BOOLEAN, b"\0")], ids=["implied", "explicit"])
def test_an_implied_and_an_explicit_false_are_accepted(flag: bytes) -> None:
    not_critical = der.sequence(der.oid("1.2.3"), flag, der.octets(b"value"))
    certificate = parse_certificate(tbs_certificate(VERSION_3, *FIELDS, extensions(not_critical)))
    assert certificate.extensions == {"1.2.3": (False, b"value")}


def _seconds(encoded: bytes) -> float:
    """Return the least CPU time that it takes to read a certificate and all it says, or to reject it."""
    times = []
    for _ in range(3):
        start = time.process_time()
        with suppress(MalformedCertificateError):
            certificate = PeerCertificate.from_der(encoded)
            certificate.to_dict()
            _ = certificate.extensions_decodable, certificate.unhandled_critical_extensions
        times.append(time.process_time() - start)
    return min(times)


GROWING = {
    "relative-distinguished-names": lambda count: certificate_der(name(*[("OU", f"unit {i}") for i in range(count)])),
    "empty-relative-distinguished-names": lambda count: certificate_der(der.sequence(der.tlv(der.SET) * count)),
    "attributes-of-one": lambda count: certificate_der(
        der.sequence(der.tlv(der.SET, der.sequence(der.oid("2.5.4.11"), der.text("a")) * count))
    ),
    "alternative-names": lambda count: certificate_der(
        extensions=[subject_alt_names(*[uri(f"urn:{i}") for i in range(count)])]
    ),
    "extensions": lambda count: certificate_der(extensions=[extension(f"1.2.3.{i}", b"value") for i in range(count)]),
    "a-repeated-extension": lambda count: certificate_der(
        extensions=[extension(f"1.2.3.{i}", b"value") for i in (*range(count), count - 1)]
    ),
    "key-purposes": lambda count: certificate_der(
        extensions=[extension("2.5.29.37", der.sequence(der.oid("1.2.3.4") * count))]
    ),
    "octets-of-an-extension": lambda count: certificate_der(extensions=[extension("1.2.3.4", bytes(18 * count))]),
    "nesting": lambda count: certificate_der(extensions=[extension("2.5.29.17", nested(count))]),
    "modulus": lambda count: certificate_der(
        public_key=der.sequence(
            der.sequence(der.oid("1.2.840.113549.1.1.1"), NULL),
            der.bits(der.sequence(der.integer((1 << 60 * count) - 1), der.integer(3))),
        )
    ),
}


def nested(depth: int) -> bytes:
    """Return sequences within each other."""
    encoded = b""
    for _ in range(depth // 8):
        encoded = der.sequence(encoded)
    return encoded


@pytest.mark.parametrize("make", GROWING.values(), ids=GROWING)
@pytest.mark.without_coverage
def test_time_grows_in_proportion_to_the_size(make: object) -> None:
    small, large = make(2_500), make(20_000)  # type: ignore[operator]
    assert len(large) < LARGEST_CERTIFICATE
    # Eight times as much takes 8 times as long, or 64 times if it were quadratic.
    assert _seconds(large) < 24 * max(_seconds(small), 0.0005)
