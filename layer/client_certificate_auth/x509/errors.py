"""The exception that this package raises."""

from __future__ import annotations


class MalformedCertificateError(ValueError):
    """Not exactly one X.509 certificate, or one whose names, serial number or dates cannot be decoded."""
