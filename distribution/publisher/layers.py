"""The versions of a layer in one region: find, publish and check them.

Every function also raises botocore's ClientError and BotoCoreError.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

from distribution.errors import DistributionError
from distribution.project import LICENSE, VERSION
from distribution.publisher.archives import code_sha256
from distribution.python_versions import PYTHON_VERSIONS

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.literals import RuntimeType
    from mypy_boto3_lambda.type_defs import GetLayerVersionResponseTypeDef, PublishLayerVersionResponseTypeDef

    from distribution.publisher.archives import Archive

_DESCRIPTION = f"client_certificate_auth {VERSION}: the client certificate of a Lambda event in one call"
_RUNTIMES: list[RuntimeType] = [f"python{version}" for version in PYTHON_VERSIONS]  # type: ignore[misc]
_DOWNLOAD_TIMEOUT = 60.0  # seconds without a byte


@dataclass(frozen=True)
class LayerVersion:
    """A version of a layer in a region."""

    layer_name: str
    number: int
    arn: str


def find_published(client: LambdaClient, archive: Archive) -> LayerVersion | None:
    """Return the layer's newest version if it has the archive's bytes.

    An older version with these bytes is not enough, because users take the newest one.
    """
    number = _newest_version(client, archive.layer_name)
    if number is None:
        return None
    newest = client.get_layer_version(LayerName=archive.layer_name, VersionNumber=number)
    return _layer_version(archive, newest) if newest["Content"]["CodeSha256"] == archive.sha256 else None


def publish(client: LambdaClient, archive: Archive) -> LayerVersion:
    """Publish an archive as its layer's next version, for the own account only."""
    answer = client.publish_layer_version(
        LayerName=archive.layer_name,
        Description=_DESCRIPTION,
        Content={"ZipFile": archive.content},
        CompatibleArchitectures=[archive.architecture.value],
        CompatibleRuntimes=_RUNTIMES,
        LicenseInfo=LICENSE,
    )
    return _layer_version(archive, answer)


def check_download(client: LambdaClient, layer_version: LayerVersion, archive: Archive) -> None:
    """Download a layer version and compare its digest with the archive's.

    Raises DistributionError, and OSError for a failed download.
    """
    answer = client.get_layer_version(LayerName=layer_version.layer_name, VersionNumber=layer_version.number)
    url = answer["Content"]["Location"]
    try:
        with urlopen(url, timeout=_DOWNLOAD_TIMEOUT) as download:  # noqa: S310 -- a URL from AWS
            downloaded = code_sha256(hashlib.file_digest(download, "sha256").digest())
    except HTTPError as error:
        error.close()  # it is the response, too
        raise
    if downloaded != archive.sha256:
        message = (
            f"{layer_version.arn} has the SHA-256 {downloaded} when downloaded, but the zip file has {archive.sha256}"
        )
        raise DistributionError(message)


def _newest_version(client: LambdaClient, layer_name: str) -> int | None:
    pages = client.get_paginator("list_layer_versions").paginate(LayerName=layer_name)
    return max((version["Version"] for page in pages for version in page["LayerVersions"]), default=None)


def _layer_version(
    archive: Archive, answer: GetLayerVersionResponseTypeDef | PublishLayerVersionResponseTypeDef
) -> LayerVersion:
    return LayerVersion(archive.layer_name, answer["Version"], answer["LayerVersionArn"])
