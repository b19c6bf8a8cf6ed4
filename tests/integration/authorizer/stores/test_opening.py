"""Opening stores: the modules that it imports, and its errors."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.stores.opener import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.faulty_proxy import FaultyProxy

LARGEST = 1000


def run_in_a_fresh_interpreter(code: str) -> list[str]:
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return process.stdout.splitlines()


IMPORTED = "print(*sorted(name for name in sys.modules if name in {'boto3', 'botocore', 'mtls_authorizer.stores.aws'}))"


@pytest.mark.usefixtures("aws")
def test_boto3_is_imported_for_a_store_in_aws_and_for_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_bytes(b"{}")
    lines = run_in_a_fresh_interpreter(
        f"""
import sys
sys.path[:0] = {sys.path!r}
from mtls_authorizer.refresh.document import Document
from mtls_authorizer.refresh.loader import StoreLoader
from mtls_authorizer.refresh.refresher import Refresher
from mtls_authorizer.stores.opener import open_store
from mtls_authorizer.stores.uri import parse_uri
parse_uri("s3://bucket/key")
store = open_store({(tmp_path / "rules.json").as_uri()!r}, max_bytes=10, bucket_owner=None)
document = Document(StoreLoader("rules", store, lambda content: content))
refresher = Refresher([document], 0, start_seconds=60, wait_seconds=60)
refresher.start()
refresher.refresh_if_due()
print(document.value)
{IMPORTED}
open_store("s3://bucket/key", max_bytes=10, bucket_owner=None)
{IMPORTED}
"""
    )
    assert lines == ["b'{}'", "", "boto3 botocore mtls_authorizer.stores.aws"]


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "no AWS region; Lambda sets AWS_REGION"),
        ({"AWS_REGION": "eu-central-1", "AWS_PROFILE": "nobody"}, "the profile in AWS_PROFILE does not exist"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "no AWS region; Lambda sets AWS_REGION"),
        ({"AWS_REGION": "no region"}, "AWS_REGION is not the name of a region"),
        ({"AWS_REGION": "eu-central-1", "AWS_CONFIG_FILE": __file__}, "AWS cannot be called"),
    ],
)
def test_a_store_in_aws_that_cannot_be_opened_is_an_error_of_one_line(
    aws: object, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], told: str
) -> None:
    assert aws
    monkeypatch.delenv("AWS_REGION")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (line,) = run_in_a_fresh_interpreter(
        f"""
import sys
sys.path[:0] = {sys.path!r}
from mtls_authorizer.stores.opener import open_store
from mtls_authorizer.stores.store import StoreError
try:
    open_store("s3://bucket/key", max_bytes=10, bucket_owner=None)
except StoreError as error:
    print(error)
"""
    )
    assert line.startswith(f"s3://bucket/key: {told}")


def test_opening_a_store_sends_no_request_to_aws(proxy: FaultyProxy) -> None:
    for uri in ("s3://bucket/key", "ssm:///rules", "appconfig://a/e/p"):
        assert open_store(uri, max_bytes=LARGEST, bucket_owner=None).uri == uri
    assert proxy.statuses() == []
