"""The validity of a certificate (RFC 5280 §4.1.2.5)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache

from client_certificate_auth.x509.der import GENERALIZED_TIME, UTC_TIME, DerError, read_two_elements

_TIME_LENGTHS = {UTC_TIME: len("YYMMDDHHMMSSZ"), GENERALIZED_TIME: len("YYYYMMDDHHMMSSZ")}


def read_validity(content: bytes) -> tuple[str, str]:
    """Return both ends of a Validity in the form of RFC 3339: ``2026-11-22T06:54:49Z``. Raises DerError."""
    first_tag, first, last_tag, last = read_two_elements(content, "two times")
    return _read_time(first_tag, first), _read_time(last_tag, last)


def to_datetime(time: str) -> datetime:
    """Return a time in the form of RFC 3339 as a datetime, aware; for the year 0, the first one that there is."""
    if time < "0001":
        return datetime.min.replace(tzinfo=UTC)
    return datetime.fromisoformat(time)


def _read_time(tag: int, content: bytes) -> str:
    """Return a time in the form of RFC 3339. It has seconds and a Z, without fractions (RFC 5280 §4.1.2.5.1 and .2)."""
    if len(content) == _TIME_LENGTHS.get(tag) and content.endswith(b"Z") and content[:-1].isdigit():
        text = content.decode()
        if tag == UTC_TIME:
            # Years from 50 on are 19YY (RFC 5280 §4.1.2.5.1). The digits are longer than "50", so never equal to it.
            text = ("19" if text >= "50" else "20") + text
        day, hour, minute, second = _read_date(text[:8]), text[8:10], text[10:12], text[12:14]
        if day is not None and hour < "24" and minute < "60" and second < "60":
            return f"{day}T{hour}:{minute}:{second}Z"
    message = f"the time {content[:32].decode('latin-1')!r} (tag {tag:02X}) is not YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ"
    raise DerError(message)


@lru_cache(64)
def _read_date(digits: str) -> str | None:
    """Return a date, given as YYYYMMDD, in the form of RFC 3339; None if it is not in the calendar."""
    # Python's dates begin with the year 1. The year 400 is a leap year as well as 0.
    year, month, day = int(digits[:4]) or 400, int(digits[4:6]), int(digits[6:])
    try:
        date(year, month, day)
    except ValueError:
        return None
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"
