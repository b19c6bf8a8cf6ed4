"""The settings of revocation. This module imports nothing that a function without CRLs does not need."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class CrlFailureMode(StrEnum):
    """The decision on a certificate whose revocation status is unknown."""

    DENY = "deny"
    ALLOW = "allow"


class CrlSources(NamedTuple):
    """Where the CRLs and the truststore with their CAs are, and how long a CRL is used."""

    uris: tuple[str, ...]
    truststore_uri: str
    refresh_seconds: int = 300
    failure_mode: CrlFailureMode = CrlFailureMode.DENY
    max_age_seconds: int = 0
    """How long a CRL is used after its nextUpdate."""
