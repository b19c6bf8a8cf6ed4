"""``to_dict()`` against what Node makes of the same certificate: see tests/golden."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from client_certificate_auth import MalformedCertificateError, PeerCertificate

CERTIFICATES = Path(__file__).parents[1] / "golden" / "certificates"
NAMES = sorted(path.stem for path in CERTIFICATES.glob("*.pem"))

NODE_KEYS = {
    "subject",
    "issuer",
    "subjectaltname",
    "infoAccess",
    "ca",
    "modulus",
    "bits",
    "exponent",
    "pubkey",
    "asn1Curve",
    "nistCurve",
    "valid_from",
    "valid_to",
    "fingerprint",
    "fingerprint256",
    "fingerprint512",
    "ext_key_usage",
    "serialNumber",
    "raw",
}

# That Node reads a certificate which is malformed here.
REFUSED = frozenset({"refused"})


class Difference(NamedTuple):
    reason: str
    keys_by_certificate: dict[str, set[str] | frozenset[str]]


DIFFERENCES = [
    Difference(
        "A certificate whose names, dates or version cryptography doesn't decode is refused as malformed. Node shows"
        " what it can of such a certificate, at times without a subject.",
        {
            "dates-february-30": REFUSED,
            "dates-fractions-of-a-second": REFUSED,
            "dates-garbage": REFUSED,
            "dates-offset": REFUSED,
            "dates-without-seconds": REFUSED,
            "dates-year-0": REFUSED,
            "issuer-t61-string-in-latin-1": REFUSED,
            "subject-bit-string": REFUSED,
            "subject-empty-relative-distinguished-name": REFUSED,
            "subject-ia5-string-in-latin-1": REFUSED,
            "subject-multi-valued-one-attribute": REFUSED,
            "subject-printable-string-beyond-its-alphabet": REFUSED,
            "subject-printable-string-in-latin-1": REFUSED,
            "subject-sequence": REFUSED,
            "subject-t61-string-in-latin-1": REFUSED,
            "subject-types-unknown-of-200-characters": REFUSED,
            "version-1-spelled-out": REFUSED,
            "version-2-with-unique-identifiers": REFUSED,
            "version-4": REFUSED,
            "version-minus-1": REFUSED,
        },
    ),
    Difference(
        "cryptography decodes all extensions or none: if it refuses one, whatever comes from an extension is absent,"
        " and ca is False. Node decodes each by itself, is more generous, and has null for what it can't decode.",
        {
            "access-edi-party-name": {"infoAccess"},
            "access-uri-in-latin-1": {"infoAccess"},
            "alternative-name-directory-name-octet-string": {"subjectaltname"},
            "alternative-name-directory-name-sequence": {"subjectaltname"},
            "alternative-name-dns-in-latin-1": {"subjectaltname"},
            "alternative-name-edi-party-name": {"subjectaltname"},
            "alternative-name-email-in-latin-1": {"subjectaltname"},
            "alternative-name-ip-network": {"subjectaltname"},
            "alternative-name-ip-of-five-bytes": {"subjectaltname"},
            "alternative-name-ip-of-no-bytes": {"subjectaltname"},
            "alternative-name-x400-address": {"subjectaltname"},
            "extension-alternative-name-empty-extension": {"subjectaltname"},
            "extension-ca-not-path-length": {"subjectaltname"},
            "extension-duplicate-alternative-names": {"subjectaltname"},
            "extension-duplicate-unknown": {"subjectaltname"},
            "extension-encipher-only-without-key-agreement": {"subjectaltname"},
            "extension-key-purposes-none": {"ext_key_usage"},
            "extension-trailing-data-in-alternative-names": {"subjectaltname"},
            "extension-undecodable-access": {"subjectaltname", "infoAccess", "ca"},
            "extension-undecodable-alternative-names": {"subjectaltname", "ext_key_usage"},
            "extension-undecodable-basic-constraints": {"subjectaltname"},
            "extension-undecodable-key-identifier": {"subjectaltname"},
            "extension-undecodable-key-purposes": {"subjectaltname"},
            "extension-undecodable-key-usage": {"subjectaltname"},
            "extension-undecodable-policies": {"subjectaltname", "infoAccess", "ca", "ext_key_usage"},
        },
    ),
    Difference(
        "A public key that cryptography doesn't read, for its curve or its exponent, is not described.",
        {
            "key-ec-secp160r1": {"bits", "pubkey", "asn1Curve"},
            "key-ec-sect233k1": {"bits", "pubkey", "asn1Curve", "nistCurve"},
            "key-rsa-exponent-1": {"modulus", "bits", "exponent", "pubkey"},
            "key-rsa-exponent-even": {"modulus", "bits", "exponent", "pubkey"},
        },
    ),
    Difference(
        "Node names any OID that OpenSSL knows, be it an algorithm in the place of an attribute type, and cuts others"
        " after 79 characters. Here only attribute types and access methods have names, and OIDs stay whole.",
        {
            "access-method-that-is-none": {"infoAccess"},
            "subject-types-that-are-no-attributes": {"subject"},
            "subject-types-unknown-of-100-characters": {"subject"},
        },
    ),
]


def _differing_keys(ours: dict[str, object] | None, nodes: dict[str, object] | None) -> frozenset[str]:
    if ours is None or nodes is None:
        return frozenset() if ours is nodes else REFUSED
    return frozenset(
        key
        for key in ours.keys() | nodes.keys()
        if key not in ours or key not in nodes or _text(ours[key]) != _text(nodes[key])
    )


def _ours(name: str) -> dict[str, object] | None:
    """Return the object, None if the certificate is malformed."""
    try:
        return PeerCertificate.from_pem((CERTIFICATES / f"{name}.pem").read_text(encoding="ascii")).to_dict()
    except MalformedCertificateError:
        return None


def _nodes(name: str) -> dict[str, object] | None:
    """Return Node's object, None if it refuses the certificate."""
    text = (CERTIFICATES / f"{name}.json").read_text(encoding="utf-8")
    nodes: dict[str, object] | None = json.loads(text)
    return nodes


def _text(value: object) -> str:
    """Return JSON as tests/golden has it, which tells True from 1 and one order of keys from another."""
    return json.dumps(value, default=lambda buffer: {"type": "Buffer", "hex": buffer.hex()}, indent=2)


EXPECTED_DIFFERENCE = {
    name: keys for difference in DIFFERENCES for name, keys in difference.keys_by_certificate.items()
}
EQUAL = [name for name in NAMES if name not in EXPECTED_DIFFERENCE]


@pytest.mark.parametrize("name", EQUAL)
def test_the_object_is_nodes(name: str) -> None:
    assert _text(_ours(name)) == _text(_nodes(name))


@pytest.mark.parametrize(("name", "keys"), EXPECTED_DIFFERENCE.items())
def test_the_object_differs_from_nodes_just_as_listed(name: str, keys: set[str]) -> None:
    assert _differing_keys(_ours(name), _nodes(name)) == keys


def test_the_list_of_differences_names_each_certificate_once() -> None:
    assert len(EXPECTED_DIFFERENCE) == sum(len(difference.keys_by_certificate) for difference in DIFFERENCES)


def test_at_least_150_certificates_are_read_as_node_reads_them() -> None:
    assert sum(_ours(name) is not None for name in EQUAL) >= 150


def test_every_key_of_node_is_in_an_equal_object() -> None:
    assert {key for name in EQUAL for key in _ours(name) or ()} == NODE_KEYS
