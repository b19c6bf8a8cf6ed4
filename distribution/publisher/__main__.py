"""``python -m distribution.publisher eu-central-1 us-east-1`` publishes the built layer to these regions."""

from __future__ import annotations

import sys

from distribution.publisher.command_line import main

sys.exit(main(sys.argv[1:]))
