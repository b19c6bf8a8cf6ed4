"""Subject alternative names and access locations, where most of what Node escapes can hide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.golden.names import GENERAL_STRING, LARGE_ARC, LONG_OID, raw_attribute
from tests.pki import der
from tests.pki.certificates import (
    AUTHORITY_INFO_ACCESS,
    SUBJECT_ALT_NAME,
    attribute,
    certificate_der,
    dns,
    email,
    extension,
    ip,
    name,
    subject_alt_names,
    uri,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UPN, XMPP_ADDRESS, SRV_NAME = "1.3.6.1.4.1.311.20.2.3", "1.3.6.1.5.5.7.8.5", "1.3.6.1.5.5.7.8.7"
NAI_REALM, SMTP_UTF8_MAILBOX = "1.3.6.1.5.5.7.8.8", "1.3.6.1.5.5.7.8.9"
_AD = "1.3.6.1.5.5.7.48"
OCSP, CA_ISSUERS = f"{_AD}.1", f"{_AD}.2"


def _other_name(dotted_oid: str, value: bytes) -> bytes:
    return der.tagged(0, der.oid(dotted_oid), der.tagged(0, value, constructed=True), constructed=True)


def _upn(value: str) -> bytes:
    return _other_name(UPN, der.text(value))


def _directory_name(encoded_name: bytes) -> bytes:
    return der.tagged(4, encoded_name, constructed=True)


def _registered_id(dotted_oid: str) -> bytes:
    return der.tagged(8, der.oid_content(dotted_oid))


def _access(method: str, location: bytes) -> bytes:
    return der.sequence(der.oid(method), location)


X400_ADDRESS: Final = der.tagged(3, der.sequence(), constructed=True)
EDI_PARTY_NAME: Final = der.tagged(5, der.tagged(1, der.text("party"), constructed=True), constructed=True)

_TEXTS: Final = {
    "with-comma": "a.example, DNS:evil.example",
    "with-double-quote": 'a"b',
    "with-single-quote": "a'b",
    "with-backslashes": "a\\b\\u002c",
    "with-newlines": "a\nDNS:b\r\t",
    "with-nul": "a.example\0.evil.example",
    "with-del": "a\x7fb",
    "in-utf-8": "jürgen.example \u20ac \U0001f600",
    "with-c1": "a\x80b\x9f",
    "empty": "",
    "with-spaces-and-colons": " a : b;c=d ",
    "quoted-throughout": '"DNS:a.example"',
}

_DIRECTORY_NAMES: Final = {
    "plain": name(("C", "DE"), ("O", "Acme"), ("CN", "client")),
    "empty": name(),
    "one-attribute": name(("CN", "client")),
    "separators": name(("O", "x,CN=admin"), ("OU", "a+b;c<d>e=f"), ("CN", "back\\slash \"double\" 'single'")),
    "spaces-and-hashes": name(("O", "  two  "), ("OU", "#hash"), ("CN", " "), ("L", "#"), ("ST", "a#b c")),
    "control-characters": name(("O", "a\nb\0c"), ("CN", "d\x7fe\x1f")),
    "non-ascii": name(("O", "Jürgen \u20ac"), ("CN", "\U0001f600\x80")),
    "string-types": name(
        attribute("C", "DE", der.PRINTABLE_STRING),
        attribute("O", "Jürgen", der.BMP_STRING),
        attribute("OU", "Jürgen", der.UNIVERSAL_STRING),
        attribute("emailAddress", "a@b.example", der.IA5_STRING),
        raw_attribute("2.5.4.7", der.tlv(der.T61_STRING, "Jürgen".encode())),
    ),
    "multi-valued": name([attribute("CN", "client"), attribute("OU", "unit")], ("O", "Acme")),
    "unknown-type": name(("1.2.3.4", "unknown"), ("CN", "client"), attribute("2.5.4.200", "ü", der.BMP_STRING)),
    "unknown-type-long-value": name(("1.2.3.4", "x" * 200), ("1.2.3.5", "")),
    "unknown-type-t61-string": name(attribute("1.2.3.4", "x", der.T61_STRING)),
    "octet-string": name(raw_attribute("2.5.4.3", der.octets(b"client")), ("O", "Acme")),
    "bit-string": name(raw_attribute("2.5.4.45", der.bits(b"\1\2")), ("O", "Acme")),
    "sequence": name(raw_attribute("2.5.4.16", der.sequence(der.text("1 Main Street")))),
    "repeated": name(("OU", "a"), ("OU", "b"), ("OU", "a")),
    "empty-value": name(("O", ""), ("CN", "client")),
}

_SUBJECT_ALT_NAMES: Final[Mapping[str, Sequence[bytes]]] = {
    **{f"dns-{kind}": [dns(value), dns("b.example")] for kind, value in _TEXTS.items()},
    "email-with-all-of-these": [email(value) for value in _TEXTS.values()],
    "uri-with-all-of-these": [uri(value) for value in _TEXTS.values()],
    **{f"upn-{kind}": [_upn(value), dns("b.example")] for kind, value in _TEXTS.items()},
    **{f"directory-name-{kind}": [_directory_name(value)] for kind, value in _DIRECTORY_NAMES.items()},
    "dns-several": [dns("a.example"), dns("*.b.example"), dns("xn--jrgen-kva.example")],
    "dns-in-latin-1": [dns("jürgen.example".encode("latin-1")), dns("b.example")],
    "email-in-latin-1": [email("jürgen@example.com".encode("latin-1"))],
    "uri-spiffe": [uri("spiffe://example.org/ns/default/sa/client")],
    "uri-query": [uri("https://example.com/?a=b&c=%2C#d")],
    "ip-v4": [ip(bytes([192, 0, 2, 1])), ip(bytes(4)), ip(b"\xff\xff\xff\xff")],
    "ip-v6": [ip(bytes.fromhex("20010db8000000000000000000000001")), ip(bytes(16)), ip(b"\xff" * 16)],
    "ip-v6-mapped-v4": [ip(bytes(10) + b"\xff\xff\xc0\0\2\1")],
    "ip-network": [ip(bytes([192, 0, 2, 0, 255, 255, 255, 0])), dns("b.example")],
    "ip-of-five-bytes": [ip(bytes(5)), dns("b.example")],
    "ip-of-no-bytes": [ip(b"")],
    "registered-id": [_registered_id("1.2.3.4"), _registered_id("2.5.4.3"), _registered_id("2.999.1")],
    "registered-id-of-400-characters": [_registered_id(LONG_OID), _registered_id(LARGE_ARC), dns("b.example")],
    "other-name-xmpp": [_other_name(XMPP_ADDRESS, der.text("jürgen@example.com"))],
    "other-name-srv": [_other_name(SRV_NAME, der.text("_imaps.example.com", der.IA5_STRING))],
    "other-name-srv-in-latin-1": [_other_name(SRV_NAME, der.tlv(der.IA5_STRING, b"_a,'\xe9"))],
    "other-name-nai-realm": [_other_name(NAI_REALM, der.text("example.com"))],
    "other-name-smtp": [_other_name(SMTP_UTF8_MAILBOX, der.text("jürgen@example.com"))],
    "other-name-unknown": [_other_name("1.2.3.4", der.text("value")), dns("b.example")],
    "other-name-unknown-sequence": [_other_name("1.2.3.4", der.sequence(der.integer(1), der.text("value")))],
    "upn-in-ia5-string": [_other_name(UPN, der.text("a@b.example", der.IA5_STRING))],
    "other-name-srv-in-utf8-string": [_other_name(SRV_NAME, der.text("_a.b.example"))],
    "upn-in-latin-1": [_other_name(UPN, der.tlv(der.UTF8_STRING, b"j\xfcrgen@example.com"))],
    "upn-in-broken-utf-8": [_other_name(UPN, der.tlv(der.UTF8_STRING, b"a\xf0\x9f\x98b\xed\xa0\x80\xc0\xaf\xff"))],
    "upn-of-300-characters": [_upn("x" * 300)],
    "upn-in-empty-sequence": [_other_name(UPN, der.sequence())],
    "other-name-kerberos": [
        _other_name(
            "1.3.6.1.5.2.2",
            der.sequence(
                der.tagged(0, der.text("EXAMPLE.COM", GENERAL_STRING), constructed=True),
                der.tagged(1, der.sequence(der.tagged(0, der.integer(1), constructed=True)), constructed=True),
            ),
        )
    ],
    "x400-address": [X400_ADDRESS, dns("b.example")],
    "edi-party-name": [EDI_PARTY_NAME, dns("b.example")],
    "none": [],
    "every-kind": [
        dns("a.example"),
        email("a@b.example"),
        uri("https://a.example/,"),
        ip(bytes([192, 0, 2, 1])),
        ip(bytes.fromhex("20010db8000000000000000000000001")),
        _directory_name(name(("O", "Acme, Inc."), ("CN", "client"))),
        _registered_id("1.2.3.4"),
        _upn("a@b.example"),
        _other_name("1.2.3.4", der.text("value")),
    ],
    "100-names": [dns(f"{number}.example") for number in range(100)],
}

_ACCESSES: Final[Mapping[str, Sequence[bytes]]] = {
    "plain": [
        _access(OCSP, uri("http://ocsp.example/")),
        _access(CA_ISSUERS, uri("http://ca.example/ca.cer")),
    ],
    "several-locations": [
        _access(OCSP, uri("http://a.example/")),
        _access(CA_ISSUERS, uri("http://b.example/")),
        _access(OCSP, uri("http://c.example/")),
        _access(OCSP, dns("d.example")),
    ],
    "every-method": [_access(f"{_AD}.{number}", uri(f"http://{number}.example/")) for number in range(1, 14)],
    "unknown-method": [_access("1.2.3.4", uri("http://a.example/")), _access("1.2.3.4", uri("http://b.example/"))],
    "method-that-is-none": [_access("2.5.4.3", uri("http://a.example/"))],
    "method-of-400-characters": [_access(LONG_OID, uri("http://a.example/")), _access(LARGE_ARC, dns("b.example"))],
    "registered-id-of-400-characters": [_access(OCSP, _registered_id(oid)) for oid in (LONG_OID, LARGE_ARC)],
    "uri-with-all-of-these": [_access(OCSP, uri(value)) for value in _TEXTS.values()],
    "uri-in-latin-1": [_access(OCSP, uri("http://é.example/".encode("latin-1")))],
    "every-kind-of-name": [
        _access(OCSP, dns("a.example")),
        _access(OCSP, email("a@b.example")),
        _access(OCSP, ip(bytes([192, 0, 2, 1]))),
        _access(OCSP, ip(bytes.fromhex("20010db8000000000000000000000001"))),
        _access(OCSP, _directory_name(name(("O", "Acme, Inc."), ("CN", "a\nb")))),
        _access(OCSP, _registered_id("1.2.3.4")),
        _access(OCSP, _upn("a,b")),
        _access(OCSP, _other_name("1.2.3.4", der.text("value"))),
    ],
    "edi-party-name": [_access(OCSP, EDI_PARTY_NAME)],
    "none": [],
}

CERTIFICATES: Final[Mapping[str, bytes]] = {
    **{
        f"alternative-name-{kind}": certificate_der(extensions=[subject_alt_names(*names)])
        for kind, names in _SUBJECT_ALT_NAMES.items()
    },
    "alternative-name-critical-without-subject": certificate_der(
        name(), extensions=[extension(SUBJECT_ALT_NAME, der.sequence(dns("a.example")), critical=True)]
    ),
    **{
        f"access-{kind}": certificate_der(extensions=[extension(AUTHORITY_INFO_ACCESS, der.sequence(*accesses))])
        for kind, accesses in _ACCESSES.items()
    },
}
"""DER by name."""
