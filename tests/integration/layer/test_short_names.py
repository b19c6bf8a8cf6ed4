from __future__ import annotations

import re
import subprocess
from typing import NamedTuple

import pytest

from client_certificate_auth.short_names import ACCESS_METHOD_BY_OID, DOTTED_OID, OID_BY_SHORT_NAME, SHORT_NAME_BY_OID


class Names(NamedTuple):
    """The names of all objects that the OpenSSL on this machine knows, by dotted OID."""

    short: dict[str, str]
    long: dict[str, str]


@pytest.fixture(scope="module")
def names(openssl: str) -> Names:
    listing = subprocess.run([openssl, "list", "-objects"], capture_output=True, text=True, check=True).stdout
    known = Names({}, {})
    for line in listing.splitlines():
        # "CN = commonName, 2.5.4.3", or "role = 2.5.4.72" where both names are the same
        short_name, _, rest = line.partition(" = ")
        long_name, _, dotted_oid = rest.rpartition(", ")
        known.short[dotted_oid] = short_name
        known.long[dotted_oid] = long_name or short_name
    return known


def _arc(dotted_oid: str) -> str:
    return dotted_oid.rpartition(".")[0]


def _under_the_arcs(names: dict[str, str], table: dict[str, str]) -> dict[str, str]:
    arcs = set(map(_arc, table))
    return {dotted_oid: name for dotted_oid, name in names.items() if _arc(dotted_oid) in arcs}


def test_the_short_names_of_attribute_types_are_openssls(names: Names) -> None:
    assert {oid: names.short.get(oid) for oid in SHORT_NAME_BY_OID} == SHORT_NAME_BY_OID


def test_the_names_of_access_methods_are_openssls_long_names(names: Names) -> None:
    assert {oid: names.long.get(oid) for oid in ACCESS_METHOD_BY_OID} == ACCESS_METHOD_BY_OID


@pytest.mark.usefixtures("openssl_of_node")
def test_nothing_is_missing_under_the_arcs_of_the_tables(names: Names) -> None:
    assert _under_the_arcs(names.short, SHORT_NAME_BY_OID) == SHORT_NAME_BY_OID
    assert _under_the_arcs(names.long, ACCESS_METHOD_BY_OID) == ACCESS_METHOD_BY_OID


def test_no_two_attribute_types_share_a_short_name() -> None:
    assert len(OID_BY_SHORT_NAME) == len(SHORT_NAME_BY_OID)


@pytest.mark.parametrize(
    ("text", "dotted"),
    [
        ("2.5.4.3", True),
        ("0.9.2342.19200300.100.1.25", True),
        ("1.0", True),
        ("0.39", True),
        ("1.9.40", True),
        ("2.999", True),
        ("0.40", False),
        ("1.40", False),
        ("1.100.1", False),
        ("1.05", False),
        ("", False),
        ("1", False),
        ("CN", False),
        ("3.1", False),
        ("2.05", False),
        ("2..5", False),
        ("2.5.", False),
        (".2.5", False),
        ("2.5.4.3\n", False),
        ("2.5.x", False),
        ("2.\u0665", False),
    ],
)
def test_only_a_dotted_oid_matches(text: str, dotted: bool) -> None:  # noqa: FBT001 -- a table's column
    assert bool(re.fullmatch(DOTTED_OID, text)) is dotted
