"""The wheels and source distributions of the layer, the authorizer and the command-line tools."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from distribution.errors import DistributionError
from distribution.project import DISTRIBUTIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# The earliest time in a zip file, as for the layer, in seconds since 1970. hatchling reads it from the environment.
_TIMES = {"SOURCE_DATE_EPOCH": "315532800"}


def build_packages(project: Path, destination: Path, report: Callable[[str], object]) -> None:
    """Write a wheel and a source distribution of each distribution to a folder.

    hatchling must be installed, as in ``distribution/requirements.txt``. The same sources give the same bytes. The
    packages contain all files that git does not ignore. Raises DistributionError.
    """
    for name in DISTRIBUTIONS:
        report(f"{name}: building the wheel and the source distribution")
        command = [sys.executable, "-m", "hatchling", "build", "--directory", str(destination)]
        result = subprocess.run(  # noqa: S603 -- no shell
            command, cwd=project / name, env=os.environ | _TIMES, capture_output=True, text=True, check=False
        )
        if result.returncode:
            sys.stderr.write(result.stderr)
            message = f"hatchling could not build {project / name}"
            raise DistributionError(message)
