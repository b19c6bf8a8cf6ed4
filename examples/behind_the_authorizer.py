"""A Lambda function behind the authorizer: every request that arrives was allowed, and the event names the client."""

from __future__ import annotations

import json
from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, object]:
    """Return the authorizer's context, which describes the client's certificate, as JSON.

    On a route without an authorizer, raises KeyError, so that the API responds with 500 or 502.
    """
    authorizer = event["requestContext"]["authorizer"]
    # In a REST API's event, this is the context itself; with payload 2.0, the context is one level deeper.
    context = authorizer["lambda"] if event.get("version") == "2.0" else authorizer
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(context)}
