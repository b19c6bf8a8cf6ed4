"""The extensions that identify the client and its rights."""

from __future__ import annotations

from functools import lru_cache

from client_certificate_auth.alternative_names import read_subject_alt_names
from client_certificate_auth.x509.critical_extensions import can_be_critical
from client_certificate_auth.x509.der import LONGEST_CACHED, DerError
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
    """The values of the extensions that decisions need."""

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
                    continue
                read = _read_value if len(value) <= LONGEST_CACHED else _read_value.__wrapped__
                handled, usages = read(oid, value)
                if not handled:
                    unhandled.append(oid)
                elif usages is not None:
                    self.extended_key_usage = usages
            except DerError:
                self.decodable = False
                if critical:
                    unhandled.append(oid)
        if self.extended_key_usage == ():
            # There must be at least one usage (RFC 5280 §4.2.1.12). Other readers do not agree on an empty list.
            self.decodable = False
        self.unhandled_critical = tuple(unhandled)


@lru_cache(64)
def _read_value(oid: str, value: bytes) -> tuple[bool, tuple[str, ...] | None]:
    """Return whether an extension may be critical, and its extended key usages. Raises DerError.

    Cached, because clients of one CA have these extensions in common.
    """
    if oid == EXTENDED_KEY_USAGE:
        return True, read_extended_key_usage(value)
    if oid == KEY_USAGE:
        read_bits(value)
        return True, None
    return can_be_critical(oid, value), None
