"""``block`` and ``unblock`` on files: what they write, what they print, and their exit statuses."""

from __future__ import annotations

import io
import json
import re
import sys
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer_cli.block.flush import Flushed, Stage
from mtls_authorizer_cli.main import main
from tests.aws.api_events import rest_event
from tests.aws.responses import checking
from tests.command_results import Terminal
from tests.pki import der
from tests.pki.certificate_authorities import DAY, IS_A_CA
from tests.pki.certificates import name, pem
from tests.pki.todays_crls import CA, TODAY
from tests.rules_documents import document, rule

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())
KEY = PRIVATE_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
ALGORITHM = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7"))
COMPRESSED = der.sequence(
    ALGORITHM, der.bits(PRIVATE_KEY.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint))
)
DIGEST = sha256(KEY).hexdigest().upper()
ENTRY = {"public_key": DIGEST}
DOCUMENT = document(rule(match={"issuer": "CN=CA"})).decode()
EXPLAIN = "mtls-authorizer explain client.pem --rules rules.json"


def issue(serial_number: int = 5, key: bytes = KEY, days_left: int = 10, **options: Any) -> str:  # noqa: ANN401 -- CertificateAuthority's
    not_after = TODAY + days_left * DAY
    return pem(
        CA.issue(
            serial_number,
            **{"subject": name(("CN", "client"))} | options,
            public_key=key,
            not_before=TODAY - 50 * DAY,
            not_after=not_after,
        )
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "client.pem").write_text(issue())
    (tmp_path / "rules.json").write_text(DOCUMENT)
    return tmp_path


@pytest.fixture
def rules(folder: Path) -> Path:
    return folder / "rules.json"


def command(*arguments: str) -> int:
    return main([*arguments, "--rules", "rules.json", "--yes"], {})


def reason(rules: Path, certificate: str) -> str | None:
    authorizer = checking(Authorizer(load_settings({"AUTHORIZER_RULES": rules.read_text()})))
    return authorizer(rest_event(certificate))["context"].get("reason")  # type: ignore[no-any-return]


def test_the_command_that_verifies_unblock_names_the_truststore_that_rules_need(
    rules: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules.write_bytes(document(rule(match={"issuer_key": CA.signer})))
    (folder / "truststore.pem").write_bytes(CA.pem)
    assert [command("block", "client.pem"), command("unblock", "client.pem")] == [0, 0]
    blocked, unblocked = re.findall(f"{re.escape(EXPLAIN)}.*", capsys.readouterr().out)
    assert (blocked, unblocked) == (EXPLAIN, f"{EXPLAIN} --truststore BUNDLE")
    _, _, *arguments = unblocked.replace("BUNDLE", "truststore.pem").split()
    assert main(["explain", *arguments], {}) == 0


def test_the_command_that_verifies_names_the_variables_with_which_rules_are_evaluated(
    rules: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules.write_bytes(document(rule(match={"issuer_key": CA.signer})))
    truststore = folder / "truststore.pem"
    truststore.write_bytes(CA.pem)
    (folder / "f.env").write_text(f"TRUSTSTORE_URI={truststore.as_uri()}\n")
    assert command("unblock", "client.pem", "--env-file", "f.env") == 0
    (printed,) = re.findall("mtls-authorizer (explain .*)", capsys.readouterr().out)
    assert printed == "explain client.pem --env-file f.env --rules rules.json"
    assert main(printed.split(), {}) == 0


def test_a_blocked_client_is_denied_with_every_certificate_of_its_key(
    rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    renewed = issue(6, COMPRESSED, subject=name(("CN", "renewed")))
    other = issue(7, CA.public_key)
    assert reason(rules, renewed) is None
    assert command("block", "client.pem") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("BLOCKED 'CN=client'\nrules         rules.json, version sha256:")
    assert f"\nentry         {json.dumps(ENTRY)}\nblocked by    deny[0] (public_key)\n" in out
    assert "60 s (AUTHORIZER_RULES_REFRESH_SECONDS)" in " ".join(out.split())
    assert f'+    "public_key": "{DIGEST}"\n' in out
    assert " ".join(out.split("Next step: ")[1].split()) == (
        f"verify that {EXPLAIN} prints certificate_excluded. Afterwards the API must respond to the "
        "client's requests with 403: curl --cert CERT --key KEY https://DOMAIN/PATH"
    )
    assert all(len(line) <= 100 for line in out.splitlines())
    assert json.loads(rules.read_text()) == {**json.loads(DOCUMENT), "deny": [ENTRY]}
    assert reason(rules, issue()) == reason(rules, renewed) == "certificate_excluded"
    assert reason(rules, other) is None
    assert main(["explain", "client.pem", "--rules", "rules.json"], {}) == 1


@pytest.mark.parametrize("key", [KEY, COMPRESSED], ids=["uncompressed", "compressed"])
def test_the_usual_encoding_of_the_key_is_written_whichever_the_certificate_has(
    key: bytes, folder: Path, rules: Path
) -> None:
    (folder / "client.pem").write_text(issue(key=key))
    assert command("block", "client.pem") == 0
    assert json.loads(rules.read_text())["deny"] == [ENTRY]


def test_an_entry_for_an_unusual_encoding_of_the_key_is_not_enough(folder: Path, rules: Path) -> None:
    # The same numbers for another algorithm (RSAES-OAEP), which certificates with the usual one do not match.
    numbers = der.bits(der.sequence(der.integer(2**2047 + 1), der.integer(65537)))
    usual = der.sequence(der.sequence(der.oid("1.2.840.113549.1.1.1"), der.tlv(der.NULL)), numbers)
    unusual = der.sequence(der.sequence(der.oid("1.2.840.113549.1.1.7"), der.tlv(der.NULL)), numbers)
    listed = {"public_key": sha256(unusual).hexdigest()}
    rules.write_text(json.dumps({**json.loads(DOCUMENT), "deny": [listed]}))
    (folder / "client.pem").write_text(issue(key=unusual))
    assert command("block", "client.pem") == 0
    assert json.loads(rules.read_text())["deny"] == [listed, {"public_key": sha256(usual).hexdigest().upper()}]
    assert reason(rules, issue(key=usual)) == "certificate_excluded"


@pytest.mark.parametrize(
    "entry",
    [
        ENTRY,
        {"public_key": f"SHA256:{DIGEST.lower()}"},
        {"public_key": ["ab" * 32, {"exact": DIGEST}]},
        {"public_key": sha256(COMPRESSED).hexdigest()},
    ],
)
def test_blocking_a_blocked_client_changes_nothing(
    entry: object, rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = json.dumps({"deny": entry})
    rules.write_text(text)
    assert command("block", "client.pem") == 0
    out, _ = capsys.readouterr()
    assert out.startswith("ALREADY BLOCKED 'CN=client': nothing was written\n")
    assert "blocked by    deny (public_key)\nNext step: " in out
    assert rules.read_text() == text


def test_an_entry_that_blocks_less_than_the_key_is_not_enough(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    narrower = [{"common_name": "client"}, {**ENTRY, "issuer": "CN=CA"}]
    rules.write_text(json.dumps({"deny": narrower}))
    assert command("block", "client.pem") == 0
    assert json.loads(rules.read_text())["deny"] == [*narrower, ENTRY]
    assert "deny[0] (common_name), deny[1] (issuer, public_key), deny[2] (public_key)" in capsys.readouterr().out


@pytest.mark.parametrize("before", [DOCUMENT, '{"deny": [{"common_name":  "nobody"}]}'])
def test_unblock_removes_exactly_what_block_has_added(
    before: str, rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules.write_text(before)
    assert command("block", "client.pem") == 0
    capsys.readouterr()
    assert command("unblock", "client.pem") == 0
    assert rules.read_text() == before
    out, _ = capsys.readouterr()
    assert out.startswith("UNBLOCKED 'CN=client'\n")
    assert " ".join(out.split("Next step: ")[1].split()) == (
        f"check whether rules and revocation allow the client: {EXPLAIN}"
    )
    assert command("unblock", "client.pem") == 0
    assert capsys.readouterr().out.startswith("NOT BLOCKED 'CN=client': nothing was written\n")


def test_unblock_names_what_still_blocks_the_client(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others = [{"common_name": "client"}, {"public_key": [DIGEST, "ab" * 32]}, {"serial_number": "5", "issuer": "CN=CA"}]
    rules.write_text(json.dumps({"deny": [*others, {"public_key": [DIGEST.lower()]}]}))
    assert command("unblock", "client.pem") == 1
    assert json.loads(rules.read_text())["deny"] == others
    out, _ = capsys.readouterr()
    assert out.startswith("REMOVED the entry for 'CN=client', but other entries of deny still block it\n")
    assert "blocked by    deny[0] (common_name), deny[1] (public_key), deny[2] (issuer, serial_number)\n" in out
    assert out.endswith("Next step: if the client is to be allowed, remove or narrow deny[0], deny[1], deny[2]\n")
    assert command("unblock", "client.pem") == 1
    assert capsys.readouterr().out.startswith(
        "STILL BLOCKED 'CN=client': by an entry that block did not add, so nothing"
    )
    rules.write_text(json.dumps({"deny": [others[0], ENTRY]}))
    assert main(["unblock", "client.pem", "--rules", "rules.json", "--dry-run"], {}) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("WOULD UNBLOCK 'CN=client', but another entry of deny still blocks it: nothing was written")


def test_the_last_entry_of_a_document_without_rules_is_not_removed(
    rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules.write_text(json.dumps({"deny": ENTRY}))
    assert command("unblock", "client.pem") == 2
    assert 'first add an entry that matches no client, such as {"deny": {"common_name": "nobody"}}' in (
        capsys.readouterr().err
    )
    assert json.loads(rules.read_text()) == {"deny": ENTRY}


def test_without_the_certificate_one_certificate_is_blocked_with_a_warning(
    rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = ["--issuer", "CN=CA", "--serial", "0:5"]
    assert command("block", *client) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("BLOCKED serial number '0:5' of 'CN=CA'\n")
    assert "note          this affects only the certificate with this serial number" in out
    assert "\n           mtls-authorizer explain CERT --rules rules.json\n" in out
    assert reason(rules, issue()) == "certificate_excluded"
    assert reason(rules, issue(6)) is None
    assert command("block", "--issuer", "CN=CA", "--serial", "05") == 0
    assert capsys.readouterr().out.startswith("ALREADY BLOCKED serial number '05'")
    assert command("unblock", "--issuer", "CN=CA", "--serial", "5") == 0
    assert rules.read_text() == DOCUMENT
    rules.write_text(json.dumps({"deny": [{"issuer": ["CN=CA", "CN=x"]}, {"issuer": "CN=x"}]}))
    assert command("block", *client) == 0
    assert command("unblock", *client) == 1
    assert capsys.readouterr().out.count("deny[0] (issuer)") == 2


@pytest.mark.parametrize(
    ("issuer", "correct"),
    [
        ("O=Acme,CN=CA", "CN=CA,O=Acme"),
        ("O=Acme,CN=CA,emailAddress=ca@acme.example", "emailAddress=ca@acme.example,CN=CA,O=Acme"),
        ("CN=CA,O=Acme", None),
        ("CN=CA", None),
    ],
)
def test_an_issuer_that_may_be_reversed_is_noted(
    issuer: str, correct: str | None, rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rules.read_text() == DOCUMENT
    assert command("block", "--issuer", issuer, "--serial", "5", "--dry-run") == 0
    words = " ".join(capsys.readouterr().out.split())
    assert ("the issuer may be reversed" in words) is (correct is not None)
    assert correct is None or f"write --issuer {correct}" in words


@pytest.mark.parametrize(
    ("serial_number", "written"),
    [
        *(("5", None), ("10", "A"), ("662316", "A1B2C"), ("0A1B2C", None), ("010", None), ("10:11", None)),
        *(("1" * 49, f"{int('1' * 49):X}"), ("1" * 50, None)),
    ],
)
@pytest.mark.usefixtures("rules")
def test_a_serial_number_that_may_be_decimal_is_noted(
    serial_number: str, written: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("block", "--issuer", "CN=CA", "--serial", serial_number, "--dry-run") == 0
    assert re.findall(r"If it is decimal, .*? write --serial (\w+)", " ".join(capsys.readouterr().out.split())) == (
        [written] if written else []
    )


def test_the_error_for_a_reversed_issuer_contains_an_entry_for_cas_with_such_names(
    rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rules.read_text()
    assert command("block", "--issuer", "C=DE,O=Acme,CN=CA", "--serial", "5") == 2
    entry = re.search(r"If issuer_dn in the log is the same, add (.*) to deny in the", capsys.readouterr().err)
    assert entry is not None
    assert json.loads(entry[1]) == {"serial_number": "5", "issuer": "C=DE,O=Acme,CN=CA"}
    assert rules.read_text() == before


@pytest.mark.usefixtures("rules")
def test_unblock_notes_a_reversed_issuer_before_it_says_not_blocked(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("block", "--issuer", "CN=CA,O=Acme,C=DE", "--serial", "5") == 0
    capsys.readouterr()
    # It is no error: someone else may have written the entry in this order.
    assert command("unblock", "--issuer", "C=DE,O=Acme,CN=CA", "--serial", "5") == 0
    words = " ".join(capsys.readouterr().out.split())
    assert words.startswith("NOT BLOCKED")
    assert "no entry for the client is found: write --issuer CN=CA,O=Acme,C=DE" in words
    assert command("unblock", "--issuer", "CN=CA,O=Acme,C=DE", "--serial", "5") == 0
    assert "the issuer may be reversed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no client: name the file with its certificate or, if you do not have it, --issuer DN --serial HEX"),
        (["--issuer", "CN=CA"], "no client: "),
        (
            ["client.pem", "--serial", "5"],
            "both a certificate and --issuer or --serial are given: name the certificate only",
        ),
        (["--issuer", "Test CA", "--serial", "5"], "--issuer or --serial: "),
        (
            ["--issuer", "C=DE,O=Acme,CN=CA", "--serial", "5"],
            "no client: write --issuer CN=CA,O=Acme,C=DE, or name the certificate. Some CAs have names in this order",
        ),
        (
            ["--issuer", "C=DE, O=Acme, CN=CA", "--serial", "5"],
            "is not a distinguished name in RFC 4514 form: write 'CN=CA,O=Acme,C=DE'",
        ),
        (["--issuer", "CN=CA", "--serial", "x\x1b"], "--issuer or --serial: "),
        (["rules.json"], "rules.json is a rules document. To check it: mtls-authorizer rules check rules.json"),
        (["event.json"], 'event.json is JSON. Extract its certificate: jq -r \'.["requestContext"]["identity"]'),
        (
            ["torn.json"],
            "is invalid JSON (Expecting value: line 1 column 10 (char 9)). Name the client's certificate",
        ),
        (
            ["log.json"],
            "an entry of the decision log. To explain it: mtls-authorizer explain --log log.json",
        ),
        (["key.pem"], "key.pem is a private key (PEM). It is not needed: keep it secret"),
        (["request.pem"], "Name the certificate that the CA has issued for it"),
        (["client.p12"], "openssl pkcs12 -in client.p12 -clcerts -nokeys -out client.pem"),
        (["odd.pem"], "if only this file is damaged, name another copy, or --issuer DN --serial HEX"),
        (["mail.pem"], "mail.pem contains a certificate that was changed on its way"),
        (["missing.pem"], "missing.pem cannot be read: No such file"),
    ],
)
def test_a_file_without_a_client_gets_advice(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = PRIVATE_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(key)
    (folder / "request.pem").write_text(
        "-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n"
    )
    pfx = der.sequence(der.integer(3), der.sequence(der.oid("1.2.840.113549.1.7.1")))
    (folder / "client.p12").write_bytes(pfx)
    (folder / "odd.pem").write_text("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")
    (folder / "mail.pem").write_text(issue().replace("\n", "\n> "))
    (folder / "event.json").write_text(json.dumps(rest_event(issue())))
    (folder / "torn.json").write_text('{"type": ')
    (folder / "log.json").write_text('{"decision": "deny", "rules": []}')
    assert command("block", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("mtls-authorizer block: ")
    assert message in err
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()
    assert key.decode().splitlines()[1] not in err


def test_an_interruption_at_the_question_says_that_nothing_was_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> str:
        raise KeyboardInterrupt

    terminal, before = Terminal(), (folder / "rules.json").read_bytes()
    monkeypatch.setattr(terminal, "readline", interrupt)
    monkeypatch.setattr(sys, "stdin", terminal)
    assert main(["block", "client.pem", "--rules", "rules.json"], {}) == 130
    assert capsys.readouterr().err.endswith("[y/N] \nmtls-authorizer block: interrupted: nothing was written\n")
    assert (folder / "rules.json").read_bytes() == before


def test_notes_name_doubtful_certificates(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "client.pem").write_text(issue(days_left=-5) + CA.pem.decode())
    (folder / "ca.pem").write_text(issue(extensions=[IS_A_CA]))
    assert command("block", "client.pem") == 0
    words = " ".join(capsys.readouterr().out.split())
    assert f"note the certificate expired at {TODAY - 5 * DAY:%Y-%m-%dT%H:%M:%SZ}; renewed ones" in words
    assert "note client.pem contains 2 certificates: the first, the client's, is used." in words
    assert command("block", "ca.pem") == 0
    words = " ".join(capsys.readouterr().out.split())
    assert words.count("note ") == 1
    assert "note this is a CA's certificate: this affects only clients that present it themselves" in words


def test_notes_precede_the_question(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "ca.pem").write_text(issue(extensions=[IS_A_CA]))
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert main(["block", "ca.pem", "--rules", "rules.json"], {}) == 1
    out, err = capsys.readouterr()
    assert err.index("this is a CA's certificate") < err.index("Write this to rules.json? [y/N] ")
    assert "this is a CA's certificate" not in out


HOSTILE = "x\x1b[2J\u202e\u200f,CN=admin\nBLOCKED\r\x0b\x85\u2028\x07é" + "y" * 500


@pytest.mark.parametrize("json_option", [[], ["--json"]])
def test_names_of_a_hostile_certificate_are_escaped(
    json_option: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "client.pem").write_text(issue(subject=name(("CN", HOSTILE), ("O", "\x9b31m"))))
    for action in ("block", "unblock"):
        assert command(action, "client.pem", *json_option) == 0
        out, err = capsys.readouterr()
        assert all(line.isprintable() and line.isascii() for line in (out + err).split("\n"))
        assert all(len(line) <= 100 for line in out.splitlines()) or json_option


def test_on_a_terminal_the_change_is_shown_once_and_written_after_yes(
    rules: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for answer, status, written in (("n\n", 1, False), ("y\n", 0, True)):
        monkeypatch.setattr(sys, "stdin", Terminal(answer))
        assert main(["block", "client.pem", "--rules", "rules.json"], {}) == status
        out, err = capsys.readouterr()
        assert f'+    "public_key": "{DIGEST}"\n' in err
        assert err.endswith("Write this to rules.json? [y/N] ")
        assert "+ " not in out
        assert out.startswith("BLOCKED" if written else "NOT BLOCKED 'CN=client': nothing was written\n")
        assert (rules.read_text() != DOCUMENT) is written
    monkeypatch.setattr(sys, "stdin", Terminal("\n"))
    assert main(["unblock", "client.pem", "--rules", "rules.json"], {}) == 1
    out, _ = capsys.readouterr()
    assert out.startswith("NOT UNBLOCKED 'CN=client': nothing was written\n")
    assert out.endswith("Next step: to write the change, run the command again with --yes\n")


def test_without_a_terminal_nothing_is_written_unless_an_option_says_so(
    rules: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert main(["block", "client.pem", "--rules", "rules.json"], {}) == 2
    assert "the standard input is not a terminal" in capsys.readouterr().err
    assert main(["block", "client.pem", "--rules", "rules.json", "--dry-run"], {}) == 0
    out, _ = capsys.readouterr()
    assert out.startswith("WOULD BLOCK 'CN=client': nothing was written (--dry-run)\n")
    assert f'+    "public_key": "{DIGEST}"\n' in out
    assert rules.read_text() == DOCUMENT


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_if_the_output_cannot_be_written_the_error_says_that_the_change_was_and_caches_are_flushed(
    option: list[str], rules: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flushed: list[Stage] = []

    def flush(stage: Stage) -> Flushed:
        flushed.append(stage)
        return Flushed(stage, None)

    monkeypatch.setattr("mtls_authorizer_cli.block.change.flush", flush)
    arguments = ["client.pem", "--rules", "rules.json", "--flush-rest-api", "a1b2c3d4e5/live", "--no-wait", *option]
    for confirmation, said in (("--dry-run", "not written"), ("--yes", "written")):
        with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 -- a device
            monkeypatch.setattr(sys, "stdout", full)
            assert main(["block", *arguments, confirmation], {}) == 2
        assert capsys.readouterr().err.endswith(f"; the change to the document was {said}\n")
    assert b"public_key" in rules.read_bytes()
    assert len(flushed) == 1


def test_a_dry_run_distinguishes_the_present_state_from_the_change(
    rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dry_run = ["client.pem", "--rules", "rules.json", "--dry-run"]
    assert main(["block", *dry_run], {}) == 0
    out = capsys.readouterr().out
    assert "blocked by    deny[0] (public_key) once the change is written\n" in out
    assert out.endswith("Next step: to write the change, run the command again with --yes\n")
    assert main(["block", "client.pem", "--rules", "rules.json", "--yes"], {}) == 0
    assert "blocked by    deny[0] (public_key)\n" in capsys.readouterr().out
    before = rules.read_bytes()
    assert main(["block", *dry_run], {}) == 0
    out = capsys.readouterr().out
    assert "blocked by    deny[0] (public_key)\n" in out
    assert "Next step: verify that\n           mtls-authorizer explain client.pem" in out
    assert rules.read_bytes() == before
    assert main(["unblock", *dry_run], {}) == 0
    assert "blocked by" not in capsys.readouterr().out
    assert main(["unblock", "client.pem", "--rules", "rules.json", "--yes"], {}) == 0
    capsys.readouterr()
    assert main(["unblock", *dry_run], {}) == 0
    assert "run the command again with --yes" not in capsys.readouterr().out


def test_a_declined_change_leaves_the_client_blocked(
    rules: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["block", "client.pem", "--rules", "rules.json", "--yes"], {}) == 0
    capsys.readouterr()
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    assert main(["unblock", "client.pem", "--rules", "rules.json"], {}) == 1
    out = capsys.readouterr().out
    assert out.startswith("NOT UNBLOCKED")
    assert "blocked by    deny[0] (public_key)\n" in out
    assert b"public_key" in rules.read_bytes()


def test_json_has_the_same_facts(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("block", "client.pem", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    version = f"sha256:{sha256(rules.read_bytes()).hexdigest()[:12]}"
    shown = printed.pop("diff")
    assert f'+    "public_key": "{DIGEST}"\n' in shown
    assert printed == {
        "version": 1,
        "result": "blocked",
        "rules": "rules.json",
        "rules_version": version,
        "entry": ENTRY,
        "client": "'CN=client'",
        "written": True,
        "merged": False,
        "blocked_by": [{"place": "deny[0]", "fields": ["public_key"]}],
        "refresh_seconds": 60,
        "flushed": [],
        "notes": [],
        "next_step": printed["next_step"],
        "verify": EXPLAIN,
    }
    results = []
    for arguments in (["block", "--yes"], ["unblock", "--dry-run"], ["unblock", "--yes"], ["unblock", "--yes"]):
        assert main([arguments[0], "client.pem", "--rules", "rules.json", "--json", arguments[1]], {}) == 0
        results.append(json.loads(capsys.readouterr().out)["result"])
    assert results == ["already_blocked", "would_unblock", "unblocked", "not_blocked"]


INLINE = "the rules are in the variable AUTHORIZER_RULES, which only a deployment can change: save them to a file"


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {},
            "no rules document: AUTHORIZER_RULES_URI is not set in the environment. Name the function with --function",
        ),
        ({"AUTHORIZER_RULES": DOCUMENT}, INLINE),
        ({"AUTHORIZER_RULES_URI": "x"}, "AUTHORIZER_RULES_URI is 'x': write file:///absolute/path"),
        ({"AUTHORIZER_RULES_URI": "appconfig://a/b/c"}, "appconfig://a/b/c is a configuration in AppConfig"),
        ({"AUTHORIZER_RULES_URI": "file:///x", "AUTHORIZER_TYPO": "x"}, "AUTHORIZER_TYPO is not a variable"),
    ],
)
def test_rules_that_cannot_be_changed_are_rejected_with_the_next_step(
    variables: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["block", "client.pem", "--yes"], variables) == 2
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("folder")
def test_if_the_named_variables_contain_no_document_the_error_asks_for_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "authorizer.env").write_text("ALLOWED_COMMON_NAMES=a")
    assert main(["block", "client.pem", "--yes", "--env-file", "authorizer.env"], {}) == 2
    error = capsys.readouterr().err
    assert "AUTHORIZER_RULES_URI is not set in authorizer.env. Name the document with --rules LOCATION." in error


def test_the_document_is_that_of_the_variables(folder: Path, rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    uri = rules.as_uri()
    variables = {"AUTHORIZER_RULES_URI": uri, "AUTHORIZER_RULES_REFRESH_SECONDS": "5"}
    assert main(["block", "client.pem", "--yes", "--json"], variables) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["rules"], printed["refresh_seconds"]) == (uri, 5)
    assert printed["verify"] == f"mtls-authorizer explain client.pem --rules {uri}"
    (folder / "env file").write_text("".join(f"{key}={value}\n" for key, value in variables.items()))
    assert main(["unblock", "client.pem", "--yes", "--json", "--env-file", "env file"], {}) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["verify"] == "mtls-authorizer explain client.pem --env-file 'env file'"
    assert rules.read_text() == DOCUMENT


@pytest.mark.parametrize(
    ("issuer", "others"),
    [
        ("CN=CA,O=Acme", ["CN=CA,O=ACME", "CN=Ca,O=\\ Acme"]),
        ("CN=CA,DC=CORP,DC=example", ["CN=CA,DC=CORP,DC=example", "CN=CA,DC=corp,DC=example."]),
    ],
)
def test_an_issuer_is_blocked_and_unblocked_in_each_spelling(
    issuer: str, others: list[str], rules: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for written in (issuer, *others):
        assert command("block", "--issuer", issuer, "--serial", "5") == 0
        assert "blocked by    deny[0] (issuer, serial_number)\n" in capsys.readouterr().out
        assert command("block", "--issuer", written, "--serial", "5") == 0
        assert capsys.readouterr().out.startswith("ALREADY BLOCKED ")
        assert command("unblock", "--issuer", written, "--serial", "5") == 0
        assert capsys.readouterr().out.startswith("UNBLOCKED ")
        assert rules.read_text() == DOCUMENT
    assert command("block", "--issuer", issuer, "--serial", "5") == 0
    assert command("unblock", "--issuer", "CN=CA", "--serial", "5") == 0
    assert "NOT BLOCKED" in capsys.readouterr().out
