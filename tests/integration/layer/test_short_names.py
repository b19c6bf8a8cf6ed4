from __future__ import annotations

import re
import shutil
import subprocess
from typing import NamedTuple

import pytest

from client_certificate_auth.short_names import ACCESS_METHOD_BY_OID, DOTTED_OID, OID_BY_SHORT_NAME, SHORT_NAME_BY_OID


class OpenSSL(NamedTuple):
    version: str
    short_names: dict[str, str]
    long_names: dict[str, str]


@pytest.fixture(scope="module")
def openssl() -> OpenSSL:
    """Return the names of all objects that the OpenSSL on this machine knows, by dotted OID."""
    path = shutil.which("openssl")
    if path is None:
        pytest.skip("needs OpenSSL 3, and there is no openssl on the PATH")
    version = subprocess.run([path, "version"], capture_output=True, text=True, check=True).stdout
    if not version.startswith("OpenSSL 3."):
        pytest.skip(f"needs OpenSSL 3, and the one on the PATH is {version.strip()}")
    listing = subprocess.run([path, "list", "-objects"], capture_output=True, text=True, check=True).stdout
    known = OpenSSL(version, {}, {})
    for line in listing.splitlines():
        # "CN = commonName, 2.5.4.3", or "role = 2.5.4.72" where both names are the same
        short_name, _, rest = line.partition(" = ")
        long_name, _, dotted_oid = rest.rpartition(", ")
        known.short_names[dotted_oid] = short_name
        known.long_names[dotted_oid] = long_name or short_name
    return known


@pytest.fixture(scope="module")
def openssl_of_node(openssl: OpenSSL) -> OpenSSL:
    if not openssl.version.startswith("OpenSSL 3.0."):
        pytest.skip(f"needs OpenSSL 3.0, which Node 20 has: {openssl.version.strip()} may know more objects")
    return openssl


def _arc(dotted_oid: str) -> str:
    return dotted_oid.rpartition(".")[0]


def _under_the_arcs(names: dict[str, str], table: dict[str, str]) -> dict[str, str]:
    arcs = set(map(_arc, table))
    return {dotted_oid: name for dotted_oid, name in names.items() if _arc(dotted_oid) in arcs}


@pytest.mark.parametrize(("oid", "short_name"), SHORT_NAME_BY_OID.items())
def test_the_short_name_of_an_attribute_type_is_openssls(openssl: OpenSSL, oid: str, short_name: str) -> None:
    assert openssl.short_names[oid] == short_name


@pytest.mark.parametrize(("oid", "long_name"), ACCESS_METHOD_BY_OID.items())
def test_the_name_of_an_access_method_is_openssls_long_name(openssl: OpenSSL, oid: str, long_name: str) -> None:
    assert openssl.long_names[oid] == long_name


def test_no_attribute_type_is_missing_under_the_arcs_of_the_table(openssl_of_node: OpenSSL) -> None:
    assert _under_the_arcs(openssl_of_node.short_names, SHORT_NAME_BY_OID) == SHORT_NAME_BY_OID


def test_no_access_method_is_missing(openssl_of_node: OpenSSL) -> None:
    assert _under_the_arcs(openssl_of_node.long_names, ACCESS_METHOD_BY_OID) == ACCESS_METHOD_BY_OID


def test_no_two_attribute_types_share_a_short_name() -> None:
    assert len(OID_BY_SHORT_NAME) == len(SHORT_NAME_BY_OID)


@pytest.mark.parametrize(
    ("text", "dotted"),
    [
        ("2.5.4.3", True),
        ("0.9.2342.19200300.100.1.25", True),
        ("1.0", True),
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
def test_a_dotted_oid_is_told_from_what_is_none(text: str, dotted: bool) -> None:  # noqa: FBT001 -- a table's column
    assert bool(re.fullmatch(DOTTED_OID, text)) is dotted
