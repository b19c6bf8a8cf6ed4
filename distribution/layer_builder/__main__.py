"""``python -m distribution.layer_builder``: see `distribution.layer_builder.command_line`."""

from __future__ import annotations

import sys

from distribution.layer_builder.command_line import main

try:
    main(sys.argv[1:])
except KeyboardInterrupt:
    sys.exit(130)  # the status of a command that was interrupted, in a shell
