"""``python -m publisher eu-central-1 us-east-1``: the built layer, published to these regions."""

from __future__ import annotations

import sys

from publisher.command_line import main

sys.exit(main(sys.argv[1:]))
