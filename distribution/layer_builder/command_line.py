"""The command: builds the layers' zip files, or the contents of the layer or of a function for ``sam build``."""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from distribution.errors import DistributionError
from distribution.layer_builder.contents import assemble_function, assemble_layer
from distribution.layer_builder.layers import build_layers
from distribution.layer_builder.wheels import Architecture, check_index, download_wheels
from distribution.project import ROOT
from distribution.python_versions import PYTHON_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_report = partial(print, flush=True)  # the output may be redirected to a file


def main(arguments: Sequence[str]) -> None:
    """Build what the arguments ask for, and list the Python versions with compiled files.

    Raises SystemExit: status 2 for invalid arguments, 1 for a build that failed.
    """
    parser = _make_parser()
    options = parser.parse_args(arguments)
    try:
        compiled = options.build(options)
    except (DistributionError, OSError) as error:
        # An OSError is about the destination: it cannot be created, or the disk is full.
        parser.exit(1, f"{error}\n")
    for line in _list_compiled(compiled):
        _report(line)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m distribution.layer_builder",
        description="Build the layer or a function. Needs pip, but not Docker.",
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    layers = commands.add_parser("layers", help="zip files for all architectures, with digests and SBOMs")
    layers.add_argument("destination", type=Path, help="the folder to write them to")
    layers.add_argument(
        "--complete", action="store_true", help="fail unless every supported Python version is there to compile files"
    )
    layers.set_defaults(build=_build_layers)

    layer = commands.add_parser("layer", help="the layer's contents")
    layer.add_argument("architecture", type=Architecture, choices=list(Architecture), help="the processor architecture")
    layer.add_argument("destination", type=Path, help="the folder to write the `python` folder to")
    layer.set_defaults(build=_build_layer)

    function = commands.add_parser("function", help="a function's package with compiled files")
    function.add_argument("package", type=Path, help="the package's folder")
    function.add_argument("destination", type=Path, help="the folder to copy it to")
    function.add_argument("runtime", choices=PYTHON_VERSIONS, help="the Python version of its runtime")
    function.set_defaults(build=_build_function)
    return parser


def _build_layers(options: argparse.Namespace) -> dict[str, str | None]:
    return build_layers(ROOT, options.destination, _report, complete=options.complete)


def _build_layer(options: argparse.Namespace) -> dict[str, str | None]:
    check_index()
    with tempfile.TemporaryDirectory() as folder:
        wheels = download_wheels(ROOT / "layer/requirements.txt", options.architecture, Path(folder), _report)
        return assemble_layer(ROOT / "layer", wheels, options.destination, _report)


def _build_function(options: argparse.Namespace) -> dict[str, str | None]:
    return assemble_function(options.package, options.destination, options.runtime, _report)


def _list_compiled(compiled: Mapping[str, str | None]) -> list[str]:
    return [
        f"Python {version}: " + (f"compiled by {full}" if full else "sources only, because it is not on this machine")
        for version, full in compiled.items()
    ]
