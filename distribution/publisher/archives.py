"""The built layer: one zip for each architecture."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from distribution.layer_builder.wheels import Architecture

if TYPE_CHECKING:
    from pathlib import Path

MAXIMUM_SIZE = 50 * 1024**2
"""The largest zip file that Lambda accepts in a request, in bytes. Larger ones need an upload to S3."""


class UnusableArchiveError(Exception):
    """A zip file cannot be published. The message names it and the reason."""


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
    """Read every architecture's zip from the folder that ``make layer`` writes to.

    Raises UnusableArchiveError if one is missing, unreadable or too large.
    """
    return [_read(architecture, folder) for architecture in Architecture]


def code_sha256(digest: bytes) -> str:
    """Encode a SHA-256 digest as Lambda does."""
    return base64.b64encode(digest).decode()


def _read(architecture: Architecture, folder: Path) -> Archive:
    path = folder / f"client-certificate-auth-{architecture}.zip"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        message = f"{path} does not exist: run `make layer` first"
        raise UnusableArchiveError(message) from None
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise UnusableArchiveError(message) from error
    if len(content) > MAXIMUM_SIZE:
        message = f"{path} has {len(content)} bytes, but Lambda accepts at most {MAXIMUM_SIZE}"
        raise UnusableArchiveError(message)
    return Archive(architecture, content, code_sha256(hashlib.sha256(content).digest()))
