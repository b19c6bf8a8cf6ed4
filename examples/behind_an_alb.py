"""A Lambda function behind an Application Load Balancer whose listener verifies client certificates."""

from __future__ import annotations

from client_certificate_auth import allow_cn, extract_client_certificate_from_alb_event

is_allowed = allow_cn(["authorized-client"])


def handler(event: object, _context: object) -> dict[str, object]:
    """Greet the client. 401 without a certificate, 403 for others.

    Only listeners with mutual TLS in verify mode may forward requests to this function.
    """
    result = extract_client_certificate_from_alb_event(event)
    if result.certificate is None:
        return {"statusCode": 401, "body": result.reason}
    if not is_allowed(result.certificate):
        return {"statusCode": 403, "body": "Forbidden"}
    return {"statusCode": 200, "body": f"Hello {result.certificate.subject.CN}"}
