"""The steps of the Dockerfile, in an empty folder and with a new virtual environment as the base image."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from distribution.project import ROOT
from tests.pki.certificates import client_pem

if TYPE_CHECKING:
    from pathlib import Path

DOCKERFILE = re.sub(r"\\\n", "", (ROOT / "examples/Dockerfile").read_text())
RUN_HANDLER = """
import sys
import client_certificate_auth, cryptography
from client_certificate_auth.testing import rest_api_event
from layer_only import handler
print(handler(rest_api_event(sys.stdin.read()), None)["body"], client_certificate_auth.__file__, cryptography.__file__)
"""


def test_the_steps_create_a_working_package(tmp_path: Path) -> None:
    task, package, image = tmp_path / "task", tmp_path / "package", tmp_path / "image"
    task.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", image], check=True)
    pip = shlex.join(
        [sys.executable, "-m", "pip", "--python", str(image / "bin/python"), "--disable-pip-version-check"]
    )
    # Nothing of this environment, such as the build backend, may be found.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    source = tmp_path / "source"
    command = []
    for line in DOCKERFILE.splitlines():
        instruction, _, rest = line.partition(" ")
        if instruction == "WORKDIR":
            assert rest == "/source"
            source.mkdir()
        elif instruction == "COPY":
            *options, origin, target = shlex.split(rest)
            folder = package if options == ["--from=build"] else ROOT / origin
            to = task if target == "${LAMBDA_TASK_ROOT}/" else source / target
            if folder.is_dir():
                shutil.copytree(folder, to, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(folder, to)
        elif instruction == "RUN":
            step = rest.replace("python -m pip", pip).replace("/package", shlex.quote(str(package)))
            subprocess.run(step, cwd=source, env=environment, shell=True, check=True)  # noqa: S602 -- our own file
        elif instruction == "CMD":
            command = shlex.split(rest.strip("[]"))
        else:
            assert instruction in {"", "#", "ARG", "FROM"}, line
    assert command == ["layer_only.handler"]
    result = subprocess.run(
        [image / "bin/python", "-c", RUN_HANDLER],
        input=client_pem(("CN", "authorized-client")),
        cwd=task,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    module, library = (task / name / "__init__.py" for name in ("client_certificate_auth", "cryptography"))
    assert result.stdout == f"Hello authorized-client {module} {library}\n"
    assert not list(task.glob("hatchling*"))
