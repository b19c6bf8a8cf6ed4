"""Make the certificates that aren't there yet, and write down what Node makes of all of them. Needs Node 20.

A certificate that is there stays as it is, for its keys are random: delete the file to have it made anew.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.golden import fields, general_names, issued, keys, names
from tests.pki.certificates import pem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE = Path(__file__).parent
CERTIFICATES = HERE / "certificates"


def _makers() -> dict[str, Callable[[], str]]:
    """Return what makes each certificate's PEM, by name."""
    written = {**names.CERTIFICATES, **general_names.CERTIFICATES, **fields.CERTIFICATES}
    return {
        **{name: partial(pem, certificate) for name, certificate in written.items()},
        **{name: partial(_pem_of, make) for name, make in keys.CERTIFICATES.items()},
        **issued.CERTIFICATES,
    }


def _pem_of(make: Callable[[], bytes]) -> str:
    return pem(make())


def _make_missing(makers: Mapping[str, Callable[[], str]]) -> None:
    CERTIFICATES.mkdir(exist_ok=True)
    for name, make in makers.items():
        path = CERTIFICATES / f"{name}.pem"
        if not path.exists():
            path.write_text(make(), encoding="ascii")


def _delete_forgotten(makers: Mapping[str, Callable[[], str]]) -> None:
    for path in CERTIFICATES.iterdir():
        if path.stem not in makers:
            path.unlink()


def main() -> None:
    """Bring the folder up to date."""
    node = shutil.which("node")
    if node is None:
        sys.exit("Node 20 is needed, and there is no `node` on the PATH.")
    makers = _makers()
    _make_missing(makers)
    _delete_forgotten(makers)
    sys.exit(subprocess.run([node, HERE / "legacy_objects.js", HERE], check=False).returncode)


if __name__ == "__main__":
    main()
