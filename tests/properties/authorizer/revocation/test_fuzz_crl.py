from __future__ import annotations

from mtls_authorizer.revocation.crl.rejection import CrlRejection
from tests.fuzz.fuzz_crl import fuzz


def test_a_short_run_of_the_fuzz_target_finds_nothing_and_reaches_each_outcome() -> None:
    outcomes = fuzz(seed=1, executions=2000)
    for statuses in ("good good", "unknown good", "unknown unknown", "revoked revoked"):
        assert outcomes[f"accepted: {statuses}"]
    for statuses in ("good good good", "good unknown good", "good good unknown", "unknown unknown unknown"):
        assert outcomes[f"certificate: {statuses}"]
    # The others are reasons why a list that was accepted proves nothing good, or need a list in force before.
    for rejection in (
        *(CrlRejection.MALFORMED, CrlRejection.UNKNOWN_ISSUER, CrlRejection.INVALID_SIGNATURE),
        CrlRejection.INDIRECT,
    ):
        assert outcomes[f"refused: {rejection}"]
