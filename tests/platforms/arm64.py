"""arm64 Python under QEMU. ``python -m tests.platforms.arm64 FOLDER VERSION COMMAND...`` is `main`."""

from __future__ import annotations

import hashlib
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from distribution.python_versions import DEBIAN_SUITES
from tests.platforms.debian import extract_file, fill_once
from tests.platforms.debian_python import unpack_python

VERSIONS = tuple(version for version, suite in DEBIAN_SUITES.items() if suite)

REQUIREMENTS = Path("tests/runs_on_lambda_requirements.txt")

# Graviton2's. QEMU's default has pointer authentication, which is ten times slower to emulate.
_PROCESSOR = "neoverse-n1"

# Registers QEMU for arm64 executables, in a namespace of its own (Linux 6.7), and runs a command there. The numbers are
# the beginning of an ELF header with that machine (System V ABI, "Object Files"), and the bits of it that matter.
_MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
_IN_NAMESPACE = """
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf %s "$1" > /proc/sys/fs/binfmt_misc/register
shift
exec "$@"
"""


def arm64_python(folder: Path, version: str) -> list[str]:
    """Return a command that runs an arm64 Python, without processes that it starts. Unpacks QEMU and Python.

    Raises NotDebianError and DownloadError.
    """
    return [*_emulator(folder, version), str(unpack_python(folder, version, "aarch64"))]


def main() -> None:
    """Run a command with ``python`` for an arm64 Python with what the tests of the code on Lambda need.

    Processes that it starts are emulated too. Exits with the command's status.
    """
    folder, version, command = Path(sys.argv[1]).absolute(), sys.argv[2], sys.argv[3:]
    python = _make_environment(folder, version)
    with tempfile.TemporaryDirectory() as temporary:
        # The kernel passes an executable's path, and its arguments, to a command without arguments of its own.
        emulator = Path(temporary, "qemu")
        emulator.write_text(f'#!/bin/sh\nexec {shlex.join(_emulator(folder, version))} "$@"\n')
        emulator.chmod(0o755)
        rule = f":arm64:M::{_MAGIC}:{_MASK}:{emulator}:"
        namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-euc", _IN_NAMESPACE, "sh", rule]
        sys.exit(subprocess.run([*namespace, str(python), *command], check=False).returncode)


def _emulator(folder: Path, version: str) -> list[str]:
    """Return the command that an executable's path and arguments are appended to."""
    qemu, path = folder / "qemu", "usr/bin/qemu-aarch64-static"
    fill_once(qemu, lambda: extract_file("qemu-user-static", path, qemu, suite="bookworm", architecture="amd64"))
    root = unpack_python(folder, version, "aarch64").parents[2]
    return [str(qemu / path), "-cpu", _PROCESSOR, "-L", str(root)]


def _make_environment(folder: Path, version: str) -> Path:
    """Make a virtual environment, and return the path of its Python.

    This machine's pip downloads the wheels: emulated, it would take minutes.
    """
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    environment = folder / f"environment{version}-arm64-{digest[:8]}"

    def fill() -> None:
        venv = [*arm64_python(folder, version), "-m", "venv", "--without-pip", str(environment)]
        subprocess.run(venv, check=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        pip += ["--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", str(REQUIREMENTS)]
        for platform in ("manylinux_2_28_aarch64", "manylinux2014_aarch64"):
            pip += ["--platform", platform]
        pip += ["--python-version", version, "--target", str(environment / f"lib/python{version}/site-packages")]
        subprocess.run(pip, check=True)

    fill_once(environment, fill)
    return environment / "bin/python"


if __name__ == "__main__":
    main()
