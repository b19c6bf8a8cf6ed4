"""Writes the launcher ``mtls-authorizer`` into a virtual environment: ``python -m mtls_authorizer_cli.launcher FILE``.

The launcher runs the code in this folder, from any working directory and whatever PYTHONPATH is. Only the standard
library is needed to write it.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PROJECT = Path(__file__).parents[2]
_PACKAGES = ("layer", "authorizer", "tools")

_LAUNCHER = """\
#!/bin/sh
# -P: never import modules from the working directory.
PYTHONPATH={python_path} exec {python} -P -m mtls_authorizer_cli "$@"
"""


def main(arguments: Sequence[str]) -> None:
    """Write the launcher to the file that the argument names, next to the interpreter that it will use."""
    file = Path(arguments[0])
    python_path = os.pathsep.join(str(_PROJECT / package) for package in _PACKAGES)
    python = file.absolute().parent / "python"
    file.write_text(
        _LAUNCHER.format(python_path=shlex.quote(python_path), python=shlex.quote(str(python))), encoding="utf-8"
    )
    file.chmod(0o755)


if __name__ == "__main__":
    main(sys.argv[1:])
