"""``mtls-authorizer rules add`` and ``rules import``, on rules documents in files."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer_cli.main import main
from tests.pki import der
from tests.pki.certificate_authorities import NOW, CertificateAuthority
from tests.pki.certificates import NOT_BEFORE, client_pem, name, pem

DOCUMENT = """{
  "rules": [
    {"name": "first", "match": {"common_name": "first"}, "allow": ["GET /first"]}
  ]
}
"""
ROUTE = ("--allow", "GET /orders/*")
FAR = NOW.replace(year=2049)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, with a rules document and the certificates of three clients."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.json").write_text(DOCUMENT)
    for client in ("a", "b", "c"):
        (tmp_path / f"{client}.pem").write_text(client_pem(("O", "Acme"), ("CN", client)))
    return tmp_path


def add(*arguments: str, environment: dict[str, str] | None = None) -> int:
    return main(["rules", "add", *arguments], environment or {})


def import_csv(folder: Path, content: str, *arguments: str) -> int:
    (folder / "partners.csv").write_text(content)
    return main(["rules", "import", "partners.csv", "--rules", "rules.json", *arguments], {})


def rules_in(folder: Path, file: str = "rules.json") -> list[dict[str, Any]]:
    content = (folder / file).read_bytes()
    parse_rules(content)
    rules: list[dict[str, Any]] = json.loads(content)["rules"]
    return rules


def rule_of(client: str, **others: object) -> dict[str, object]:
    return {
        "name": client,
        "match": {"subject": f"CN={client},O=Acme", "issuer": "CN=Test CA"},
        "allow": ["GET /orders/*"],
    } | others


def test_a_rule_is_added_at_the_end_and_everything_else_stays_as_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add("--from-cert", "a.pem", "--name", "a", *ROUTE, "--rules", "rules.json", "--yes") == 0
    assert (folder / "rules.json").read_text().startswith(DOCUMENT.removesuffix("\n  ]\n}\n"))
    assert rules_in(folder)[1:] == [rule_of("a")]
    output = capsys.readouterr().out
    assert output.startswith("Added 1 rule (a) to rules.json.\nwarning: the chain is not verified")
    assert output.endswith("mtls-authorizer explain CERT --rules rules.json\n")
    assert max(map(len, output.splitlines())) <= 100


def test_a_rule_can_have_several_routes_a_context_and_a_description(folder: Path) -> None:
    options = ["--allow", "POST /orders", "--context", "tenant=a=b", "--context", "x=", "--description", "For Acme."]
    assert add("--from-cert", "a.pem", "--name", "a", *ROUTE, *options, "--rules", "rules.json", "--yes") == 0
    (_, rule) = rules_in(folder)
    assert list(rule) == ["name", "description", "match", "allow", "context"]
    assert rule["allow"] == ["GET /orders/*", "POST /orders"]
    assert rule["context"] == {"tenant": "a=b", "x": ""}


def test_all_routes_are_only_allowed_explicitly(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate = ("--from-cert", "a.pem", "--name", "a", "--rules", "rules.json", "--yes")
    for options in ((), ("--allow",), (*ROUTE, "--allow-all-routes")):
        with pytest.raises(SystemExit) as exited:
            add(*certificate, *options)
        assert exited.value.code == 2
    assert "--allow" in capsys.readouterr().err
    assert add(*certificate, "--allow-all-routes") == 0
    assert "allow" not in rules_in(folder)[1]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--name", "a b", *ROUTE], "--name: must be 1 to 64 letters"),
        (["--name", "a", "--allow", "orders"], "--allow: 'orders' is not a method and a path"),
        (["--name", "a", *ROUTE, "--context", "a"], "--context 'a': write each key once, with its value"),
        (["--name", "a", *ROUTE, "--context", "a=b", "--context", "a=c"], "--context 'a=c': write each key once"),
        (["--name", "a", *ROUTE, "--context", "reason=b"], "--context.reason: is a key that"),
        (["--name", "first", *ROUTE], "--name: 'first' is the name of another rule in the document"),
        (["--name", "a", *ROUTE, "--from-cert", "rules.json"], "rules add: rules.json is a rules document"),
        (["--name", "a", *ROUTE, "--truststore", "a.pem"], "a.pem: no PEM block of the truststore (1 in all)"),
        (
            ["--name", "a", *ROUTE, "--truststore", "rules.json"],
            "rules.json: it is JSON. Name the truststore",
        ),
        (["--name", "a", *ROUTE, "--truststore", "s3x://a"], "s3x://a"),
        (["--name", "a", *ROUTE, "--rules", "a.pem"], "a.pem is not valid as it is stored"),
    ],
)
def test_a_problem_names_the_option_and_nothing_is_written(
    options: list[str], problem: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert add("--from-cert", "a.pem", "--rules", "rules.json", *options, "--yes") == 2
    assert problem in capsys.readouterr().err
    assert (folder / "rules.json").read_text() == DOCUMENT


def test_the_document_is_that_of_the_environment(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--from-cert", "a.pem", "--name", "a", *ROUTE, "--yes")
    assert add(*options) == 2
    assert "no rules document: AUTHORIZER_RULES_URI is not set" in capsys.readouterr().err
    assert add(*options, environment={"AUTHORIZER_RULES": DOCUMENT}) == 2
    assert "the rules are in the variable AUTHORIZER_RULES" in capsys.readouterr().err
    assert add(*options, environment={"AUTHORIZER_RULES_URI": f"file://{folder}/rules.json"}) == 0
    assert len(rules_in(folder)) == 2
    (folder / "function.env").write_text("AUTHORIZER_RULES_URI=file:///no/rules.json\nALLOWED_COMMON_NAME=a\n")
    assert add(*options, "--env-file", "function.env") == 2
    assert "ALLOWED_COMMON_NAME is not a variable" in capsys.readouterr().err


def test_a_document_that_does_not_exist_is_created_once(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--from-cert", "a.pem", "--name", "a", *ROUTE, "--rules", "new.json")
    assert add(*options, "--dry-run") == 0
    assert not (folder / "new.json").exists()
    output = capsys.readouterr().out
    assert "\n- {}\n" in output
    assert '\n+       "name": "a",\n' in output
    for expected in ("Added 1 rule (a) to new.json", "Nothing to add to new.json; already in the document: 1 rule (a)"):
        capsys.readouterr()
        assert add(*options, "--yes") == 0
        assert capsys.readouterr().out.startswith(expected)
    assert (folder / "new.json").read_text() == json.dumps({"rules": [rule_of("a")]}, indent=2) + "\n"
    assert sorted(path.name for path in folder.iterdir()) == ["a.pem", "b.pem", "c.pem", "new.json", "rules.json"]
    anyone = {"ALLOW_ANY_CLIENT_CERTIFICATE": "true"}
    assert add(*options, "--rules", "other.json", "--yes", environment=anyone) == 2
    assert "other.json would not be valid: ALLOW_ANY_CLIENT_CERTIFICATE is true" in capsys.readouterr().err
    assert add(*options, "--rules", "no/new.json", "--yes") == 2
    assert "no/new.json cannot be written: No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "problem"), [("x" * 300, "File name too long"), ("a.pem/new.json", "Not a directory")]
)
def test_a_document_that_cannot_be_created_is_one_line(
    file: str, problem: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--from-cert", "a.pem", "--name", "a", *ROUTE)
    assert add(*options, "--rules", file, "--yes") == 2
    assert capsys.readouterr().err.endswith(f"{file} cannot be written: {problem}\n")
    assert rules_in(folder) == json.loads(DOCUMENT)["rules"]


def test_an_interruption_while_a_document_is_created_says_that_it_may_be_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    create = Path.hardlink_to

    def interrupted_afterwards(path: Path, target: Path) -> None:
        create(path, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "hardlink_to", interrupted_afterwards)
    options = ("--from-cert", "a.pem", "--name", "a", *ROUTE, "--rules", "new.json")
    assert add(*options, "--yes") == 130
    assert "interrupted: the change may have been written" in capsys.readouterr().err
    assert rules_in(folder, "new.json") == [rule_of("a")]
    assert add(*options, "--dry-run") == 0
    assert "already in the document" in capsys.readouterr().out


def test_the_path_in_a_uri_is_decoded(folder: Path) -> None:
    (folder / "the rules.json").write_text(DOCUMENT)
    uri = (folder / "the rules.json").as_uri()
    assert add("--from-cert", "a.pem", "--name", "a", *ROUTE, "--rules", uri, "--yes") == 0
    assert [rule["name"] for rule in rules_in(folder, "the rules.json")] == ["first", "a"]
    assert not list(folder.glob("*%20*"))


def test_a_file_that_appears_before_it_is_created_is_changed_instead(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer() -> str:
        (folder / "new.json").write_text(DOCUMENT)
        return "y\n"

    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True, readline=answer))
    assert add("--from-cert", "a.pem", "--name", "a", *ROUTE, "--rules", "new.json") == 0
    assert [rule["name"] for rule in rules_in(folder, "new.json")] == ["first", "a"]


def test_a_dry_run_shows_the_change_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert add("--from-cert", "a.pem", "--name", "a", *ROUTE, "--rules", "rules.json", "--dry-run") == 0
    output = capsys.readouterr().out
    assert output.startswith("Dry run, nothing was written. Would add 1 rule (a) to rules.json.\n")
    assert '"name": "a"' in output
    assert output.endswith("Next step: run the command again with --yes to write the change.\n")
    assert (folder / "rules.json").read_text() == DOCUMENT


@pytest.mark.usefixtures("folder")
def test_nothing_is_written_without_a_confirmation(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--from-cert", "a.pem", "--name", "a", *ROUTE, "--rules", "rules.json")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    assert add(*options) == 2
    assert "write it with --yes" in capsys.readouterr().err
    for answer, status in (("n\n", 1), ("y\n", 0)):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True, readline=io.StringIO(answer).readline))
        assert add(*options) == status
        output, errors = capsys.readouterr()
        assert output.startswith("Added" if status == 0 else "Not confirmed, nothing was written to rules.json.\n")
        assert '"name": "a"' in errors
        # Those who confirm know the warnings, and do not read them again.
        warning = "warning: the chain is not verified"
        assert errors.index(warning) < errors.index("Write this to rules.json? [y/N] ")
        assert warning not in output


def test_warnings_about_other_rules_precede_the_question(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "rules.json").write_text('{"rules": [{"name": "first", "match": {"common_name": "a"}}]}')
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True, readline=io.StringIO("n\n").readline))
    for file in ("rules.json", "new.json"):
        assert add("--from-cert", "a.pem", "--name", "a", *ROUTE, "--rules", file) == 1
        errors = capsys.readouterr().err
        assert '"name": "a"' in errors
        assert ("the client of rule a also matches first" in errors) is (file == "rules.json")


def test_with_a_truststore_the_rule_needs_the_functions_truststore(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = CertificateAuthority("CA", not_after=FAR)
    (folder / "truststore.pem").write_bytes(authority.pem)
    (folder / "client.pem").write_text(pem(authority.issue(subject=name(("CN", "d")), not_after=FAR)))
    options = ("--from-cert", "client.pem", "--name", "d", *ROUTE, "--rules", "rules.json", "--yes", "--json")
    assert add(*options, "--truststore", "truststore.pem") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["warnings"] == [
        "the function needs TRUSTSTORE_URI: without it, rules with issuer_key match no client"
    ]
    assert "issuer_key" in rules_in(folder)[1]["match"]
    assert add(*options, environment={"TRUSTSTORE_URI": f"file://{folder}/truststore.pem"}) == 0
    assert json.loads(capsys.readouterr().out) == {
        "version": 1,
        "rules": "rules.json",
        "written": False,
        "dry_run": False,
        "added": [],
        "already_present": ["d"],
        "warnings": [],
    }


def test_another_rule_about_the_key_of_the_clients_ca_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = CertificateAuthority("CA", not_after=FAR)
    (folder / "truststore.pem").write_bytes(authority.pem)
    (folder / "client.pem").write_text(pem(authority.issue(subject=name(("CN", "d")), not_after=FAR)))
    (folder / "rules.json").write_text(
        json.dumps({"rules": [{"name": "partner", "match": {"issuer_key": authority.signer}}]})
    )
    options = ("--from-cert", "client.pem", "--name", "d", *ROUTE, "--rules", "rules.json", "--yes", "--json")
    assert add(*options, "--truststore", "truststore.pem") == 0
    assert json.loads(capsys.readouterr().out)["warnings"][1:] == [
        "the client of rule d also matches partner, and may call the routes of all of them"
    ]


def test_other_rules_about_the_same_client_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = {"deny": {"common_name": "a"}, "rules": [{"name": "acme", "match": {"organization": "Acme"}}]}
    (folder / "rules.json").write_text(json.dumps(document))
    for client, warnings in (
        ("b", ["the client of rule b also matches acme, and may call the routes of all of them"]),
        (
            "a",
            [
                "the client of rule a stays blocked by deny: see mtls-authorizer unblock",
                "the client of rule a also matches acme, and may call the routes of all of them",
            ],
        ),
    ):
        options = ("--from-cert", f"{client}.pem", "--name", client, *ROUTE, "--rules", "rules.json", "--yes", "--json")
        assert add(*options) == 0
        assert json.loads(capsys.readouterr().out)["warnings"][1:] == warnings


HEADER = "name,certificate,allow,context.tenant\n"


def test_each_row_becomes_a_rule(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "a,a.pem,GET /orders/*,Acme\nb,b.pem,GET /orders/*,\n"
    assert import_csv(folder, HEADER + rows, "--yes") == 0
    assert rules_in(folder)[1:] == [rule_of("a", context={"tenant": "Acme"}), rule_of("b")]
    output = capsys.readouterr().out
    assert output.startswith("Added 2 rules (a, b) to rules.json.\n")
    assert output.count("the chain is not verified") == 1
    # The same rows again add nothing, and new ones are added.
    assert import_csv(folder, f"{HEADER}{rows}c,c.pem,GET /c,\n", "--yes", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert ([rule["name"] for rule in result["added"]], result["already_present"]) == (["c"], ["a", "b"])
    assert [rule["name"] for rule in rules_in(folder)] == ["first", "a", "b", "c"]


def test_a_row_may_have_a_description(folder: Path) -> None:
    rows = "name,certificate,allow,description\na,a.pem,GET /orders/*,For Acme.\nb,b.pem,GET /orders/*,\n"
    assert import_csv(folder, rows, "--yes") == 0
    assert rules_in(folder)[1:] == [rule_of("a", description="For Acme."), rule_of("b")]


def test_with_a_truststore_each_row_becomes_a_rule_about_the_key_of_its_ca(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = (CertificateAuthority(common_name, not_after=FAR) for common_name in ("One", "Other"))
    (folder / "truststore.pem").write_bytes(one.pem + other.pem)
    for client, authority in (("d", one), ("e", other)):
        issued = authority.issue(subject=name(("CN", client)), not_after=FAR)
        (folder / f"{client}.pem").write_text(pem(issued))
    rows = f"{HEADER}d,d.pem,GET /d,\ne,e.pem,GET /e,\n"
    trusted = ("--truststore", "truststore.pem", "--yes")
    assert import_csv(folder, f"{rows}a,a.pem,GET /a,\n", *trusted) == 2
    error, _ = capsys.readouterr().err.splitlines()
    assert error.startswith("partners.csv:4: column certificate: a.pem: API Gateway would reject the certificate")
    assert import_csv(folder, rows, *trusted) == 0
    keys = [rule["match"]["issuer_key"] for rule in rules_in(folder)[1:]]
    assert [key.replace(":", "").lower() for key in keys] == [one.signer, other.signer]


def test_a_warning_names_the_rows_that_it_is_about(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "old.pem").write_text(client_pem(("CN", "old"), not_after=der.time(NOT_BEFORE)))
    rows = "".join(f"{name},{name}.pem,GET /orders/*,\n" for name in ("a", "b", "old"))
    assert import_csv(folder, HEADER + rows, "--dry-run", "--json") == 0
    not_verified, expired = json.loads(capsys.readouterr().out)["warnings"]
    assert not_verified.endswith(" (lines 2, 3, 4)")
    assert expired == "the certificate expired on 2020-01-01T00:00:00Z (line 4)"


def test_certificates_are_found_relative_to_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "p.csv").write_text(f"{HEADER}a,../a.pem,GET /a,\n")
    assert main(["rules", "import", "sub/p.csv", "--rules", "rules.json", "--yes"], {}) == 0
    standard_input = SimpleNamespace(buffer=io.BytesIO(f"{HEADER}b,b.pem,GET /b,\n".encode()))
    monkeypatch.setattr("sys.stdin", standard_input)
    assert main(["rules", "import", "-", "--rules", "rules.json", "--yes"], {}) == 0
    assert len(rules_in(folder)) == 3


def test_a_dash_in_a_cell_is_not_the_standard_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert import_csv(folder, f"{HEADER}a,-,GET /a,\n", "--yes") == 2
    assert "column certificate: ./- cannot be read: No such file or directory" in capsys.readouterr().err


def test_all_routes_of_a_row_need_the_option_and_the_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = f"{HEADER}a,a.pem,All routes,\n"
    assert import_csv(folder, rows, "--yes") == 2
    assert "partners.csv:2: column allow: is 'all routes': write routes, or use --allow-all-routes" in (
        capsys.readouterr().err
    )
    assert import_csv(folder, rows, "--yes", "--allow-all-routes") == 0
    assert "allow" not in rules_in(folder)[1]


def test_every_problem_of_every_row_is_printed_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        "a,a.pem,GET /a,",
        "a,b.pem,GET /b,",
        "b,a.pem,GET /a,",
        "c d,c.pem,get /c|POST,\u00e9",
        "e,no.pem,GET /e,",
        "f,rules.json,|,",
        ",nowhere.pem,,",
        "g,,GET,",
        "h,c.pem",
    ]
    assert import_csv(folder, HEADER + "\n".join(rows), "--yes") == 2
    output, errors = capsys.readouterr()
    assert output == ""
    beginnings = [
        "3: column name: is also the name on line 2: write one row for each client",
        "4: column certificate: belongs to the same client as the certificate on line 2: write one row for each client",
        "5: column allow: 'POST' is not a method and a path",
        "5: column allow: 'get /c' does not start with a method",
        "5: column context.tenant: must be a string of printable ASCII",
        "5: column name: must be 1 to 64 letters",
        "6: column certificate: no.pem cannot be read: No such file or directory",
        "7: column allow: must be a list of routes",
        "7: column certificate: rules.json",
        "8: column allow: is empty",
        "8: column certificate: nowhere.pem cannot be read: No such file or directory",
        "8: column name: is empty",
        "9: column allow: 'GET' is not a method and a path",
        "9: column certificate: is empty",
        "10: has 2 cells, and the first row has 4",
    ]
    assert "separate routes" not in errors
    lines = errors.splitlines()
    assert lines.pop() == "mtls-authorizer rules import: nothing was written: correct the lines above"
    assert len(lines) == len(beginnings)
    assert all(line.startswith(f"partners.csv:{text}") for line, text in zip(lines, beginnings, strict=True))
    assert (folder / "rules.json").read_text() == DOCUMENT


@pytest.mark.parametrize("separator", [", ", ";", "\n"])
def test_routes_with_another_separator_have_the_right_one_in_the_message(
    separator: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert import_csv(folder, f'{HEADER}a,a.pem,"GET /a/*{separator}GET /b",\n', "--yes") == 2
    line, *_ = capsys.readouterr().err.splitlines()
    assert line.startswith("partners.csv:2: column allow: ")
    assert line.endswith("; separate routes with |")


def test_a_name_in_the_document_is_a_problem_of_its_row(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert import_csv(folder, f"{HEADER}a,a.pem,GET /a,\nfirst,b.pem,GET /b,\n", "--yes") == 2
    assert "partners.csv:3: column name: 'first' is the name of another rule" in capsys.readouterr().err
    assert (folder / "rules.json").read_text() == DOCUMENT


def test_the_next_step_shows_that_the_new_client_is_allowed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    authority = CertificateAuthority("CA", not_after=FAR)
    (folder / "truststore.pem").write_bytes(authority.pem)
    (folder / "client.pem").write_text(pem(authority.issue(subject=name(("CN", "d")), not_after=FAR)))
    trusted = ("--truststore", "truststore.pem")
    assert add("--from-cert", "client.pem", "--name", "d", *ROUTE, "--rules", "rules.json", *trusted, "--yes") == 0
    step = "  mtls-authorizer explain CERT --rules rules.json --truststore truststore.pem\n"
    assert capsys.readouterr().out.endswith(step)
    arguments = step.replace("CERT", "client.pem").split()[1:]
    assert main(arguments, {}) == 0
    out = capsys.readouterr().out
    assert out.startswith("ALLOWED\n")
    assert "the function needs TRUSTSTORE_URI" in " ".join(out.split())
    # The variables of the function are known, and have no truststore.
    (folder / "function.env").write_text("PRINCIPAL_ID=fingerprint\n")
    assert main([*arguments, "--env-file", "function.env"], {}) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "rule 'd' matches, except for its issuer_key" in out
    assert "Next step: If this client is to be allowed, set the function's TRUSTSTORE_URI" in out
