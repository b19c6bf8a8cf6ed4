"""Restrictions on prefixes and suffixes, so that they cannot match another party's names: one table for each field.

The domain of a DNS name or an email address is at its end, so a prefix continues into any domain:
``api.acme.example`` is also a prefix of ``api.acme.example.evil.example``.
"""

from __future__ import annotations

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.short_names import SHORT_NAME_BY_OID
from mtls_authorizer.rules.conditions import Comparison

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class PatternRestriction(NamedTuple):
    """A restriction on the prefixes or suffixes of a label, so that they cannot match another party's names.

    ``expression`` is the regular expression that the text must match, None if no such pattern is permitted. ``problem``
    continues a sentence that begins with the pattern's location.
    """

    expression: str | None
    problem: str


_DNS_NAME = {
    Comparison.PREFIX: PatternRestriction(
        None,
        "is not supported for DNS names, because a prefix also matches names of other domains: write a suffix such as "
        "'.example.com', or the exact name",
    ),
    Comparison.SUFFIX: PatternRestriction(
        r"\..+", "must start with a dot, such as '.example.com': otherwise it also matches other domains"
    ),
}
_EMAIL_ADDRESS = {
    Comparison.PREFIX: PatternRestriction(
        None,
        "is not supported for email addresses, because a prefix also matches addresses of other domains: write a "
        "suffix such as '@example.com', or the exact address",
    ),
    Comparison.SUFFIX: PatternRestriction(
        r".*@.+|\..+",
        "must contain an @ or start with a dot, such as '@example.com': otherwise it also matches other domains",
    ),
}
_URI = {
    Comparison.PREFIX: PatternRestriction(
        r"[A-Za-z][A-Za-z0-9+.-]*:(//[^/?#]+/|[^/:]+:).*",
        "must continue after the authority, such as 'spiffe://example.com/' or 'urn:example:': otherwise it also "
        "matches other authorities",
    ),
    Comparison.SUFFIX: PatternRestriction(
        None, "is not supported for URIs, which can end with the same text under every authority: write a prefix"
    ),
}
_IP_ADDRESS = dict.fromkeys(
    (Comparison.PREFIX, Comparison.SUFFIX),
    PatternRestriction(None, "is not supported for IP addresses: write exact addresses"),
)
_DOMAIN_COMPONENT = dict.fromkeys(
    (Comparison.PREFIX, Comparison.SUFFIX),
    PatternRestriction(
        None,
        "is not supported for domain components, because each is a whole label of a domain name: write exact values",
    ),
)

_ATTRIBUTES = {
    "1.2.840.113549.1.9.1": _EMAIL_ADDRESS,  # emailAddress (RFC 2985 §5.2.1)
    "0.9.2342.19200300.100.1.3": _EMAIL_ADDRESS,  # mail (RFC 4524 §2.16)
    "0.9.2342.19200300.100.1.22": _EMAIL_ADDRESS,  # otherMailbox (RFC 1274 §9.3.18)
    "0.9.2342.19200300.100.1.46": _EMAIL_ADDRESS,  # janetMailbox (RFC 1274 §9.3.36)
    "1.3.6.1.4.1.311.20.2.3": _EMAIL_ADDRESS,  # user principal name: user@domain
    "1.2.840.113556.1.4.656": _EMAIL_ADDRESS,  # the same, in Active Directory
    "2.5.4.104": _EMAIL_ADDRESS,  # intEmail (X.520 §6.2.16)
    "2.5.4.105": _EMAIL_ADDRESS,  # jid, of XMPP: user@domain (X.520 §6.2.17)
    "2.5.4.100": _DNS_NAME,  # dnsName (X.520 §6.2.15)
    "0.9.2342.19200300.100.1.9": _DNS_NAME,  # host (RFC 4524 §2.14)
    "0.9.2342.19200300.100.1.37": _DNS_NAME,  # associatedDomain (RFC 4524 §2.1)
    "0.9.2342.19200300.100.1.25": _DOMAIN_COMPONENT,  # DC (RFC 4519 §2.4)
    "2.5.4.83": _URI,  # uri (X.520)
    "2.5.4.86": _URI,  # urn (X.520)
    "2.5.4.87": _URI,  # url (X.520)
    "1.3.6.1.4.1.250.1.57": _URI,  # labeledURI (RFC 2079)
}
"""The attribute types whose values are names of this kind. All others are free text."""


def _flat(
    by_label: Mapping[str, Mapping[Comparison, PatternRestriction]],
) -> dict[tuple[str, Comparison], PatternRestriction]:
    return {(label, comparison): each for label, kind in by_label.items() for comparison, each in kind.items()}


_ALTERNATIVE_NAMES = {"DNS": _DNS_NAME, "email": _EMAIL_ADDRESS, "URI": _URI, "IP": _IP_ADDRESS}
_ATTRIBUTES_BY_LABEL = {SHORT_NAME_BY_OID.get(oid, oid): kind for oid, kind in _ATTRIBUTES.items()}

SUBJECT_ALT_NAME_PATTERNS = _flat(_ALTERNATIVE_NAMES)
"""By the type of the name."""

ATTRIBUTE_PATTERNS = _flat(_ATTRIBUTES_BY_LABEL)
"""By the short name of the attribute's type, or by its OID if it has none, as in ``parse_label``."""

OTHER_NAME = "otherName"
"""The label of the alternative names whose types are OIDs."""

DIRECTORY_NAME = "dirName"
"""The label of the alternative names that are distinguished names."""

_LABELS = {**_ALTERNATIVE_NAMES, **_ATTRIBUTES_BY_LABEL}
LABELS_WITH_SPELLINGS = frozenset((*_LABELS, OTHER_NAME, DIRECTORY_NAME)) - {"IP"}
"""The labels of names that can be written in several ways: see ``common_spelling``."""

URI_LABELS, EMAIL_LABELS, DNS_LABELS = (
    frozenset(label for label, kind in _LABELS.items() if kind is wanted)
    for wanted in (_URI, _EMAIL_ADDRESS, _DNS_NAME)
)
"""The labels of URIs, those of email addresses, and those of DNS names."""

DOMAIN_LABELS = frozenset(_LABELS) - URI_LABELS - {"IP"}
"""The labels of DNS names, email addresses and domain components."""
