"""The page about status 500 names the errors that the log contains, and its query finds them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.request.event import UnsupportedEventError
from mtls_authorizer.stores.store import StoreError
from tests.unit.documentation.markdown import codes, pages

if TYPE_CHECKING:
    from pathlib import Path

PAGE = pages()["docs/500-errors.md"]
LISTED = {code for line in PAGE.splitlines() if line.startswith("| `") for code in codes(line.partition(" | ")[0])}
[QUERY] = re.findall(r"@message like /(.+)/", PAGE)


@pytest.mark.parametrize("document", [None, "{", '{"rules": [{"name": "a"}]}'])
@pytest.mark.parametrize("variable", ["AUTHORIZER_RULES", "AUTHORIZER_RULES_URI"])
def test_a_start_fails_with_an_error_that_the_page_names(variable: str, document: str | None, tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    if document is not None:
        file.write_text(document)
    value = f"file://{file}" if variable == "AUTHORIZER_RULES_URI" else document or ""
    with pytest.raises((ValueError, StoreError)) as caught:
        Authorizer(load_settings({variable: value}))
    assert_named(caught.type)


def test_an_event_of_another_kind_fails_with_an_error_that_the_page_names() -> None:
    with pytest.raises(UnsupportedEventError) as caught:
        Authorizer(load_settings({})).authorize({"type": "TOKEN"})
    assert_named(caught.type)


def test_the_query_finds_timeouts_as_lambda_reports_them_in_json() -> None:
    # The record of a platform.report event, which has no level: see the schema of Lambda's Telemetry API.
    record = {"requestId": "1", "status": "timeout"}
    [(name, status)] = re.findall(r'record\.(\w+) = "(\w+)"', PAGE)
    assert record[name] == status
    assert '"status":"timeout"' in LISTED


def assert_named(error: type[Exception]) -> None:
    assert error.__name__ in LISTED
    assert re.search(QUERY, error.__name__)
