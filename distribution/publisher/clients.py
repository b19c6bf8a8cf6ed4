"""The clients of AWS's APIs in each region: whether Lambda is available there, and whether it can be reached."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import boto3
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ConnectionError as BotoConnectionError
from botocore.exceptions import HTTPClientError, NoCredentialsError, SSLError
from botocore.httpsession import URLLib3Session
from botocore.session import get_session
from botocore.utils import get_environ_proxies

from distribution.errors import DistributionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_ssm import SSMClient

# Lambda responds to an upload after it has unpacked it, which takes some seconds.
_CONFIG = Config(connect_timeout=10, read_timeout=120, retries={"mode": "standard", "total_max_attempts": 5})

CONNECT_SECONDS: Final = 3
READ_SECONDS: Final = 3
"""The time limits of the first request: an address that does not answer must not keep users waiting."""


class Region(NamedTuple):
    """A region's clients. That of SSM is there only if it is needed."""

    name: str
    lambda_client: LambdaClient
    ssm_client: SSMClient | None


def connect(names: Sequence[str], *, ssm: bool) -> list[Region]:
    """Create the clients of each region.

    Raises DistributionError, and BotoCoreError without credentials or a profile.
    """
    session = boto3.Session()
    _check_regions(session, names)
    if session.get_credentials() is None:
        raise NoCredentialsError
    return [
        Region(
            name,
            session.client("lambda", region_name=name, config=_CONFIG),
            session.client("ssm", region_name=name, config=_CONFIG) if ssm else None,
        )
        for name in dict.fromkeys(names)
    ]


def _check_regions(session: boto3.Session, regions: Sequence[str]) -> None:
    """Check that Lambda is available in all regions, and that one account can have access to all of them.

    Partitions (``aws``, ``aws-cn``, ``aws-us-gov``, …) do not share accounts. Raises DistributionError.
    """
    partition_of = {
        region: partition
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("lambda", partition)
    }
    if unknown := [region for region in regions if region not in partition_of]:
        similar = get_close_matches(unknown[0], partition_of, n=1)
        hint = f"did you mean {similar[0]}?" if similar else "check the region's name, or update boto3"
        message = f"Lambda is not available in {', '.join(unknown)}, according to this version of boto3: {hint}"
        raise DistributionError(message)
    if len(partitions := sorted({partition_of[region] for region in regions})) > 1:
        message = f"these regions are in {', '.join(partitions)}, which do not share accounts: publish to one at a time"
        raise DistributionError(message)


def find_unreachable(regions: Iterable[Region]) -> dict[str, str]:
    """Return a message for each region whose endpoint cannot be reached, within a few seconds for all of them."""
    # As clients choose the certificates that they trust.
    trusted = get_session().get_config_variable("ca_bundle")
    with ThreadPoolExecutor() as pool:
        answers = [
            (region.name, pool.submit(_try, region.lambda_client.meta.endpoint_url, trusted)) for region in regions
        ]
    return {name: message for name, answer in answers if (message := answer.result())}


def _try(url: str, trusted: str | None) -> str | None:
    # The type stubs know of one number, and of no file.
    timeout: Any = (CONNECT_SECONDS, READ_SECONDS)
    verify: Any = trusted or True
    session = URLLib3Session(verify=verify, timeout=timeout, proxies=get_environ_proxies(url))
    try:
        session.send(AWSRequest(method="GET", url=url).prepare())
    except SSLError:
        return f"TLS with {url} failed: behind a proxy that inspects TLS, name a file with its CA in AWS_CA_BUNDLE"
    except (BotoConnectionError, HTTPClientError):
        return f"{url} cannot be reached: check the network, the proxy (HTTPS_PROXY) and AWS_ENDPOINT_URL"
    return None
