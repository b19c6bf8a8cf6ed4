"""What `sam build` writes for each template. The first process that needs a build makes it for all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.integration.template.stacks import TEMPLATES
from tests.integration.template.tools import sam_build
from tests.shared_folder import shared_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[str], Path]:
    """Return a function that builds a template, by its name, and returns the folder of the build."""
    paths = {template.name: template.path for template in TEMPLATES}

    def build(name: str) -> Path:
        fill = partial(sam_build, paths[name])
        return shared_folder(tmp_path_factory, worker_id, f"template-{name}", fill) / "build"

    return build
