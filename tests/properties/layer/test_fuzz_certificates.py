"""Short runs of the fuzz targets for certificates, the same each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.measuring.processes import node_version
from tests.fuzz import fuzz_certificates, fuzz_certificates_against_node
from tests.fuzz.compare_certificates import compare_all, find_certificates
from tests.fuzz.fuzz_certificates_against_node import Outcome, compare, what_node_reads
from tests.pki import der
from tests.pki.certificates import AUTHORITY_INFO_ACCESS, certificate_der, extension, name, pem, subject_alt_names

if TYPE_CHECKING:
    from pathlib import Path


def test_the_parser_and_cryptography_agree_on_odd_certificates() -> None:
    outcomes = fuzz_certificates.fuzz(5, executions=5_000)
    assert outcomes.total() == 5_000
    assert min(outcomes["malformed"], outcomes["not read by cryptography"], outcomes["read by both"]) > 500


def test_the_parser_and_node_agree_on_odd_certificates_but_for_the_listed_differences() -> None:
    if not node_version().startswith("v20."):
        pytest.skip(f"needs Node 20, and this is {node_version()}")
    outcomes = fuzz_certificates_against_node.fuzz(5, executions=3_000)
    assert outcomes.total() == 3_000
    assert outcomes[Outcome.EQUAL] > 1_200
    assert outcomes[Outcome.BOTH_REJECT] > 600
    assert set(outcomes) == set(Outcome)


def test_names_of_other_oids_are_a_listed_difference_wherever_names_are() -> None:
    if not node_version().startswith("v20."):
        pytest.skip(f"needs Node 20, and this is {node_version()}")
    # Neither has a name for 0.39.
    unusual = name(("2.5.29.17", "a"), ("0.39", "c"), ("CN", "b"))
    directory_name = der.tagged(4, unusual, constructed=True)
    access = der.sequence(der.sequence(der.oid("1.3.6.1.5.5.7.48.1"), directory_name))
    certificates = [
        certificate_der(subject=unusual),
        certificate_der(issuer=unusual),
        certificate_der(extensions=[subject_alt_names(directory_name)]),
        certificate_der(extensions=[extension(AUTHORITY_INFO_ACCESS, access)]),
    ]
    for certificate, nodes in zip(certificates, what_node_reads(certificates), strict=True):
        assert compare(certificate, nodes) == Outcome.OBJECT_IDENTIFIER


def test_certificates_in_folders_are_found_and_compared(tmp_path: Path) -> None:
    if not node_version().startswith("v20."):
        pytest.skip(f"needs Node 20, and this is {node_version()}")
    equal, rejected, odd_time = (
        certificate_der(),
        b"0\3garbage",
        certificate_der(not_before=der.tlv(der.UTC_TIME, b"x")),
    )
    (tmp_path / "chain.txt").write_text(f"text\n{pem(equal)}{pem(odd_time)}", encoding="ascii")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "client.der").write_bytes(equal)
    (tmp_path / "folder" / "garbage.crt").write_bytes(rejected)
    certificates = find_certificates([tmp_path])
    assert set(certificates) == {equal, odd_time, rejected}
    outcomes, lines = compare_all(certificates)
    assert outcomes == {Outcome.EQUAL: 1, Outcome.TIME: 1, Outcome.BOTH_REJECT: 1}
    assert len(lines) == 1
    assert str(tmp_path / "chain.txt") in lines[0]
