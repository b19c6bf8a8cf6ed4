"""SPIFFE IDs: the URI names of workloads (SPIFFE-ID §2, X509-SVID §2)."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")
_SPIFFE_ID = re.compile(rf"spiffe://({_TRUST_DOMAIN.pattern})((?:/[A-Za-z0-9._-]+)+)")
_RELATIVE_SEGMENTS = frozenset({".", ".."})
_LONGEST_ID = 2048
_IGNORED_BY_SOME = re.compile(r"[\x00-\x20]")
_SIMILAR = re.compile(r"spiffe:/*(?:[^/?#]*@)?([^/?#:]*)", re.IGNORECASE)
_ESCAPE = re.compile(r"%([0-7][0-9A-Fa-f])")  # of an ASCII character (RFC 3986 §2.1)


def read_trust_domain(text: str) -> str:
    """Return a trust domain as it is written. Raises ValueError."""
    if not _TRUST_DOMAIN.fullmatch(text):
        message = (
            f"{text!r} is not a trust domain: write 1 to 255 lower-case letters, digits and ._-, such as acme.example"
        )
        raise ValueError(message)
    return text


def trust_domain(uris: Sequence[str]) -> str | None:
    """Return the trust domain of a workload's SPIFFE ID, which must be the only URI name of its certificate."""
    if len(uris) != 1 or len(uris[0]) > _LONGEST_ID:
        return None
    match = _SPIFFE_ID.fullmatch(uris[0])
    if match is None or not _RELATIVE_SEGMENTS.isdisjoint(match[2].split("/")):
        return None
    return match[1]


def similar_trust_domains(uris: Sequence[str]) -> list[str]:
    """Return the trust domains that others may read in URI names, valid or not. They can exclude a certificate."""
    found = []
    for uri in uris:
        # Some decode the authority, and some take a backslash for a slash.
        decoded = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), uri)
        for reading in dict.fromkeys((uri, decoded, uri.replace("\\", "/"), decoded.replace("\\", "/"))):
            match = _SIMILAR.match(_IGNORED_BY_SOME.sub("", reading))
            if match is not None:
                found.append(match[1].casefold().removesuffix("."))
    return found
