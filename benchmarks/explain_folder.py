"""What it takes to explain a folder of 1,000 certificates in one process: ``make bench-explain``.

Once with a complete CRL, and once with CRLs below a prefix, more of them than stay in memory. It fails above 20 s of
CPU.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from mtls_authorizer.revocation.prefix.cache import MAX_CRLS
from mtls_authorizer_cli.main import main as cli
from tests.pki.certificate_authorities import DAY
from tests.pki.certificates import name, pem
from tests.pki.kept_lists import CA, NOW
from tests.pki.partitions import partition, point_uri, points

if TYPE_CHECKING:
    from collections.abc import Iterator

CERTIFICATES = 1000
PARTITIONS = MAX_CRLS + 44
LIMIT_SECONDS = 20.0
REVOKED = 7
"""Every seventh certificate is revoked."""


def main() -> int:
    """Print the CPU time of each run, and return 1 if one takes too long or has another result than expected."""
    passed = True
    with tempfile.TemporaryDirectory() as folder:
        for title, variables in _write_files(Path(folder)):
            began = time.process_time()
            with redirect_stdout(io.StringIO()) as output:
                cli(["explain", str(Path(folder) / "certificates"), "--json"], variables)
            seconds = time.process_time() - began
            result = json.loads(output.getvalue())
            denied = len(range(0, CERTIFICATES, REVOKED))
            correct = (result["allowed"], result["denied"]) == (CERTIFICATES - denied, denied)
            sys.stdout.write(f"{title}: {seconds:.1f} s of CPU{'' if correct else ', WRONG RESULT'}\n")
            passed = passed and correct and seconds <= LIMIT_SECONDS
    return 0 if passed else 1


def _write_files(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Write certificates, rules, a truststore and CRLs, and return the variables for them, with a title for each."""
    for kind in ("certificates", "crls"):
        (folder / kind).mkdir()
    revoked: dict[int, list[int]] = {part: [] for part in range(PARTITIONS)}
    for number in range(CERTIFICATES):
        part = number % PARTITIONS
        if number % REVOKED == 0:
            revoked[part].append(number + 1)
        certificate = CA.issue(
            number + 1,
            subject=name(("O", f"Partner {number}"), ("CN", f"client {number}")),
            not_before=NOW - DAY,
            not_after=NOW + 100 * DAY,
            extensions=[points(point_uri(part))],
        )
        (folder / "certificates" / f"{number}.pem").write_text(pem(certificate))
    for part, serial_numbers in revoked.items():
        (folder / "crls" / f"{part}.crl").write_bytes(partition(part, *serial_numbers))
    every = [serial_number for serial_numbers in revoked.values() for serial_number in serial_numbers]
    (folder / "complete.crl").write_bytes(partition(None, *every, padding=10_000))
    (folder / "truststore.pem").write_bytes(CA.pem)
    rules = [
        {
            "name": f"partner-{number}",
            "match": {"subject": f"CN=client {number},O=Partner {number}"},
            "allow": ["GET /orders/*"],
        }
        for number in range(CERTIFICATES)
    ]
    (folder / "rules.json").write_text(json.dumps({"rules": rules}))
    variables = {
        "AUTHORIZER_RULES_URI": (folder / "rules.json").as_uri(),
        "TRUSTSTORE_URI": (folder / "truststore.pem").as_uri(),
    }
    complete = {**variables, "CRL_URIS": (folder / "complete.crl").as_uri()}
    yield f"{CERTIFICATES:,} certificates, as many rules, a truststore, a CRL", complete
    parts = {**variables, "CRL_URIS": f"{(folder / 'crls').as_uri()}/"}
    yield f"the same with {PARTITIONS} CRLs below a prefix", parts


if __name__ == "__main__":
    raise SystemExit(main())
