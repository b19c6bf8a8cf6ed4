"""What a file contains, recognized by its content: certificates, keys, requests, bundles, JSON, other text.

Nothing of a private key is decoded: in DER, only the tags of the outermost elements are read (X.690 §8.1).
"""

from __future__ import annotations

import base64
import json
import re
import ssl
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from mtls_authorizer_cli.command_line import is_binary, text_encoding

if TYPE_CHECKING:
    from collections.abc import Iterator


class Kind(StrEnum):
    """The kinds of content that are distinguished."""

    EMPTY = "empty"
    CERTIFICATE = "a certificate"
    TRUSTED_CERTIFICATE = "a certificate in OpenSSL's own format"
    CERTIFICATE_REQUEST = "a certificate signing request"
    CRL = "a certificate revocation list"
    PKCS7 = "a PKCS #7 bundle"
    PKCS12 = "a PKCS #12 bundle"
    JAVA_KEYSTORE = "a Java keystore"
    PRIVATE_KEY = "a private key"
    ENCRYPTED_PRIVATE_KEY = "an encrypted private key"
    PUBLIC_KEY = "a public key"
    OTHER_PEM = "PEM with another label"
    INCOMPLETE_PEM = "PEM without its END line"
    JSON = "JSON"
    INVALID_JSON = "invalid JSON"
    TEXT = "text, but not PEM"
    BINARY = "binary data of an unknown kind"


BASE64_ALONE = "it looks like base64 without its BEGIN and END lines"
"""The problem of text that could be decoded."""


class Content(NamedTuple):
    """The content of a file: its kinds, in their order, and what is needed to use it.

    There are several kinds only in PEM. ``certificates`` are in PEM (RFC 7468 §5). ``value`` is the value of
    JSON, or the first one of several, and ``problem`` says why JSON is invalid.
    """

    kinds: tuple[Kind, ...]
    is_der: bool = False
    certificates: tuple[str, ...] = ()
    value: object = None
    problem: str = ""

    @property
    def has_private_key(self) -> bool:
        """Whether it contains a private key, encrypted or not."""
        return not {Kind.PRIVATE_KEY, Kind.ENCRYPTED_PRIVATE_KEY}.isdisjoint(self.kinds)


def recognize(content: bytes, *, largest_json: float = float("inf")) -> Content:
    """Recognize the content of a file. JSON with more bytes than ``largest_json`` is not parsed, which takes memory."""
    if not content.strip():
        return Content((Kind.EMPTY,))
    if content.startswith(_JAVA_KEYSTORES):
        return Content((Kind.JAVA_KEYSTORE,))
    kind = _der_kind(content)
    if kind is not None:
        # Like OpenSSL, without what follows, such as a line end.
        certificate = content[: _contents(content, 0)[1]]
        return Content((kind,), is_der=True, certificates=(to_pem(certificate),) if kind is Kind.CERTIFICATE else ())
    text = _decode(content)
    if text is None:
        return Content((Kind.BINARY,))
    if text.lstrip().startswith(("{", "[")):
        return _recognize_json(text) if len(content) <= largest_json else Content((Kind.JSON,))
    if "-----BEGIN%20" in text:
        text = unquote(text)  # from a header of a load balancer, which may leave + as it is
    # Events in JSON contain PEM, too.
    return _recognize_pem(text) if "-----BEGIN " in text else Content((Kind.TEXT,), problem=_lacks(text))


def _lacks(text: str) -> str:
    """Return what was lost of a certificate, if a text looks like one."""
    if re.search(r"BEGIN\s+CERTIFICATE", text):
        return "it has other dashes or spaces in its BEGIN line, as word processors and chat programs write them"
    if not text.lstrip().startswith("MII"):
        return ""
    return "its BEGIN line is missing" if "-----END " in text else BASE64_ALONE


def to_pem(certificate: bytes) -> str:
    """Return a certificate in DER as PEM, in the form in which API Gateway sends it."""
    return ssl.DER_cert_to_PEM_cert(certificate)


def decode_block(pem: str) -> bytes | None:
    """Return the content of one block, None if it is not base64. Its label, line ends and whitespace do not matter."""
    try:
        _, _begin, body, _end, _ = pem.split("-----")
        return base64.b64decode("".join(body.split()), validate=True)
    except ValueError:
        return None


def mislabelled_kind(pem: str) -> Kind | None:
    """Return what a block with a certificate's label contains, if that is known and no certificate.

    Some tools write this label around PKCS #7 bundles, which OpenSSL reads, and around whatever they encode.
    """
    content = decode_block(pem)
    kind = _der_kind(content) if content else None
    return kind if kind in {Kind.PKCS7, Kind.CRL, Kind.CERTIFICATE_REQUEST} else None


# PEM (RFC 7468).

_BEGIN, _END = (re.compile(rf"-----{word} ([A-Z0-9# ]+)-----") for word in ("BEGIN", "END"))
_LABELS = {
    "CERTIFICATE": Kind.CERTIFICATE,
    "X509 CERTIFICATE": Kind.CERTIFICATE,
    "TRUSTED CERTIFICATE": Kind.TRUSTED_CERTIFICATE,
    "CERTIFICATE REQUEST": Kind.CERTIFICATE_REQUEST,
    "NEW CERTIFICATE REQUEST": Kind.CERTIFICATE_REQUEST,
    "X509 CRL": Kind.CRL,
    "PKCS7": Kind.PKCS7,
    "PKCS #7 SIGNED DATA": Kind.PKCS7,
    "CMS": Kind.PKCS7,
    "PUBLIC KEY": Kind.PUBLIC_KEY,
    "RSA PUBLIC KEY": Kind.PUBLIC_KEY,
}


def _recognize_pem(text: str) -> Content:
    # Copied from an event or a log, line ends are written as \n. Base64 has no backslashes.
    blocks = [(label, block.replace(r"\r", "").replace(r"\n", "\n")) for label, block in _find_blocks(text)]
    kinds = [(_label_kind(label, block), block) for label, block in blocks]
    return Content(
        tuple(kind for kind, _ in kinds) or (Kind.INCOMPLETE_PEM,),
        certificates=tuple(f"{block}\n" for kind, block in kinds if kind is Kind.CERTIFICATE),
    )


def _find_blocks(text: str) -> Iterator[tuple[str, str]]:
    """Return the label and the text of each block, in linear time even if no END line follows the BEGIN lines.

    A label whose last block has no END line is returned once more, with an empty text.
    """
    ends: dict[str, deque[re.Match[str]]] = {}
    torn: set[str] = set()
    for end in _END.finditer(text):
        ends.setdefault(end[1], deque()).append(end)
    position = 0
    for begin in _BEGIN.finditer(text):
        following = ends.get(begin[1], deque())
        while following and following[0].start() < begin.end():
            following.popleft()
        if begin.start() < position:
            continue
        if following:
            position = following[0].end()
            yield begin[1], text[begin.start() : position]
        elif begin[1] not in torn:
            torn.add(begin[1])
            yield begin[1], ""


def _label_kind(label: str, block: str) -> Kind:
    if "PRIVATE KEY" in label:  # PGP adds BLOCK
        # RFC 1421 §4.6.1.1, as OpenSSL's traditional formats use it.
        return Kind.ENCRYPTED_PRIVATE_KEY if "ENCRYPTED" in label or "4,ENCRYPTED" in block else Kind.PRIVATE_KEY
    return _LABELS.get(label, Kind.OTHER_PEM) if block else Kind.INCOMPLETE_PEM


# Other text.


def _decode(content: bytes) -> str | None:
    """Return text, None for binary data."""
    try:
        text = content.decode(text_encoding(content))
    except UnicodeDecodeError:
        # OpenSSL writes names in other encodings before certificates.
        text = content.decode("latin-1")
        return text if "-----BEGIN " in text else None
    return None if is_binary(text) else text


def _recognize_json(text: str) -> Content:
    try:
        return Content((Kind.JSON,), value=json.loads(text))
    except RecursionError:
        return Content((Kind.INVALID_JSON,), problem="it is nested too deeply")
    except ValueError as error:
        return Content((Kind.INVALID_JSON,), value=_first_value(text), problem=str(error))


def _first_value(text: str) -> object:
    """Return the first of several JSON values, such as that of a log with one on each line; None if it is no JSON."""
    try:
        return json.JSONDecoder().raw_decode(text.lstrip())[0]
    except ValueError:
        return None


# Java's own formats of keystores, JKS and JCEKS, by their beginning.

_JAVA_KEYSTORES = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")


# DER, and BER where PKCS #7 and PKCS #12 use it.

_INTEGER, _BIT_STRING, _OCTET_STRING, _OID, _SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x30
_UTC_TIME, _GENERALIZED_TIME, _CONTEXT_0 = 0x17, 0x18, 0xA0
_INDEFINITE = 0x80
_MAX_ELEMENTS = 10
_SIGNED = [_SEQUENCE, _SEQUENCE, _BIT_STRING]
_REQUEST = [_INTEGER, _SEQUENCE, _SEQUENCE]  # version, subject, key; then attributes


def _der_kind(content: bytes) -> Kind | None:
    """Return the kind of a DER structure by the tags of its elements, None if it is no known one."""
    if content[0] != _SEQUENCE:
        return None
    try:
        start, end = _contents(content, 0)
        tags = _tags(content, start, end)
        if tags[:1] == [_INTEGER]:
            return _numbered_kind(tags, content[start + 2])
        if tags[:2] == [_OID, _CONTEXT_0]:
            return Kind.PKCS7  # ContentInfo (RFC 5652 §3)
        return _nested_kind(tags, _tags(content, *_contents(content, start)))
    except IndexError:
        return None


def _nested_kind(tags: list[int], first: list[int]) -> Kind | None:
    """Return the kind of a structure by its tags and the tags of its first element."""
    if tags == _SIGNED:
        return _signed_kind(first)
    if first[:1] != [_OID]:
        return None
    if tags == [_SEQUENCE, _OCTET_STRING]:
        return Kind.ENCRYPTED_PRIVATE_KEY  # EncryptedPrivateKeyInfo (RFC 5958 §3)
    return Kind.PUBLIC_KEY if tags == [_SEQUENCE, _BIT_STRING] else None  # SubjectPublicKeyInfo (RFC 5280 §4.1)


def _signed_kind(tags: list[int]) -> Kind:
    if not {_UTC_TIME, _GENERALIZED_TIME}.isdisjoint(tags):
        return Kind.CRL  # TBSCertList (RFC 5280 §5.1)
    if tags[:3] == _REQUEST and tags[3:] in ([], [_CONTEXT_0]):
        return Kind.CERTIFICATE_REQUEST  # CertificationRequestInfo (RFC 2986 §4.1)
    return Kind.CERTIFICATE


def _numbered_kind(tags: list[int], version: int) -> Kind | None:
    pkcs12_version = 3
    if tags[1:2] == [_SEQUENCE]:
        if version == pkcs12_version:
            return Kind.PKCS12  # PFX (RFC 7292 §4)
        return Kind.PRIVATE_KEY if tags[2:3] == [_OCTET_STRING] else None  # OneAsymmetricKey (RFC 5958 §2)
    if tags[1:2] == [_OCTET_STRING]:
        return Kind.PRIVATE_KEY  # ECPrivateKey (RFC 5915 §3)
    # RSAPublicKey and RSAPrivateKey (RFC 8017 §A.1), and OpenSSL's format of DSA keys.
    return {2: Kind.PUBLIC_KEY, 6: Kind.PRIVATE_KEY, 9: Kind.PRIVATE_KEY}.get(
        len(tags) if set(tags) == {_INTEGER} else 0
    )


def _tags(content: bytes, start: int, end: int) -> list[int]:
    """Return the tags of the first elements between two positions. Raises IndexError."""
    tags: list[int] = []
    while start < end and len(tags) < _MAX_ELEMENTS:
        tags.append(content[start])
        if content[start + 1] == _INDEFINITE:
            break  # the next element cannot be found without reading all of this one
        start = _contents(content, start)[1]
    return tags


def _contents(content: bytes, start: int) -> tuple[int, int]:
    """Return where the contents of the element at a position begin and end. Raises IndexError."""
    length = content[start + 1]
    start += 2
    if length == _INDEFINITE:
        return start, len(content)
    if length > _INDEFINITE:
        octets = length - _INDEFINITE
        length = int.from_bytes(content[start : start + octets])
        start += octets
    if start + length > len(content):
        raise IndexError
    return start, start + length
