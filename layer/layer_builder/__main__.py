"""``python -m layer_builder``: what is published, or what ``sam build`` wants of the layer or a function."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from layer_builder.bytecode import CompileError
from layer_builder.contents import REQUIREMENTS, assemble_function, assemble_layer
from layer_builder.interpreters import PYTHON_VERSIONS
from layer_builder.release import build_release
from layer_builder.wheels import Architecture, DownloadError, download_wheels

if TYPE_CHECKING:
    from collections.abc import Mapping


def main() -> None:
    """Read the command line, build what it asks for, and list which Pythons have compiled files."""
    parser = _make_parser()
    arguments = parser.parse_args()
    try:
        compiled = arguments.build(arguments)
    except (DownloadError, CompileError) as error:
        parser.exit(1, f"{error}\n")
    for line in _list_compiled(compiled):
        _report(line)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="layer_builder", description="Build the layer. Needs pip, and no Docker.")
    commands = parser.add_subparsers(required=True, metavar="command")

    release = commands.add_parser("release", help="zip files for all architectures, with digests and SBOMs")
    release.add_argument("destination", type=Path, help="the folder to write them to")
    release.set_defaults(build=lambda arguments: build_release(arguments.destination, _report))

    layer = commands.add_parser("layer", help="the layer's contents")
    layer.add_argument("architecture", type=Architecture, choices=list(Architecture), help="the one that it is for")
    layer.add_argument("destination", type=Path, help="the folder to put its `python` folder in")
    layer.set_defaults(build=_build_layer)

    function = commands.add_parser("function", help="a function's package with compiled files")
    function.add_argument("package", type=Path, help="the package's folder")
    function.add_argument("destination", type=Path, help="the folder to put it in")
    function.add_argument("runtime", choices=PYTHON_VERSIONS, help="the Python version that it runs on")
    function.set_defaults(
        build=lambda arguments: assemble_function(arguments.package, arguments.destination, arguments.runtime, _report)
    )
    return parser


def _build_layer(arguments: argparse.Namespace) -> dict[str, str | None]:
    with tempfile.TemporaryDirectory() as folder:
        return assemble_layer(
            download_wheels(REQUIREMENTS, arguments.architecture, Path(folder), _report), arguments.destination, _report
        )


def _list_compiled(compiled: Mapping[str, str | None]) -> list[str]:
    return [
        f"Python {version}: " + (f"compiled files, by {full}" if full else "sources only, as it is not on this machine")
        for version, full in compiled.items()
    ]


def _report(step: str) -> None:
    # At once, as make may have redirected it to a file.
    print(step, flush=True)  # noqa: T201 -- its output


main()
