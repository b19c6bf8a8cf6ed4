"""``python -m distribution.releases``: see `distribution.releases.command_line`."""

from __future__ import annotations

import sys

from distribution.releases.command_line import main

sys.exit(main(sys.argv[1:]))
