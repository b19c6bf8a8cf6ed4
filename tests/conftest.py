from __future__ import annotations

import gc
import logging
import os
import shutil
from contextlib import redirect_stdout
from typing import TYPE_CHECKING
from zipfile import ZipFile

import hypothesis
import pytest

from mtls_authorizer.policy.settings import VARIABLES
from tests.shared_folder import shared_folder

pytest_plugins = [
    "tests.tooling.tracing",
    "tests.fixtures.aws",
    "tests.fixtures.cdk",
    "tests.fixtures.local_gateway",
    "tests.entry_point",
]

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distribution.layer_builder.wheels import Architecture

# Nothing is timed in a test: the machine may have other work to do.
hypothesis.settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True, max_examples=40
)
# For `make test-interpreters`: what each example finds hardly depends on the version of Python.
hypothesis.settings.register_profile("brief", hypothesis.settings.get_profile("untimed"), max_examples=10)
# For `make test-full`.
hypothesis.settings.register_profile("thorough", hypothesis.settings.get_profile("untimed"), max_examples=2000)
# For `make compare-rules`.
hypothesis.settings.register_profile(
    "many", hypothesis.settings.get_profile("untimed"), max_examples=int(os.environ.get("CASES", "100000"))
)
# For mutation testing: the same few examples for each mutant.
hypothesis.settings.register_profile(
    "mutation", hypothesis.settings.get_profile("untimed"), max_examples=30, derandomize=True, database=None
)
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Remove from the environment what a user may have set for AWS, an authorizer or a terminal.

    Otherwise tests, and the processes that they start, would depend on it. Other plugins have read it before.
    """
    for name in list(os.environ):
        if name.startswith("AWS_") or name in {*VARIABLES, "COLUMNS", "FORCE_COLOR", "NO_COLOR"}:
            del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name long bytes by their type: keys and certificates are different ones in each process that runs the tests."""
    return "bytes" if isinstance(val, bytes) and len(val) > 16 else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """Collect no garbage while tests are collected, which are a million objects, nor while they run.

    When Python 3.11 begins to trace a thread, it may collect garbage and thereby run code, such as that of Hypothesis.
    Meanwhile, no other thread can start.
    """
    gc.disable()


def pytest_runtest_logfinish() -> None:
    """Collect it between tests, less often than Python does: its default is (700, 10, 10)."""
    for generation, (count, threshold) in enumerate(zip(gc.get_count(), (20_000, 10, 30), strict=True)):
        if count > threshold:
            gc.collect(generation)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Capture what the functions log on Lambda, where the level is INFO."""
    caplog.set_level(logging.INFO, "mtls_authorizer")
    return caplog


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder with what `make layer` writes, and what it prints in the file `output`.

    The wheels that it downloads are kept for `kept_wheels`.
    """
    # Mutation testing copies no layer.
    from distribution.layer_builder import command_line, wheels  # noqa: PLC0415 -- see above
    from distribution.layer_builder import layers as builder  # noqa: PLC0415 -- see above

    def build(folder: Path) -> None:
        kept = _folder_of_wheels(folder)
        kept.mkdir(exist_ok=True)

        def download(
            requirements: Path, architecture: Architecture, to: Path, report: Callable[[str], object]
        ) -> list[Path]:
            found = wheels.download_wheels(requirements, architecture, to, report)
            for wheel in to.glob("*.whl"):
                shutil.copy(wheel, kept)
            return found

        with (folder / "output").open("w") as output, redirect_stdout(output), pytest.MonkeyPatch.context() as patch:
            patch.setattr(builder, "download_wheels", download)
            command_line.main(["layers", str(folder)])

    return shared_folder(tmp_path_factory, worker_id, "release", build)


@pytest.fixture(scope="session")
def kept_wheels(release: Path) -> dict[str, str]:
    """Return variables for further builds of the layer: pip takes the wheels that the first one has downloaded.

    Otherwise, pip reads the pages of an index ten times for each build: half a second of processor time each.
    """
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(_folder_of_wheels(release))}


def _folder_of_wheels(release: Path) -> Path:
    return release.with_name("wheels")


@pytest.fixture(scope="session")
def unpacked_layers(release: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder with the contents of the release's zip files, each in a folder named after its architecture."""
    from distribution.layer_builder.wheels import Architecture  # noqa: PLC0415 -- likewise

    def unpack(folder: Path) -> None:
        for architecture in Architecture:
            with ZipFile(release / f"client-certificate-auth-{architecture}.zip") as archive:
                archive.extractall(folder / architecture)

    return shared_folder(tmp_path_factory, worker_id, "layers", unpack)
