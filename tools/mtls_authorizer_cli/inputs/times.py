"""The time in the option ``--at``."""

from __future__ import annotations

from datetime import UTC, datetime

from mtls_authorizer_cli.command_line import CommandError


def read_time(text: str) -> datetime:
    """Return a time in ISO 8601 with an offset, in UTC. Raises CommandError."""
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    message = f"--at {text!r}: write a time with its UTC offset, such as 2026-12-01T00:00:00Z"
    raise CommandError(message)
