"""The commands that change, compare and try rules, with documents in AWS and the variables of a deployed function."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer_cli.main import main
from tests.aws.lambda_functions import deploy
from tests.aws.server import ACCOUNT
from tests.pki.certificate_authorities import NOW, CertificateAuthority
from tests.pki.certificates import client_pem, name, pem
from tests.rules_documents import document, rule

if TYPE_CHECKING:
    from pathlib import Path

    from tests.aws.server import AwsServer

RULES, TRUSTSTORE = "s3://rules/rules.json", "s3://rules/truststore.pem"
PARAMETER = "ssm:///rules"
FAR = NOW.replace(year=2049)
AUTHORITY = CertificateAuthority("CA", not_after=FAR)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def partners(folder: Path, file: str, names: list[str]) -> str:
    rows = []
    for client in names:
        (folder / f"{client}.pem").write_text(client_pem(("CN", client)))
        rows.append(f"{client},{client}.pem,GET /{client}")
    (folder / file).write_text("\n".join(["name,certificate,allow", *rows]))
    return file


def stored(aws: AwsServer) -> list[dict[str, Any]]:
    content = aws.client("s3").get_object(Bucket="rules", Key="rules.json")["Body"].read()
    rules: list[dict[str, Any]] = json.loads(content)["rules"]
    return rules


def test_rules_are_added_compared_and_tried_with_the_configuration_of_a_deployed_function(
    aws: AwsServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.put_object(RULES, document(rule()))
    aws.put_object(TRUSTSTORE, AUTHORITY.pem)
    deploy(
        aws,
        "rules",
        {"AUTHORIZER_RULES_URI": RULES, "TRUSTSTORE_URI": TRUSTSTORE, "S3_BUCKET_OWNER": ACCOUNT},
    )
    (folder / "new.pem").write_text(pem(AUTHORITY.issue(subject=name(("CN", "new")), not_after=FAR)))
    function = ("--function", "rules")
    added = ("rules", "add", "--from-cert", "new.pem", "--name", "new", "--allow", "GET /new", *function)
    assert main([*added, "--yes"], {}) == 0
    assert "explain CERT --function rules" in capsys.readouterr().out
    assert stored(aws)[1]["match"]["issuer_key"] == bytes.fromhex(AUTHORITY.signer).hex(":").upper()

    (folder / "old.json").write_bytes(document(rule()))
    assert main(["rules", "diff", "old.json", RULES, "--certs", "new.pem", "--json", *function], {}) == 1
    (client,) = json.loads(capsys.readouterr().out)["clients"]
    assert client["gained"] == [{"routes": ["GET /new"], "limits": None}]

    entry = {"decision": "deny", "reason": "no_rule_matched", "fingerprint": client["fingerprint256"]}
    entry |= {"subject_dn": "CN=new", "issuer_dn": "CN=CA", "extended_key_usage": None, "days_to_expiry": 1}
    (folder / "log.json").write_text(json.dumps(entry | {"route": "GET /new"}))
    tried = ("rules", "what-if", "--log", "log.json", "--rules", RULES, "--certs", "new.pem", *function)
    assert main([*tried, "--json"], {}) == 1
    assert json.loads(capsys.readouterr().out)["changed"][0]["to"] == "allow"
    aws.client("lambda").delete_function(FunctionName="rules")


@pytest.mark.parametrize("location", [RULES, PARAMETER, "rules.json"])
def test_imports_at_the_same_time_lose_nothing(location: str, aws: AwsServer, folder: Path) -> None:
    first = document(rule(name="first"))
    aws.put_object(RULES, first)
    aws.put_parameter("/rules", first.decode())
    (folder / "rules.json").write_bytes(first)
    groups = [[f"p{group}{number}" for number in range(2)] for group in range(3)]
    files = [partners(folder, f"{number}.csv", group) for number, group in enumerate(groups)]
    with ThreadPoolExecutor(len(files)) as executor:
        arguments = [["rules", "import", file, "--rules", location, "--yes"] for file in files]
        assert set(executor.map(lambda each: main(each, {}), arguments)) == {0}
    if location == RULES:
        rules = stored(aws)
    elif location == PARAMETER:
        rules = json.loads(aws.client("ssm").get_parameter(Name="/rules")["Parameter"]["Value"])["rules"]
    else:
        rules = json.loads((folder / "rules.json").read_text())["rules"]
    assert sorted(each["name"] for each in rules) == sorted(["first", *chain.from_iterable(groups)])


def test_nothing_is_written_to_a_stored_document_if_a_row_is_wrong(aws: AwsServer, folder: Path) -> None:
    aws.put_object(RULES, document(rule()))
    file = partners(folder, "partners.csv", ["a", "b"])
    (folder / file).write_text((folder / file).read_text().replace("GET /b", "b"))
    assert main(["rules", "import", file, "--rules", RULES, "--yes"], {}) == 2
    assert stored(aws) == [rule()]
