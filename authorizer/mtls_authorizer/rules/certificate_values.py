"""Values that a configuration takes from the certificate. Imported only for configurations that have any."""

from __future__ import annotations

import re

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.sha256 import sha256
from mtls_authorizer.rules.names.spellings import may_be_another_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from client_certificate_auth import PeerCertificate

LONGEST_VALUE = 256
"""In characters: the limit for a value from a certificate, and for its default."""

_VALUE = re.compile(rf"[ -~]{{1,{LONGEST_VALUE}}}")


class CertificateValue(NamedTuple):
    """Describes where to read a value in a certificate, such as the subject's organization.

    ``field`` is the subject, the issuer or the alternative names, and ``label`` the attribute or the type of the name.
    ``after`` selects the values that begin with it, and is removed from them. ``default`` replaces a missing value;
    without one, a certificate that lacks the value does not match.
    """

    field: str
    label: str
    after: str = ""
    default: str | None = None

    def read(self, certificate: PeerCertificate) -> str | None:
        """Return the value, of 1 to 256 printable ASCII characters, if there is exactly one; otherwise the default.

        The rest of a URI that may be another path than the one that it begins with is no value.
        """
        values = [text.removeprefix(self.after) for text in self._texts(certificate) if text.startswith(self.after)]
        if len(values) != 1 or not _VALUE.fullmatch(values[0]):
            return self.default
        return self.default if self.after and may_be_another_path(self.after + values[0]) else values[0]

    def usage_plan_key(self, certificate: PeerCertificate) -> str | None:
        """Return the SHA-256 of the value in 64 lower-case hexadecimal digits, None if the value is missing."""
        value = self.read(certificate)
        return None if value is None else sha256(value.encode()).hex()

    def _texts(self, certificate: PeerCertificate) -> list[str]:
        # Not the facts of the field: some of them are other spellings of a value.
        if self.field == "subject_alt_name":
            return [text for kind, text in certificate.subject_alt_names if kind == self.label]
        return (certificate.subject if self.field == "subject" else certificate.issuer).get_all(self.label)
