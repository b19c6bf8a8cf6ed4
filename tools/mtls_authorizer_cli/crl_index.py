"""The indexer as a command, for ``make crl-index``: no AWS, the same checks and the same index.

``python -m mtls_authorizer_cli.crl_index FILE --truststore BUNDLE [--output FILE.index]`` verifies a CRL and writes
its index, whole or not at all. It exits with 0 once the index is there, 1 for a CRL that doesn't count, and 2 for
arguments, files and truststores that can't be read or written.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509

from mtls_authorizer.revocation.crl.reader import MAX_CRL_BYTES
from mtls_authorizer.revocation.index.indexing import INDEX_SUFFIX, index_crl
from mtls_authorizer.revocation.truststore import read_truststore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import TextIO

# What shells make of SIGINT.
_INTERRUPTED = 130

_BAR_WIDTH = 40
_ENTRIES_PER_STEP = 5000


class _UnusableFileError(Exception):
    """A file can't be used. The message names it."""


class Progress:
    """A bar on a terminal's standard error; on anything else, nothing."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = stream.isatty()

    def show(self, step: str, fraction: float) -> None:
        """Draw the bar for a step, at a fraction of all of them."""
        if self._shown:
            filled = round(_BAR_WIDTH * min(1, fraction))
            bar = "#" * filled + "." * (_BAR_WIDTH - filled)
            self._stream.write(f"\r\x1b[K[{bar}] {step}")
            self._stream.flush()

    def clear(self) -> None:
        """Take the bar away."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def watch(self, serial_numbers: Iterable[int], expected: int) -> Iterator[int]:
        """Pass serial numbers through, and show how many there were of those that are expected."""
        for count, serial_number in enumerate(serial_numbers):
            if count % _ENTRIES_PER_STEP == 0:
                self.show(f"{count:,} of {expected:,} serial numbers", count / max(expected, 1))
            yield serial_number
        self.show("writing", 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Index a CRL, and return the exit status. Raises SystemExit, with status 2, for arguments that can't be read."""
    options = _parser().parse_args(arguments)
    crl: Path = options.file
    output: Path = options.output or Path(f"{crl}{INDEX_SUFFIX}")
    progress = Progress(sys.stderr)
    try:
        status, message = _index(crl, options.truststore, output, timedelta(seconds=options.max_age), progress)
    except _UnusableFileError as error:
        status, message = 2, str(error)
    except KeyboardInterrupt:
        status, message = _INTERRUPTED, "interrupted"
    progress.clear()
    sys.stderr.write(f"{message}\n")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="crl_index_command", description="Verify a certificate revocation list, and write its index beside it."
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the CRL, in PEM or DER")
    parser.add_argument(
        "--truststore", metavar="BUNDLE", type=Path, required=True, help="the CAs in PEM, as the custom domain has them"
    )
    parser.add_argument("--output", metavar="FILE", type=Path, help="where to write it (default: FILE.index)")
    parser.add_argument(
        "--max-age",
        metavar="SECONDS",
        type=_whole_number,
        default=0,
        help="how long after its nextUpdate a CRL still counts (default: %(default)s)",
    )
    return parser


def _whole_number(value: str) -> int:
    if not (value.isascii() and value.isdecimal()):
        message = f"{value!r} is not a whole number, 0 or more"
        raise argparse.ArgumentTypeError(message)
    return int(value)


def _index(crl: Path, bundle: Path, output: Path, max_age: timedelta, progress: Progress) -> tuple[int, str]:
    """Return the exit status, and what to tell the person. Raises _UnusableFileError."""
    progress.show(f"verifying {crl}", 0)
    try:
        truststore = read_truststore(_read(bundle))
    except ValueError as error:
        message = f"{bundle}: {error}"
        raise _UnusableFileError(message) from error
    content = _read(crl)
    existing = _read(output) if output.exists() else None
    try:
        revocation_list, index = index_crl(
            content,
            truststore,
            datetime.now(UTC),
            existing=existing,
            max_age=max_age,
            watch=lambda serial_numbers: progress.watch(serial_numbers, _count_entries(content)),
        )
    except ValueError as error:
        kept = "" if existing is None else f" {output} stays as it is."
        return 1, f"{crl}: not indexed: {error}.{kept}"
    if index is None:
        return 0, f"{output} is the index of this CRL already"
    _replace(output, index)
    number = "" if revocation_list.number is None else f" number {revocation_list.number:X},"
    return 0, f"{output}: {len(index):,} bytes;{number} of {revocation_list.this_update:%Y-%m-%d %H:%M:%S} UTC"


def _count_entries(content: bytes) -> int:
    """Return how many entries a CRL that was read has, for the bar; 0 where its PEM is too odd for cryptography."""
    load = x509.load_der_x509_crl if content.startswith(b"\x30") else x509.load_pem_x509_crl
    try:
        return len(load(content))
    except ValueError:
        return 0


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_CRL_BYTES + 1)
    except OSError as error:
        raise _unusable(path, error) from error
    if len(content) > MAX_CRL_BYTES:
        message = f"{path} has more than {MAX_CRL_BYTES:,} bytes, which are the most"
        raise _UnusableFileError(message)
    return content


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: beside its place first, and moved there once it is on the disk."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> _UnusableFileError:
    return _UnusableFileError(f"{path}: {error.strerror or error}")


if __name__ == "__main__":
    sys.exit(main())
