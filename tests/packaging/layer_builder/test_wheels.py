from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from distribution.errors import DistributionError
from distribution.layer_builder import wheels
from distribution.layer_builder.wheels import Architecture, check_index, download_wheels
from tests.packaging.layer_builder.small_wheels import write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILD_SYSTEM = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def have_pip_look_in(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pip know of nothing but the files in a folder."""
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_CONFIG_FILE": os.devnull}.items():
        monkeypatch.setenv(name, value)


def write_requirements(names: list[str], folder: Path) -> Path:
    """Write wheels to a folder named index, and a file that pins them."""
    hashes: dict[str, str] = {}
    for wheel in [write_wheel(folder / "index" / name, {}) for name in names]:
        package = wheel.name.partition("-")[0]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        hashes[package] = f"{hashes.get(package, '')} --hash=sha256:{digest}"
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(f"{package}==1.0{each}\n" for package, each in hashes.items()))
    return requirements


def test_a_wheel_without_a_hash_is_not_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "PYTHON_VERSIONS", ("3.14",))
    requirements = write_requirements(["any-1.0-py3-none-any.whl"], tmp_path)
    requirements.write_text("any==1.0\n")
    have_pip_look_in(tmp_path / "index", monkeypatch)
    with pytest.raises(DistributionError, match="Hashes are required"):
        download_wheels(requirements, Architecture.X86_64, tmp_path / "downloaded", lambda _: None)


@pytest.mark.parametrize(
    ("architecture", "processor", "others"),
    [(Architecture.ARM64, "aarch64", "x86_64"), (Architecture.X86_64, "x86_64", "aarch64")],
)
def test_wheels_are_for_lambdas_platform_not_for_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, architecture: Architecture, processor: str, others: str
) -> None:
    # pip takes half a second for each. Of the versions this is the one that tests are least likely to run on.
    monkeypatch.setattr(wheels, "PYTHON_VERSIONS", ("3.14",))
    wanted = [
        f"any-1.0-py3-none-manylinux2014_{processor}.whl",
        f"extension-1.0-cp314-cp314-manylinux2014_{processor}.whl",
        f"stable-1.0-cp311-abi3-manylinux_2_17_{processor}.manylinux2014_{processor}.whl",
        "tagged-1.0-cp314-none-any.whl",
    ]
    useless = [
        f"any-1.0-py3-none-manylinux2014_{others}.whl",
        f"extension-1.0-cp314-cp314-manylinux2014_{others}.whl",
        f"extension-1.0-cp313-cp313-manylinux2014_{processor}.whl",
        f"extension-1.0-cp314-cp314-manylinux_2_28_{processor}.whl",
        f"extension-1.0-pp311-pypy311_pp73-manylinux2014_{processor}.whl",
    ]
    have_pip_look_in(tmp_path / "index", monkeypatch)
    requirements = write_requirements([*wanted, *useless], tmp_path)
    steps: list[str] = []
    downloaded = download_wheels(requirements, architecture, tmp_path / "downloaded", steps.append)
    assert downloaded == [tmp_path / "downloaded" / name for name in wanted]
    assert steps == ["downloading the wheels for Python 3.14"]


def test_a_wheel_of_the_stable_abi_serves_all_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "PYTHON_VERSIONS", ("3.14", "3.15"))
    stable, newer = (f"stable-1.0-{tags}-manylinux2014_x86_64.whl" for tags in ("cp311-abi3", "cp315-abi3.abi3t"))
    have_pip_look_in(tmp_path / "index", monkeypatch)
    requirements = write_requirements([stable, newer], tmp_path)
    downloaded = download_wheels(requirements, Architecture.X86_64, tmp_path / "downloaded", lambda _: None)
    assert downloaded == [tmp_path / "downloaded" / stable]
    assert (tmp_path / "downloaded" / newer).exists()


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve with the handler, and return the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=[0.05]).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class SlowIndex(BaseHTTPRequestHandler):
    """The index of one wheel. Its pages take 3.2 seconds, as those of a slow mirror."""

    wheel: Path

    def do_GET(self) -> None:
        if is_page := self.path.endswith("/"):
            Event().wait(3.2)
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if is_page else "application/zip")
        self.end_headers()
        self.wfile.write(f'<a href="/{self.wheel.name}"></a>'.encode() if is_page else self.wheel.read_bytes())

    def log_message(self, *_: object) -> None:
        pass


def test_a_slow_index_has_the_time_that_pip_gives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "PYTHON_VERSIONS", ("3.14",))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    wheel = write_wheel(tmp_path / "any-1.0-py3-none-any.whl", {})
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"any==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    with serving(type("Handler", (SlowIndex,), {"wheel": wheel})) as address:
        (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {address}/simple\n")
        downloaded = download_wheels(requirements, Architecture.ARM64, tmp_path / "downloaded", lambda _: None)
    assert downloaded == [tmp_path / "downloaded" / wheel.name]


class SlowList(BaseHTTPRequestHandler):
    """An index that has the pages of projects, and takes a long time for its list of all projects."""

    def do_HEAD(self) -> None:
        if self.path.rstrip("/") == "/simple":
            Event().wait(30)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_the_list_of_all_projects_of_an_index_is_not_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    with serving(SlowList) as address:
        for path in ("simple", "simple/"):
            monkeypatch.setenv("PIP_INDEX_URL", f"{address}/{path}")
            check_index()


def test_a_pinned_source_distribution_is_rejected_and_not_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source-1.0"
    source.mkdir()
    (source / "pyproject.toml").write_text(BUILD_SYSTEM)
    (source / "backend.py").write_text(f"from pathlib import Path\nPath({str(tmp_path / 'was run')!r}).touch()\n")
    distribution = Path(shutil.make_archive(str(source), "gztar", tmp_path, source.name))
    digest = hashlib.sha256(distribution.read_bytes()).hexdigest()
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"source==1.0 --hash=sha256:{digest}\n")
    have_pip_look_in(tmp_path, monkeypatch)
    with pytest.raises(DistributionError):
        download_wheels(requirements, Architecture.ARM64, tmp_path, lambda _: None)
    assert not (tmp_path / "was run").exists()
