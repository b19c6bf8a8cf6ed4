"""Which lists of a location stay in memory, at moments when one becomes valid or expires."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mtls_authorizer.revocation.crl.reader import verify_crl
from mtls_authorizer.revocation.succession.retention import retain
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from tests.pki.kept_lists import CA, NOW, crl

TRUSTSTORE = read_truststore(CA.pem)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("earlier", "new", "max_age", "count"),
    [
        ((-72, -1), (-48, -24), 2, 2),  # the new one has expired, the earlier one has not, with the maximum age
        ((-72, -1), (-48, -24), 0, 1),
        ((0, 0), (1, 24), 0, 2),  # the time of the earlier one has just come, that of the new one has not
        ((-1, 0), (0, 0), 0, 1),  # the time of the new one has just come
    ],
)
def test_an_unusable_list_does_not_replace_one_that_is_still_needed(
    earlier: tuple[int, int], new: tuple[int, int], max_age: int, count: int
) -> None:
    before, after = (
        verify_crl(crl(number, this_update=NOW + begin * HOUR, next_update=NOW + end * HOUR), TRUSTSTORE)
        for number, (begin, end) in enumerate((earlier, new))
    )
    lists, problem = retain(after, (before,), TRUSTSTORE, NOW, max_age * HOUR)
    assert problem is not None
    assert lists == (after, before)[:count]
