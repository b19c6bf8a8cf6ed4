"""Properties of a client certificate that could not be parsed, for the log: they identify the certificate.

No decision depends on them, because the values that API Gateway reports are not verified.
"""

from __future__ import annotations

from client_certificate_auth.events import PLACES, find_client_certificate, member
from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.pem import PemError, read_pem
from client_certificate_auth.x509.sha256 import sha256

LONGEST_UNVERIFIED = 256
"""In characters, of a name or a serial number."""


class MalformedCertificate(NamedTuple):
    """A certificate that could not be parsed. The names and the serial number are those that API Gateway reports.

    ``sha256`` is the digest, in hexadecimal, of the DER if the text is one PEM block, otherwise of the text in UTF-8;
    None if the event contains no text. The other values are escaped and truncated; None if the event does not contain
    them.
    """

    sha256: str | None
    subject_dn: str | None
    issuer_dn: str | None
    serial_number: str | None


def describe_malformed(event: object) -> MalformedCertificate:
    """Describe the certificate of an event whose certificate could not be parsed."""
    pem = find_client_certificate(event)
    reported = _reported(event, pem)
    return MalformedCertificate(
        sha256(_content(pem)).hex() if isinstance(pem, str) else None,
        *(_escaped(member(reported, key)) for key in ("subjectDN", "issuerDN", "serialNumber")),
    )


def _reported(event: object, pem: object) -> object:
    """Return the object of the event that contains the PEM."""
    found = [member(member(member(event, "requestContext"), place), "clientCert") for place in PLACES]
    return next((each for each in found if member(each, "clientCertPem") is pem), None)


def _content(pem: str) -> bytes:
    try:
        return read_pem(pem)
    except PemError:
        return pem.encode(errors="surrogatepass")


def _escaped(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    # Truncated before escaping, to limit the work, and again afterwards, because escapes are longer.
    escaped = "".join(
        character if character.isprintable() else ascii(character)[1:-1]
        for character in value[: LONGEST_UNVERIFIED + 1]
    )
    return escaped if len(escaped) <= LONGEST_UNVERIFIED else escaped[: LONGEST_UNVERIFIED - 1] + "…"
