from __future__ import annotations

import pytest

from distribution.publisher.grants import PUBLIC, Grant, GrantChanges


def test_statements_of_others_are_named() -> None:
    changes = GrantChanges(PUBLIC, (), kept=("partner",))
    assert str(changes) == "grant publisher-public, keep partner, which this command did not add"


@pytest.mark.parametrize(
    ("granted", "withdrawn", "message"),
    [
        (None, (), ""),
        (PUBLIC, (), "grant publisher-public"),
        (None, ("publisher-public",), "withdraw publisher-public"),
        (
            Grant("o-a1b2c3d4e5"),
            ("publisher-o-b1b2c3d4e5", "publisher-public"),
            "grant publisher-o-a1b2c3d4e5, withdraw publisher-o-b1b2c3d4e5, withdraw publisher-public",
        ),
    ],
)
def test_changes_are_described_in_one_line(granted: Grant | None, withdrawn: tuple[str, ...], message: str) -> None:
    assert str(GrantChanges(granted, withdrawn)) == message
