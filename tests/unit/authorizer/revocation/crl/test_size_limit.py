from __future__ import annotations

import pytest

from mtls_authorizer.revocation.crl.size_limit import max_crl_bytes

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("memory", "limit"),
    [("128", 16), ("512", 64), ("2048", 256), ("10240", 256), ("", 256), ("many", 256), ("-1", 256), ("٥١٢", 256)],
)
def test_the_limit_is_an_eighth_of_the_memory(memory: str, limit: int) -> None:
    assert max_crl_bytes(memory) == limit * MIB
