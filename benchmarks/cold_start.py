"""The cost of a cold start: the built layer and the authorizer in comparison with a typical authorizer on Node.

``make bench-cold`` builds the layer, runs this, and writes ``benchmarks/results/cold-start.md``.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

from benchmarks.measuring.processes import (
    NODE_STATUS,
    PYTHON_STATUS,
    Summary,
    describe_machine,
    describe_pythons,
    find_debian_builds,
    find_node,
    measure,
    node_version,
    run,
)
from benchmarks.measuring.report import make_report, write_report
from distribution.layer_builder.contents import assemble_function
from distribution.layer_builder.interpreters import find_interpreters
from tests.aws.api_events import rest_event
from tests.pki.certificates import client_pem

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "benchmarks" / "results" / "cold-start.md"
ENVIRONMENT = {"ALLOWED_COMMON_NAMES": "client", "PYTHONDONTWRITEBYTECODE": "1"}
NODE = "Node, typical authorizer"
SUBJECT = (("C", "US"), ("ST", "Washington"), ("L", "Seattle"), ("O", "Acme"), ("OU", "payments"), ("CN", "client"))


def main() -> None:
    """Measure, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30, help="how often each process runs (default: %(default)s)")
    rounds = parser.parse_args().rounds
    interpreters = find_interpreters() | find_debian_builds()
    with tempfile.TemporaryDirectory() as folder:
        commands = make_commands(Path(folder), interpreters)
        check(commands)
        summaries = measure(commands, ENVIRONMENT, rounds)
    write_report(describe(summaries, rounds, interpreters), RESULTS)


def make_commands(folder: Path, interpreters: Mapping[str, Path]) -> dict[str, list[str]]:
    """Unpack the built layer and function, with compiled files and without, and return the commands to run."""
    compiled, sources = unpack(folder / "compiled"), folder / "sources"
    shutil.copytree(compiled, sources, ignore=shutil.ignore_patterns("__pycache__"))
    event = folder / "event.json"
    event.write_text(json.dumps(rest_event(client_pem(*SUBJECT))), encoding="utf-8")

    node = find_node()
    commands = {
        "Node, bare": [node, "--eval", NODE_STATUS],
        NODE: [node, str(PROJECT / "benchmarks" / "measured" / "typical_authorizer.js"), str(event)],
    }
    for version, interpreter in interpreters.items():
        # Ignores the environment and site-packages: Python starts as on Lambda, whatever this machine contains.
        python = [str(interpreter), "-I", "-S", "-B"]
        once = [*python, str(PROJECT / "benchmarks" / "measured" / "one_event.py")]
        path = str(compiled / "opt" / "python")

        def authorize(unpacked: Path, function: str = version.split()[0]) -> list[str]:
            return [str(event), str(unpacked / function), str(unpacked / "opt" / "python")]

        x509 = f"import sys; sys.path.append({path!r}); from cryptography import x509; {PYTHON_STATUS}"
        commands |= {
            f"Python {version}, bare": [*python, "-c", PYTHON_STATUS],
            f"Python {version}, `cryptography.x509` alone": [*python, "-c", x509],
            f"Python {version}, this authorizer": [*once, *authorize(compiled)],
            f"Python {version}, this authorizer and its log": [*once, "--log", *authorize(compiled)],
            f"Python {version}, this authorizer without compiled files": [*once, *authorize(sources)],
        }
    return commands


def unpack(folder: Path) -> Path:
    """Unpack the built layer to ``opt`` in a folder, and the authorizer for each Python next to it."""
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    with ZipFile(PROJECT / "build" / f"client-certificate-auth-{architecture}.zip") as layer:
        layer.extractall(folder / "opt")
    for version in find_interpreters():
        assemble_function(PROJECT / "authorizer" / "mtls_authorizer", folder / version, version, lambda _step: None)
    return folder


def check(commands: dict[str, list[str]]) -> None:
    """Check that every authorizer allows the client, because failing takes less time."""
    for name, command in commands.items():
        if "authorizer" in name:
            (statement,) = json.loads(run(command, ENVIRONMENT).output.splitlines()[0])["policyDocument"]["Statement"]
            if statement["Effect"] != "Allow":
                message = f"{name} did not allow the client"
                raise RuntimeError(message)


def describe(summaries: dict[str, Summary], rounds: int, interpreters: Mapping[str, Path]) -> str:
    """Return the table in Markdown."""
    pythons = describe_pythons(interpreters)
    node = summaries[NODE]
    rows = [
        [
            *(name, f"{each.least_cpu:.0f}", f"{each.median_cpu:.0f}", f"{each.least_cpu / node.least_cpu:.2f}"),
            *(f"{each.memory:.0f}", f"{each.memory / node.memory:.2f}"),
        ]
        for name, each in summaries.items()
    ]
    conditions = f"{rounds} rounds, in turn; Python {pythons}; Node {node_version()}; {describe_machine()}."
    header = ["whole process", "CPU ms, least", "median", "÷ Node", "peak MiB", "÷ Node"]
    return make_report(header, rows, [conditions])


if __name__ == "__main__":
    main()
