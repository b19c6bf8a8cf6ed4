"""``python -m layer_builder arm64 build``: the layer for an architecture, in ``build/python``."""

from __future__ import annotations

import argparse
from pathlib import Path

from layer_builder.contents import build_layer
from layer_builder.wheels import Architecture, DownloadError


def main() -> None:
    """Read the command line and build what it asks for."""
    parser = argparse.ArgumentParser(prog="layer_builder", description="Build the layer. Needs pip, and no Docker.")
    parser.add_argument("architecture", type=Architecture, choices=list(Architecture), help="the one that it is for")
    parser.add_argument("destination", type=Path, help="the folder to put its `python` folder in")
    arguments = parser.parse_args()
    try:
        build_layer(arguments.architecture, arguments.destination)
    except DownloadError as error:
        parser.exit(1, f"{error}\n")


main()
