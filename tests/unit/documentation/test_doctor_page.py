"""The page on the doctor describes all of its checks, and its JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtls_authorizer_cli.doctor.findings import Check, Finding, NotChecked
from mtls_authorizer_cli.main import main
from tests.pki.certificate_authorities import CertificateAuthority
from tests.unit.documentation.markdown import codes, first_column, section, tables

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = "docs/doctor.md"
SECTIONS = ("Truststore", "Clients' certificates", "Variables", "API", "Authorizer", "Function")


def test_every_check_is_documented_with_its_consequence() -> None:
    rows = [row for heading in SECTIONS for row in tables(PAGE, heading)[0]]
    assert [codes(row[0])[0] for row in rows] == [check.value for check in Check]
    assert all(len(row) == 3 and row[2] for row in rows)


def test_every_key_of_the_json_is_documented(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "truststore.pem"
    file.write_bytes(CertificateAuthority("CA").pem)
    main(["doctor", "--truststore", str(file), "--json"], {})
    assert first_column(PAGE, "JSON output") == list(json.loads(capsys.readouterr().out))
    assert {*Finding._fields, *NotChecked._fields} <= set(codes(section(PAGE, "JSON output")))
