"""The commands that other commands print, to be copied into a shell."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.main import main
from tests.pki.certificate_authorities import IS_A_CA
from tests.pki.certificates import certificate_der, client_pem, name, pem
from tests.rules_documents import document, rule

if TYPE_CHECKING:
    from pathlib import Path

CLIENT, RULES, BUNDLE, CLIENTS = "Müller & Söhne.pem", "die Règles.json", "Bündel 1.pem", "Zwölf Kunden.pem"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["block", CLIENT, "--rules", RULES, "--yes"], (CLIENT, RULES)),
        (["unblock", CLIENT, "--rules", RULES, "--yes"], (CLIENT, RULES)),
        (["block", BUNDLE, "--rules", RULES, "--yes"], (BUNDLE,)),
        (
            ["rules", "add", "--from-cert", CLIENT, "--name", "n", "--allow", "GET /", "--rules", RULES, "--yes"],
            (RULES,),
        ),
        (["rules", "remove", "acme", "--rules", RULES, "--yes"], (RULES,)),
        (["rules", "diff", "old.json", RULES, "--certs", CLIENT, "--certs", CLIENTS], (CLIENTS, RULES)),
        (["explain", BUNDLE, "--rules", RULES], (BUNDLE,)),
        (["explain", CLIENT, BUNDLE, "--rules", RULES, "--route", "GET /ü"], (CLIENT, RULES, "GET /ü")),
        (["doctor", BUNDLE, CLIENTS, "--truststore", "truststore.pem"], (BUNDLE, CLIENTS)),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_a_shell_finds_the_files_that_a_printed_command_names(
    arguments: list[str],
    named: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    authority = pem(certificate_der(name(("CN", "CA")), extensions=[IS_A_CA]))
    (tmp_path / CLIENT).write_text(client_pem(("CN", "client")))
    (tmp_path / BUNDLE).write_text(authority + client_pem(("CN", "client")))
    (tmp_path / CLIENTS).write_text(client_pem(("CN", "one")) + client_pem(("CN", "other")))
    (tmp_path / "truststore.pem").write_text(authority)
    (tmp_path / "old.json").write_bytes(document(rule(match={"common_name": "other"})))
    (tmp_path / RULES).write_bytes(
        document(rule(name="acme", match={"common_name": "x"}), rule(name="other", allow=["GET /"]))
    )
    assert main(arguments, {}) in (0, 1)
    output = re.sub(r"\n +", " ", capsys.readouterr().out)
    for file in named:
        assert shlex.quote(file) in output


@pytest.mark.parametrize(
    "arguments", [["block", "client.pem"], ["unblock", "client.pem"], ["rules", "remove", "acme"]], ids=" ".join
)
def test_the_command_of_the_next_step_is_on_one_line(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A shell would run the first of two lines.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "client.pem").write_text(client_pem(("CN", "client")))
    for length in range(1, 60):
        rules = f"{'r' * length} {'s' * length}.json"
        (tmp_path / rules).write_bytes(document(rule(name="acme"), rule(name="other")))
        assert main([*arguments, "--rules", rules, "--yes"], {}) == 0
        file = "CERT" if arguments[0] == "rules" else "client.pem"
        lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
        assert f"mtls-authorizer explain {file} --rules '{rules}'" in lines


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "FILE", "--rules", "rules.json"],
        ["block", "FILE", "--rules", "rules.json", "--dry-run"],
        ["doctor", "FILE", "--truststore", "truststore.pem"],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_the_command_of_a_note_is_on_one_line(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    authority = pem(certificate_der(name(("CN", "CA")), extensions=[IS_A_CA]))
    (tmp_path / "truststore.pem").write_text(authority)
    (tmp_path / "rules.json").write_bytes(document(rule(name="acme")))
    for length in range(1, 60):
        bundle = f"{'b' * length}.pem"
        (tmp_path / bundle).write_text(authority + client_pem(("CN", "client")))
        assert main([bundle if each == "FILE" else each for each in arguments], {}) in (0, 1)
        command = f"awk '/-BEGIN (X509 )?CERTIFICATE-/ && ++n==2, /-END/' {bundle} > client.pem"
        assert any(line.endswith(command) for line in capsys.readouterr().out.splitlines())


def test_no_full_stop_follows_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "client.jks").write_bytes(b"\xfe\xed\xfe\xed")
    (tmp_path / "truststore.pem").write_text(pem(certificate_der(name(("CN", "CA")), extensions=[IS_A_CA])))
    assert main(["doctor", "client.jks", "--truststore", "truststore.pem"], {}) == 1
    command = "keytool -exportcert -rfc -keystore client.jks -alias ALIAS -file client.pem"
    assert any(line.endswith(command) for line in capsys.readouterr().out.splitlines())
