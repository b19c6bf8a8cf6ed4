"""A draft has the owner of the file that it replaces, and no more readers while it is written."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.atomic_files import draft_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def replaced(tmp_path: Path) -> Path:
    path = tmp_path / "rules.json"
    path.write_bytes(b"old")
    path.chmod(0o640)
    return path


def test_a_draft_is_private_until_it_has_its_owner(replaced: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes, owners = [], []

    def chown(path: Path, user: int, group: int) -> None:
        modes.append(stat.S_IMODE(path.stat().st_mode))
        owners.append((user, group))

    monkeypatch.setattr(os, "chown", chown)
    status = os.stat_result((0o100640, 0, 0, 1, 1234, 5678, 3, 0, 0, 0))
    previous = os.umask(0)
    try:
        with draft_of(replaced, b"new", status) as draft:
            assert (modes, owners) == ([0o600, 0o600], [(-1, 5678), (1234, -1)])
            assert (draft.read_bytes(), stat.S_IMODE(draft.stat().st_mode)) == (b"new", 0o640)
    finally:
        os.umask(previous)
    assert list(replaced.parent.iterdir()) == [replaced]


@pytest.mark.parametrize("error", [PermissionError, AttributeError])
def test_a_draft_whose_owner_cannot_be_changed_has_the_mode_nevertheless(
    error: type[Exception], replaced: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chown(*_: object) -> None:
        raise error

    # Windows has no such function.
    monkeypatch.setattr(os, "chown", chown)
    with draft_of(replaced, b"new", replaced.stat()) as draft:
        draft.replace(replaced)
    assert (replaced.read_bytes(), stat.S_IMODE(replaced.stat().st_mode)) == (b"new", 0o640)
