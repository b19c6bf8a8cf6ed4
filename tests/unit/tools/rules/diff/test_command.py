"""``mtls-authorizer rules diff``: its output, its exit status, and its options."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.main import main
from tests.pki.certificate_authorities import CertificateAuthority
from tests.pki.certificates import client_pem, pem
from tests.rules_documents import document, rule

if TYPE_CHECKING:
    from pathlib import Path

OLD = [
    rule(name="a", match={"subject": "CN=a,O=Acme"}, allow=["GET /orders/*", "POST /orders"]),
    rule(name="b", match={"subject": "CN=b,O=Acme"}),
    rule(name="c", match={"common_name": ["c", "x"]}, allow=["GET /c"], context={"tenant": "c"}),
    rule(name="d", match={"common_name": "d"}, context={"tenant": "d"}),
]
NEW = {
    "deny": {"common_name": "d"},
    "rules": [
        OLD[3],
        OLD[2] | {"context": {"tenant": "new"}, "match": {"common_name": "c"}},
        OLD[0] | {"allow": ["GET /orders/1", "GET /new"], "api_id": "a1"},
        rule(name="z", match={"subject": "CN=b,O=Acme"}),
        rule(name="added", match={"common_name": "other"}, allow=["GET /other"]),
    ],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.json").write_bytes(document(*OLD))
    (tmp_path / "new.json").write_text(json.dumps(NEW))
    (tmp_path / "certs").mkdir()
    for client in "abcd":
        (tmp_path / "certs" / f"{client}.pem").write_text(client_pem(("O", "Acme"), ("CN", client)))
    (tmp_path / "certs" / "notes.txt").write_text("notes")
    return tmp_path


def diff(*options: str, environment: dict[str, str] | None = None) -> int:
    return main(["rules", "diff", "old.json", "new.json", *options], environment or {})


@pytest.mark.usefixtures("folder")
def test_the_differences_of_rules_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert diff() == 1
    assert (
        capsys.readouterr().out
        == """\
rules: 1 added, 2 changed, 1 renamed, 1 unchanged
deny: 1 added, 0 removed

~ rule a: changed
  gains   GET /new
  loses   GET /orders/*, POST /orders
  now     GET /orders/1, GET /new
  api_id
    + a1

+ rule added: added
  gains   GET /other
  match.common_name
    + 'other'

~ rule c: changed
  match.common_name
    - 'x'
  context
    + tenant='new'
    - tenant='c'

= rule z: renamed, was b

deny (these clients are denied, whatever rules match)
    + common_name 'd'

note: rules with a context or a usage plan key are in another order. If several match a client,
      those of the first rule are used.

Next step: add --certs FOLDER to see what changes for which client.
"""
    )


@pytest.mark.usefixtures("folder")
def test_the_differences_of_clients_are_printed_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert diff("--certs", "certs") == 1
    output = capsys.readouterr().out
    assert output.startswith("""\
3 of 4 clients changed: routes lost by 2, gained by 1
rules: 1 added, 2 changed, 1 renamed, 1 unchanged
deny: 1 added, 0 removed

client 'a' in certs/a.pem
  gains   GET /new (only for api_id a1)
  loses   GET /orders/*, POST /orders
  now     GET /orders/1, GET /new (only for api_id a1)
  rules   a -> a

client 'c' in certs/c.pem
  the context or the usage plan key changes
  rules   c -> c

client 'd' in certs/d.pem
  loses   all routes
  rules   d -> none (certificate_excluded)

~ rule a""")
    assert "\nnote: skipped: certs/notes.txt" in output
    assert output.endswith("logged requests:\n  mtls-authorizer rules what-if --log FILE --rules new.json\n")
    assert max(map(len, output.splitlines())) <= 100


def test_the_options_that_the_results_depend_on_are_part_of_the_next_step(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "truststore.pem").write_bytes(CertificateAuthority("ca").pem)
    (folder / "f.env").write_text("ALLOWED_COMMON_NAMES=e\n")
    assert diff("--certs", "certs", "--env-file", "f.env", "--truststore", "truststore.pem") == 1
    assert capsys.readouterr().out.endswith(
        "  mtls-authorizer rules what-if --log FILE --rules new.json --truststore truststore.pem --env-file f.env\n"
    )


@pytest.mark.usefixtures("folder")
def test_the_differences_are_available_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert diff("--json") == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["version"], result["different"], result["unchanged_rules"]) == (1, True, 1)
    assert (result["clients"], result["unchanged_clients"]) == (None, None)
    assert result["deny"] == {"part": "deny", "added": ["common_name 'd'"], "removed": []}
    assert diff("--json", "--certs", "certs") == 1
    result = json.loads(capsys.readouterr().out)
    assert [client["file"] for client in result["clients"]] == ["certs/a.pem", "certs/c.pem", "certs/d.pem"]
    assert result["clients"][2]["lost"] == [{"routes": None, "limits": None}]
    assert result["clients"][0]["gained"] == [{"routes": ["GET /new"], "limits": "api_id a1"}]
    assert result["unchanged_clients"] == 1
    assert [each["file"] for each in result["skipped"]] == ["certs/notes.txt"]


def test_long_values_are_broken_into_lines_of_100_columns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = rule(name="long", match={"subject": f"CN={'x' * 400},O=\u202e"}, allow=["GET /" + "y" * 290])
    (folder / "new.json").write_bytes(document(*OLD, long))
    assert diff("--certs", "certs") == 1
    output = capsys.readouterr().out
    assert max(map(len, output.splitlines())) <= 100
    assert output.isascii()
    assert "y" * 80 in output


def test_equal_documents_have_status_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "new.json").write_text(json.dumps({"rules": OLD[::-1]}, indent=3))
    assert diff("--certs", "certs/a.pem") == 0
    output = capsys.readouterr().out
    assert output.startswith("0 of 1 client changed: routes lost by 0, gained by 0\nrules: 4 unchanged\n")
    assert output.endswith("\nNothing differs.\n")


def test_the_lists_and_the_required_usages_of_the_environment_apply(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "function.env").write_text("ALLOWED_ORGANIZATIONS=Acme\n")
    assert diff("--certs", "certs/a.pem", "--env-file", "function.env") == 1
    assert capsys.readouterr().out.startswith("0 of 1 client change")


def test_rules_that_name_keys_of_issuers_need_the_truststore(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    authority = CertificateAuthority("CA")
    (folder / "truststore.pem").write_bytes(authority.pem)
    (folder / "certs" / "signed.pem").write_text(pem(authority.issue()))
    (folder / "new.json").write_bytes(document(*OLD, rule(name="keyed", match={"issuer_key": authority.signer})))
    assert diff("--certs", "certs/signed.pem") == 2
    assert "new.json has rules with issuer_key: name the truststore with --truststore" in capsys.readouterr().err
    assert diff("--certs", "certs/signed.pem", "--truststore", "truststore.pem") == 1
    assert "rules   none (no_rule_matched) -> keyed" in capsys.readouterr().out
    assert diff("--certs", "certs/signed.pem", environment={"TRUSTSTORE_URI": f"file://{folder}/truststore.pem"}) == 1
    assert diff() == 1


def test_certs_that_cannot_be_read_are_an_error_after_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "certs" / "link.pem").symlink_to("/nowhere")
    assert diff("--certs", "certs") == 2
    out, err = capsys.readouterr()
    assert "clients changed" in out
    assert "the result is incomplete: certs/link.pem cannot be read" in err


def test_certs_without_any_certificate_are_an_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "readme").write_text("text")
    assert diff("--certs", "readme") == 2
    assert capsys.readouterr().err == (
        "mtls-authorizer rules diff: no file of --certs contains a certificate, so no clients were compared\n"
    )
