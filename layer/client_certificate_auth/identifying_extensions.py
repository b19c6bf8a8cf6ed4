"""The extensions that identify the client and its rights."""

from __future__ import annotations

from client_certificate_auth.alternative_names import read_subject_alt_names
from client_certificate_auth.x509.critical_extensions import can_be_critical
from client_certificate_auth.x509.der import DerError
from client_certificate_auth.x509.extensions import (
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    read_bits,
    read_extended_key_usage,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from client_certificate_auth.alternative_names import SubjectAltName
    from client_certificate_auth.x509.certificate import Extension

_IDENTIFYING = frozenset({SUBJECT_ALT_NAME, EXTENDED_KEY_USAGE, KEY_USAGE})


class IdentifyingExtensions:
    """What decisions need of the extensions, decoded when any of it is first asked for."""

    __slots__ = ("decodable", "extended_key_usage", "subject_alt_names", "unhandled_critical")

    def __init__(self, extensions: dict[str, Extension]) -> None:
        self.decodable = True
        self.subject_alt_names: tuple[SubjectAltName, ...] = ()
        self.extended_key_usage: tuple[str, ...] | None = None
        unhandled = []
        for oid, (critical, value) in extensions.items():
            if not critical and oid not in _IDENTIFYING:
                continue
            try:
                if oid == SUBJECT_ALT_NAME:
                    self.subject_alt_names = read_subject_alt_names(value)
                elif oid == EXTENDED_KEY_USAGE:
                    self.extended_key_usage = read_extended_key_usage(value)
                elif oid == KEY_USAGE:
                    read_bits(value)
                elif not can_be_critical(oid, value):
                    unhandled.append(oid)
            except DerError:
                self.decodable = False
                if critical:
                    unhandled.append(oid)
        if self.extended_key_usage == ():
            # There must be a usage (RFC 5280 §4.2.1.12). Readers do not agree on what an empty list permits.
            self.decodable = False
        self.unhandled_critical = tuple(unhandled)
