"""CPython from Debian, unpacked into a folder. ``python -m tests.platforms.debian_python FOLDER`` is `main`."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from distribution.layer_builder.interpreters import find_interpreters
from distribution.python_versions import DEBIAN_SUITES, PYTHON_VERSIONS
from tests.platforms.debian import DownloadError, NotDebianError, extract_file, fill_once, unpack


class Architecture(NamedTuple):
    """Debian's name, the folder of its libraries, and their loader."""

    name: str
    libraries: str
    loader: str

    def folders(self, root: Path) -> list[Path]:
        """Return the folders of the libraries in a folder that packages were unpacked into."""
        return [root / "usr/lib" / self.libraries, root / "lib" / self.libraries]


ARCHITECTURES = {
    "aarch64": Architecture("arm64", "aarch64-linux-gnu", "ld-linux-aarch64.so.1"),
    "x86_64": Architecture("amd64", "x86_64-linux-gnu", "ld-linux-x86-64.so.2"),
}
"""By the processor's name as in ``platform.machine()``."""


class NotInDebianError(Exception):
    """No Debian suite has this Python version, or not for this architecture."""


def main() -> None:
    """Unpack each supported Python version that this machine lacks into a folder, and link it in the folder's ``bin``.

    Exits with status 1 if one is still missing, after a message for each.
    """
    folder = Path(sys.argv[1]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    missing = [version for version in PYTHON_VERSIONS if version not in find_interpreters()]
    failures = [message for message in (_provide(folder, version) for version in missing) if message]
    sys.exit("\n".join(failures) or None)


def _provide(folder: Path, version: str) -> str | None:
    """Unpack and link a version, and return a message if that fails."""
    print(f"Unpacking Python {version} from Debian {DEBIAN_SUITES[version]} into {folder}", flush=True)
    try:
        python = unpack_python(folder, version, platform.machine())
    except (NotInDebianError, NotDebianError, DownloadError) as error:
        return f"Python {version} is missing: {error}"
    link_python(folder, python)
    return None


def link_python(folder: Path, python: Path) -> None:
    """Link a Python in a folder's ``bin``, and its standard library in ``lib``.

    An environment that is made with the first link looks for the library next to it.
    """
    prefix = python.parents[1]
    for target in (python, prefix / "lib" / python.name):
        link = folder / target.relative_to(prefix)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)


def unpack_python(folder: Path, version: str, machine: str) -> Path:
    """Return the path of a Python version that was unpacked into a folder, which must not be moved afterwards.

    ``machine`` is the processor's name as in ``platform.machine()``. A Python for another processor than this one needs
    the folder three levels above its path as the root of its libraries. Raises NotInDebianError, NotDebianError and
    DownloadError.
    """
    suite, architecture = DEBIAN_SUITES[version], ARCHITECTURES.get(machine)
    if suite is None or architecture is None:
        message = f"Debian does not have Python {version} for {machine}; pyenv does"
        raise NotInDebianError(message)
    root = folder / f"python{version}-{architecture.name}"
    python = root / "usr/bin" / f"python{version}"

    def fill() -> None:
        _unpack(root, version, suite, architecture)
        if machine == platform.machine():
            # Newer versions of patchelf than bookworm's 0.14 write executables that crash.
            extract_file("patchelf", "usr/bin/patchelf", root, suite="bookworm", architecture=architecture.name)
            use_own_loader(python, root, architecture)
        compiler = python if machine == platform.machine() else find_interpreters().get(version)
        if compiler is not None:
            _compile_standard_library(root, version, compiler)

    fill_once(root, fill)
    return python


def _unpack(root: Path, version: str, suite: str, architecture: Architecture) -> None:
    # Extension modules of awslambdaric and cryptography need libstdc++6 and libgcc-s1, which Lambda's runtimes have.
    packages = [f"python{version}-venv", "libgcc-s1", "libstdc++6"]
    unpack(packages, root, suite=suite, architecture=architecture.name)
    if not (root / "lib").exists():  # newer suites have all libraries in /usr/lib
        (root / "lib").symlink_to("usr/lib")
    # The wheels that `python -m venv` installs pip from.
    for module in (root / f"usr/lib/python{version}").glob("_sysconfigdata_*.py"):
        module.write_text(module.read_text().replace("'/usr/share/python-wheels", f"'{root}/usr/share/python-wheels"))


def _compile_standard_library(root: Path, version: str, compiler: Path) -> None:
    """Compile it as Debian does when it installs a package. Otherwise each start would, where nothing is written (-B).

    The files are the same for all processors, so a Python that is not emulated compiles them.
    """
    library = root / f"usr/lib/python{version}"
    subprocess.run([compiler, "-I", "-m", "compileall", "-q", library], check=True)


def use_own_loader(executable: Path, root: Path, architecture: Architecture) -> None:
    """Make an executable use the loader and libraries in a folder, also in processes that it starts.

    The folder must contain patchelf.
    """
    folders = architecture.folders(root)
    path = os.pathsep.join(map(str, folders))
    loader = folders[1] / architecture.loader
    # The older RPATH and not RUNPATH, because it applies to the libraries of extension modules too.
    patchelf: list[str | Path] = [loader, "--library-path", path, root / "usr/bin/patchelf"]
    subprocess.run(
        [*patchelf, "--set-interpreter", loader, "--force-rpath", "--set-rpath", path, executable], check=True
    )


if __name__ == "__main__":
    main()
