"""Opening the store of a URI."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.stores.file import FileStore
from mtls_authorizer.stores.opener import open_store
from mtls_authorizer.stores.store import StoreError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 1000


def test_a_path_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "a rule #1").write_bytes(b"x" * LARGEST)
    store = open_store(f"{tmp_path.as_uri()}/a%20rule%20%231", max_bytes=LARGEST, bucket_owner=None)
    assert isinstance(store, FileStore)
    with pytest.raises(StoreError, match="larger than 999 bytes"):
        open_store(store.uri, max_bytes=LARGEST - 1, bucket_owner=None).fetch(None)


@pytest.mark.parametrize("uri", ["rules.json", "s3://bucket", "ssm://x", "http://bucket/key"])
def test_a_uri_that_is_not_valid_is_not_opened(uri: str) -> None:
    with pytest.raises(ValueError, match=r"^is '"):
        open_store(uri, max_bytes=LARGEST, bucket_owner=None)


def test_without_boto3_a_store_in_aws_can_not_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "mtls_authorizer.stores.aws", raising=False)
    with pytest.raises(StoreError) as failure:
        open_store("s3://bucket/key", max_bytes=LARGEST, bucket_owner=None)
    told = "s3://bucket/key: there is no module boto3. The Lambda runtimes contain it; elsewhere, install boto3"
    assert str(failure.value) == told
