"""A Lambda function behind the authorizer: every request that arrives is allowed, and the event contains the client."""

from __future__ import annotations

import json
from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, object]:
    """Answer with the context that the authorizer made of the client's certificate, as JSON.

    Raises KeyError, and so answers 500 or 502, on a route without an authorizer.
    """
    authorizer = event["requestContext"]["authorizer"]
    # A REST API puts the context right here, an HTTP API with payload 2.0 one level deeper.
    context = authorizer["lambda"] if event.get("version") == "2.0" else authorizer
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(context)}
