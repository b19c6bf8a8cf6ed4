"""The settings of revocation. Importing this module imports nothing else."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class CrlFailureMode(StrEnum):
    """The decision about certificates whose revocation status is unknown."""

    DENY = "deny"
    ALLOW = "allow"


class CrlSources(NamedTuple):
    """The locations of the CRLs and of the truststore that they are checked against, and how long a CRL is valid."""

    uris: tuple[str, ...]
    truststore_uri: str
    refresh_seconds: int = 300
    failure_mode: CrlFailureMode = CrlFailureMode.DENY
    max_age_seconds: int = 0
    """How long a CRL is valid beyond its nextUpdate."""
