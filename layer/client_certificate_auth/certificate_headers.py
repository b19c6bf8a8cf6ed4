"""Client certificates in the headers that an Application Load Balancer or CloudFront adds to a request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from client_certificate_auth.certificate import PeerCertificate
from client_certificate_auth.events import (
    ExtractionFailure,
    ExtractionFailureReason,
    ExtractionResult,
    ExtractionSuccess,
)
from client_certificate_auth.x509.errors import MalformedCertificateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal


class AlbMutualTlsMode(StrEnum):
    """What the listener of an Application Load Balancer does with client certificates."""

    VERIFY = "verify"
    """It refuses those that don't chain to its trust store, and sends the client's own certificate along."""

    PASSTHROUGH = "passthrough"
    """It verifies nothing, and sends the whole chain along."""


_ALB_HEADERS = {
    AlbMutualTlsMode.VERIFY: "x-amzn-mtls-clientcert-leaf",
    AlbMutualTlsMode.PASSTHROUGH: "x-amzn-mtls-clientcert",
}
_CLOUDFRONT_PEM = "cloudfront-viewer-cert-pem"
_CLOUDFRONT_PRESENT = "cloudfront-viewer-cert-present"

# In characters: all headers of a request to an Application Load Balancer together may have 64 KB.
_LONGEST_VALUE = 65_536

# These are left to `re` to compile and to keep when a header is there: the authorizer, which imports this too, never
# needs them.

# Percent-encoding (RFC 3986 §2.1) of PEM, of which AWS says that `+`, `=` and `/` stay as they are; its own examples
# escape `=` nevertheless. Possessive, so that no value makes it try again and again.
_ENCODED = r"(?:[A-Za-z0-9+/=-]++|%[0-9A-Fa-f]{2})*+"
_ESCAPE = r"%(..)"
# Certificates in PEM (RFC 7468 §5.1) with nothing around them.
_BLOCK = r"-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]++-----END CERTIFICATE-----(?:\r?\n|\Z)"
_BLOCKS = f"(?:{_BLOCK})+"


def extract_client_certificate_from_alb_event(
    event: object, *, mode: AlbMutualTlsMode | Literal["verify", "passthrough"] = AlbMutualTlsMode.VERIFY
) -> ExtractionResult:
    """Extract the mutual TLS client certificate from a Lambda event of an Application Load Balancer.

    ``event`` has its headers in ``headers`` or, where the target group says so, in ``multiValueHeaders``. ``mode`` is
    that of the listener: ``verify`` reads one certificate from ``X-Amzn-Mtls-Clientcert-Leaf``, and ``passthrough`` the
    chain from ``X-Amzn-Mtls-Clientcert``, of which the first is the client's and the others are the result's
    ``intermediates``. More than one value, or certificate, where one belongs is malformed, and so is an event that
    also has the header of the other mode.

    Raises nothing, whatever the event is, and ValueError for a mode that isn't one.

    Trust boundary: in passthrough mode **nobody has verified the chain**. Anyone can make a certificate with any name,
    so verify it against trust anchors of your own before you look at what it says. In verify mode, the load balancer
    has done so. In both, a header is what anyone can send who reaches the function another way, such as through a
    listener without mutual TLS.
    """
    if mode not in list(AlbMutualTlsMode):
        message = f"mode is {mode!r}: write {' or '.join(repr(known.value) for known in AlbMutualTlsMode)}"
        raise ValueError(message)
    mode = AlbMutualTlsMode(mode)
    try:
        value = _value(event, _ALB_HEADERS[mode])
        if not value:
            return ExtractionFailure(ExtractionFailureReason.ALB_MISSING)
        # The load balancer sends the header of one mode. With both, the listener may be in the other mode, in which
        # this header is the client's own.
        if any(_value(event, header) for other, header in _ALB_HEADERS.items() if other is not mode):
            return ExtractionFailure(ExtractionFailureReason.ALB_MALFORMED)
        pem = _decoded(value)
        leaf, *others = [pem] if mode is AlbMutualTlsMode.VERIFY else re.findall(_BLOCK, pem)
        return ExtractionSuccess(
            PeerCertificate.from_pem(leaf), intermediates=tuple(map(PeerCertificate.from_pem, others))
        )
    except MalformedCertificateError:
        return ExtractionFailure(ExtractionFailureReason.ALB_MALFORMED)


def extract_client_certificate_from_cloudfront_event(event: object) -> ExtractionResult:
    """Extract the viewer's mutual TLS certificate from the Lambda event of an origin behind CloudFront.

    ``event`` is that of a REST API, an HTTP API, a function URL or an Application Load Balancer. The certificate is in
    ``CloudFront-Viewer-Cert-Pem``, which the origin request policy must name. ``CloudFront-Viewer-Cert-Present`` need
    not be there; if it is anything but ``1`` beside a certificate, that is malformed. Where it is ``1`` and the
    certificate wasn't forwarded, that is missing.

    Raises nothing, whatever the event is.

    Trust boundary: the header proves something only where **the origin can be reached through CloudFront alone**,
    since a client that reaches it directly can send the header as well, and where the distribution's mutual TLS is
    required or optional: in its passthrough mode, CloudFront has verified nothing.
    """
    try:
        value = _value(event, _CLOUDFRONT_PEM)
        if not value:
            return ExtractionFailure(ExtractionFailureReason.CLOUDFRONT_MISSING)
        if _value(event, _CLOUDFRONT_PRESENT) not in {None, "1"}:
            return ExtractionFailure(ExtractionFailureReason.CLOUDFRONT_MALFORMED)
        return ExtractionSuccess(PeerCertificate.from_pem(_decoded(value)))
    except MalformedCertificateError:
        return ExtractionFailure(ExtractionFailureReason.CLOUDFRONT_MALFORMED)


def _value(event: object, name: str) -> str | None:
    """Return the one value of a header, which ``headers`` and ``multiValueHeaders`` agree on; None where it is absent.

    ``name`` is in lower case. Raises MalformedCertificateError: to choose one of several values would leave the
    choice to the sender of the others.
    """
    if not isinstance(event, Mapping):
        return None
    dictionaries = [event.get("headers"), event.get("multiValueHeaders")]
    found = [list(_values(headers, name)) for headers in dictionaries if isinstance(headers, Mapping)]
    if any(len(values) > 1 or values != found[0] for values in found):
        message = f"one value of {name} expected"
        raise MalformedCertificateError(message)
    return found[0][0] if found and found[0] else None


def _values(headers: Mapping[object, object], name: str) -> Iterator[str]:
    """Yield the values of a header, whose name may be in any case. Raises MalformedCertificateError."""
    for key, content in headers.items():
        if not isinstance(key, str) or key.lower() != name or content is None:
            continue
        for value in content if isinstance(content, list) else [content]:
            if not isinstance(value, str):
                message = f"{name} is not text"
                raise MalformedCertificateError(message)
            yield value


def _decoded(value: str) -> str:
    """Return the certificates in PEM that a header's value encodes, one or more. Raises MalformedCertificateError."""
    if len(value) > _LONGEST_VALUE or not re.fullmatch(_ENCODED, value):
        message = f"not percent-encoded PEM of at most {_LONGEST_VALUE} characters"
        raise MalformedCertificateError(message)
    pem = re.sub(_ESCAPE, lambda escape: chr(int(escape[1], 16)), value)
    if not re.fullmatch(_BLOCKS, pem):
        message = "not certificates in PEM, and nothing else"
        raise MalformedCertificateError(message)
    return pem
