from __future__ import annotations

from mtls_authorizer.revocation.crl import Refusal
from tests.fuzz.fuzz_crl import fuzz


def test_a_short_run_of_the_fuzz_target_finds_nothing_and_gets_everywhere() -> None:
    outcomes = fuzz(seed=1, executions=2000)
    assert outcomes["accepted: good"]
    assert outcomes["accepted: revoked"]
    reached = {outcome.removeprefix("refused: ") for outcome in outcomes}
    # Neither the signing CA's certificate nor the algorithm ever changes, and no list is in force before.
    out_of_reach = {
        Refusal.WEAK_SIGNATURE,
        Refusal.ISSUER_MAY_NOT_SIGN,
        Refusal.ISSUER_NOT_VALID,
        Refusal.ROLLED_BACK,
        Refusal.OTHER_ISSUER,
    }
    assert set(Refusal) - reached <= out_of_reach
