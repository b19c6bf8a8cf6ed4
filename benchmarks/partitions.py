"""The cost of CRLs below a prefix: the start of a function with 1,000 partitions in comparison with a single one.

``make bench-crl`` runs this, and writes ``benchmarks/results/partitions.md``. The CRLs are in S3: a proxy on loopback
repeats the responses of moto's server, which itself takes longer than S3.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from benchmarks.measuring.processes import PYTHON_STATUS, describe_machine, run
from benchmarks.measuring.report import make_report, write_report
from tests.aws.api_events import rest_event
from tests.aws.server import CREDENTIALS, REGION, aws_server
from tests.pki.kept_lists import CA
from tests.pki.partitions import client_of, partition
from tests.servers.faulty_proxy import faulty_proxy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import Answer, Exchanging, FaultyProxy

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "benchmarks" / "results" / "partitions.md"
PATHS = [PROJECT / "authorizer", PROJECT / "layer", Path(sysconfig.get_path("purelib"))]

_NAMED = 3
"""The partition of the certificate. The others are never read, and are small."""

_TRIES = 20

_SERIAL_BITS = 159

# The requests of each step are counted on the way to the server.
START = f"""
import json, sys, time
sys.path[1:1] = sys.argv[2:]
import botocore.httpsession
send, requests = botocore.httpsession.URLLib3Session.send, []
def counted(session, request):
    requests.append(request.url.partition("?")[0].rpartition("/")[2])
    return send(session, request)
botocore.httpsession.URLLib3Session.send = counted
from mtls_authorizer.handler import handler
figures = {{"start": time.process_time() * 1e3, "start_requests": len(requests)}}
del requests[:]
for step, event in zip(("first", "second"), json.loads(sys.argv[1]), strict=True):
    began = time.process_time()
    answer = handler(event, None)
    figures[step] = (time.process_time() - began) * 1e3
    figures[step + "_requests"] = len(requests)
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow", answer
    del requests[:]
print("FIGURES " + json.dumps(figures))
{PYTHON_STATUS}
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="how often each process runs (default: %(default)s)")
    parser.add_argument("--partitions", type=int, default=1000, help="below the larger prefix (default: %(default)s)")
    parser.add_argument("--entries", type=int, default=27_000, help="of a partition, 27,000 for 1 MB")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where to write (default: %(default)s)")
    options = parser.parse_args(arguments)
    with aws_server() as aws, faulty_proxy(aws.url) as proxy:
        figures = measure(aws, proxy, (1, options.partitions), options.entries, options.rounds)
    write_report(describe(figures, options.rounds), options.results)


def measure(
    aws: AwsServer, proxy: FaultyProxy, sizes: Sequence[int], entries: int, rounds: int
) -> dict[int, dict[str, float]]:
    """Start a function for each size of a prefix once per round, alternately, in a process of its own.

    The figures are CPU milliseconds, and numbers of requests: of the start, and of the first two certificates of a
    partition.
    """
    answers: dict[str, Answer] = {}

    def repeat(exchanging: Exchanging) -> None:
        path = exchanging.path
        if path not in answers:
            answers[path] = exchanging.ask()
        exchanging.send(answers[path])
        exchanging.close_connection = False

    proxy.break_with(repeat)
    random = Random(1)  # noqa: S311 -- the same list each time
    large = partition(_NAMED, *(random.getrandbits(_SERIAL_BITS) for _ in range(entries)))
    aws.put_object("s3://bucket/truststore.pem", CA.pem)
    for size in sizes:
        aws.put_object(f"s3://bucket/{size}/{_NAMED}.crl", large)
        for part in range(size - 1):
            aws.put_object(f"s3://bucket/{size}/other-{part}.crl", b"never read")
        for _ in range(_TRIES):
            with suppress(RuntimeError):  # moto may take longer than the function waits
                _start(proxy.url, size)
                break
    printed: dict[int, list[dict[str, float]]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size in sizes:
            printed[size].append(_start(proxy.url, size))
    return {size: _summarize(of_one) for size, of_one in printed.items()}


def _start(url: str, size: int) -> dict[str, float]:
    environment = {
        **CREDENTIALS,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ALLOWED_COMMON_NAMES": "client",
        "CRL_URIS": f"s3://bucket/{size}/",
        "TRUSTSTORE_URI": "s3://bucket/truststore.pem",
        "LOG_DECISIONS": "none",
    }
    events = json.dumps([rest_event(client_of(_NAMED, serial)) for serial in (1, 2)])
    command = [sys.executable, "-I", "-S", "-c", START, events, *map(str, PATHS)]
    output = run(command, environment).output
    line = next(line for line in output.splitlines() if line.startswith("FIGURES "))
    figures: dict[str, float] = json.loads(line.removeprefix("FIGURES "))
    return figures


def _summarize(printed: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the minimum of each figure, and the median of the start."""
    least = {key: min(each[key] for each in printed) for key in printed[0]}
    return {**least, "median_start": statistics.median(each["start"] for each in printed)}


def describe(figures: Mapping[int, Mapping[str, float]], rounds: int) -> str:
    """Return the table in Markdown."""
    base = figures[min(figures)]
    header = [
        *("partitions", "start, CPU ms", "median", "÷ one partition", "requests"),
        *("first certificate, CPU ms", "requests", "second, CPU ms", "requests"),
    ]
    rows = [
        [
            *(f"{size:,}", f"{of_one['start']:.0f}", f"{of_one['median_start']:.0f}"),
            *(f"{of_one['start'] / base['start']:.2f}", f"{of_one['start_requests']}"),
            *(f"{of_one['first']:.1f}", f"{of_one['first_requests']}"),
            *(f"{of_one['second']:.1f}", f"{of_one['second_requests']}"),
        ]
        for size, of_one in figures.items()
    ]
    notes = [
        "The partition of both certificates has 1 MB. A prefix with a single CRL is loaded at the start.",
        f"{rounds} rounds, in turn; Python {platform.python_version()}; {describe_machine()}.",
    ]
    return make_report(header, rows, notes)


if __name__ == "__main__":
    main()
