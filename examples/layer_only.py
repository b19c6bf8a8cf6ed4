"""A Lambda function that allows one client with the layer alone, without the authorizer."""

from __future__ import annotations

from client_certificate_auth import allow_cn, extract_client_certificate_from_lambda_event

# Created once, at start-up.
is_allowed = allow_cn(["authorized-client"])


def handler(event: object, _context: object) -> dict[str, object]:
    """Greet the client. Takes the event of a REST API or an HTTP API; 401 without a certificate, 403 for others."""
    result = extract_client_certificate_from_lambda_event(event)
    if result.certificate is None:
        return {"statusCode": 401, "body": result.reason}
    if not is_allowed(result.certificate):
        return {"statusCode": 403, "body": "Forbidden"}
    return {"statusCode": 200, "body": f"Hello {result.certificate.subject.CN}"}
