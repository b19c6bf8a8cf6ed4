from __future__ import annotations

from mtls_authorizer.revocation.crl.rejection import CrlRejection
from tests.fuzz.fuzz_crl import fuzz


def test_a_short_run_of_the_fuzz_target_finds_nothing_and_gets_everywhere() -> None:
    outcomes = fuzz(seed=1, executions=2000)
    assert outcomes["accepted: good"]
    assert outcomes["accepted: revoked"]
    reached = {outcome.removeprefix("refused: ") for outcome in outcomes}
    # Neither the signing CA's certificate nor the algorithm ever changes, and no list is in force before.
    out_of_reach = {
        CrlRejection.WEAK_SIGNATURE,
        CrlRejection.ISSUER_MAY_NOT_SIGN,
        CrlRejection.ISSUER_NOT_VALID,
        CrlRejection.ROLLED_BACK,
        CrlRejection.OTHER_ISSUER,
    }
    assert set(CrlRejection) - reached <= out_of_reach
