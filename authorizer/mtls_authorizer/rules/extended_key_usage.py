"""The extended key usages of a certificate (RFC 5280 §4.2.1.12), and the usages that are required."""

from __future__ import annotations

import re

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.short_names import DOTTED_OID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

SERVER_AUTH, CLIENT_AUTH = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"

OID_BY_USAGE = {
    "serverAuth": SERVER_AUTH,
    "clientAuth": CLIENT_AUTH,
    "codeSigning": "1.3.6.1.5.5.7.3.3",
    "emailProtection": "1.3.6.1.5.5.7.3.4",
    "timeStamping": "1.3.6.1.5.5.7.3.8",
    "OCSPSigning": "1.3.6.1.5.5.7.3.9",
    "anyExtendedKeyUsage": "2.5.29.37.0",
}
"""The usages that have a name in a configuration."""

_USAGE_BY_OID = {oid: name for name, oid in OID_BY_USAGE.items()}


class RequiredUsages(NamedTuple):
    """Usages that a certificate must have, as dotted OIDs.

    Without ``extension_required``, a certificate without the extension meets the requirement. ``anyExtendedKeyUsage``
    does not replace another usage: RFC 5280 permits applications to require a specific one.
    """

    usages: frozenset[str]
    extension_required: bool

    def met_by(self, usages: Collection[str] | None) -> bool:
        """Return whether a certificate with these usages has the required ones. None: it has no such extension."""
        if usages is None:
            return not self.extension_required
        return self.usages.issubset(usages)


CLIENT_AUTH_IF_RESTRICTED = RequiredUsages(frozenset({CLIENT_AUTH}), extension_required=False)
"""The default: if a certificate has the extension, clientAuth must be in it."""

NO_REQUIRED_USAGES = RequiredUsages(frozenset(), extension_required=False)


def read_required_usages(names: list[str]) -> RequiredUsages:
    """Return the usages of these names or dotted OIDs, in a certificate with the extension. Raises ValueError.

    The name ``none`` alone means that nothing is required.
    """
    if names == ["none"]:
        return NO_REQUIRED_USAGES
    return RequiredUsages(read_usages(names), extension_required=True)


def read_usages(names: list[str]) -> frozenset[str]:
    """Return the OIDs of usages that are given by name or dotted OID. Raises ValueError."""
    for name in names:
        if name not in OID_BY_USAGE and not re.fullmatch(DOTTED_OID, name):
            message = f"is {name[:80]!r}: write some of {', '.join(OID_BY_USAGE)}, dotted OIDs, or none"
            raise ValueError(message)
    return frozenset(OID_BY_USAGE.get(name, name) for name in names)


def usage_name(oid: str) -> str:
    """Return the name of a usage, or its dotted OID if it has none here."""
    return _USAGE_BY_OID.get(oid, oid)
