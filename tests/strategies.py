"""What hypothesis throws at the project: JSON, events, names, and certificates of which any part may be broken."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.pki import der
from tests.pki.certificates import (
    AUTHORITY_INFO_ACCESS,
    BASIC_CONSTRAINTS,
    ED25519_KEY,
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    OIDS,
    SUBJECT_ALT_NAME,
    attribute,
    certificate_der,
    extension,
    name,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(
            st.sampled_from(["requestContext", "authentication", "identity", "clientCert", "clientCertPem"])
            | st.text(max_size=5),
            children,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@st.composite
def lambda_events(draw: st.DrawFn, pems: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Events with anything in the place of a PEM, on one path or on both."""
    request_context = {}
    for key in draw(st.sets(st.sampled_from(["authentication", "identity"]))):
        request_context[key] = draw(
            st.just({"clientCert": {"clientCertPem": draw(pems)}}) | st.just({"clientCert": draw(json_values)})
        )
    return {"requestContext": request_context}


@st.composite
def header_events(draw: st.DrawFn, names: list[str], values: st.SearchStrategy[Any]) -> dict[str, Any]:
    """Events with some of these headers, in any spelling, in either dictionary or in both."""
    spelled = st.sampled_from(names).flatmap(lambda name: st.sampled_from([name, name.lower(), name.upper()]))
    headers = st.dictionaries(spelled, values, min_size=1, max_size=3)
    lists = st.dictionaries(spelled, st.lists(values, max_size=2) | values, max_size=3)
    event = {"headers": draw(headers | json_values), "multiValueHeaders": draw(lists | json_values)}
    return {key: event[key] for key in draw(st.sets(st.sampled_from(sorted(event)), min_size=1))}


_any_tag = st.sampled_from(
    [
        *(der.BOOLEAN, der.INTEGER, der.BIT_STRING, der.OCTET_STRING, der.NULL, der.OID, der.UTF8_STRING),
        *(der.SEQUENCE, der.SET, der.NUMERIC_STRING, der.PRINTABLE_STRING, der.T61_STRING, der.IA5_STRING),
        *(der.VISIBLE_STRING, der.UTC_TIME, der.GENERALIZED_TIME, der.UNIVERSAL_STRING, der.BMP_STRING, 0x1B, 0x80),
    ]
)
_any_tlv = st.builds(der.tlv, _any_tag, st.binary(max_size=20))
_kinds = st.sampled_from([*OIDS, "1.2.3.4"])

_good_attributes = st.builds(attribute, _kinds, st.text(max_size=10))
_odd_attributes = st.builds(
    lambda kind, value: der.sequence(der.oid(kind), value), st.sampled_from([*OIDS.values(), "1.2.3.4"]), _any_tlv
)
_names = st.lists(
    st.lists(_good_attributes | _odd_attributes, min_size=1, max_size=2) | _good_attributes, max_size=4
).map(lambda attributes: name(*attributes))

_extension_oids = st.sampled_from(
    [SUBJECT_ALT_NAME, BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, AUTHORITY_INFO_ACCESS, "2.5.29.30", "1.2.3"]
)
_general_names = st.builds(
    lambda number, content, constructed: der.tagged(number, content, constructed=constructed),
    st.integers(0, 9),
    st.binary(max_size=20) | _any_tlv | _names,
    st.booleans(),
)
_extensions = st.builds(
    lambda oid, content, critical: extension(oid, content, critical=critical),
    _extension_oids,
    st.binary(max_size=20) | _any_tlv | st.lists(_general_names, max_size=4).map(lambda names: der.sequence(*names)),
    st.booleans(),
)
_times = st.builds(
    der.tlv,
    st.sampled_from([der.UTC_TIME, der.GENERALIZED_TIME]),
    st.sampled_from([b"200101000000Z", b"20200101000000Z", b"99991231235959Z", b"00000101000000Z", b"2001010000Z"])
    | st.binary(max_size=16),
)
_public_keys = st.just(ED25519_KEY) | st.builds(
    lambda oid, parameters, key: der.sequence(der.sequence(der.oid(oid), parameters), der.bits(key)),
    st.sampled_from(
        [
            "1.2.840.113549.1.1.1",
            "1.2.840.113549.1.1.10",
            "1.2.840.10045.2.1",
            "1.2.840.10040.4.1",
            "1.3.101.112",
            "1.2.3",
        ]
    ),
    st.just(b"") | _any_tlv | st.just(der.oid("1.2.840.10045.3.1.7")),
    st.binary(max_size=40),
)


_PARTS: dict[str, st.SearchStrategy[Any]] = {
    "subject": _names | _any_tlv,
    "issuer": _names | _any_tlv,
    "serial_number": st.integers(-(2**160), 2**160).map(der.integer) | _any_tlv,
    "not_before": _times,
    "not_after": _times,
    "public_key": _public_keys,
    "extensions": st.lists(_extensions, max_size=3),
    "version": st.sampled_from([None, 0, 1, 2, 3]),
}


@st.composite
def broken_certificates(draw: st.DrawFn) -> bytes:
    """Certificates in DER of which one or two parts are odd: more, and few would get past the first look."""
    odd = draw(st.lists(st.sampled_from(sorted(_PARTS)), min_size=1, max_size=2, unique=True))
    return certificate_der(**{part: draw(_PARTS[part]) for part in odd})
