"""The validity of a certificate (RFC 5280 §4.1.2.5)."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

from client_certificate_auth.x509.der import GENERALIZED_TIME, UTC_TIME, DerError, read_two_elements

_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FEBRUARY = 2
_TIME_LENGTHS = {UTC_TIME: len("YYMMDDHHMMSSZ"), GENERALIZED_TIME: len("YYYYMMDDHHMMSSZ")}
_PARTS = Struct("4s2s2s2s2s2s")


def read_validity(content: bytes) -> tuple[str, str]:
    """Return both ends of a Validity in the form of RFC 3339: ``2026-11-22T06:54:49Z``. Raises DerError."""
    first_tag, first, last_tag, last = read_two_elements(content, "two times")
    return _read_time(first_tag, first), _read_time(last_tag, last)


def _read_time(tag: int, content: bytes) -> str:
    """Return a time in the form of RFC 3339. It has seconds and a Z, without fractions (RFC 5280 §4.1.2.5.1 and .2)."""
    if len(content) == _TIME_LENGTHS.get(tag) and content.endswith(b"Z"):
        digits = content[:-1]
        if tag == UTC_TIME:
            # The digits are never equal to the shorter b"50".
            digits = (b"19" if digits >= b"50" else b"20") + digits
        if digits.isdigit():
            parts = _PARTS.unpack(digits)
            _, _, _, hour, minute, second = parts
            if hour < b"24" and minute < b"60" and second < b"60" and _is_date(digits[:8]):
                return (b"%b-%b-%bT%b:%b:%bZ" % parts).decode()
    message = f"the time {content[:32].decode('latin-1')!r} (tag {tag:02X}) is not YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ"
    raise DerError(message)


@lru_cache(64)
def _is_date(date: bytes) -> bool:
    """Return whether YYYYMMDD is in the calendar."""
    year, month, day = int(date[:4]), int(date[4:6]), int(date[6:])
    if month == _FEBRUARY and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0):
        return 1 <= day <= _DAYS[1] + 1
    return 1 <= month <= len(_DAYS) and 1 <= day <= _DAYS[month - 1]
