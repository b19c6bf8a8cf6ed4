"""Folders that are expensive to fill, and that all processes of a test session share."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def shared_folder(factory: pytest.TempPathFactory, worker_id: str, name: str, fill: Callable[[Path], object]) -> Path:
    """Return a folder that the first process that needs it has filled for all."""
    base = factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / name
    filled = folder.with_suffix(".filled")
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not filled.exists():
            folder.mkdir(exist_ok=True)
            fill(folder)
            filled.touch()
    return folder
