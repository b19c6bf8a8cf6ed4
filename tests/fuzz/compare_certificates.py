"""Compares certificates in folders with Node 20 and cryptography: `python -m tests.fuzz.compare_certificates FOLDER`.

It finds certificates in PEM in any file, and in DER in files with a common extension, and prints how many have which
outcome, and those that differ. The exit code is 1 if a difference is not among the listed ones, and 2 if there is no
certificate. `layer` must be on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import re
from binascii import Error, a2b_base64
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz import fuzz_certificates
from tests.fuzz.fuzz_certificates_against_node import Outcome, compare, what_node_reads

if TYPE_CHECKING:
    from collections.abc import Iterable

_PEM = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END")
_DER_SUFFIXES = {".cer", ".cert", ".crt", ".der"}
_FINDING = "DIFFERENT"


def find_certificates(folders: Iterable[Path]) -> dict[bytes, Path]:
    """Return the DER of every certificate in folders, each once, with a file that contains it."""
    found: dict[bytes, Path] = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for base64 in _PEM.findall(content):
            try:
                found.setdefault(a2b_base64(base64), path)
            except Error:
                continue
        if path.suffix in _DER_SUFFIXES and content.startswith(b"0"):
            found.setdefault(content, path)
    return found


def compare_all(certificates: dict[bytes, Path]) -> tuple[Counter[str], list[str]]:
    """Return the number of certificates by outcome, and a line for each that is neither equal nor rejected by both."""
    outcomes: Counter[str] = Counter()
    lines = []
    for (certificate, path), nodes in zip(certificates.items(), what_node_reads(list(certificates)), strict=True):
        try:
            outcome: str = compare(certificate, nodes)
            fuzz_certificates.compare(certificate)
        except AssertionError as error:
            outcome = _FINDING
            lines.append(f"{path}: {outcome}: {error}")
        else:
            if outcome not in {Outcome.EQUAL, Outcome.BOTH_REJECT}:
                lines.append(f"{path}: {outcome}")
        outcomes[outcome] += 1
    return outcomes, lines


def main() -> int:
    """Compare, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", metavar="FOLDER", type=Path, nargs="+")
    certificates = find_certificates(parser.parse_args().folders)
    if not certificates:
        parser.error("the folders contain no certificate")
    outcomes, lines = compare_all(certificates)
    print(*lines, *(f"{number:6} {outcome}" for outcome, number in outcomes.most_common()), sep="\n")  # noqa: T201 -- its output
    return 1 if outcomes[_FINDING] else 0


if __name__ == "__main__":
    raise SystemExit(main())
