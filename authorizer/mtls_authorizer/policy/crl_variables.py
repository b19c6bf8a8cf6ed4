"""The variables about CRLs."""

from __future__ import annotations

import re
from functools import partial

from mtls_authorizer.variables import parse_items, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer.revocation.settings import RevocationSettings
    from mtls_authorizer.variables import VariableReader

CRL_VARIABLES = (
    "CRL_URIS",
    "TRUSTSTORE_URI",
    "CRL_CHECK",
    "CRL_FAILURE_MODE",
    "CRL_REFRESH_SECONDS",
    "CRL_MAX_AGE_SECONDS",
    "CRL_ASSUME_COMPLETE",
    "CRL_EXEMPT_ISSUERS",
)

_SHA256 = r"(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}"

_NEEDING_ONLY_TRUSTSTORE = frozenset({"TRUSTSTORE_URI", "CRL_REFRESH_SECONDS"})


# The imports in the functions are there because a cold start with allowlists alone must not pay for them.


def read_crl_variables(reader: VariableReader) -> RevocationSettings | None:
    """Return the settings of revocation, None without ``CRL_URIS``."""
    if not any(name in reader for name in CRL_VARIABLES):
        return None
    from mtls_authorizer.revocation.settings import (  # noqa: PLC0415 -- see above
        LONGEST_MAX_AGE_SECONDS,
        CrlCheck,
        CrlFailureMode,
        RevocationSettings,
    )

    none: tuple[str, ...] = ()
    uris = reader.read("CRL_URIS", partial(_parse_all, _parse_location), default=none)
    settings = RevocationSettings(
        uris,
        reader.choice("CRL_FAILURE_MODE", *CrlFailureMode),
        reader.number("CRL_MAX_AGE_SECONDS", 0, range(LONGEST_MAX_AGE_SECONDS + 1)),
        reader.choice("CRL_CHECK", *CrlCheck),
        frozenset(reader.read("CRL_ASSUME_COMPLETE", partial(_parse_all, parse_document_uri), default=none)),
        reader.read("CRL_EXEMPT_ISSUERS", _parse_fingerprints, default=frozenset()),
        reader.read("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", str, default=""),
    )
    if "CRL_URIS" in reader and "TRUSTSTORE_URI" not in reader:
        reader.reject("CRL_URIS", "requires TRUSTSTORE_URI: a CRL is only used if a CA of the truststore signed it")
    for name in CRL_VARIABLES:
        needs_only_truststore = name in _NEEDING_ONLY_TRUSTSTORE and "TRUSTSTORE_URI" in reader
        if name in reader and "CRL_URIS" not in reader and not needs_only_truststore:
            reader.reject(name, "is set without CRL_URIS, so no certificate would be checked: set both")
    unknown = settings.assume_complete.difference(settings.uris)
    if uris and unknown:
        reader.reject(
            "CRL_ASSUME_COMPLETE", f"names {quoted(min(unknown))}, which is not one of CRL_URIS: add it there"
        )
    return settings if uris else None


def parse_document_uri(text: str) -> str:
    """Return the URI of a truststore or a CRL. Raises ValueError."""
    from mtls_authorizer.stores.uri import parse_uri  # noqa: PLC0415 -- see above

    parse_uri(text, ("s3", "file"))
    return text


def _parse_location(text: str) -> str:
    from mtls_authorizer.stores.uri import is_prefix, parse_prefix  # noqa: PLC0415 -- see above

    if not is_prefix(text):
        return parse_document_uri(text)
    parse_prefix(text)
    return text


def _parse_all(parse: Callable[[str], str], text: str) -> tuple[str, ...]:
    uris = tuple(map(parse, (item.strip() for item in text.split(","))))
    if len(set(uris)) < len(uris):
        message = "names the same CRL twice: remove one"
        raise ValueError(message)
    return uris


def _parse_fingerprints(text: str) -> frozenset[str]:
    fingerprints = parse_items(text)
    for fingerprint in fingerprints:
        if not re.fullmatch(_SHA256, fingerprint):
            message = (
                f"has {quoted(fingerprint)}: write the SHA-256 of a CA's public key, 64 hexadecimal digits, with or "
                "without colons"
            )
            raise ValueError(message)
    return frozenset(fingerprint.replace(":", "").lower() for fingerprint in fingerprints)
