"""A stored document with ``deny``: it is reloaded like any other, and denies clients that are in the cache."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import load_settings
from tests.aws.api_events import rest_event
from tests.aws.responses import checking, reason
from tests.refreshing import LONG_WAITS
from tests.unit.authorizer.rules.test_deny import ANYONE, CLIENT, DENY, LISTS, OTHER

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("allowing", [LISTS, ANYONE], ids=["lists", "any certificate"])
def test_a_stored_document_denies_a_client_in_the_cache_as_soon_as_it_is_reloaded(
    allowing: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"deny": {"common_name": "nobody"}}))
    settings = load_settings({**allowing, "AUTHORIZER_RULES_URI": path.as_uri()})
    seconds = 0.0
    authorize = checking(Authorizer(settings, CurrentPolicy(settings, clock=lambda: seconds, wait_seconds=LONG_WAITS)))
    assert reason(authorize(rest_event(CLIENT))) is None
    path.write_text(json.dumps({"deny": [{"common_name": "nobody"}, DENY["deny"]]}))
    assert reason(authorize(rest_event(CLIENT))) is None
    seconds = 61.0
    assert reason(authorize(rest_event(CLIENT))) == "certificate_excluded"
    assert reason(authorize(rest_event(OTHER))) is None
