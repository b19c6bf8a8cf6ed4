"""The causes of an unknown revocation status in words, and what to do about each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.revocation.status import UnknownReason

if TYPE_CHECKING:
    from collections.abc import Mapping

CAUSES: Mapping[str, tuple[str, str]] = {
    UnknownReason.NO_TRUSTSTORE: (
        "the bundle at TRUSTSTORE_URI was never loaded",
        "find 'document refresh failed' in the function's log, which says why: usually the role lacks s3:GetObject",
    ),
    UnknownReason.NO_CHAIN: (
        "no valid CA in the bundle at TRUSTSTORE_URI has signed it",
        "put the valid certificates of its CA, and of all CAs above it, into the bundle at TRUSTSTORE_URI",
    ),
    UnknownReason.INCOMPLETE_CHAIN: (
        "CRL_CHECK=chain requires a chain up to a self-signed CA, and the bundle at TRUSTSTORE_URI does not contain it",
        "put the certificates of all CAs above its CA into the bundle at TRUSTSTORE_URI",
    ),
    UnknownReason.NO_LIST: (
        "no CRL was loaded for its CA, or for a CA above it that needs one",
        "put a CRL of that CA at one of CRL_URIS, or its key in CRL_EXEMPT_ISSUERS: docs/stale-crl.md",
    ),
    UnknownReason.NOT_COVERED: (
        "the CRLs of its CA are limited to other certificates",
        "put the CRL that its distribution point names at one of CRL_URIS: docs/revocation.md#ca-products",
    ),
    UnknownReason.UNUSABLE: (
        "its CA's CRL is a delta CRL or limited to some reasons, has an unknown critical extension, or was rolled back",
        "put a complete, current CRL of that CA in its place: docs/revocation.md#which-crls-are-accepted",
    ),
    UnknownReason.ISSUER_NOT_VALID: (
        "the certificate of the CA that signed the CRL is not valid",
        "put the renewed certificate of that CA into the bundle at TRUSTSTORE_URI",
    ),
    UnknownReason.NOT_YET_VALID: (
        "the thisUpdate of the CRL is in the future",
        "wait, or correct the CA's clock and have the CRL issued again",
    ),
    UnknownReason.STALE: (
        "the CRL has expired",
        "put the CA's current CRL in its place: docs/stale-crl.md",
    ),
}
"""The cause and the next step for each reason."""
