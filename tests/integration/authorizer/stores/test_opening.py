"""Opening stores in AWS: its errors, and that it requests nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.stores.opener import open_store

if TYPE_CHECKING:
    from tests.servers.faulty_proxy import FaultyProxy

LARGEST = 1000


def run_in_a_fresh_interpreter(code: str) -> list[str]:
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return process.stdout.splitlines()


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
