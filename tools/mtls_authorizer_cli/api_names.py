"""Types of argparse for the names of an API: what is easily copied in their place, such as a URL, has another name."""

from __future__ import annotations

import argparse

from mtls_authorizer.rules.document.request_limits_validation import API_ID, DOMAIN_NAME


def api_id(text: str) -> str:
    """Return the ID of an API. An empty one is left to the parser."""
    if text and not API_ID.fullmatch(text):
        message = f"API {text!r}: write its ID, such as a1b2c3d4e5"
        raise argparse.ArgumentTypeError(message)
    return text


def domain_name(text: str) -> str:
    """Return a domain name, which may begin with a wildcard. An empty one is left to the parser."""
    if text and not DOMAIN_NAME.fullmatch(text.removeprefix("*.")):
        message = f"domain name {text!r}: write it without scheme, port and path, such as api.example.com"
        raise argparse.ArgumentTypeError(message)
    return text
