"""Files in place of a CRL, in a function with as much memory as the template gives it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.aws.api_events import rest_event
from tests.integration.template.stacks import AUTHORIZER
from tests.pki import der
from tests.pki.certificate_authorities import entry
from tests.pki.kept_lists import CA, FIRST, GOOD, HTML, REVOKED, UNKNOWN, WITHDRAWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

ROOT = Path(__file__).parents[4]
MEGABYTES = int(AUTHORIZER.properties("defaults", "Authorizer")["MemorySize"])
MIB = 1024 * 1024
LIMIT = MEGABYTES * MIB // 8

ASK = """
import json, logging, os, sys
logging.basicConfig(level=logging.ERROR)
logging.getLogger().handlers[0].format = lambda record: str(getattr(record, "error", ""))
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.current_policy import CurrentPolicy, WaitSeconds
from mtls_authorizer.policy.settings import load_settings
settings = load_settings(os.environ)
authorizer = Authorizer(settings, CurrentPolicy(settings, wait_seconds=WaitSeconds(60, 60, 60, 60, 180, 60)))
for line in sys.stdin:
    answer = authorizer.authorize(json.loads(line))
    print(json.dumps(answer["context"].get("reason")), flush=True)
"""


def _pem(fill: bytes) -> Callable[[IO[bytes], int], None]:
    def write(file: IO[bytes], size: int) -> None:
        begin, end = b"-----BEGIN X509 CRL-----\n", b"-----END X509 CRL-----\n"
        file.write(begin)
        lines = size - len(begin) - len(end)
        file.writelines([fill * 64 * 1024] * (lines // (len(fill) * 64 * 1024)))
        file.write(end)

    return write


def _der(file: IO[bytes], size: int) -> None:
    """Write a CRL that is not signed by the CA, and whose entries take nearly all of it."""
    one = entry(5)
    crl = CA.revoke(revoked=der.sequence(one * ((size - 1000) // len(one))))
    file.write(crl[:-8] + bytes(8))


def _html(file: IO[bytes], size: int) -> None:
    file.write(HTML)
    file.truncate(size)


FILES = {
    "HTML": (_html, LIMIT, "neither a CRL in DER nor exactly one in PEM"),
    # Decoded: zeros, which are elements of two octets. An object for each would take fifty times as much.
    "PEM of zeros": (_pem(b"A" * 63 + b"\n"), LIMIT // 4, "an element contains more than 7 others"),
    "DER": (_der, LIMIT, "not signed by the CA"),
}


def ask(folder: Path, *certificates: str, replace: Callable[[], None] | None = None) -> tuple[list[str | None], str]:
    """Return the deny reasons, from a process with the memory of the function, and its log."""

    def limit_memory() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEGABYTES * MIB, MEGABYTES * MIB))

    environment = {
        "PYTHONPATH": os.pathsep.join([str(ROOT / "layer"), str(ROOT / "authorizer")]),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEGABYTES),
        "MALLOC_ARENA_MAX": "1",  # an arena reserves addresses, and no memory
        "ALLOWED_COMMON_NAMES": "client",
        "CRL_URIS": (folder / "ca.crl").as_uri(),
        "TRUSTSTORE_URI": (folder / "truststore.pem").as_uri(),
        "CRL_REFRESH_SECONDS": "1",
    }
    with subprocess.Popen(
        [sys.executable, "-c", ASK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=limit_memory,  # noqa: PLW1509 -- no threads are running that matter
    ) as process:
        assert process.stdin
        assert process.stdout
        reasons = []
        for certificate in certificates:
            process.stdin.write(json.dumps(rest_event(certificate)) + "\n")
            process.stdin.flush()
            reasons.append(json.loads(process.stdout.readline()))
            if replace is not None:
                replace()
                replace = None
        _, log = process.communicate(timeout=60)
    assert process.returncode == 0
    return reasons, log


@pytest.mark.parametrize(("write", "size", "error"), FILES.values(), ids=FILES)
def test_a_file_within_the_limit_that_is_not_signed_is_rejected_without_a_crash(
    tmp_path: Path, write: Callable[[IO[bytes], int], None], size: int, error: str
) -> None:
    (tmp_path / "truststore.pem").write_bytes(CA.pem)
    with (tmp_path / "ca.crl").open("wb") as file:
        write(file, size)
    reasons, log = ask(tmp_path, GOOD)
    assert reasons == [UNKNOWN]
    assert error in log


def test_a_file_of_250_mib_is_rejected_without_a_crash(tmp_path: Path) -> None:
    (tmp_path / "truststore.pem").write_bytes(CA.pem)
    with (tmp_path / "ca.crl").open("wb") as file:
        _der(file, MIB)
        file.truncate(250 * MIB)
    reasons, log = ask(tmp_path, GOOD, WITHDRAWN)
    assert reasons == [UNKNOWN, UNKNOWN]
    assert f"larger than {LIMIT:,} bytes" in log


def test_a_file_of_250_mib_in_place_of_a_crl_leaves_the_crl_in_force(tmp_path: Path) -> None:
    (tmp_path / "truststore.pem").write_bytes(CA.pem)
    (tmp_path / "ca.crl").write_bytes(FIRST)

    def replace() -> None:
        with (tmp_path / "new").open("wb") as file:
            file.truncate(250 * MIB)
        (tmp_path / "new").replace(tmp_path / "ca.crl")

    assert ask(tmp_path, *[GOOD, WITHDRAWN] * 2, replace=replace)[0] == [None, REVOKED] * 2
