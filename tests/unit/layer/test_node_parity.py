"""``to_dict()`` against what Node makes of the same certificate: see tests/golden."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from client_certificate_auth import MalformedCertificateError, PeerCertificate
from client_certificate_auth.alternative_names import read_subject_alt_names
from client_certificate_auth.x509.der import DerError
from client_certificate_auth.x509.extensions import SUBJECT_ALT_NAME

CERTIFICATES = Path(__file__).parents[2] / "golden" / "certificates"
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
        "The structure is read strictly: no extension twice, no extensions in version 1, no unknown version.",
        {
            "extension-duplicate-alternative-names": REFUSED,
            "extension-duplicate-unknown": REFUSED,
            "version-1-with-extensions": REFUSED,
            "version-4": REFUSED,
            "version-minus-1": REFUSED,
        },
    ),
    Difference(
        "A time in another form than those of RFC 5280 makes a certificate malformed. Node shows what it can of it.",
        {
            "dates-february-30": REFUSED,
            "dates-fractions-of-a-second": REFUSED,
            "dates-garbage": REFUSED,
            "dates-offset": REFUSED,
            "dates-without-seconds": REFUSED,
        },
    ),
    Difference(
        "A name with a value that is not text makes a certificate malformed. Node leaves the whole name out.",
        {"subject-bit-string": REFUSED, "subject-sequence": REFUSED},
    ),
    Difference(
        "Node names any OID that OpenSSL knows, be it an algorithm in the place of an attribute type. Here only"
        " attribute types and access methods have names.",
        {"access-method-that-is-none": {"infoAccess"}, "subject-types-that-are-no-attributes": {"subject"}},
    ),
    Difference(
        "Of an elliptic curve key whose curve is rarely used, a compressed point is not described, and it is not"
        " checked that the point is on the curve.",
        {
            "key-ec-secp160r1": {"bits", "pubkey", "asn1Curve"},
            "key-ec-sect233k1": {"bits", "pubkey", "asn1Curve", "nistCurve"},
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
        return _certificate(name).to_dict()
    except MalformedCertificateError:
        return None


def _certificate(name: str) -> PeerCertificate:
    return PeerCertificate.from_pem((CERTIFICATES / f"{name}.pem").read_text(encoding="ascii"))


def _nodes(name: str) -> dict[str, object] | None:
    """Return Node's object, None if it refuses the certificate."""
    text = (CERTIFICATES / f"{name}.json").read_text(encoding="utf-8")
    nodes: dict[str, object] | None = json.loads(text)
    return nodes


def _text(value: object) -> str:
    """Return JSON as tests/golden has it, which tells True from 1 and one order of keys from another."""
    return json.dumps(value, default=lambda buffer: {"type": "Buffer", "hex": buffer.hex()}, indent=2)


# Node shows these alternative names, but decisions do not use them: a value that is not text, an IP address of another
# length than 4 or 16 octets, and data after the names.
ONLY_SHOWN = {
    "alternative-name-directory-name-bit-string",
    "alternative-name-directory-name-sequence",
    "alternative-name-ip-network",
    "alternative-name-ip-of-five-bytes",
    "alternative-name-ip-of-no-bytes",
    "extension-trailing-data-in-alternative-names",
}

EXPECTED_DIFFERENCE = {
    name: keys for difference in DIFFERENCES for name, keys in difference.keys_by_certificate.items()
}
EQUAL = [name for name in NAMES if name not in EXPECTED_DIFFERENCE]


@pytest.mark.without_coverage
@pytest.mark.parametrize("name", EQUAL)
def test_the_object_is_nodes(name: str) -> None:
    assert _text(_ours(name)) == _text(_nodes(name))


@pytest.mark.parametrize(("name", "keys"), EXPECTED_DIFFERENCE.items())
def test_the_object_differs_from_nodes_just_as_listed(name: str, keys: set[str]) -> None:
    assert _differing_keys(_ours(name), _nodes(name)) == keys


def test_decisions_read_the_alternative_names_that_node_reads_but_for_the_listed_ones() -> None:
    not_read = set()
    for name in NAMES:
        nodes = _nodes(name)
        if nodes is None or nodes.get("subjectaltname") is None or name in EXPECTED_DIFFERENCE:
            continue
        value = _certificate(name).fields.extension(SUBJECT_ALT_NAME)
        try:
            read_subject_alt_names(value or b"")
        except DerError:
            not_read.add(name)
    assert not_read == ONLY_SHOWN


def test_the_list_of_differences_names_each_certificate_once() -> None:
    assert len(EXPECTED_DIFFERENCE) == sum(len(difference.keys_by_certificate) for difference in DIFFERENCES)


def test_at_least_150_certificates_are_read_as_node_reads_them() -> None:
    assert sum(_ours(name) is not None for name in EQUAL) >= 150


def test_every_key_of_node_is_in_an_equal_object() -> None:
    assert {key for name in EQUAL for key in _ours(name) or ()} == NODE_KEYS
