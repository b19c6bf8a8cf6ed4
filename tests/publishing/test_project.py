from __future__ import annotations

from pathlib import Path

from publisher.project import LICENSE, VERSION

ROOT = Path(__file__).parents[2]


def test_what_the_project_says_of_itself_is_in_pyproject_toml() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    assert {f'version = "{VERSION}"', f'license = "{LICENSE}"'} <= set(lines)
