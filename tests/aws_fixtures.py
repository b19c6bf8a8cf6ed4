from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.stores.store import Timeouts
from tests.clocks import join_attempts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.aws_server import AwsServer
    from tests.faulty_proxy import FaultyProxy


PATIENT = Timeouts(connect_seconds=30, read_seconds=30)
"""For tests of what is requested: nothing is requested twice because the machine is busy."""

QUICK = Timeouts(connect_seconds=0.2, read_seconds=0.2, tries=1)
"""For tests of faults. A healthy service may be too slow for it on a busy machine."""


@pytest.fixture(scope="session")
def served_aws() -> Iterator[tuple[AwsServer, FaultyProxy]]:
    # moto takes two seconds to import, which unit tests don't spend.
    from tests.aws_server import aws_server  # noqa: PLC0415 -- see above
    from tests.faulty_proxy import faulty_proxy  # noqa: PLC0415 -- see above

    with aws_server() as aws, faulty_proxy(aws.url) as proxy:
        yield aws, proxy


@pytest.fixture
def aws(served_aws: tuple[AwsServer, FaultyProxy], monkeypatch: pytest.MonkeyPatch) -> AwsServer:
    """Return an empty account, and connect the stores to it, with credentials that are nobody's.

    The clients of the stores are kept from test to test, since creating them takes long. A test that changes their
    environment takes ``new_clients``, too.
    """
    from tests.aws_server import CREDENTIALS, REGION  # noqa: PLC0415 -- see served_aws

    aws, proxy = served_aws
    for name, value in {
        **CREDENTIALS,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": proxy.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    aws.reset()
    return aws


@pytest.fixture
def proxy(served_aws: tuple[AwsServer, FaultyProxy], aws: AwsServer) -> Iterator[FaultyProxy]:
    """Return the proxy between the stores and the account, without a fault. No attempt to load a document is left."""
    assert aws
    proxy = served_aws[1]
    proxy.exchanges.clear()
    yield proxy
    proxy.recover()
    join_attempts()


@pytest.fixture
def new_clients() -> Iterator[None]:
    """Make the stores create new clients, and leave none behind."""
    forget_clients()
    yield
    forget_clients()


def forget_clients() -> None:
    """Make the stores create new clients."""
    from mtls_authorizer.stores import aws  # noqa: PLC0415 -- only tests of AWS need boto3

    aws.session.cache_clear()
    aws.client.cache_clear()
