"""The DER of a CRL in PEM (RFC 7468 §6) or DER."""

from __future__ import annotations

import binascii
import codecs
import hashlib
import re

from mtls_authorizer.revocation.crl.rejection import CrlError, CrlRejection

_BEGIN, _END = b"-----BEGIN X509 CRL-----", b"-----END X509 CRL-----"
_WHITE_SPACE = re.compile(rb"\s*+")
_BASE64 = re.compile(rb"[A-Za-z0-9+/ \t\r\n]*+[= \t\r\n]*+")


def crl_der(content: bytes) -> bytes:
    """Return the DER of a CRL in DER, or in PEM with one block. Raises CrlError for other content.

    Explanatory text may precede the block (RFC 7468 §2), as ``openssl crl -text`` prints it. Nothing may follow.

    DER is returned without a copy, and base64 is decoded without a copy, because a CRL may take much of the memory.
    """
    # The tag is the digit 0 in text. The length of nearly every CRL begins with a byte that is not ASCII: only an empty
    # one of version 1 by an Ed25519 key has less than 128 bytes.
    if content[:1] == b"\x30" and (content[1:2] >= b"\x80" or _BEGIN not in content):
        return content
    blocks = content.count(b"-----BEGIN")
    begin = content.find(_BEGIN)
    end = content.find(_END, begin)
    if blocks != 1 or begin < 0 or end < 0:
        raise CrlError(
            CrlRejection.MALFORMED,
            f"neither a CRL in DER nor exactly one in PEM ({_BEGIN.decode()}): {_described(content, blocks)}",
        )
    if not _WHITE_SPACE.fullmatch(content, end + len(_END)):
        raise CrlError(
            CrlRejection.MALFORMED, f"{_END.decode()} is followed by {_shown(content[end + len(_END) :].lstrip())}"
        )
    start = begin + len(_BEGIN)
    if not _BASE64.fullmatch(content, start, end):
        raise CrlError(CrlRejection.MALFORMED, "the CRL in PEM is not base64: it has other characters")
    try:
        return binascii.a2b_base64(memoryview(content)[start:end])
    except binascii.Error as error:
        message = f"the CRL in PEM is not base64: {error}"
        raise CrlError(CrlRejection.MALFORMED, message) from error


def crl_digest(content: bytes) -> str:
    """Return the SHA-256 of the DER of a CRL, in lower-case hexadecimal. The CRL may be in PEM, and is not verified.

    Raises CrlError for content that is neither.
    """
    return hashlib.sha256(crl_der(content)).hexdigest()


def _described(content: bytes, blocks: int) -> str:
    """Return what other content is."""
    if not content:
        return "it is empty"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "it is in UTF-16, as PowerShell writes it: save it in ASCII"
    # A SEQUENCE with a length in the long form begins with MI in base64.
    if content[:100].lstrip().startswith(b"MI") and _BASE64.fullmatch(content, 0, 100):
        return "it looks like base64 without its BEGIN and END lines, as cfssl prints it. Decode it: base64 -d"
    return f"{blocks} PEM block{'' if blocks == 1 else 's'}, and it begins with {_shown(content)}"


def _shown(content: bytes) -> str:
    """Return the beginning of content in quotes, in printable ASCII."""
    return ascii(content[:20].decode("latin-1"))
