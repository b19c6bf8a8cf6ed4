from __future__ import annotations

import runpy

import pytest


def interrupt(_arguments: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("module", ["layer_builder", "publisher", "releases"])
def test_an_interrupted_command_ends_without_a_traceback(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"distribution.{module}.command_line.main", interrupt)
    with pytest.raises(SystemExit) as status:
        runpy.run_module(f"distribution.{module}", run_name="__main__")
    assert status.value.code == 130
