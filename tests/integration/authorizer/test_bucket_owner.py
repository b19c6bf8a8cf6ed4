"""The account that must own the buckets, from the variable to the requests that S3 receives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.stores.store import StoreError
from mtls_authorizer_cli.main import main
from tests.aws.api_events import rest_event
from tests.aws.server import ACCOUNT
from tests.entry_point import start
from tests.pki.kept_lists import CA, FIRST, GOOD, Bucket

if TYPE_CHECKING:
    from pathlib import Path

    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import Exchanging, FaultyProxy

RULES = b'{"rules": [{"name": "client", "match": {"common_name": "client"}}]}'
OBJECTS = {"rules.json": RULES, "shadow.json": RULES, "truststore.pem": CA.pem, "ca.crl": FIRST, "crl/ca.crl": FIRST}
ENVIRONMENT = {
    "AUTHORIZER_RULES_URI": "s3://bucket/rules.json",
    "AUTHORIZER_SHADOW_RULES_URI": "s3://bucket/shadow.json",
    "TRUSTSTORE_URI": "s3://bucket/truststore.pem",
    "CRL_URIS": "s3://bucket/ca.crl,s3://bucket/crl/",
}


@pytest.fixture(autouse=True)
def bucket(aws: AwsServer, empty_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert empty_environment is None
    storage = Bucket(aws)
    for name, content in OBJECTS.items():
        storage.put(name, content)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def warnings_of_owner(caplog: pytest.LogCaptureFixture) -> list[Any]:
    return [vars(record)["variable"] for record in caplog.records if record.message == "bucket owner not verified"]


@pytest.mark.parametrize("owner", [ACCOUNT, None])
def test_every_request_of_the_authorizer_names_the_owner(
    owner: str | None, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if owner is not None:
        monkeypatch.setenv("S3_BUCKET_OWNER", owner)
    requests = set()

    def note(exchanging: Exchanging) -> None:
        name = exchanging.place.partition("?")[0].removeprefix("/bucket/")
        requests.add((name, exchanging.headers.get("x-amz-expected-bucket-owner")))
        exchanging.send(exchanging.ask())

    proxy.break_with(note)
    response = start().handler(rest_event(GOOD), None)
    assert response["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    assert requests == {(name, owner) for name in (*OBJECTS, "ca.crl.index", "/bucket")}
    # Once, and not for each document or request.
    assert warnings_of_owner(caplog) == ([] if owner else ["S3_BUCKET_OWNER"])


def test_rules_in_a_bucket_of_another_account_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_BUCKET_OWNER", "999999999999")
    with pytest.raises(StoreError, match=r"rules\.json: AccessDenied .* does not belong to the account 999999999999"):
        start()


def test_crls_in_a_bucket_of_another_account_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_BUCKET_OWNER", "999999999999")
    for name in ("AUTHORIZER_RULES_URI", "AUTHORIZER_SHADOW_RULES_URI"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("ALLOWED_COMMON_NAMES", "client")
    response = start().handler(rest_event(GOOD), None)
    assert response["context"] == {"reason": "revocation_status_unknown"}


def test_explain_reads_no_truststore_from_a_bucket_of_another_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "client.pem").write_text(GOOD, encoding="ascii")
    arguments = ["explain", str(tmp_path / "client.pem"), "--truststore", "s3://bucket/truststore.pem"]
    monkeypatch.setenv("S3_BUCKET_OWNER", ACCOUNT)
    assert main(arguments) == 0, capsys.readouterr()
    monkeypatch.setenv("S3_BUCKET_OWNER", "999999999999")
    for name in (*ENVIRONMENT, "AUTHORIZER_RULES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALLOWED_COMMON_NAMES", "client")
    assert main(arguments) == 2
    assert "truststore.pem: AccessDenied" in capsys.readouterr().err


def test_without_documents_in_s3_there_is_no_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ALLOWED_COMMON_NAMES", "client")
    start()
    assert warnings_of_owner(caplog) == []
