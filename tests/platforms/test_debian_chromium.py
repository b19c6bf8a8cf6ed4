from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.platforms.debian_chromium import find_chromium, unpack_chromium
from tests.platforms.debian_python import NotInDebianError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_processor_that_debian_has_no_browser_for_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotInDebianError, match="Debian does not have it for riscv64"):
        unpack_chromium(tmp_path, "riscv64")


def test_the_unpacked_browser_is_preferred_to_an_installed_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    folder = tmp_path / "unpacked"
    assert find_chromium(folder) is None
    installed = tmp_path / "chromium"
    installed.touch(mode=0o755)
    assert find_chromium(folder) == installed
    folder.mkdir()
    (folder / "chromium").touch()
    assert find_chromium(folder) == folder / "chromium"
