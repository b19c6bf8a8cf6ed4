"""Writes the launcher ``mtls-authorizer`` into a virtual environment: ``python -m mtls_authorizer_cli.launcher FILE``.

The launcher runs the code in this folder, from any working directory and whatever PYTHONPATH is. Only the standard
library is needed to write it.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

_PROJECT = Path(__file__).parents[2]
_PACKAGES = ("layer", "authorizer", "tools")

_LAUNCHER = """\
#!/bin/sh
# -P: never import modules from the working directory.
PYTHONPATH={python_path} exec {python} -P -m mtls_authorizer_cli "$@"
"""


def write_launcher(file: Path) -> None:
    """Write the launcher next to the interpreter that it will use."""
    python_path = os.pathsep.join(str(_PROJECT / package) for package in _PACKAGES)
    python = file.absolute().parent / "python"
    file.write_text(
        _LAUNCHER.format(python_path=shlex.quote(python_path), python=shlex.quote(str(python))), encoding="utf-8"
    )
    file.chmod(0o755)


if __name__ == "__main__":
    write_launcher(Path(sys.argv[1]))
