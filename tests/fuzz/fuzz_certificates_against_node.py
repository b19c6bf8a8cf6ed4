"""Fuzzes ``to_dict()`` against Node 20: `python -m tests.fuzz.fuzz_certificates_against_node --seconds 600`.

Whatever the parser accepts, Node and its OpenSSL accept and read as the same object, key by key, except for the
differences in ``Outcome``. `layer` must be on PYTHONPATH.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import time
from collections import Counter
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from benchmarks.measuring.processes import find_node
from client_certificate_auth import MalformedCertificateError, PeerCertificate
from tests.fuzz.command_line import FindingError, run
from tests.fuzz.odd_certificates import OddCertificates
from tests.pki import der

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SERVER = Path(__file__).parents[1] / "golden" / "legacy_objects_of.js"
_BATCH = 100
_DOTTED_OID = re.compile(r"[0-2](\.\d+)+( - .*)?")
_DOTTED_TYPE = re.compile(r"\d+(?:\.\d+)+=(?:#[0-9A-F]+)?")


class Outcome(StrEnum):
    """What Node and the parser make of a certificate."""

    EQUAL = "equal"
    BOTH_REJECT = "both reject"
    STRUCTURE = "the structure is read strictly: DER, nothing after it, no extension twice, the versions of RFC 5280"
    TIME = "a time has another form than those of RFC 5280"
    NAME = "a name has a value that is not text"
    OBJECT_IDENTIFIER = "Node has a name for an OID that is no attribute type or access method"
    KEY = "an elliptic curve key: a rarely used curve, or a description of a curve in full"


def fuzz(seed: int, *, seconds: float = float("inf"), executions: float = float("inf")) -> Counter[str]:
    """Run until the time is over or the number reached, and count the outcomes. Raises FindingError."""
    certificates = OddCertificates(Random(seed))  # noqa: S311 -- to be repeatable
    outcomes: Counter[str] = Counter()
    end = time.monotonic() + seconds
    with _running_node() as node:
        while outcomes.total() < executions and time.monotonic() < end:
            batch = [certificates.make() for _ in range(_BATCH)]
            for certificate, nodes in zip(batch, _ask(node, batch), strict=True):
                try:
                    outcomes[compare(certificate, nodes)] += 1
                except Exception as error:
                    message = f"after {outcomes.total()} executions: {certificate.hex()}"
                    raise FindingError(message) from error
    return outcomes


def what_node_reads(certificates: Sequence[bytes]) -> Iterator[dict[str, object] | None]:
    """Return Node's object of each certificate in DER, None for one that it rejects."""
    with _running_node() as node:
        for start in range(0, len(certificates), _BATCH):
            yield from _ask(node, certificates[start : start + _BATCH])


def _running_node() -> subprocess.Popen[str]:
    return subprocess.Popen([find_node(), _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")


def _ask(node: subprocess.Popen[str], batch: Sequence[bytes]) -> Iterator[dict[str, object] | None]:
    assert node.stdin is not None
    assert node.stdout is not None
    node.stdin.writelines(f"{base64.b64encode(certificate).decode()}\n" for certificate in batch)
    node.stdin.flush()
    for _ in batch:
        yield json.loads(node.stdout.readline())


def compare(certificate: bytes, nodes: Mapping[str, object] | None) -> Outcome:
    """Return how a certificate's object compares with Node's. Raises AssertionError for any other difference."""
    try:
        ours = PeerCertificate.from_der(certificate).to_dict()
    except MalformedCertificateError as error:
        return Outcome.BOTH_REJECT if nodes is None else _rejection(str(error))
    assert nodes is not None, "Node rejects the certificate"
    written = json.loads(json.dumps(ours, default=lambda buffer: {"type": "Buffer", "hex": buffer.hex()}))
    if list(written.items()) == list(nodes.items()):
        return Outcome.EQUAL
    differing = {key for key in written.keys() | nodes.keys() if written.get(key, ...) != nodes.get(key, ...)}
    outcomes = {_difference(key, written.get(key), nodes.get(key), certificate) for key in differing}
    return min(outcomes, key=list(Outcome).index)


def _rejection(message: str) -> Outcome:
    if message.startswith("the time "):
        return Outcome.TIME
    return Outcome.NAME if "is not text" in message else Outcome.STRUCTURE


def _difference(key: str, ours: object, nodes: object, certificate: bytes) -> Outcome:
    match key:
        case "subject" | "issuer" | "infoAccess" if isinstance(ours, dict) and isinstance(nodes, dict):
            # The same values, where ours has dotted OIDs.
            assert all(_DOTTED_OID.fullmatch(name) for name in ours.keys() - nodes.keys())
            for our_value, nodes_value in zip(_values(ours), _values(nodes), strict=True):
                assert our_value == nodes_value or (key == "infoAccess" and _has_dotted_types(our_value, nodes_value))
            return Outcome.OBJECT_IDENTIFIER
        case "subjectaltname" if isinstance(ours, str) and isinstance(nodes, str):
            assert _has_dotted_types(ours, nodes)
            return Outcome.OBJECT_IDENTIFIER
        case "bits" | "pubkey" | "asn1Curve" | "nistCurve":
            assert der.oid("1.2.840.10045.2.1") in certificate
            return Outcome.KEY
        case "ca":
            assert (ours, nodes) == (False, True)
            return Outcome.STRUCTURE
        case _:
            assert key in {"subjectaltname", "infoAccess", "ext_key_usage"}
            assert ours is None
            return Outcome.STRUCTURE


def _has_dotted_types(ours: str, nodes: str) -> bool:
    """Return whether general names only differ in types of directory names, for which ours have dotted OIDs."""
    # The value of a type without a name is in hexadecimal, so quotes differ too.
    parts = _DOTTED_TYPE.split(ours.replace('"', ""))
    pattern = "[A-Za-z0-9.-]+=.*".join(map(re.escape, parts))
    return len(parts) > 1 and re.fullmatch(pattern, nodes.replace('"', ""), re.DOTALL) is not None


def _values(item: Mapping[str, str | list[str]]) -> list[str]:
    return [text for value in item.values() for text in ([value] if isinstance(value, str) else value)]


if __name__ == "__main__":
    run(fuzz, __doc__)
