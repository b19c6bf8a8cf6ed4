"""Client certificates in the headers that an Application Load Balancer or CloudFront adds to a request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from client_certificate_auth.certificate import PeerCertificate
from client_certificate_auth.events import (
    ExtractionFailure,
    ExtractionFailureReason,
    ExtractionResult,
    ExtractionSuccess,
    member,
)
from client_certificate_auth.x509.certificate import MalformedCertificateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal


_ALB_HEADERS = {"verify": "x-amzn-mtls-clientcert-leaf", "passthrough": "x-amzn-mtls-clientcert"}
"""By the mode of the listener."""

_CLOUDFRONT_PEM = "cloudfront-viewer-cert-pem"
_CLOUDFRONT_PRESENT = "cloudfront-viewer-cert-present"

# In characters: all headers of a request to an Application Load Balancer together may have 64 KB.
_LONGEST_VALUE = 65_536

# Patterns are compiled and cached by `re` when a header is present: the authorizer, which also imports this module,
# never needs them.

# Percent-encoded (RFC 3986 §2.1) PEM. AWS documents that `+`, `=` and `/` are not escaped, but its own examples escape
# `=`. Possessive quantifiers prevent backtracking, whatever the value is.
_ENCODED = r"(?:[A-Za-z0-9+/=-]++|%[0-9A-Fa-f]{2})*+"
_ESCAPE = r"%(..)"
# Certificates in PEM (RFC 7468 §5.1) with nothing around them.
_BLOCK = r"-----BEGIN CERTIFICATE-----\r?\n[A-Za-z0-9+/=\r\n]++-----END CERTIFICATE-----(?:\r?\n|\Z)"
_BLOCKS = f"(?:{_BLOCK})+"


def extract_client_certificate_from_alb_event(
    event: object, *, mode: Literal["verify", "passthrough"] = "verify"
) -> ExtractionResult:
    """Extract the mutual TLS client certificate from a Lambda event of an Application Load Balancer.

    ``event`` contains its headers in ``headers`` or, depending on the target group, in ``multiValueHeaders``. ``mode``
    is the mode of the listener. In ``verify``, the header ``X-Amzn-Mtls-Clientcert-Leaf`` contains one certificate. In
    ``passthrough``, ``X-Amzn-Mtls-Clientcert`` contains the chain: the first certificate is the client's, and the
    others are the ``intermediates`` of the result. The result is *malformed* for several values of a header, for
    several certificates in verify mode, and if the event also contains the header of the other mode. In an event of
    another service, the certificate is *missing*: an API, a function URL or VPC Lattice passes on this header as its
    client has sent it.

    Raises ValueError for a mode that does not exist, and nothing else, whatever the event is.

    Trust boundary: in passthrough mode **nobody has verified the chain**. Anyone can create a certificate with any
    name, so verify it against trust anchors of your own before you use its contents. In verify mode, the load balancer
    has verified it. In both modes, anyone who can reach the function in another way, such as through a listener without
    mutual TLS, can send the header.
    """
    # A list, which can also be searched for a mode that has no hash.
    if mode not in list(_ALB_HEADERS):
        message = f"mode is {mode!r}: write {' or '.join(map(repr, _ALB_HEADERS))}"
        raise ValueError(message)
    try:
        value = None if _is_from_elsewhere(event) else _value(event, _ALB_HEADERS[mode])
        if not value:
            return ExtractionFailure(ExtractionFailureReason.ALB_MISSING)
        # The load balancer sends the header of one mode. With both, the listener may be in the other mode, in which
        # this header is the client's own.
        if any(_value(event, header) is not None for other, header in _ALB_HEADERS.items() if other != mode):
            return ExtractionFailure(ExtractionFailureReason.ALB_MALFORMED)
        pem = _decoded(value)
        leaf, *others = [pem] if mode == "verify" else re.findall(_BLOCK, pem)
        return ExtractionSuccess(
            PeerCertificate.from_pem(leaf), intermediates=tuple(map(PeerCertificate.from_pem, others))
        )
    except MalformedCertificateError:
        return ExtractionFailure(ExtractionFailureReason.ALB_MALFORMED)


def extract_client_certificate_from_cloudfront_event(event: object) -> ExtractionResult:
    """Extract the viewer's mutual TLS certificate from the Lambda event of an origin behind CloudFront.

    ``event`` comes from a REST API, an HTTP API, a function URL or an Application Load Balancer. The header
    ``CloudFront-Viewer-Cert-Pem`` contains the certificate; the origin request policy must forward it.
    ``CloudFront-Viewer-Cert-Present`` is optional. With a certificate, every value of it other than ``1`` makes the
    result *malformed*; if it is ``1`` and there is no certificate, the certificate is *missing*.

    Raises nothing, whatever the event is.

    Trust boundary: the header proves something only if **the origin can be reached through CloudFront alone**. A client
    that reaches it directly can send the header as well. Mutual TLS of the distribution must be required or optional:
    in passthrough mode, CloudFront has verified nothing.
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


def _is_from_elsewhere(event: object) -> bool:
    """Return whether an event is another service's: it has a request context without ``elb``, or a ``raw_path``.

    The latter is an event of VPC Lattice, version 1. Others without a request context, which people write for tests,
    may be a load balancer's.
    """
    context = member(event, "requestContext")
    return member(event, "raw_path") is not None if context is None else member(context, "elb") is None


def _value(event: object, name: str) -> str | None:
    """Return the only value of a header, from ``headers`` and ``multiValueHeaders``; None if it is absent.

    ``name`` is in lower case. Raises MalformedCertificateError for different values, since a client may have added one.
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
