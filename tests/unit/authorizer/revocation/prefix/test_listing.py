"""The CRLs that a listing contains, and the URIs that name them."""

from __future__ import annotations

import pytest

from mtls_authorizer.revocation.prefix.listing import CrlListing
from mtls_authorizer.stores.store import Listed

LONGEST_KEY = 1024


def _listing(*uris: str) -> CrlListing:
    return CrlListing({uri: Listed(uri.rpartition("/")[2], "1", 1) for uri in uris})


@pytest.mark.parametrize(
    ("distribution_point", "is_named"),
    [
        (b"http://ca.example/a.crl", True),
        (b"http://ca.example/crls/%61.crl", True),
        (b"http://ca.example/a.crl?part=1/b.crl", True),
        (b"http://ca.example/a.crl#part/b.crl", True),
        (b"a.crl", True),
        (b"http://ca.example/a.crl/", False),
        (b"http://ca.example/A.crl", False),
        (b"http://ca.example/?a.crl", False),
    ],
)
def test_the_last_segment_of_the_path_names_a_crl(distribution_point: bytes, *, is_named: bool) -> None:
    listing = _listing("file:///crl/a.crl", "file:///crl/b.crl", "file:///crl/")
    assert listing.named_by(distribution_point) == (["file:///crl/a.crl"] if is_named else [])
    assert listing.links == ("file:///crl/",)


@pytest.mark.parametrize(("excess", "is_listed"), [(-900, True), (0, True), (1, False)])
def test_the_name_of_a_crl_leaves_room_for_that_of_its_index(excess: int, *, is_listed: bool) -> None:
    uri = f"s3://bucket/{'a' * (LONGEST_KEY - len('.crl.index') + excess)}.crl"
    assert list(_listing(uri).crls) == ([uri] if is_listed else [])
