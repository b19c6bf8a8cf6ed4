"""A Lambda function of an HTTP API that is the origin of a CloudFront distribution with mutual TLS for viewers."""

from __future__ import annotations

from client_certificate_auth import allow_cn, extract_client_certificate_from_cloudfront_event

is_allowed = allow_cn(["authorized-client"])


def handler(event: object, _context: object) -> dict[str, object]:
    """Greet the viewer. 401 without a certificate, 403 for others.

    Only CloudFront may reach the API, and it must not cache the responses.
    """
    result = extract_client_certificate_from_cloudfront_event(event)
    if result.certificate is None:
        return {"statusCode": 401, "body": result.reason}
    if not is_allowed(result.certificate):
        return {"statusCode": 403, "body": "Forbidden"}
    return {"statusCode": 200, "body": f"Hello {result.certificate.subject.CN}"}
