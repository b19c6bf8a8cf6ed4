"""``python -m distribution.layer_builder``: see `distribution.layer_builder.command_line`."""

from __future__ import annotations

import sys

from distribution.layer_builder.command_line import main

main(sys.argv[1:])
