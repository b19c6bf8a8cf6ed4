"""SPIFFE IDs: the URI names of workloads (SPIFFE-ID §2, X509-SVID §2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtls_authorizer.rules.conditions import Fact

if TYPE_CHECKING:
    from client_certificate_auth import PeerCertificate

_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")
_SPIFFE_ID = re.compile(rf"spiffe://({_TRUST_DOMAIN.pattern})((?:/[A-Za-z0-9._-]+)+)")
_RELATIVE_SEGMENTS = frozenset({".", ".."})
_LONGEST_ID = 2048
# What others may take for the trust domain of a URI that is not a SPIFFE ID.
_SIMILAR = re.compile(r"spiffe:/*(?:[^/?#]*@)?([^/?#:]*)", re.IGNORECASE)


def parse_trust_domain(text: str) -> Fact:
    """Return a trust domain. Raises ValueError."""
    if not _TRUST_DOMAIN.fullmatch(text):
        message = (
            f"{text!r} is not a trust domain: write 1 to 255 lower-case letters, digits and ._-, such as acme.example"
        )
        raise ValueError(message)
    return Fact("", text)


def trust_domain_facts(certificate: PeerCertificate) -> list[Fact]:
    """Return the trust domain of the certificate's SPIFFE ID, which must be its only URI name.

    Other trust domains are ambiguous: those of several URI names, and what resembles one in a URI that is not a valid
    SPIFFE ID of a workload. They exclude a certificate and match no rule.
    """
    uris = [name.value for name in certificate.subject_alt_names if name.type == "URI"]
    if len(uris) == 1:
        trust_domain = _trust_domain(uris[0])
        if trust_domain is not None:
            return [Fact("", trust_domain)]
    similar = filter(None, map(_SIMILAR.match, uris))
    return [Fact("", match[1].lower(), ambiguous=True) for match in similar]


def _trust_domain(uri: str) -> str | None:
    match = _SPIFFE_ID.fullmatch(uri)
    if match is None or len(uri) > _LONGEST_ID or not _RELATIVE_SEGMENTS.isdisjoint(match[2].split("/")):
        return None
    return match[1]
