"""What the indexer on Lambda and the command have in common. What they do with it is tested as theirs."""

from __future__ import annotations

from pathlib import Path

from mtls_authorizer.revocation.crl.reader import MAX_CRL_BYTES

PAGE = Path(__file__).parents[4] / "docs" / "revocation.md"


def test_a_crl_may_have_as_many_bytes_as_the_page_on_revocation_says() -> None:
    assert f"one CRL, complete, of at most {MAX_CRL_BYTES / 2**20:g} MiB." in PAGE.read_text(encoding="utf-8")
