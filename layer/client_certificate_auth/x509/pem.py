"""One certificate in PEM (RFC 7468)."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

_BOUNDARY = b"-----BEGIN"
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----\n", b"\n-----END CERTIFICATE-----"


class PemError(ValueError):
    """The text is not exactly one certificate in PEM."""


def read_pem(text: str) -> bytes:
    """Return the DER of the one block in a text, which is labelled CERTIFICATE (RFC 7468 §5). Raises PemError.

    Lines before and after the block are ignored (RFC 7468 §2). The block may have neither headers nor empty lines,
    since readers take the lines before an empty line for headers (RFC 1421 §4.4). Its base64 must be canonical (RFC
    7468 §3): readers skip characters and bits that do not belong there, each in its own way.
    """
    try:
        octets = text.encode("ascii")
    except UnicodeEncodeError:
        message = "not a certificate in PEM: it has characters other than ASCII"
        raise PemError(message) from None
    if b"\r" in octets:
        octets = octets.replace(b"\r\n", b"\n")
    blocks = octets.count(_BOUNDARY)
    if blocks > 1:
        message = f"one certificate expected, {blocks} blocks found"
        raise PemError(message)
    before, begin, rest = octets.partition(_BEGIN)
    body, end, after = rest.partition(_END)
    if not (begin and end and before[-1:] in b"\n" and after[:1] in b"\n"):
        message = "not a certificate in PEM: no lines -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----"
        raise PemError(message)
    return _read_base64(body)


def _read_base64(body: bytes) -> bytes:
    lines = body.split(b"\n")
    base64 = b"".join(lines)
    try:
        content = a2b_base64(base64)
    except ValueError as error:
        message = f"not a certificate in PEM: {error}"
        raise PemError(message) from error
    if not all(lines) or b2a_base64(content, newline=False) != base64:
        message = "not a certificate in PEM: there are headers or empty lines, or the base64 is not canonical"
        raise PemError(message)
    return content
