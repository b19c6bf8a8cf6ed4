from __future__ import annotations

import io
import zipfile
from functools import cache
from typing import TYPE_CHECKING

import botocore.loaders
import botocore.session
import pytest

from distribution.digests import write_digests
from distribution.layer_builder.wheels import Architecture
from tests.packaging.publisher.lambda_service import LambdaService, lambda_service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def models_are_parsed_once() -> Iterator[None]:
    """Have one loader of botocore's models for all sessions: each would parse megabytes of JSON for its clients."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.loaders.create_loader))
        yield


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[LambdaService, str]]:
    with lambda_service() as service_and_url:
        yield service_and_url


@pytest.fixture
def service(served: tuple[LambdaService, str], monkeypatch: pytest.MonkeyPatch) -> LambdaService:
    """Return the Lambda service of an empty account, and configure boto3 to use it with fake credentials."""
    service, url = served
    service.reset()
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    return service


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """Return a folder with a small zip file for each architecture."""
    for architecture in Architecture:
        write_zip(tmp_path, architecture, "first")
    return tmp_path


def write_zip(folder: Path, architecture: str, text: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        # Without a time, so that the same text gives the same bytes.
        archive.writestr(zipfile.ZipInfo("python/module.py"), f"# {architecture}: {text}\n")
    folder.joinpath(f"client-certificate-auth-{architecture}.zip").write_bytes(content.getvalue())
    write_digests(folder)
    return content.getvalue()
