from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from distribution.errors import DistributionError
from distribution.publisher.clients import connect, find_unreachable
from tests.servers.crl_server import crl_server, ok

if TYPE_CHECKING:
    from pathlib import Path

    from tests.packaging.publisher.lambda_service import LambdaService
BUNDLE = "behind a proxy that inspects TLS, name a file with its CA in AWS_CA_BUNDLE"
SOURCE = "according to this version of boto3"


def test_an_endpoint_can_be_reached_if_it_answers_anything(
    service: LambdaService, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_unreachable(connect(["eu-central-1"], ssm=False)) == {}
    # There is no TLS at all.
    url = os.environ["AWS_ENDPOINT_URL"].replace("http:", "https:")
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    unreachable = find_unreachable(connect(["eu-central-1"], ssm=False))
    assert unreachable == {"eu-central-1": f"TLS with {url} failed: {BUNDLE}"}
    assert not service.calls


@pytest.mark.usefixtures("service")
def test_the_certificates_that_clients_trust_decide_whether_an_endpoint_can_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    with crl_server(context) as server:
        server.answers["/"] = ok(b"")
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url("/"))
        assert BUNDLE in find_unreachable(connect(["eu-central-1"], ssm=False))["eu-central-1"]
        monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        assert find_unreachable(connect(["eu-central-1"], ssm=False)) == {}


@pytest.mark.usefixtures("service")
def test_a_client_of_ssm_is_created_on_request() -> None:
    assert [bool(connect(["eu-central-1"], ssm=ssm)[0].ssm_client) for ssm in (False, True)] == [False, True]


@pytest.mark.parametrize(
    ("regions", "message"),
    [
        (
            ["eu-centrl-1", "eu-central-1", "moon-1"],
            f"Lambda is not available in eu-centrl-1, moon-1, {SOURCE}: did you mean eu-central-1?",
        ),
        (
            ["moon"],
            f"Lambda is not available in moon, {SOURCE}: check the region's name, or update boto3",
        ),
        (
            ["us-gov-west-1", "us-east-1"],
            "these regions are in aws, aws-us-gov, which do not share accounts: publish to one at a time",
        ),
    ],
)
def test_unusable_regions_are_named(regions: list[str], message: str) -> None:
    with pytest.raises(DistributionError) as error:
        connect(regions, ssm=False)
    assert str(error.value) == message
