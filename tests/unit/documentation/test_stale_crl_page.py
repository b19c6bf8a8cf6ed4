"""The page on stale CRLs quotes errors of the log as they are."""

from __future__ import annotations

import re

import pytest

from tests.unit.documentation.markdown import PROJECT, codes, tables

PAGE = "docs/stale-crl.md"
ROWS = tables(PAGE, "Which CRL, and since when?")[-1]
QUOTED = [code for row in ROWS if "contains" in row[0] for code in codes(row[0].partition("contains")[2])]


@pytest.mark.parametrize("text", QUOTED)
def test_a_quoted_error_is_a_message_of_the_authorizer(text: str) -> None:
    sources = (file.read_text("utf-8") for file in (PROJECT / "authorizer/mtls_authorizer").rglob("*.py"))
    assert any(text in re.sub(r'"\s+f?"', "", source) for source in sources)


def test_errors_are_quoted() -> None:
    assert len(QUOTED) >= 7
