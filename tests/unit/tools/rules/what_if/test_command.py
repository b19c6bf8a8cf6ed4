"""``mtls-authorizer rules what-if``: its output, its exit status, and its options."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer_cli.main import main
from tests.pki.certificate_authorities import CertificateAuthority
from tests.pki.certificates import client_pem, pem
from tests.rules_documents import document, rule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CLIENT = client_pem(("O", "Acme"), ("CN", "client"))
FINGERPRINT = PeerCertificate.from_pem(CLIENT).fingerprint256
ENTRY: dict[str, Any] = {
    "timestamp": "2026-11-22T00:00:00Z",
    "decision": "allow",
    "reason": None,
    "rules": ["acme"],
    "principal": "client",
    "subject_dn": "CN=client,O=Acme",
    "issuer_dn": "CN=Test CA",
    "serial_number": "0102030405",
    "fingerprint": FINGERPRINT,
    "extended_key_usage": None,
    "days_to_expiry": 10,
    "route": "GET /orders/{id}",
    "api_id": "a1",
    "domain_name": None,
}
DENIED = ENTRY | {"decision": "deny", "reason": "route_not_allowed", "route": "POST /orders"}
RULE = rule(allow=["GET /orders/*"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "client.pem").write_text(CLIENT)
    return tmp_path


def what_if(folder: Path, entries: Sequence[object], *rules: dict[str, Any], options: tuple[str, ...] = ()) -> int:
    (folder / "log.json").write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    (folder / "new.json").write_bytes(document(*rules))
    return main(["rules", "what-if", "--log", "log.json", "--rules", "new.json", *options], {})


def test_nothing_changes_if_the_rules_decide_as_they_did(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert what_if(folder, [ENTRY, DENIED, {"message": "another entry"}], RULE) == 0
    assert capsys.readouterr().out == (
        "0 of 2 logged decisions would change: 0 would be denied, 0 would be allowed\n"
        "2 would stay the same, 0 cannot be determined\n"
        "log entries that are not decisions were skipped: 1\n"
        "\n"
        "Next step: use the rules as shadow rules to try them on all requests (docs/try-rules-first.md).\n"
    )


def test_changes_are_counted_by_client_and_route(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = ENTRY | {"subject_dn": "CN=\\1B[31m" + "x" * 300, "fingerprint": "00"}
    entries = [ENTRY, ENTRY, DENIED, other]
    assert what_if(folder, entries, rule(allow=["POST /orders"]), rule(name="b", match={"organization": "B"})) == 1
    output = capsys.readouterr().out
    assert output.startswith(
        "4 of 4 logged decisions would change: 3 would be denied, 1 would be allowed\n"
        "0 would stay the same, 0 cannot be determined\n"
        "\n"
        "were allowed, would be denied\n"
        "       2  GET /orders/{id}  'CN=client,O=Acme'\n"
        "          the matching rules do not allow the request; issuer 'CN=Test CA'\n"
    )
    assert (
        "were denied, would be allowed\n"
        "       1  POST /orders  'CN=client,O=Acme'\n"
        "          rules acme; issuer 'CN=Test CA'\n"
    ) in output
    assert "\x1b" not in output
    assert max(map(len, output.splitlines())) <= 100
    assert output.endswith("see mtls-authorizer rules diff.\n")


def test_many_changes_are_only_printed_completely_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entries = [ENTRY | {"route": f"GET /{number}"} for number in range(60)]
    assert what_if(folder, list(entries), RULE) == 1
    assert "          and 10 more: --json prints all\n" in capsys.readouterr().out
    assert what_if(folder, list(entries), RULE, options=("--json",)) == 1
    assert len(json.loads(capsys.readouterr().out)["changed"]) == 60


def test_undetermined_decisions_are_counted_by_what_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = rule(match={"subject_alt_name": "DNS:a"})
    entries = [ENTRY, ENTRY, ENTRY | {"fingerprint": "00"}]
    assert what_if(folder, list(entries), named) == 0
    output = capsys.readouterr().out
    assert "0 would stay the same, 3 cannot be determined\n" in output
    assert "cannot be determined, because the log lacks\n       3  subject_alt_name (2 certificates)\n" in output
    assert output.endswith(
        "Next step: add --certs FOLDER with the certificates of the clients to determine the others.\n"
    )
    # The certificate of one of them is known.
    assert what_if(folder, list(entries), named, options=("--certs", "certs", "--json")) == 1
    assert json.loads(capsys.readouterr().out) == {
        "version": 1,
        "decisions": 3,
        "unchanged": 0,
        "changed": [
            {
                "from": "allow",
                "to": "deny",
                "requests": 2,
                "subject_dn": "CN=client,O=Acme",
                "issuer_dn": "CN=Test CA",
                "route": "GET /orders/{id}",
                "why": "no rule matches",
            }
        ],
        "undetermined": [{"missing": ["subject_alt_name"], "requests": 1, "clients": 1}],
        "skipped": 0,
    }


def test_keys_of_issuers_are_read_from_the_truststore(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    authority = CertificateAuthority("CA")
    (folder / "truststore.pem").write_bytes(authority.pem)
    certificate = pem(authority.issue())
    (folder / "certs" / "signed.pem").write_text(certificate)
    entry = ENTRY | {"fingerprint": PeerCertificate.from_pem(certificate).fingerprint256}
    keyed = rule(match={"issuer_key": authority.signer})
    assert what_if(folder, [entry], keyed, options=("--certs", "certs", "--truststore", "truststore.pem")) == 0
    assert "1 would stay the same" in capsys.readouterr().out
    assert what_if(folder, [entry], keyed, options=("--certs", "certs")) == 0
    output = capsys.readouterr().out
    assert "1  issuer_key (1 certificate)" in output
    assert output.endswith("Next step: add --truststore FILE with the CAs of the clients to determine the others.\n")
    assert what_if(folder, [entry], keyed) == 0
    assert "of the clients and --truststore FILE with the\n           CAs of the clients" in capsys.readouterr().out
    assert what_if(folder, [entry], keyed, options=("--truststore", "truststore.pem")) == 0
    assert "--truststore" not in capsys.readouterr().out
    # By default, it is the truststore of the function, with CRLs or without.
    for crls in ("", "CRL_URIS=file:///no.crl\n"):
        (folder / "function.env").write_text(f"{crls}TRUSTSTORE_URI=file://{folder}/truststore.pem\n")
        assert what_if(folder, [entry], keyed, options=("--certs", "certs", "--env-file", "function.env")) == 0
        assert "1 would stay the same" in capsys.readouterr().out


def test_the_log_can_be_the_standard_input_and_must_not_be_empty(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "new.json").write_bytes(document(RULE))
    for content, status in ((json.dumps(ENTRY), 0), ('{"events": [], "searchedLogStreams": []}', 2)):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(content.encode())))
        assert main(["rules", "what-if", "--log", "-", "--rules", "new.json"], {}) == status
    output, errors = capsys.readouterr()
    assert output.endswith("Next step: name a file with entries of the decision log.\n")
    assert errors == "mtls-authorizer rules what-if: the standard input contains no decision: it has no entries\n"


def test_the_lists_in_the_environment_are_in_force_as_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "function.env").write_text("ALLOWED_COMMON_NAMES=client\n")
    other = rule(match={"common_name": "other"})
    assert what_if(folder, [ENTRY], other, options=("--env-file", "function.env")) == 0
    assert what_if(folder, [ENTRY], other) == 1
    (folder / "function.env").write_text("ALLOWED_COMMON_NAME=client\n")
    assert what_if(folder, [ENTRY], other, options=("--env-file", "function.env")) == 2
    assert "ALLOWED_COMMON_NAME is not a variable" in capsys.readouterr().err
    (folder / "function.env").write_text("ALLOW_ANY_CLIENT_CERTIFICATE=true\n")
    assert what_if(folder, [ENTRY], other, options=("--env-file", "function.env")) == 2
    assert "invalid configuration: ALLOW_ANY_CLIENT_CERTIFICATE is true and a rules document" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--rules", "no.json"), "no.json cannot be read: No such file or directory"),
        (("--rules", "http://x"), "rules what-if: the location is 'http://x': write file:///absolute/path"),
        (("--rules", "log.json"), "log.json: "),
        (("--log", "no.json"), "no.json cannot be read: No such file or directory"),
        (("--truststore", "log.json"), "log.json: it is "),
        (("--certs", "no"), "no cannot be read: No such file or directory"),
    ],
)
def test_an_input_that_cannot_be_used_is_named(
    options: tuple[str, ...], problem: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert what_if(folder, [ENTRY], RULE, options=options) == 2
    assert problem in capsys.readouterr().err


def test_a_log_with_other_entries_only_is_an_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert what_if(folder, [{"message": "document loaded"}], RULE) == 2
    output, errors = capsys.readouterr()
    assert output.startswith("0 of 0 logged decisions would change")
    assert errors == (
        "mtls-authorizer rules what-if: log.json contains no decision: entry 1 has no field 'decision' with 'allow' or "
        "'deny'\n"
    )
    assert what_if(folder, [], RULE) == 2
    assert "is empty" in capsys.readouterr().err


def test_certs_that_cannot_be_read_are_an_error_after_the_result(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "certs" / "link.pem").symlink_to("/nowhere")
    assert what_if(folder, [ENTRY], RULE, options=("--certs", "certs")) == 2
    out, err = capsys.readouterr()
    assert out.startswith("0 of 1 logged decision would change")
    assert "the result is incomplete: certs/link.pem cannot be read" in err
