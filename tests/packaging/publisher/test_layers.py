from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import boto3
import pytest

from distribution.errors import DistributionError
from distribution.layer_builder.wheels import Architecture
from distribution.publisher.archives import Archive
from distribution.publisher.layers import check_download, publish
from tests.packaging.publisher.lambda_service import Fault

if TYPE_CHECKING:
    from tests.packaging.publisher.lambda_service import LambdaService


def digest(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def test_a_wrong_download_is_reported_with_both_digests(service: LambdaService) -> None:
    client = boto3.client("lambda", region_name="eu-central-1")
    archive = Archive(Architecture.ARM64, b"zip", digest(b"zip"))
    layer_version = publish(client, archive)
    check_download(client, layer_version, archive)
    service.faults = [Fault("eu-central-1", "download", 200, b"other")]
    with pytest.raises(DistributionError) as failure:
        check_download(client, layer_version, archive)
    assert str(failure.value) == (
        "arn:aws:lambda:eu-central-1:123456789012:layer:client-certificate-auth-arm64:1 has the SHA-256"
        f" {digest(b'other')} when downloaded, but the zip file has {digest(b'zip')}"
    )
