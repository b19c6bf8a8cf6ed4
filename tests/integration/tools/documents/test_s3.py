"""Changing documents in S3: on the condition that they are still those that were read."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.documents.document import MOST_ATTEMPTS
from mtls_authorizer_cli.documents.json_text import append_items
from mtls_authorizer_cli.documents.s3 import S3Document
from mtls_authorizer_cli.documents.update import Change, Update, update_document
from tests.aws.server import ACCOUNT
from tests.rules_documents import document, rule
from tests.servers.faulty_proxy import answer, before_writes, only_if, page_in_place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import FaultyProxy

URI = "s3://rules/folder/rules.json"
DOCUMENT = document(rule())


def denying(common_name: str) -> Callable[[str], str]:
    """Return the edit that blocks a common name once, however often it is made."""
    item = {"common_name": common_name}
    return lambda text: text if f'"{common_name}"' in text else append_items(text, "deny", [item])


def block(common_name: str, review: Callable[[Change], bool] = lambda _change: True) -> Update:
    return update_document(URI, denying(common_name), ACCOUNT, review)


def denied(aws: AwsServer) -> list[str]:
    content = aws.client("s3").get_object(Bucket="rules", Key="folder/rules.json")["Body"].read()
    return sorted(item["common_name"] for item in json.loads(content)["deny"])


def put(aws: AwsServer, common_name: str) -> None:
    """Write like another program, which does not go through the proxy."""
    content = aws.client("s3").get_object(Bucket="rules", Key="folder/rules.json")["Body"].read().decode()
    aws.put_object(URI, denying(common_name)(content).encode())


def test_an_object_is_replaced_and_keeps_its_properties_and_tags(aws: AwsServer) -> None:
    aws.put_object(URI, b"")
    kept = {"ContentType": "application/json", "Metadata": {"owner": "security"}, "CacheControl": "no-store"}
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/rules"}
    aws.client("s3").put_object(
        Bucket="rules", Key="folder/rules.json", Body=DOCUMENT, Tagging="team=a%2Bb&x=", **kept, **encrypted
    )
    result = block("a")
    assert result.written
    assert not result.merged
    assert result.document == update_document(URI, str).document
    stored = aws.client("s3").head_object(Bucket="rules", Key="folder/rules.json")
    assert {name: stored[name] for name in {**kept, **encrypted}} == {**kept, **encrypted}
    tags = aws.client("s3").get_object_tagging(Bucket="rules", Key="folder/rules.json")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "a+b", "x": ""}


def test_a_document_in_the_bucket_of_another_account_is_not_changed(aws: AwsServer) -> None:
    aws.put_object(URI, DOCUMENT)
    with pytest.raises(CommandError, match="or the bucket is not owned by the account in S3_BUCKET_OWNER"):
        update_document(URI, denying("a"), "999999999999")
    assert aws.client("s3").get_object(Bucket="rules", Key="folder/rules.json")["Body"].read() == DOCUMENT


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_the_page_of_a_proxy_is_no_answer(method: str, aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_object(URI, DOCUMENT)
    proxy.break_with(page_in_place_of(method))
    with pytest.raises(CommandError, match=f"{URI}: unreadable response"):
        block("mine")


def test_a_writer_between_reading_and_writing_loses_nothing(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_object(URI, DOCUMENT)
    names = iter(["first", "second"])
    proxy.break_with(before_writes(lambda: put(aws, next(names)), 2))
    result = block("mine")
    assert result.written
    assert result.merged
    assert '"second"' in result.before
    assert denied(aws) == ["first", "mine", "second"]
    assert [exchange.status for exchange in proxy.exchanges if exchange.method == "PUT"] == [412, 412, 200]


def test_a_writer_during_the_review_loses_nothing_and_the_same_change_is_made_once(aws: AwsServer) -> None:
    aws.put_object(URI, DOCUMENT)

    def meanwhile(common_name: str) -> Callable[[Change], bool]:
        def review(_change: Change) -> bool:
            put(aws, common_name)
            return True

        return review

    assert block("mine", meanwhile("other")).merged
    assert denied(aws) == ["mine", "other"]
    again = block("x", meanwhile("x"))
    assert again.merged
    assert denied(aws) == ["mine", "other", "x"]


def test_many_writers_at_once_lose_nothing(aws: AwsServer) -> None:
    aws.put_object(URI, DOCUMENT)
    names = [f"client-{number}" for number in range(8)]
    with ThreadPoolExecutor(len(names)) as pool:
        assert all(result.written for result in pool.map(block, names))
    assert denied(aws) == names


def test_a_conflicting_operation_is_repeated(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_object(URI, DOCUMENT)
    conflict = answer(409, b"<Error><Code>ConditionalRequestConflict</Code></Error>")
    first = [True]
    proxy.break_with(only_if(lambda exchanging: exchanging.command == "PUT" and bool(first) and first.pop(), conflict))
    proxy.statuses()
    assert block("a").written
    assert [status for status in proxy.statuses() if status != 200] == [409]
    assert denied(aws) == ["a"]


def test_endless_conflicts_end(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_object(URI, DOCUMENT)
    store = S3Document(URI, ("rules", "folder/rules.json"), None, sleep=lambda _seconds: None)
    read = store.read()
    proxy.break_with(before_writes(lambda: aws.put_object(URI, DOCUMENT + b" " * len(proxy.exchanges)), 999))
    with pytest.raises(CommandError, match=f"was changed by others {MOST_ATTEMPTS} times in a row: run the command"):
        store.update(read, denying("a"))


def test_a_document_that_was_deleted_is_not_brought_back(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_object(URI, DOCUMENT)
    delete = {"Bucket": "rules", "Key": "folder/rules.json"}
    proxy.break_with(before_writes(lambda: aws.client("s3").delete_object(**delete), 1))
    with pytest.raises(CommandError, match=r"rules\.json: NoSuchKey \(HTTP status 404\): there is no such object"):
        block("a")


@pytest.mark.usefixtures("aws")
def test_a_missing_bucket_or_permission_is_named() -> None:
    with pytest.raises(CommandError, match=r"^s3://rules/folder/rules\.json: NoSuchBucket"):
        block("a")
    with pytest.raises(CommandError, match=r"AccessDenied .*you lack s3:GetObject or s3:PutObject"):
        update_document(URI, str, "000000000000")


@pytest.mark.usefixtures("aws", "new_clients")
def test_without_a_region_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(CommandError, match="s3: no AWS region; Lambda sets AWS_REGION, elsewhere set it yourself"):
        update_document(URI, str)
