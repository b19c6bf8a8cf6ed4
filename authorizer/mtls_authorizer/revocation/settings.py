"""The settings of revocation. Importing this module imports no other code of revocation."""

from __future__ import annotations

from enum import StrEnum

from client_certificate_auth.records import NamedTuple

LONGEST_MAX_AGE_SECONDS = 365 * 24 * 60 * 60


class CrlFailureMode(StrEnum):
    """The decision about certificates whose revocation status is unknown."""

    DENY = "deny"
    ALLOW = "allow"


class CrlCheck(StrEnum):
    """The certificates for which a usable CRL is required."""

    CLIENT = "client"
    """That of the client."""

    CHAIN = "chain"
    """Every certificate below the trust anchor, which is self-signed."""


class RevocationSettings(NamedTuple):
    """The locations of the CRLs, and how they are used."""

    uris: tuple[str, ...]
    failure_mode: CrlFailureMode = CrlFailureMode.DENY
    max_age_seconds: int = 0
    """How long a CRL is valid beyond its nextUpdate."""

    check: CrlCheck = CrlCheck.CLIENT
    assume_complete: frozenset[str] = frozenset()
    """The URIs of CRLs that have a name, but also cover certificates without distribution points."""

    exempt_issuers: frozenset[str] = frozenset()
    """The SHA-256 of the public keys of CAs that publish no CRL, in lower-case hexadecimal."""

    memory_size: str = ""
    """The memory of the function in MB, as Lambda states it. It limits the size of CRLs."""
