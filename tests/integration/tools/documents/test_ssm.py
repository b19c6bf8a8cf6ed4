"""Changing documents in SSM parameters: other writers that were overwritten are found in the history, and merged."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.documents.document import MOST_ATTEMPTS
from mtls_authorizer_cli.documents.json_text import append_items, rewrite_items
from mtls_authorizer_cli.documents.ssm import SsmDocument
from mtls_authorizer_cli.documents.update import Change, Update, update_document
from tests.rules_documents import document, rule
from tests.servers.faulty_proxy import answer, before_writes, for_operation, page_in_place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.aws.server import AwsServer
from tests.servers.faulty_proxy import Exchanging, FaultyProxy

NAME = "/acme/rules"
URI = f"ssm://{NAME}"
DOCUMENT = document(rule()).decode()


def denying(common_name: str) -> Callable[[str], str]:
    """Return the edit that blocks a common name once, however often it is made."""
    item = {"common_name": common_name}
    return lambda text: text if f'"{common_name}"' in text else append_items(text, "deny", [item])


def block(common_name: str, uri: str = URI, review: Callable[[Change], bool] = lambda _change: True) -> Update:
    return update_document(uri, denying(common_name), review=review)


def get(aws: AwsServer, name: str = NAME) -> dict[str, Any]:
    parameter: dict[str, Any] = aws.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
    return parameter


def denied(aws: AwsServer) -> list[str]:
    return sorted(item["common_name"] for item in json.loads(get(aws)["Value"])["deny"])


def test_a_parameter_gets_a_new_version_with_the_same_key_tier_and_description(aws: AwsServer) -> None:
    kept = {"Description": "rules", "KeyId": "alias/rules", "Tier": "Advanced", "Type": "SecureString"}
    kept |= {"AllowedPattern": "^\\{", "DataType": "text"}
    aws.client("ssm").put_parameter(Name=NAME, Value=DOCUMENT, **kept)
    result = block("a")
    assert (result.written, result.merged, result.document.version) == (True, False, "2")
    assert result.document == update_document(URI, str).document
    first, second = aws.client("ssm").get_parameter_history(Name=NAME, WithDecryption=True)["Parameters"]
    assert first["Value"] == DOCUMENT
    assert {name: second[name] for name in kept} == kept
    assert not block("a").written


@pytest.mark.parametrize("operation", ["GetParameters", "PutParameter", "GetParameterHistory"])
def test_the_page_of_a_proxy_is_no_answer(operation: str, aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_parameter(NAME, DOCUMENT)
    proxy.break_with(page_in_place_of(f"AmazonSSM.{operation}"))
    with pytest.raises(CommandError, match=f"{NAME}: unreadable response"):
        block("mine")


def test_a_writer_between_reading_and_writing_is_merged_from_the_history(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_parameter(NAME, DOCUMENT)
    others = iter([denying("first")(DOCUMENT).replace("}]", "} ]"), denying("second")(DOCUMENT)])
    proxy.break_with(before_writes(lambda: aws.put_parameter(NAME, next(others)), 2))
    result = block("mine")
    # 2: first; 3: mine; 4: second, which has seen neither; 5: first and mine; 6: all.
    assert (result.written, result.merged, result.document.version) == (True, True, "6")
    assert denied(aws) == ["first", "mine", "second"]
    assert '"first"' in result.before
    assert '"mine"' not in result.before


def test_a_writer_during_the_review_loses_nothing(aws: AwsServer) -> None:
    aws.put_parameter(NAME, DOCUMENT)

    def review(change: Change) -> bool:
        aws.put_parameter(NAME, denying("other")(change.document.text))
        return True

    assert block("mine", review=review).merged
    assert denied(aws) == ["mine", "other"]
    assert get(aws)["Version"] == 3

    # The other writer makes the same change: nothing remains to be written.
    def make_the_same_change(change: Change) -> bool:
        aws.put_parameter(NAME, change.after)
        return True

    assert block("x", review=make_the_same_change).document.version == "4"


def test_a_removal_by_another_writer_stays_a_removal(aws: AwsServer, proxy: FaultyProxy) -> None:
    start = denying("leaves")(denying("stays")(DOCUMENT))
    aws.put_parameter(NAME, start)
    removed = rewrite_items(start, "deny", lambda item: None if item.value == {"common_name": "leaves"} else item.text)
    proxy.break_with(before_writes(lambda: aws.put_parameter(NAME, removed), 1))
    block("mine")
    assert denied(aws) == ["mine", "stays"]


def test_versions_that_were_replaced_long_ago_are_not_merged(aws: AwsServer, proxy: FaultyProxy) -> None:
    start = denying("stays")(DOCUMENT)
    replaced = denying("replacement")(start)
    for text in (start, denying("b")(denying("a")(start)), replaced):
        aws.put_parameter(NAME, text)
    aws.age_parameter(NAME, timedelta(minutes=2))
    proxy.break_with(before_writes(lambda: aws.put_parameter(NAME, denying("other")(replaced)), 1))
    block("mine")
    assert denied(aws) == ["mine", "other", "replacement", "stays"]


def test_an_invalid_document_of_another_writer_is_repaired(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_parameter(NAME, DOCUMENT)
    proxy.break_with(before_writes(lambda: aws.put_parameter(NAME, '{"rules": ['), 1))
    assert block("mine").document.version == "3"
    assert denied(aws) == ["mine"]


def test_the_same_change_by_two_writers_is_written_once_more_at_most(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_parameter(NAME, DOCUMENT)
    proxy.break_with(before_writes(lambda: aws.put_parameter(NAME, denying("mine")(DOCUMENT)), 1))
    assert block("mine").document.version == "3"
    assert denied(aws) == ["mine"]


def test_many_writers_at_once_lose_nothing(aws: AwsServer) -> None:
    aws.put_parameter(NAME, DOCUMENT)
    names = [f"client-{number}" for number in range(4)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(block, names))
    assert denied(aws) == names


def test_a_change_to_a_split_document_is_written_to_one_parameter(aws: AwsServer, proxy: FaultyProxy) -> None:
    parts = {"/part/1": DOCUMENT[:20], "/part/2": DOCUMENT[20:40], "/part/3": DOCUMENT[40:]}
    uri = "ssm://" + ",".join(parts)
    for name, value in parts.items():
        aws.put_parameter(name, value)
    third = denying("other")(DOCUMENT)[40:]
    proxy.break_with(before_writes(lambda: aws.put_parameter("/part/3", third), 1))
    result = block("mine", uri)
    assert (result.merged, result.document.version) == (True, "1,1,4")
    assert [get(aws, name)["Version"] for name in parts] == [1, 1, 4]
    assert json.loads(update_document(uri, str).document.text)["deny"] == [
        {"common_name": "other"},
        {"common_name": "mine"},
    ]
    assert update_document(uri, str).document == result.document
    several = "the change concerns several parameters, which cannot be written at once"
    with pytest.raises(CommandError, match=several):
        update_document(uri, lambda text: text.replace('"acme"', '"new"').replace('"mine"', '"mime"'))
    # After a conflict, the change concerns another parameter.
    proxy.break_with(before_writes(lambda: aws.put_parameter("/part/3", third), 1))
    with pytest.raises(CommandError, match=several):
        update_document(
            uri, lambda text: text.replace('"mine"', '"x"') if "mine" in text else text.replace("acme", "x")
        )
    proxy.recover()
    with pytest.raises(CommandError, match="there is no parameter /part/4"):
        block("x", f"{uri},/part/4")


@pytest.mark.parametrize(
    ("tier", "advice"), [("Standard", "use the tier Advanced, with 8,192 bytes, or "), ("Advanced", "")]
)
def test_a_document_that_becomes_too_large_is_not_written(tier: str, advice: str, aws: AwsServer) -> None:
    largest = {"Standard": 4096, "Advanced": 8192}[tier]
    fitting = DOCUMENT.ljust(largest - 35)
    aws.client("ssm").put_parameter(Name=NAME, Value=fitting, Type="String", Tier=tier)
    assert block("mine").written
    padded = DOCUMENT.ljust(largest)
    aws.client("ssm").put_parameter(Name=NAME, Value=padded, Type="String", Tier=tier, Overwrite=True)
    limit = f"{NAME} would have {largest + 35} bytes, and its limit is {largest}: {advice}move the document to S3"
    with pytest.raises(CommandError, match=limit):
        block("mine")


def test_a_parameter_that_was_created_again_is_reported(aws: AwsServer, proxy: FaultyProxy) -> None:
    for _ in range(3):
        aws.put_parameter(NAME, DOCUMENT)
    proxy.break_with(before_writes(lambda: aws.client("ssm").delete_parameter(Name=NAME), 1))
    with pytest.raises(CommandError, match=f"{NAME} was deleted and created again meanwhile"):
        block("mine")


def test_a_history_of_several_pages_is_read(aws: AwsServer, proxy: FaultyProxy) -> None:
    for number in range(52):
        aws.put_parameter(NAME, DOCUMENT + " " * number)
    proxy.break_with(before_writes(lambda: aws.put_parameter(NAME, denying("other")(DOCUMENT)), 1))
    assert block("mine").document.version == "55"
    assert denied(aws) == ["mine", "other"]


def store(waits: list[float] | None = None) -> SsmDocument:
    return SsmDocument(URI, [NAME], sleep=(waits if waits is not None else []).append)


def test_endless_conflicts_end(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_parameter(NAME, DOCUMENT)
    names = iter(range(999))
    proxy.break_with(before_writes(lambda: aws.put_parameter(NAME, denying(f"c{next(names)}")(DOCUMENT)), 999))
    with pytest.raises(CommandError, match=f"was changed by others {MOST_ATTEMPTS} times in a row"):
        store().update(store().read(), denying("mine"))


def test_an_interrupted_merge_names_the_versions_to_compare(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_parameter(NAME, DOCUMENT)
    proxy.break_with(before_writes(lambda: aws.put_parameter(NAME, denying("other")(DOCUMENT)), 1))

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    interrupted = SsmDocument(URI, [NAME], sleep=interrupt)
    with pytest.raises(
        CommandError, match=rf"^interrupted\. Versions of {NAME} between 1 and 3 were overwritten, and are"
    ):
        interrupted.update(interrupted.read(), denying("mine"))


def test_versions_that_are_not_yet_in_the_history_are_waited_for(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_parameter(NAME, DOCUMENT)
    late = [1, 1]

    def hide(exchanging: Exchanging) -> None:
        is_history = exchanging.headers.get("X-Amz-Target") == "AmazonSSM.GetParameterHistory"
        answered = exchanging.ask()
        if is_history and late:
            late.pop()
            answered = answered._replace(body=b'{"Parameters": []}')
        exchanging.send(answered)

    proxy.break_with(hide)
    waits: list[float] = []
    assert store(waits).update(store().read(), denying("mine")).document.version == "2"
    assert len(waits) == 2
    late += [1] * 999
    with pytest.raises(CommandError, match="version 2 is not in the history, or one before it"):
        store().update(store().read(), denying("other"))


@pytest.mark.usefixtures("aws")
def test_a_fixed_version_cannot_be_changed() -> None:
    with pytest.raises(
        CommandError, match="names the fixed version or label 3 of a parameter, which cannot be changed"
    ):
        block("mine", f"{URI}:3")


@pytest.mark.usefixtures("aws")
def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(CommandError, match=f"^{URI}: there is no parameter {NAME} in eu-central-1$"):
        block("mine")


def test_a_pattern_that_the_change_does_not_match_is_named(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_parameter(NAME, DOCUMENT)
    mismatch = answer(400, b'{"__type": "ParameterPatternMismatchException"}')
    proxy.break_with(for_operation("AmazonSSM.PutParameter", mismatch))
    with pytest.raises(CommandError, match="ParameterPatternMismatchException: the changed document does not match"):
        block("mine")
