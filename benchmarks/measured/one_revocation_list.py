"""The start of a process with a revocation list, once: read it, and create an object that answers queries.

``python one_revocation_list.py FOLDER NAME [PATH...]``: the file name ``crl.json``, ``crl.index`` or ``crl.der``
selects the approach, and the paths are for ``sys.path``. Prints figures as JSON on one line, then the kernel's status
of the process.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Load = Callable[[bytes], Callable[[int], bool]]


def json_object(_folder: Path) -> Load:
    """Parse a JSON object of hexadecimal serial numbers: the common approach."""

    def load(content: bytes) -> Callable[[int], bool]:
        revoked = json.loads(content)
        return lambda serial_number: f"{serial_number:040x}" in revoked

    return load


def index(_folder: Path) -> Load:
    """Read the index."""
    from mtls_authorizer.revocation.index.format import read_index  # noqa: PLC0415 -- each process imports what it needs

    return lambda content: read_index(content).is_revoked


def crl(folder: Path) -> Load:
    """Verify the CRL itself."""
    from datetime import UTC, datetime  # noqa: PLC0415 -- as above

    from mtls_authorizer.revocation.crl.reader import read_crl  # noqa: PLC0415 -- as above
    from mtls_authorizer.revocation.truststore.bundle import read_truststore  # noqa: PLC0415 -- as above

    truststore = read_truststore((folder / "ca.pem").read_bytes())
    return lambda content: read_crl(content, truststore, datetime.now(UTC)).is_revoked


APPROACHES = {"crl.json": json_object, "crl.index": index, "crl.der": crl}


def measure(folder: Path, name: str) -> dict[str, float]:
    """Return CPU milliseconds and MiB until the first answer, and microseconds of CPU time for a lookup after that.

    Imports are included in the figures of the process, but not in those for reading and loading, because the authorizer
    has imported nearly all of it anyway. Each serial number is looked up once, so that no cache helps. Raises
    RuntimeError for a wrong answer.
    """
    answers = json.loads((folder / "asked.json").read_text(encoding="utf-8"))
    (first, expected), *others = ((int(serial_number, 16), revoked) for serial_number, revoked in answers.items())
    load = APPROACHES[name](folder)
    before = memory("VmRSS")
    started = time.process_time()
    content = (folder / name).read_bytes()
    read = time.process_time()
    is_revoked = load(content)
    first_answer = is_revoked(first)
    loaded = time.process_time()
    peak = memory("VmHWM")
    asking = time.process_time()
    found = [is_revoked(serial_number) for serial_number, _ in others]
    asked = time.process_time()
    if [first_answer, *found] != [expected, *(revoked for _, revoked in others)]:
        message = f"{name} gave a wrong answer"
        raise RuntimeError(message)
    return {
        "read": (read - started) * 1e3,
        "load": (loaded - read) * 1e3,
        "process": loaded * 1e3,
        "grown": peak - before,
        "peak": peak,
        "lookup": (asked - asking) * 1e6 / len(others),
    }


def memory(name: str) -> float:
    """Return one of the kernel's memory figures of this process, in MiB."""
    with open("/proc/self/status", encoding="utf-8") as status:  # noqa: PTH123 -- read again and again
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(name))


if __name__ == "__main__":
    sys.path[1:1] = sys.argv[3:]
    print(json.dumps(measure(Path(sys.argv[1]), sys.argv[2])))
    print(Path("/proc/self/status").read_text(encoding="utf-8"))
