"""``python -m distribution.publisher eu-central-1 us-east-1`` publishes the built layer to these regions."""

from __future__ import annotations

import sys

from distribution.publisher.command_line import main

try:
    sys.exit(main(sys.argv[1:]))
except KeyboardInterrupt:
    sys.exit(130)  # the status of a command that was interrupted, in a shell
