"""The spellings of a name: exclusions apply to all of them, because the client may have chosen one."""

from __future__ import annotations

import re

from mtls_authorizer.rules.names.patterns import DOMAIN_LABELS

_SCHEME_AND_AUTHORITY = re.compile(r"[^:/?#]+:(//[^/?#]*)?")


def common_spelling(label: str, value: str) -> str:
    """Return the spelling in which exclusions compare a name, whose label is one of ``LABELS_WITH_SPELLINGS``.

    DNS names and email addresses are in lower case, without a final dot. URIs have their scheme and authority in lower
    case (RFC 5280 §7.4).
    """
    if label in DOMAIN_LABELS:
        return value.lower().removesuffix(".")
    start = _SCHEME_AND_AUTHORITY.match(value)
    return start[0].lower() + value[start.end() :] if start else value
