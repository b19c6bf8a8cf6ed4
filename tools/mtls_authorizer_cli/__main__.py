"""``python -m mtls_authorizer_cli``, which ``mtls-authorizer`` runs."""

from __future__ import annotations

import sys
import warnings

_INTERRUPTED = 130
"""``ExitStatus.INTERRUPTED``, which is not imported yet."""


def start() -> int:
    """Run the command and return its exit status, also if it is interrupted while its modules are imported."""
    if not sys.warnoptions:
        # Libraries warn about CA certificates with the serial number 0, for example, in lines of their own format.
        warnings.simplefilter("ignore")
    try:
        from mtls_authorizer_cli.main import main  # noqa: PLC0415 -- takes long enough for Ctrl-C

        return main()
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(start())
