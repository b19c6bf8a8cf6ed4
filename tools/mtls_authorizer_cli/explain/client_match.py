"""What a rule has to match for the client of a certificate, also after a renewal: names instead of digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.rules.names.distinguished_names import name_value
from mtls_authorizer_cli.explain.wording import value_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from client_certificate_auth import PeerCertificate, SubjectAltName
    from client_certificate_auth.x509.names import DistinguishedName

_TYPES = ("URI", "DNS", "email", "otherName", "dirName", "RID", "IP")
"""The types of subject alternative names, those first that most likely identify a client."""


def name_matches(certificate: PeerCertificate) -> Iterator[Mapping[str, object]]:
    """Return what can be matched by names, the best first: subject and issuer, or an alternative name and the issuer.

    Not everything that it returns can be written in a rules document.
    """
    for issuer in _spellings(certificate.issuer):
        if len(certificate.subject):
            yield from ({"subject": subject, "issuer": issuer} for subject in _spellings(certificate.subject))
        name = alternative_name(certificate)
        if name is not None:
            yield {"subject_alt_name": exact(str(name)), "issuer": issuer}


def alternative_name(certificate: PeerCertificate) -> SubjectAltName | None:
    """Return the one alternative name that identifies the client best, None if there is none.

    A list of all of them would match every certificate that has any of them.
    """
    known = [name for name in certificate.subject_alt_names if name.type in _TYPES]
    return min(known, key=lambda name: _TYPES.index(name.type), default=None)


def exact(text: str) -> object:
    """Return a value of a rule: text as it is, unless it could be mistaken for a wildcard."""
    return {"exact": text} if "*" in text else text


def _spellings(name: DistinguishedName) -> Iterator[object]:
    """Return a name with short names of its attributes, then with OIDs, which are never ambiguous."""
    yield exact(value_text(name_value(name)))
    yield exact(name.rfc4514_string())
