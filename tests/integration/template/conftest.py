"""What `sam build` writes for each template. The first process that needs one makes all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.template.stacks import TEMPLATES
from tests.integration.template.tools import sam_build
from tests.shared_folder import shared_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def built(
    kept_wheels: dict[str, str], tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Callable[[str], Path]:
    """Return a function that builds a template, by its name, and returns the folder of the build."""

    def build(folder: Path) -> None:
        names = [each.name for each in TEMPLATES]
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in kept_wheels.items():
                patch.setenv(variable, value)
            sam_build(*(template.path for template in TEMPLATES), folder=folder, names=names)

    return lambda name: shared_folder(tmp_path_factory, worker_id, "templates", build) / name
