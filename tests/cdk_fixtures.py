"""What the CDK synthesizes from the construct, the examples and the code on the pages.

All in one process, because loading the CDK takes ten times longer than synthesizing an app.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared_folder import shared_folder

PROJECT = Path(__file__).parents[1]

# Releases are read by Node, which keeps the working directory that it was started in.
_RUN = """
import json, runpy, sys
for script, *arguments in json.loads(sys.argv[1]):
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")
"""


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder with the output of the apps: ``constructs``, ``examples`` and ``pages``."""
    from benchmarks.processes import find_node  # noqa: PLC0415 -- the tests of what runs on Lambda do without it
    from tests.integration.cdk.deployments import write_release  # noqa: PLC0415 -- imports the templates
    from tests.integration.documentation.cdk_app import code_on_the_pages  # noqa: PLC0415 -- reads the pages
    from tests.integration.examples.cdk_app import EXAMPLES_APP  # noqa: PLC0415 -- as the others

    def synthesize(folder: Path) -> None:
        write_release(folder)
        (folder / "examples_app.py").write_text(EXAMPLES_APP, encoding="utf-8")
        (folder / "pages_app.py").write_text(code_on_the_pages(), encoding="utf-8")
        apps = [
            (PROJECT / "tests/integration/cdk/app.py", folder, folder / "constructs"),
            (folder / "examples_app.py", folder / "examples"),
            (folder / "pages_app.py", folder / "pages"),
        ]
        environment = {
            "PATH": f"{os.environ['PATH']}{os.pathsep}{Path(find_node()).parent}",
            # Users copy the construct, so that it is a module of its own.
            "PYTHONPATH": os.pathsep.join(map(str, (PROJECT, PROJECT / "cdk"))),
            "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
            # It takes 8 seconds to start. cfn-lint checks the templates; `make test-cdk-typescript` validates, too.
            "CDK_VALIDATION": "false",
        }
        command = [sys.executable, "-c", _RUN, json.dumps([list(map(str, app)) for app in apps])]
        subprocess.run(command, check=True, cwd=folder, env=os.environ | environment, timeout=300)

    return shared_folder(tmp_path_factory, worker_id, "cdk", synthesize)
