"""The entry point after a restore from a snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import snapshot_restore_py

from tests.aws.api_events import http_2_0_event
from tests.entry_point import start
from tests.pki.certificates import client_pem

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("empty_environment")


def test_a_restore_from_a_snapshot_is_waited_for_only_under_snapstart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('{"rules": [{"name": "one", "match": {"common_name": "client"}}]}')
    monkeypatch.setenv("AUTHORIZER_RULES_URI", rules.as_uri())
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
    before = len(snapshot_restore_py.get_after_restore())
    start()
    assert len(snapshot_restore_py.get_after_restore()) == before
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    module = start()
    hook, arguments, options = snapshot_restore_py.get_after_restore()[-1]
    rules.with_name("new").write_text(rules.read_text().replace("client", "other"))
    rules.with_name("new").replace(rules)
    hook(*arguments, **options)
    answer = module.handler(http_2_0_event(client_pem(("CN", "client"))), None)
    assert answer["context"] == {"reason": "common_name_not_allowed"}
