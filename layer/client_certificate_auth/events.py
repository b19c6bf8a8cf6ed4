"""Client certificates in the events that API Gateway sends to Lambda functions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from client_certificate_auth.certificate import PeerCertificate
from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.errors import MalformedCertificateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias


# The members of the request context that can contain the certificate, in order of precedence: that of an HTTP API with
# payload 2.0, and that of a REST API and of an HTTP API with payload 1.0.
_PLACES = ("authentication", "identity")


class ExtractionFailureReason(StrEnum):
    """Why an event gave no certificate."""

    MISSING = "lambda_event_missing_clientcert"
    """No PEM on either path: no mutual TLS on this way in, or a client without a certificate."""

    MALFORMED = "lambda_event_clientcert_malformed"
    """Not one certificate in PEM, or one whose names, serial number or dates can't be decoded."""

    ALB_MISSING = "alb_event_missing_clientcert"
    """No header with a certificate: mutual TLS is off or in another mode, or the client has none."""

    ALB_MALFORMED = "alb_event_clientcert_malformed"
    """The header doesn't hold what the listener's mode sends, or more than one value."""

    CLOUDFRONT_MISSING = "cloudfront_event_missing_clientcert"
    """No header with a certificate: none from the viewer, or the header isn't forwarded."""

    CLOUDFRONT_MALFORMED = "cloudfront_event_clientcert_malformed"
    """The header doesn't hold one certificate, or more than one value."""


class ExtractionSuccess(NamedTuple):
    """The event's client certificate."""

    certificate: PeerCertificate
    success: Literal[True] = True
    reason: None = None
    intermediates: tuple[PeerCertificate, ...] = ()
    """What came along with it through an Application Load Balancer in passthrough mode, in that order, unverified."""


class ExtractionFailure(NamedTuple):
    """No certificate, and why. The reason compares equal to its string. A failure is false, a success is true."""

    reason: ExtractionFailureReason
    success: Literal[False] = False
    certificate: None = None

    def __bool__(self) -> Literal[False]:
        """Return False, although the tuple is not empty."""
        return False


ExtractionResult: TypeAlias = ExtractionSuccess | ExtractionFailure


def find_client_certificate(event: object) -> object:
    """Return what an event holds where API Gateway puts the client certificate's PEM, unread.

    That of payload 2.0 comes before that of payload 1.0. None if both are absent, null or empty; anything else,
    a string or not, is what ``read_client_certificate`` takes. Raises nothing, whatever the event is.
    """
    request_context = _member(event, "requestContext")
    for place in _PLACES:
        holder = _member(request_context, place)
        if holder is not None:
            pem = _member(_member(holder, "clientCert"), "clientCertPem")
            if pem is not None and pem != "":
                return pem
    return None


def read_client_certificate(pem: object) -> ExtractionResult:
    """Read the client certificate in a PEM (RFC 7468 §5) that ``find_client_certificate`` returned.

    None is a missing certificate. Raises nothing, whatever the PEM is.
    """
    if pem is None:
        return ExtractionFailure(ExtractionFailureReason.MISSING)
    if not isinstance(pem, str):
        return ExtractionFailure(ExtractionFailureReason.MALFORMED)
    try:
        return ExtractionSuccess(PeerCertificate.from_pem(pem))
    except MalformedCertificateError:
        return ExtractionFailure(ExtractionFailureReason.MALFORMED)


def extract_client_certificate_from_lambda_event(event: object) -> ExtractionResult:
    """Extract the mutual TLS client certificate from a Lambda event of API Gateway.

    ``event`` is that of a REST API or an HTTP API, with payload 1.0 or 2.0, for an integration or an authorizer.
    If both payloads' paths hold a PEM, that of 2.0 counts, and if that one is broken, there is no falling back.

    The result has ``success``, ``certificate`` and ``reason``. Raises nothing, whatever the event is. That the
    certificate chains to the truststore has been checked by API Gateway, not here.
    """
    return read_client_certificate(find_client_certificate(event))


def _member(value: object, key: str) -> object:
    """Return a member of an object, None if there is none."""
    # Checks of dict and None come first: those of Mapping are slow.
    if isinstance(value, dict) or (value is not None and isinstance(value, Mapping)):
        return value.get(key)
    return None
