"""``block`` on the configuration of a deployed function: its rules, its region, the caches of its API."""

from __future__ import annotations

import argparse
import json
import os
import pty
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer_cli.block.change import flush_caches
from mtls_authorizer_cli.block.flush import Flushed, Stage, flush, wait_for_reload
from mtls_authorizer_cli.documents.location import RulesLocation
from mtls_authorizer_cli.main import main
from mtls_authorizer_cli.progress import Progress
from tests.aws.lambda_functions import deploy, publish
from tests.aws.server import ACCOUNT, REGION
from tests.command_results import Terminal
from tests.pki.certificate_authorities import DAY, CertificateAuthority
from tests.pki.certificates import name, pem
from tests.pki.todays_crls import CA, TODAY
from tests.refreshing import LONG_WAITS
from tests.rules_documents import document, rule
from tests.servers.faulty_proxy import answer, before_writes, for_operation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import FaultyProxy

OTHER_REGION = "us-east-1"
S3, SSM = "s3://acme-rules/rules.json", "ssm:///acme/rules"
DOCUMENT = document(rule(match={"issuer": "CN=CA"}))
STAGES = {("rest1", "live"), ("http1", "$default")}
FLUSH = ["--flush-rest-api", "rest1/live", "--flush-http-api", "http1/$default"]


def variables(uri: str) -> dict[str, str]:
    return {"AUTHORIZER_RULES_URI": uri, "S3_BUCKET_OWNER": ACCOUNT, "AUTHORIZER_RULES_REFRESH_SECONDS": "1"}


@pytest.fixture
def function(aws: AwsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsServer]:
    """Return an account with a function whose rules are in S3, and those of its alias in SSM; and a client."""
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        key = CertificateAuthority("key").public_key
        certificate = CA.issue(
            number,
            subject=name(("CN", f"client-{number}")),
            public_key=key,
            not_before=TODAY - DAY,
            not_after=TODAY + DAY,
        )
        (tmp_path / f"client-{number}.pem").write_text(pem(certificate))
    aws.put_object(S3, DOCUMENT)
    aws.put_parameter(SSM.removeprefix("ssm://"), DOCUMENT.decode())
    aws.stages |= STAGES
    deploy(aws, "authorizer", variables(SSM))
    publish(aws, "authorizer", "live")
    deploy(aws, "authorizer", variables(S3))
    yield aws
    aws.client("lambda").delete_function(FunctionName="authorizer")


def stored(aws: AwsServer, uri: str) -> dict[str, object]:
    if uri == S3:
        content = aws.client("s3").get_object(Bucket="acme-rules", Key="rules.json")["Body"].read()
    else:
        content = aws.client("ssm").get_parameter(Name="/acme/rules")["Parameter"]["Value"]
    document: dict[str, object] = json.loads(content)
    return document


def block(number: int = 0, *arguments: str) -> int:
    return main(["block", f"client-{number}.pem", "--yes", *arguments], {})


@pytest.mark.parametrize(("qualifier", "uri"), [("", S3), (":live", SSM)])
def test_a_client_of_a_deployed_function_is_blocked_where_its_rules_are_stored(
    qualifier: str, uri: str, function: AwsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate = PeerCertificate.from_pem((tmp_path / "client-0.pem").read_text())
    current = CurrentPolicy(load_settings(variables(uri)), wait_seconds=LONG_WAITS)
    assert not isinstance(current.get().rules.evaluate(certificate), DenyReason)
    assert block(0, "--function", f"authorizer{qualifier}", *FLUSH) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith(f"BLOCKED 'CN=client-0'\nrules         {uri}, version ")
    assert "cache         REST API rest1, stage live: flushed\ncache         HTTP API http1, stage $default: flu" in out
    assert (
        f"Next step: verify that\n           mtls-authorizer explain client-0.pem --function authorizer{qualifier}\n"
        in out
    )
    assert set(function.flushed) == STAGES
    # The function has reloaded the rules by then.
    assert current.get().rules.evaluate(certificate) is DenyReason.CERTIFICATE_EXCLUDED
    assert main(["unblock", "client-0.pem", "--yes", "--function", f"authorizer{qualifier}"], {}) == 0
    assert stored(function, uri) == json.loads(DOCUMENT)


@pytest.mark.parametrize(("qualifier", "uri"), [("", S3), (":live", SSM)])
def test_clients_that_are_blocked_at_the_same_time_are_all_blocked(
    qualifier: str, uri: str, function: AwsServer, proxy: FaultyProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    others = iter(["first", "second"])

    def interpose() -> None:
        text = json.dumps({**stored(function, uri), "deny": [{"common_name": next(others)}]})
        if uri == S3:
            function.put_object(S3, text.encode())
        else:
            function.put_parameter("/acme/rules", text)

    proxy.break_with(before_writes(interpose, 1))
    assert block(0, "--function", f"authorizer{qualifier}") == 0
    assert "note          another writer changed the document meanwhile" in capsys.readouterr().out
    proxy.recover()
    arguments = [(1, "--function", f"authorizer{qualifier}"), (2, "--function", f"authorizer{qualifier}")]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda each: block(*each), arguments)) == [0, 0]
    entries = stored(function, uri)["deny"]
    assert isinstance(entries, list)
    assert {"common_name": "first"} in entries
    assert len(entries) == 4


def test_the_region_is_that_of_the_function(
    function: AwsServer, new_clients: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new_clients is None
    deploy(function, "abroad", variables(SSM), OTHER_REGION)
    function.client_in(OTHER_REGION, "ssm").put_parameter(Name="/acme/rules", Value=DOCUMENT.decode(), Type="String")
    assert block(0, "--function", f"arn:aws:lambda:{OTHER_REGION}:{ACCOUNT}:function:abroad") == 0
    assert capsys.readouterr().out.startswith("BLOCKED")
    assert "deny" not in stored(function, SSM)
    abroad = function.client_in(OTHER_REGION, "ssm").get_parameter(Name="/acme/rules")["Parameter"]
    assert len(json.loads(abroad["Value"])["deny"]) == 1
    function.client_in(OTHER_REGION, "lambda").delete_function(FunctionName="abroad")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"AUTHORIZER_RULES": DOCUMENT.decode()}, "the rules are in the variable AUTHORIZER_RULES of the function"),
        (
            {"AUTHORIZER_RULES_URI": "file:///var/task/rules.json"},
            "is file:///var/task/rules.json, a file in its package",
        ),
        (
            {"ALLOWED_COMMON_NAMES": "a"},
            "AUTHORIZER_RULES_URI is not set for the function authorizer. Name the document",
        ),
    ],
)
def test_rules_that_need_a_deployment_are_rejected(
    changed: dict[str, str], message: str, function: AwsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(function, "authorizer", changed)
    assert block(0, "--function", "authorizer") == 2
    assert message in capsys.readouterr().err


def test_caches_that_are_not_flushed_are_reported(
    function: AwsServer, proxy: FaultyProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    assert block(0, "--rules", S3, "--no-wait", "--flush-rest-api", "rest1/other", *FLUSH) == 1
    words = " ".join(capsys.readouterr().out.split())
    missing = "cache REST API rest1, stage other: NotFoundException: there is no such API or stage in the region of the"
    assert missing in words
    assert "cache HTTP API http1, stage $default: flushed" in words
    assert set(function.flushed) == STAGES
    again = (
        "Next step: run mtls-authorizer block again, because API Gateway can still send responses from the cache that"
    )
    assert f"{again} was not flushed. Then verify that mtls-authorizer explain client-0.pem" in words
    proxy.break_with(for_operation("DELETE", answer(403, b"{}", x_amzn_ErrorType="AccessDeniedException")))
    assert block(0, "--rules", S3, "--no-wait", "--json", "--flush-http-api", "http1/$default") == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["result"] == "already_blocked"
    (flushed,) = printed["flushed"]
    assert {**flushed, "problem": ""} == {"api_type": "HTTP", "api_id": "http1", "stage": "$default", "problem": ""}
    assert "AccessDeniedException (HTTP status 403): you lack apigateway:DELETE" in flushed["problem"]


@pytest.mark.parametrize(
    "stage", [Stage(is_rest=True, api_id="rest1", name="live"), Stage(is_rest=False, api_id="http1", name="$default")]
)
def test_the_page_of_a_proxy_does_not_say_that_a_cache_was_flushed(
    stage: Stage, function: AwsServer, proxy: FaultyProxy
) -> None:
    proxy.fault = answer(200, b"<html>This site is blocked</html>", Content_Type="text/html")
    assert "unreadable response" in (flush(stage).problem or "")
    assert not function.flushed


def test_a_cache_that_is_flushed_before_the_reload_is_to_be_flushed_again(
    function: AwsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert function.flushed == []
    again = "run mtls-authorizer block again after 60 s, because environments with the old rules can fill the cache"
    for is_first in (True, False):
        assert block(0, "--rules", S3, "--no-wait", "--json", *FLUSH) == 0
        assert json.loads(capsys.readouterr().out)["next_step"].startswith(again) is is_first


def test_an_interruption_while_waiting_for_the_reload_flushes_nothing(function: AwsServer) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    stages = [Stage(is_rest=True, api_id="rest1", name="live"), Stage(is_rest=False, api_id="http1", name="$default")]
    rules = RulesLocation(S3, load_settings({}), ())
    flushed = flush_caches(argparse.Namespace(stages=stages, no_wait=False), rules, interrupt)
    assert flushed == [Flushed(stage, "interrupted before the flush was confirmed") for stage in stages]
    assert not function.flushed


def test_an_interruption_while_a_cache_is_flushed_is_in_the_result(
    function: AwsServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted_after_the_first(stage: Stage) -> Flushed:
        if stage.is_rest:
            return flush(stage)
        raise KeyboardInterrupt

    monkeypatch.setattr("mtls_authorizer_cli.block.change.flush", interrupted_after_the_first)
    assert block(0, "--rules", S3, "--no-wait", "--json", *FLUSH) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["written"]
    assert [each["problem"] for each in result["flushed"]] == [None, "interrupted before the flush was confirmed"]
    assert len(function.flushed) == 1


def test_nothing_is_flushed_if_nothing_may_be_written(function: AwsServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["block", "client-0.pem", "--rules", S3, "--dry-run", *FLUSH], {}) == 0
    assert capsys.readouterr().out.startswith("WOULD BLOCK")
    assert not function.flushed


@pytest.mark.parametrize("text", ["a1b2c3", "a1b2c3/", "/live", "a/b/c", "a1b2c3/$other", "a 1/live"])
def test_a_stage_needs_an_api_and_a_name(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exited:
        block(0, "--flush-rest-api", text)
    assert exited.value.code == 2
    assert "is not an API ID and a stage: write them like a1b2c3d4e5/live" in capsys.readouterr().err


def test_waiting_for_the_reload_shows_the_time_that_is_left() -> None:
    slept: list[float] = []
    terminal = Terminal()
    with Progress(terminal) as progress:
        wait_for_reload(0.5, progress, slept.append)
    assert slept == [1.0, 1.0, 0.5]
    written = terminal.getvalue().split("\r\x1b[K")
    assert "waiting for the reload, 2 s (Ctrl-C: do not flush)" in written[1]
    assert written[-1] == ""
    assert REGION != OTHER_REGION


def test_on_a_terminal_nothing_of_a_hostile_certificate_is_obeyed_and_the_change_is_confirmed(tmp_path: Path) -> None:
    hostile = name(("CN", "x\x1b[2J\u202e\nBLOCKED\x9b31m"))
    (tmp_path / "client.pem").write_text(
        pem(CA.issue(1, subject=hostile, not_before=TODAY - DAY, not_after=TODAY + DAY))
    )
    (tmp_path / "rules.json").write_bytes(DOCUMENT)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mtls_authorizer_cli", "block", "client.pem", "--rules", "rules.json"],
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm"},
    )
    os.close(theirs)
    written = b""
    # At the end of a terminal, Linux gives an error.
    with suppress(OSError):
        while piece := os.read(ours, 65536):
            written += piece
            if written.endswith(b"Write this to rules.json? [y/N] "):
                os.write(ours, b"y\n")
    os.close(ours)
    assert process.wait(timeout=60) == 0
    shown = written.decode()
    assert '+    "public_key": "' in shown.partition("Write this to")[0]
    # What erases the progress bar is all that the terminal obeys.
    lines = shown.replace("\r\x1b[K", "").split("\r\n")
    assert all(line.isprintable() and line.isascii() for line in lines)
    assert r"BLOCKED 'CN=x\\1B[2J" in shown
    assert len(json.loads((tmp_path / "rules.json").read_text())["deny"]) == 1
