"""The page on ``block`` describes what the commands do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from botocore.session import Session

from mtls_authorizer_cli.main import main
from tests.pki.certificates import certificate_der, name, pem
from tests.unit.documentation.markdown import codes, fences, first_column, section

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "docs/block.md"
DOCUMENT = """\
{
  "rules": [
    {"name": "acme", "match": {"organization": "Acme"}},
    {"name": "other", "match": {"organization": "Other"}}
  ]
}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "partner.pem").write_text(pem(certificate_der(name(("O", "Acme"), ("CN", "acme-batch")))))
    (tmp_path / "rules.json").write_text(DOCUMENT)
    return tmp_path


def test_the_example_is_what_block_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["block", "partner.pem", "--rules", "rules.json", "--yes"], {}) == 0
    (shown,) = (fence.text for fence in fences("text") if fence.page == PAGE)
    assert capsys.readouterr().out.rstrip() == shown.rstrip()


def test_every_key_and_result_of_the_json_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    results = set()
    documented = set(codes(section(PAGE, "JSON output")))
    for arguments in (
        ["block", "partner.pem", "--dry-run"],
        ["unblock", "partner.pem", "--yes"],
        ["block", "partner.pem", "--yes"],
        ["block", "partner.pem", "--yes"],
        ["unblock", "partner.pem", "--dry-run"],
        ["unblock", "partner.pem", "--yes"],
        ["rules", "remove", "other", "--dry-run"],
        ["rules", "remove", "other", "--yes"],
    ):
        assert main([*arguments, "--rules", "rules.json", "--json"], {}) == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed.keys() <= documented
        assert {key for entry in printed.get("blocked_by", ()) for key in entry} <= documented
        results.add(printed["result"])
    assert len(results) == 8
    assert results | {"declined", "still_blocked"} <= documented
    assert {"version", "blocked_by", "flushed"} <= set(first_column(PAGE, "JSON output"))


def test_the_permissions_are_those_of_the_operations_that_are_called() -> None:
    operations = {
        "s3": ["GetObject", "PutObject", "GetObjectTagging"],
        "ssm": ["GetParameters", "GetParameterHistory", "PutParameter"],
        "lambda": ["GetFunctionConfiguration"],
    }
    documented = codes(section(PAGE, "Permissions"))
    for service, names in operations.items():
        assert {*names} <= {*Session().get_service_model(service).operation_names}
        assert {f"{service}:{each}" for each in names} <= {*documented}
    # What IAM calls a method of API Gateway's management API is the HTTP method and the path.
    for service, operation, path in (
        ("apigateway", "FlushStageAuthorizersCache", "/restapis/{restapi_id}/stages/{stage_name}/cache/authorizers"),
        ("apigatewayv2", "ResetAuthorizersCache", "/v2/apis/{apiId}/stages/{stageName}/cache/authorizers"),
    ):
        http = Session().get_service_model(service).operation_model(operation).http
        assert (http["method"], http["requestUri"]) == ("DELETE", path)
    assert documented.count("apigateway:DELETE") == 2
