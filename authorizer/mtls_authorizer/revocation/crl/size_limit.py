"""The limit of the size of a CRL, which follows the memory of the function."""

from __future__ import annotations

import os

_LARGEST = 256 * 1024 * 1024
_MEMORY_PER_CRL = 8
"""In multiples of the size of the largest CRL, as measured: loading it takes 1.0 (DER in a file) to 2.2 (PEM in S3).
The CRL that it replaces and a new index are in memory meanwhile, which makes 4.2. All CRLs below prefixes together take
up to 1.0. The remaining 2.8 are for Python and the libraries, and for CRLs that a new one did not replace."""


def max_crl_bytes(megabytes: str) -> int:
    """Return the largest size of a CRL or an index: an eighth of the memory of a Lambda function, 256 MiB at most.

    ``megabytes`` is the memory as Lambda states it; anything but a number if it is not known.
    """
    if not (megabytes.isascii() and megabytes.isdecimal()):
        return _LARGEST
    return min(_LARGEST, int(megabytes) * 1024 * 1024 // _MEMORY_PER_CRL)


MAX_CRL_BYTES = max_crl_bytes(os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""))
"""The limit in this process."""
