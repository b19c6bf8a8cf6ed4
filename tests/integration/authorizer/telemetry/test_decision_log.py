"""The decision log as Lambda's own runtime client writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mtls_authorizer.telemetry.decision_log import LONGEST_LOGGED
from tests.aws.api_events import EVENTS, rest_event
from tests.aws.lambda_runtime import lambda_function
from tests.observations import CLIENT, HOSTILE, LISTED
from tests.pki.certificates import client_pem

if TYPE_CHECKING:
    from collections.abc import Callable

HANDLER = "mtls_authorizer.handler.handler"


@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
def test_any_values_of_a_client_are_logged_as_one_line_of_json_that_can_be_read(
    make_event: Callable[..., dict[str, Any]],
) -> None:
    common_name = "".join(character for character in HOSTILE if not _is_control(character))
    certificate = client_pem(("CN", common_name), ("O", common_name))
    event = make_event(certificate, path=f"/{HOSTILE}", resource=HOSTILE, routeKey=HOSTILE, headers={HOSTILE: HOSTILE})
    event["requestContext"]["requestId"] = HOSTILE
    for place in ("http", "identity"):
        if place in event["requestContext"]:
            event["requestContext"][place]["sourceIp"] = HOSTILE
    if "httpMethod" in event:
        event["httpMethod"] = HOSTILE
    with lambda_function(HANDLER, {**LISTED, "METRICS_NAMESPACE": "authorizer"}) as function:
        function.invoke(event)
    (record,) = (record for record in function.records() if "decision" in record)
    assert record["decision"] == "deny"
    assert record["reason"] == "common_name_not_allowed"
    assert record["principal"] == common_name[: LONGEST_LOGGED - 3] + "..."
    assert record["source_ip"] == HOSTILE
    assert record["request_id"] == HOSTILE
    assert record["route"] in (HOSTILE, f"{HOSTILE} {HOSTILE}")
    assert record["subject_dn"].isascii()
    assert record["subject_dn"].isprintable()


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character < "\xa0"


def test_half_a_surrogate_pair_is_logged_in_ascii() -> None:
    event = rest_event(CLIENT)
    event["requestContext"]["identity"]["sourceIp"] = "\ud800"
    with lambda_function(HANDLER, LISTED) as function:
        function.invoke(event)
    (record,) = (record for record in function.records() if "decision" in record)
    assert record["source_ip"] == r"\ud800"


def test_a_record_has_no_pem_and_nothing_of_headers_query_or_body() -> None:
    event = rest_event(
        CLIENT, headers={"authorization": "s3cret"}, body="s3cret", queryStringParameters={"q": "s3cret"}
    )
    with lambda_function(HANDLER, LISTED) as function:
        function.invoke(event)
    assert "s3cret" not in function.log
    assert "BEGIN" not in function.log
