"""What the indexer on Lambda and the command have in common. What they do with it is tested as theirs."""

from __future__ import annotations

from pathlib import Path

from mtls_authorizer.revocation.crl.reader import MAX_CRL_BYTES

README = Path(__file__).parents[4] / "README.md"


def test_a_crl_may_have_as_many_bytes_as_the_readme_says() -> None:
    assert f"one CRL, whole, of at most {MAX_CRL_BYTES / 2**20:g} MiB." in README.read_text(encoding="utf-8")
