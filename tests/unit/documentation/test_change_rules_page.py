"""The page on changing rules describes what the commands print, and its examples work."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer_cli.main import main
from mtls_authorizer_cli.rules.change.csv_file import REQUIRED_COLUMNS
from mtls_authorizer_cli.rules.diff.comparison import ChangeKind
from tests.pki.certificates import client_pem
from tests.unit.documentation.markdown import codes, fences, first_column, section

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "docs/change-rules.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, with the page's CSV file and the certificates that it names."""
    monkeypatch.chdir(tmp_path)
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    for file, common_name in (("acme", "acme-batch"), ("globex", "globex")):
        (certificates / f"{file}.pem").write_text(client_pem(("CN", common_name)))
    (csv,) = (fence.text for fence in fences("csv") if fence.page == PAGE)
    (tmp_path / "partners.csv").write_text(csv)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    main([*arguments, "--json"], {})
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def change(folder: Path) -> None:
    """Write the documents that the page's example compares."""
    shutil.copy("rules.json", "new-rules.json")
    document = json.loads((folder / "rules.json").read_text())
    document["rules"][0]["allow"] = ["GET /orders/1"]
    (folder / "new-rules.json").write_text(json.dumps(document))


def test_the_csv_file_can_be_imported_and_the_example_is_what_diff_prints(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rules", "import", "partners.csv", "--rules", "rules.json", "--yes"], {}) == 0
    assert {"acme", "globex"} == {rule["name"] for rule in json.loads((folder / "rules.json").read_text())["rules"]}
    change(folder)
    capsys.readouterr()
    assert main(["rules", "diff", "rules.json", "new-rules.json", "--certs", "certificates/"], {}) == 1
    (shown,) = (fence.text for fence in fences("text") if fence.page == PAGE)
    assert capsys.readouterr().out.rstrip() == shown.rstrip()


def test_the_columns_of_the_csv_file_are_documented() -> None:
    documented = first_column(PAGE, "Columns of the CSV file")
    assert documented == [*REQUIRED_COLUMNS, "description", "context.KEY"]


def test_every_key_of_the_json_is_documented(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    documented = set(codes(section(PAGE, "JSON output")))
    imported = run(capsys, "rules", "import", "partners.csv", "--rules", "rules.json", "--yes")
    change(folder)
    compared = run(capsys, "rules", "diff", "rules.json", "new-rules.json", "--certs", "certificates")
    entry = {"decision": "allow", "reason": None, "subject_dn": "CN=acme-batch", "issuer_dn": "CN=other"}
    (folder / "log.json").write_text("\n".join(json.dumps(entry | each) for each in ({}, {"issuer_dn": "CN=Test CA"})))
    tried = run(capsys, "rules", "what-if", "--log", "log.json", "--rules", "new-rules.json")
    parts = [imported, compared, compared["rules"][0], compared["clients"][0], compared["clients"][0]["lost"][0]]
    parts += [tried, tried["changed"][0], tried["undetermined"][0]]
    assert {key for part in parts for key in part} <= documented | {"version"}
    assert {kind.value for kind in ChangeKind} <= documented
