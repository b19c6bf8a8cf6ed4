"""``explain --function``: the variables, the region and the documents of a deployed function."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.stores.store import DEFAULT_TIMEOUTS
from mtls_authorizer_cli.main import main
from tests.aws.lambda_functions import deploy, publish
from tests.aws.server import REGION
from tests.questions import AT, CLIENT, PAYMENTS, REPORTS, document
from tests.servers.faulty_proxy import delay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import FaultyProxy

SHELL = {"ALLOWED_COMMON_NAMES": "someone else"}


@pytest.fixture
def clients(aws: AwsServer, tmp_path: Path) -> Iterator[Path]:
    """Deploy an authorizer with rules in S3, and return a folder with three certificates of its client."""
    aws.put_object("s3://rules/live.json", document(REPORTS, PAYMENTS))
    deploy(aws, "authorizer", {"AUTHORIZER_RULES_URI": "s3://rules/live.json"})
    publish(aws, "authorizer", "live")
    deploy(aws, "authorizer", {"ALLOWED_COMMON_NAMES": "nobody"})
    for number in range(3):
        (tmp_path / f"{number}.pem").write_text(CLIENT)
    yield tmp_path
    aws.client("lambda").delete_function(FunctionName="authorizer")


def test_the_configuration_of_an_alias_is_loaded_once_for_all_certificates(
    clients: Path, proxy: FaultyProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["explain", str(clients), "--at", AT, "--json", "--function"]
    assert main([*command, "authorizer:live"], SHELL) == 0
    result = json.loads(capsys.readouterr().out)
    assert {rule for each in result["certificates"] for rule in each["rules"]} == {"acme-reports"}
    assert proxy.statuses() == [200, 200]  # the function, and its rules


def test_a_connection_that_is_too_slow_for_the_function_is_fast_enough(
    clients: Path, proxy: FaultyProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.fault = delay(DEFAULT_TIMEOUTS.read_seconds + 0.1)
    assert main(["explain", str(clients / "0.pem"), "--at", AT, "--json", "--function", "authorizer:live"], SHELL) == 0
    assert json.loads(capsys.readouterr().out)["decision"] == "allow"


def test_without_an_alias_the_unpublished_version_is_used_and_noted(
    clients: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(clients / "0.pem"), "--function", "authorizer"], SHELL) == 1
    output = " ".join(capsys.readouterr().out.split())
    assert "ALLOWED_COMMON_NAMES requires 'nobody'" in output
    assert "the variables are from $LATEST, the unpublished version of the function." in output
    assert "name it: --function authorizer:ALIAS" in output


@pytest.mark.usefixtures("clients")
def test_a_function_that_does_not_exist_is_one_line_with_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "x.pem", "--function", "other"], SHELL) == 2
    output, errors = capsys.readouterr()
    assert (output, errors.count("\n")) == ("", 1)
    assert errors.startswith("mtls-authorizer explain: function other: ResourceNotFoundException: there is no such")
    assert f"function, alias or version in {REGION}. To list them: " in errors
