"""Lambda events with client certificates, for the unit tests of functions. Not in the layer: install it with pip.

Each function takes a certificate in PEM, or None for a client without one, and returns the event as AWS sends it.
"""

from client_certificate_auth.testing.events import (
    alb_event,
    cloudfront_event,
    http_api_authorizer_event,
    http_api_event,
    rest_api_authorizer_event,
    rest_api_event,
)
from client_certificate_auth.testing.headers import alb_headers, cloudfront_headers
from client_certificate_auth.testing.identity import client_certificate
from client_certificate_auth.testing.request import Endpoint, Event, Request

__all__ = [
    "Endpoint",
    "Event",
    "Request",
    "alb_event",
    "alb_headers",
    "client_certificate",
    "cloudfront_event",
    "cloudfront_headers",
    "http_api_authorizer_event",
    "http_api_event",
    "rest_api_authorizer_event",
    "rest_api_event",
]
