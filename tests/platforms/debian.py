"""Packages of any Debian suite and architecture, unpacked into a folder.

apt verifies the signatures with the keys of this machine's own Debian sources.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SOURCES: Final = Path("/etc/apt/sources.list.d/debian.sources")


_INSTALLED = "Package: {}\nStatus: install ok installed\nArchitecture: {}\nVersion: 9999\nMaintainer: none\n\n"


class NotDebianError(Exception):
    """This machine has no apt, or it does not use a Debian mirror. The message names what is missing."""


class DownloadError(Exception):
    """apt could not download the packages. It has printed the reason."""


def unpack(  # noqa: PLR0913 -- most are keyword arguments
    packages: Iterable[str],
    root: Path,
    *,
    suite: str,
    architecture: str,
    sources: Path = SOURCES,
    without: Iterable[str] = (),
) -> None:
    """Unpack packages and their dependencies into a folder, except those in ``without`` and what only they depend on.

    ``architecture`` is Debian's name. ``sources`` is the apt configuration whose mirror and keys are used, in deb822
    format. Raises NotDebianError and DownloadError.
    """
    with _download(["install", "--download-only", *packages], suite, architecture, sources, without) as archives:
        root.mkdir(parents=True, exist_ok=True)
        for package in archives:
            _extract(package, root)


def extract_file(package: str, path: str, root: Path, *, suite: str, architecture: str) -> None:
    """Unpack a single file of a package without its dependencies. Raises NotDebianError and DownloadError."""
    with _download(["download", package], suite, architecture, SOURCES) as (archive,):
        root.mkdir(parents=True, exist_ok=True)
        _extract(archive, root, f"./{path}")


def fill_once(root: Path, fill: Callable[[], object]) -> None:
    """Fill a folder, unless it was filled before, in one process at a time. It must not be moved afterwards."""
    finished = root.with_name(f"{root.name}.finished")
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_name(f"{root.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists() or finished.read_text() != str(root):
            shutil.rmtree(root, ignore_errors=True)
            fill()
            finished.write_text(str(root))


@contextmanager
def _download(
    command: list[str], suite: str, architecture: str, sources: Path, without: Iterable[str] = ()
) -> Iterator[list[Path]]:
    """Run a command of apt-get that downloads packages. Yields their paths."""
    for name in ("apt-get", "dpkg-deb"):
        if shutil.which(name) is None:
            message = f"{name} is not on this machine, so it has no access to Debian {suite}"
            raise NotDebianError(message)
    source = {"Types": "deb", **_read_mirror(sources), "Suites": suite, "Components": "main"}
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        for name in ("lists", "archives"):
            (state / name / "partial").mkdir(parents=True)
        (state / "status").write_text("".join(_INSTALLED.format(name, architecture) for name in without))
        (state / "debian.sources").write_text("".join(f"{name}: {value}\n" for name, value in source.items()))
        apt = ["apt-get", "-qq", "--yes", *_options(state, architecture)]
        _run([*apt, "update"], state)
        _run([*apt, *command], state)
        yield sorted(state.rglob("*.deb"))


def _read_mirror(sources: Path) -> dict[str, str]:
    """Return the mirror and the keys of the first source that is not for security updates."""
    text = sources.read_text(encoding="utf-8") if sources.is_file() else ""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for stanza in "\n".join(lines).split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line)
        if {"URIs", "Suites", "Signed-By"} <= fields.keys() and "-security" not in fields["Suites"]:
            return {"URIs": fields["URIs"], "Signed-By": fields["Signed-By"]}
    message = f"{sources} names no mirror of Debian with its keys: apt on this machine is not Debian's"
    raise NotDebianError(message)


def _options(state: Path, architecture: str) -> list[str]:
    options = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state,
        "Dir::Cache::archives": state / "archives",
        "Dir::Etc::sourcelist": state / "debian.sources",
        "Dir::Etc::sourceparts": "-",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "root",  # the user who runs this, whose folder it is
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    return [f"--option={name}={value}" for name, value in options.items()]


def _run(command: list[str], folder: Path) -> None:
    # Progress goes to standard output, which belongs to the caller.
    if subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode:
        message = f"this command failed: {' '.join(command)}"
        raise DownloadError(message)


def _extract(package: Path, root: Path, path: str = ".") -> None:
    tar = ["tar", "--extract", "--directory", str(root), path]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as archive:  # noqa: S607 -- from PATH
        subprocess.run(tar, stdin=archive.stdout, check=True)
