"""``issuer_key`` with a stored truststore, which is reloaded."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer_cli.main import main
from tests.aws.api_events import EVENTS, rest_event
from tests.aws.responses import checking, reason
from tests.pki.kept_lists import CA, FIRST, NAMESAKE, client
from tests.refreshing import LONG_WAITS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

GOOD, OTHER = client(1), client(1, NAMESAKE)
NOT_ALLOWED = "issuer_key_not_allowed"


def variables(folder: Path, **others: str) -> dict[str, str]:
    return {
        "ALLOWED_ISSUER_KEYS": CA.signer,
        "TRUSTSTORE_URI": (folder / "truststore.pem").as_uri(),
        "CRL_REFRESH_SECONDS": "60",
        **others,
    }


@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
def test_a_ca_with_the_same_name_and_another_key_is_not_allowed(
    make_event: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    (tmp_path / "truststore.pem").write_bytes(CA.pem + NAMESAKE.pem)
    settings = load_settings(variables(tmp_path))
    authorize = checking(Authorizer(settings, CurrentPolicy(settings, wait_seconds=LONG_WAITS)))
    # Also once they are in the cache.
    for _ in range(2):
        assert reason(authorize(make_event(GOOD))) is None
        assert reason(authorize(make_event(OTHER))) == NOT_ALLOWED


@pytest.mark.parametrize("crls", [False, True], ids=["without CRLs", "with CRLs"])
def test_a_change_of_the_truststore_takes_effect_for_certificates_in_the_cache(crls: bool, tmp_path: Path) -> None:  # noqa: FBT001 -- a table's column
    truststore = tmp_path / "truststore.pem"
    (tmp_path / "ca.crl").write_bytes(FIRST)
    truststore.write_bytes(NAMESAKE.pem)
    lists = {"CRL_URIS": (tmp_path / "ca.crl").as_uri(), "CRL_FAILURE_MODE": "allow"} if crls else {}
    settings = load_settings(variables(tmp_path, **lists))
    seconds = 0.0
    authorize = checking(Authorizer(settings, CurrentPolicy(settings, clock=lambda: seconds, wait_seconds=LONG_WAITS)))
    for bundle, expected in (
        (NAMESAKE.pem + CA.pem, NOT_ALLOWED),
        (NAMESAKE.pem, None),
        # It cannot be used, so the last one stays in force.
        (b"", NOT_ALLOWED),
        (CA.pem, NOT_ALLOWED),
    ):
        assert reason(authorize(rest_event(GOOD))) == expected
        assert reason(authorize(rest_event(GOOD))) == expected
        truststore.write_bytes(bundle)
        seconds += 61
    assert reason(authorize(rest_event(GOOD))) is None
    assert reason(authorize(rest_event(OTHER))) == NOT_ALLOWED


def test_without_a_usable_truststore_the_function_starts_and_denies(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "truststore.pem").write_bytes(b"nothing")
    with caplog.at_level(logging.ERROR, "mtls_authorizer"):
        settings = load_settings(variables(tmp_path))
        authorize = checking(Authorizer(settings, CurrentPolicy(settings, wait_seconds=LONG_WAITS)))
    assert [record.message for record in caplog.records] == ["document refresh failed"]
    assert reason(authorize(rest_event(GOOD))) == NOT_ALLOWED


def test_explain_names_the_key_or_says_that_there_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "truststore.pem").write_bytes(CA.pem)
    (tmp_path / "good.pem").write_text(GOOD)
    (tmp_path / "other.pem").write_text(OTHER)
    (tmp_path / "rules.json").write_text(f'{{"rules": [{{"name": "a", "match": {{"issuer_key": "{CA.signer}"}}}}]}}')
    shown = CA.signer.upper()[:2]
    environment = {key: value for key, value in variables(tmp_path).items() if key != "ALLOWED_ISSUER_KEYS"}
    rules = ["--rules", str(tmp_path / "rules.json")]
    for arguments, given in (([], variables(tmp_path)), (rules, environment)):
        assert main(["explain", str(tmp_path / "good.pem"), *arguments], given) == 0
        assert f"issuer_key: requires '{shown}:" in " ".join(capsys.readouterr().out.split())
    assert main(["explain", str(tmp_path / "other.pem"), *rules], environment) == 1
    assert "found no issuer key: no usable CA of the truststore" in " ".join(capsys.readouterr().out.split())
