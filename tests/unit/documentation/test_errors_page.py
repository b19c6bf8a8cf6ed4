"""The page on 500 errors has the names of the errors that stop the function, as Lambda logs them."""

from __future__ import annotations

import re

import pytest

from mtls_authorizer.policy.settings import SettingsError
from mtls_authorizer.refresh.document import DocumentError
from mtls_authorizer.request.event import UnsupportedEventError
from mtls_authorizer.stores.store import StoreError
from tests.unit.documentation.markdown import codes, fences, tables

PAGE = "docs/500-errors.md"


@pytest.mark.parametrize("error", [SettingsError, DocumentError, StoreError, UnsupportedEventError])
def test_an_error_is_in_the_table_and_found_by_the_query(error: type[Exception]) -> None:
    rows = tables(PAGE, "500 errors")[-1]  # the steps of the query begin with a bar, too
    assert error.__name__ in codes(*(row[0] for row in rows))
    (query,) = (fence.text for fence in fences("insights") if fence.page == PAGE)
    assert re.search(rf"@message like /[^/]*\b{error.__name__}\b", query)
