"""The limit of the size of a CRL, which follows the memory of the function."""

from __future__ import annotations

import os

_LARGEST = 256 * 1024 * 1024
_MEMORY_PER_CRL = 8
"""Loading takes 1.0 (DER in a file) to 2.2 times (PEM in S3) the size of the file, as measured. While a CRL is
replaced, there are also the one in force, and a new index: 4.2 times in all. The CRLs below prefixes take as much as
one. That is 5.2 eighths of the memory; Python and the libraries take the rest."""


def max_crl_bytes(megabytes: str) -> int:
    """Return the largest size of a CRL or an index: an eighth of the memory of a Lambda function, 256 MiB at most.

    ``megabytes`` is the memory as Lambda states it; anything but a number if it is not known.
    """
    if not (megabytes.isascii() and megabytes.isdecimal()):
        return _LARGEST
    return min(_LARGEST, int(megabytes) * 1024 * 1024 // _MEMORY_PER_CRL)


MAX_CRL_BYTES = max_crl_bytes(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""))
"""The limit in this process."""
