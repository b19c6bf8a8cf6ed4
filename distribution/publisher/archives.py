"""The built layer: one zip for each architecture."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from distribution.digests import SUMS, read_digests
from distribution.errors import DistributionError
from distribution.layer_builder.wheels import Architecture

if TYPE_CHECKING:
    from pathlib import Path

MAXIMUM_SIZE = 50 * 1024**2
"""The largest zip file that Lambda accepts in a request, in bytes. Larger ones need an upload to S3."""


@dataclass(frozen=True)
class Archive:
    """A layer's zip file. ``sha256`` is encoded like Lambda's ``CodeSha256``, in base64."""

    architecture: Architecture
    content: bytes = field(repr=False)
    sha256: str

    @property
    def layer_name(self) -> str:
        """The layer's name in every region."""
        return f"client-certificate-auth-{self.architecture}"


def read_archives(folder: Path) -> list[Archive]:
    """Read every architecture's zip from the folder that ``make layer`` or ``make release`` writes to.

    Raises DistributionError if one is missing, unreadable, too large or not the one in ``SHA256SUMS``.
    """
    archives = [_read(architecture, folder) for architecture in Architecture]
    try:
        digests = read_digests(folder)
    except DistributionError as error:
        message = f"{error}: run `make layer`, which writes it"
        raise DistributionError(message) from error
    for archive in archives:
        name = f"{archive.layer_name}.zip"
        if digests.get(name) != hashlib.sha256(archive.content).hexdigest():
            message = f"{folder / name} is not the file whose digest is in {SUMS}: run `make layer` again"
            raise DistributionError(message)
    return archives


def code_sha256(digest: bytes) -> str:
    """Encode a SHA-256 digest as Lambda does."""
    return base64.b64encode(digest).decode()


def _read(architecture: Architecture, folder: Path) -> Archive:
    path = folder / f"client-certificate-auth-{architecture}.zip"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        message = f"{path} does not exist: run `make layer` first"
        raise DistributionError(message) from None
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise DistributionError(message) from error
    if len(content) > MAXIMUM_SIZE:
        message = f"{path} has {len(content)} bytes, but Lambda accepts at most {MAXIMUM_SIZE}"
        raise DistributionError(message)
    return Archive(architecture, content, code_sha256(hashlib.sha256(content).digest()))
