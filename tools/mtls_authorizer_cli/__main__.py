"""``python -m mtls_authorizer_cli``, which ``mtls-authorizer`` runs."""

from __future__ import annotations

import sys

_INTERRUPTED = 130
"""``ExitStatus.INTERRUPTED``, which is not imported yet."""


def start() -> int:
    """Run the command and return its exit status, also if it is interrupted while its modules are imported."""
    try:
        from mtls_authorizer_cli.main import main  # noqa: PLC0415 -- takes long enough for Ctrl-C

        return main()
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(start())
