"""``python -m distribution.releases``: see `distribution.releases.command_line`."""

from __future__ import annotations

import sys

from distribution.releases.command_line import main

try:
    sys.exit(main(sys.argv[1:]))
except KeyboardInterrupt:
    sys.exit(130)  # the status of a command that was interrupted, in a shell
