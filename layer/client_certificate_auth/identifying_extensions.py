"""The extensions that identify the client and its rights, and those that are critical."""

from __future__ import annotations

from functools import lru_cache

from client_certificate_auth.alternative_names import read_subject_alt_names
from client_certificate_auth.x509.der import LONGEST_CACHED, DerError
from client_certificate_auth.x509.extensions import (
    BASIC_CONSTRAINTS,
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    read_basic_constraints,
    read_bits,
    read_extended_key_usage,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from client_certificate_auth.alternative_names import SubjectAltName
    from client_certificate_auth.x509.certificate import Extension

_IDENTIFYING = frozenset({SUBJECT_ALT_NAME, EXTENDED_KEY_USAGE, KEY_USAGE})

# The extensions that most client certificates have. Others are in ``handled_extensions``, which is imported if needed.
_COMMON: dict[str, Callable[[bytes], object]] = {KEY_USAGE: read_bits, BASIC_CONSTRAINTS: read_basic_constraints}


def read_identifying_extensions(
    extensions: dict[str, Extension],
) -> tuple[tuple[SubjectAltName, ...], tuple[str, ...] | None, bool, tuple[str, ...]]:
    """Return what decisions need: names, usages, whether they can be decoded, and unhandled critical extensions.

    The names are the subject alternative names. The extended key usages are None without the extension. Critical
    extensions (RFC 5280 §4.2), given by OID, are unhandled if they are unknown or cannot be decoded.
    """
    names: tuple[SubjectAltName, ...] = ()
    usages: tuple[str, ...] | None = None
    decodable = True
    unhandled = []
    for oid, (critical, value) in extensions.items():
        if not critical and oid not in _IDENTIFYING:
            continue
        try:
            if oid == SUBJECT_ALT_NAME:
                names = read_subject_alt_names(value)
            elif oid == EXTENDED_KEY_USAGE:
                usages = (_read_usages if len(value) <= LONGEST_CACHED else read_extended_key_usage)(value)
            elif not (_is_handled if len(value) <= LONGEST_CACHED else _is_handled.__wrapped__)(oid, value):
                unhandled.append(oid)
        except DerError:
            if oid in _IDENTIFYING:
                decodable = False
            if critical:
                unhandled.append(oid)
    # There must be at least one usage (RFC 5280 §4.2.1.12). Other readers do not agree on an empty list.
    return names, usages, decodable and usages != (), tuple(unhandled)


# Cached, because clients of one CA have these extensions in common.
_read_usages = lru_cache(64)(read_extended_key_usage)


@lru_cache(64)
def _is_handled(oid: str, value: bytes) -> bool:
    """Return whether an extension is one that OpenSSL's verification handles. Raises DerError if it cannot be read."""
    read = _COMMON.get(oid)
    if read is None:
        from client_certificate_auth.x509.handled_extensions import HANDLED  # noqa: PLC0415 -- few certificates need it

        read = HANDLED.get(oid)
    if read is None:
        return False
    read(value)
    return True
