from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from distribution.publisher.clients import connect, find_unreachable

if TYPE_CHECKING:
    from tests.packaging.publisher.lambda_service import LambdaService


def test_an_endpoint_can_be_reached_if_it_answers_anything(
    service: LambdaService, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_unreachable(connect(["eu-central-1"], ssm=False)) == {}
    # A certificate that is not trusted, or as here none, is reported by the actual requests.
    monkeypatch.setenv("AWS_ENDPOINT_URL", os.environ["AWS_ENDPOINT_URL"].replace("http:", "https:"))
    assert find_unreachable(connect(["eu-central-1"], ssm=False)) == {}
    assert not service.calls


@pytest.mark.usefixtures("service")
def test_a_client_of_ssm_is_created_on_request() -> None:
    assert [bool(connect(["eu-central-1"], ssm=ssm)[0].ssm_client) for ssm in (False, True)] == [False, True]
