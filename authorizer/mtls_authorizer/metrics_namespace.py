"""The CloudWatch namespace of metrics, which is a variable of the authorizer and of the fetcher."""

from __future__ import annotations

import re

_NAMESPACE = r"[A-Za-z0-9._/#-]{1,255}"


def parse_namespace(text: str) -> str:
    """Return a namespace. Raises ValueError, worded to follow the name of a variable, if CloudWatch rejects it."""
    if not re.fullmatch(_NAMESPACE, text) or text.startswith("AWS/"):
        message = f"is {text[:80]!r}: write 1 to 255 letters, digits and .-_/#, not starting with AWS/"
        raise ValueError(message)
    return text
