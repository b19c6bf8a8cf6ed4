"""Client certificates in the events that API Gateway sends to Lambda functions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from client_certificate_auth.certificate import PeerCertificate
from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.certificate import MalformedCertificateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal, TypeAlias


# The members of the request context that can contain the certificate, in order of precedence: the first one in payload
# 2.0, the second one in events of REST APIs and in payload 1.0.
PLACES = ("authentication", "identity")


class ExtractionFailureReason(StrEnum):
    """Why no certificate could be extracted from an event."""

    MISSING = "lambda_event_missing_clientcert"
    """The event contains no PEM: the endpoint has no mutual TLS, or the client sent no certificate.

    A value that is not a mapping, such as a Pydantic model of an event, contains none.
    """

    MALFORMED = "lambda_event_clientcert_malformed"
    """The event does not contain exactly one certificate in PEM with readable names, serial number and dates."""

    ALB_MISSING = "alb_event_missing_clientcert"
    """No header with a certificate: mutual TLS is off or in another mode, or the client sent no certificate.

    Or the event is from another service, such as API Gateway.
    """

    ALB_MALFORMED = "alb_event_clientcert_malformed"
    """The header does not contain certificates as the listener's mode encodes them, or it has several values.

    Or the event has the headers of both modes.
    """

    CLOUDFRONT_MISSING = "cloudfront_event_missing_clientcert"
    """No header with a certificate: the viewer sent none, or the header is not forwarded."""

    CLOUDFRONT_MALFORMED = "cloudfront_event_clientcert_malformed"
    """The header does not contain exactly one certificate, or it has several values.

    Or CloudFront says that there is no certificate.
    """


class ExtractionSuccess(NamedTuple):
    """The event's client certificate."""

    certificate: PeerCertificate
    success: Literal[True] = True
    reason: None = None
    intermediates: tuple[PeerCertificate, ...] = ()
    """The other certificates that a load balancer in passthrough mode has forwarded, in their order, unverified."""


class ExtractionFailure(NamedTuple):
    """The reason why there is no certificate. A failure is false in a condition, and a success is true.

    ``reason`` is equal to its string: ``result.reason == "lambda_event_missing_clientcert"``.
    """

    reason: ExtractionFailureReason
    success: Literal[False] = False
    certificate: None = None

    def __bool__(self) -> Literal[False]:
        """Return False, although the tuple is not empty."""
        return False


ExtractionResult: TypeAlias = ExtractionSuccess | ExtractionFailure


def find_client_certificate(event: object) -> object:
    """Return the value that an event has where API Gateway puts the PEM of the client certificate.

    Pass it to ``read_client_certificate``: the value is not checked, and need not be a string. The member of payload
    2.0 takes precedence. None if both are absent, null or empty. Raises nothing for any event.
    """
    request_context = member(event, "requestContext")
    for place in PLACES:
        holder = member(request_context, place)
        if holder is not None:
            pem = member(member(holder, "clientCert"), "clientCertPem")
            if pem is not None and pem != "":
                return pem
    return None


def read_client_certificate(pem: object) -> ExtractionResult:
    """Read the client certificate in a PEM (RFC 7468 §5) that ``find_client_certificate`` returned.

    None means that the certificate is missing. Raises nothing for any value.
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

    ``event`` is an event of a REST API or an HTTP API, with payload 1.0 or 2.0, for an integration or an authorizer. If
    it contains the PEMs of both payloads, the PEM of 2.0 is used, even if it is malformed.

    The result has ``success``, ``certificate`` and ``reason``. Raises nothing for any event. API Gateway has verified
    that the certificate chains to the truststore; this function does not verify it.

    Trust boundary: pass only events that API Gateway has written. Without proxy integration, and in messages and the
    input of state machines, the client may have written the event, with the certificate of another client.
    """
    return read_client_certificate(find_client_certificate(event))


def member(value: object, key: str) -> object:
    """Return a member of an object, None if there is none."""
    # Checks of dict and None come first: those of Mapping are slow.
    if isinstance(value, dict) or (value is not None and isinstance(value, Mapping)):
        return value.get(key)
    return None
