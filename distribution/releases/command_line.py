"""The command: builds a release, or verifies one."""

from __future__ import annotations

import argparse
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from distribution.errors import DistributionError
from distribution.project import ROOT
from distribution.releases.building import build_release
from distribution.releases.verification import verify_release

if TYPE_CHECKING:
    from collections.abc import Sequence

_report = partial(print, flush=True)  # the output may be redirected to a file


def main(arguments: Sequence[str], project: Path = ROOT) -> int:
    """Build or verify a release, and return the exit status: 0, or 1 if it failed or a file differs.

    Raises SystemExit with status 2 for invalid arguments.
    """
    options = _make_parser().parse_args(arguments)
    complete = not options.incomplete
    try:
        if options.command == "build":
            build_release(project, options.folder, _report, complete=complete, source_url=options.source_url)
            return 0
        differences = verify_release(project, options.folder, _report, complete=complete)
        for difference in differences:
            _report(difference)
        _report(f"{options.folder}: {'NOT VERIFIED' if differences else 'verified'}")
    except (DistributionError, OSError) as error:
        # An OSError is about the folder or the output: it cannot be written, the disk is full, or nobody reads it.
        print(error, file=sys.stderr)
        return 1
    return 1 if differences else 0


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m distribution.releases", description="Build or verify a release of the current commit."
    )
    parser.add_argument("command", choices=["build", "verify"])
    parser.add_argument("folder", type=Path, help="the folder of the release")
    parser.add_argument(
        "--incomplete", action="store_true", help="do not require every supported Python version to compile files"
    )
    parser.add_argument(
        "--source-url",
        type=_source_url,
        metavar="https://…",
        help="build: where the source code is published, for the provenance and the Serverless Application Repository",
    )
    return parser


def _source_url(text: str) -> str:
    if not re.fullmatch(r"https://[\w.-]+(:\d+)?(/[\w./~%-]*)?", text):
        message = f"{text!r} is not an address such as https://git.example.com/client-certificate-auth"
        raise argparse.ArgumentTypeError(message)
    return text
