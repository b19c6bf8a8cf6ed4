from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.aws_server import AwsServer
    from tests.faulty_proxy import FaultyProxy


@pytest.fixture(scope="session")
def served_aws() -> Iterator[tuple[AwsServer, FaultyProxy]]:
    # moto takes two seconds to import, which unit tests don't spend.
    from tests.aws_server import aws_server  # noqa: PLC0415 -- see above
    from tests.faulty_proxy import faulty_proxy  # noqa: PLC0415 -- see above

    with aws_server() as aws, faulty_proxy(aws.url) as proxy:
        yield aws, proxy


@pytest.fixture
def aws(served_aws: tuple[AwsServer, FaultyProxy], monkeypatch: pytest.MonkeyPatch) -> AwsServer:
    """Return an empty account, and make it what the stores talk to, with credentials that are nobody's.

    The stores' clients are kept from test to test, since making them takes long. A test that changes what they are made
    from takes ``new_clients``, too.
    """
    from tests.aws_server import CREDENTIALS, REGION  # noqa: PLC0415 -- see served_aws

    aws, proxy = served_aws
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {
        **CREDENTIALS,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": proxy.url,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    aws.reset()
    return aws


@pytest.fixture
def proxy(served_aws: tuple[AwsServer, FaultyProxy], aws: AwsServer) -> Iterator[FaultyProxy]:
    """Return the proxy between the stores and the account, without a fault."""
    assert aws
    proxy = served_aws[1]
    proxy.exchanges.clear()
    yield proxy
    proxy.heal()


@pytest.fixture
def new_clients() -> Iterator[None]:
    """Have the stores make new clients, and leave none behind."""
    from mtls_authorizer.stores.aws import forget_clients  # noqa: PLC0415 -- only tests of AWS need boto3

    forget_clients()
    yield
    forget_clients()


@pytest.fixture
def unhurried(new_clients: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the stores wait for answers as long as it takes, so that nothing is asked twice on a busy machine."""
    monkeypatch.setattr("mtls_authorizer.stores.aws.READ_SECONDS", 30)
    assert new_clients is None
