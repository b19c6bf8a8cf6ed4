"""What `sam build` writes for each template. The first process that needs a build makes it for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.template.stacks import AUTHORIZER, MONITORING, REVOCATION, SAMPLE_API
from tests.integration.template.tools import sam_build
from tests.shared_folder import shared_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# The first two have the same layers, which are built once.
_BUILT_TOGETHER = {"templates-with-layers": (AUTHORIZER, REVOCATION), "templates": (MONITORING, SAMPLE_API)}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[str], Path]:
    """Return a function that builds a template, by its name, and returns the folder of the build."""

    def build(name: str) -> Path:
        [(folder_name, templates)] = [
            entry for entry in _BUILT_TOGETHER.items() if name in {template.name for template in entry[1]}
        ]

        def fill(folder: Path) -> None:
            for template in templates:
                sam_build(template.path, folder / template.name)

        return shared_folder(tmp_path_factory, worker_id, folder_name, fill) / name

    return build
