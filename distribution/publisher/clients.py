"""The clients of AWS's APIs in each region, and whether they can be reached."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, NoCredentialsError  # noqa: A004 -- botocore's name

from distribution.publisher.regions import check_regions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_ssm import SSMClient

# Lambda responds to an upload after it has unpacked it, which takes some seconds.
_CONFIG = Config(connect_timeout=10, read_timeout=120, retries={"mode": "standard", "total_max_attempts": 5})

CONNECT_SECONDS: Final = 4
READ_SECONDS: Final = 5
"""The time limits of the first request: an address that does not answer must not keep users waiting."""


class UnreachableError(Exception):
    """A region's endpoint cannot be reached. The message names it and the next step."""


class Region(NamedTuple):
    """A region's clients. ``probe`` is another client of Lambda, which gives up after a few seconds."""

    name: str
    lambda_client: LambdaClient
    ssm_client: SSMClient
    probe: LambdaClient


def connect(names: Sequence[str]) -> list[Region]:
    """Create the clients of each region. Raises RegionError, and BotoCoreError without credentials or a profile."""
    session = boto3.Session()
    check_regions(session, names)
    if session.get_credentials() is None:
        raise NoCredentialsError
    retries: Any = {"mode": "standard", "total_max_attempts": 1}
    short = Config(connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries=retries)
    return [
        Region(
            name,
            session.client("lambda", region_name=name, config=_CONFIG),
            session.client("ssm", region_name=name, config=_CONFIG),
            session.client("lambda", region_name=name, config=short),
        )
        for name in dict.fromkeys(names)
    ]


def find_unreachable(regions: Iterable[Region], layer_name: str) -> dict[str, UnreachableError]:
    """Return an error for each region whose endpoint cannot be reached, within a few seconds for all of them."""
    with ThreadPoolExecutor() as pool:
        answers = [(region.name, pool.submit(_try, region, layer_name)) for region in regions]
    return {name: error for name, answer in answers if (error := answer.result())}


def _try(region: Region, layer_name: str) -> UnreachableError | None:
    try:
        region.probe.list_layer_versions(LayerName=layer_name, MaxItems=1)
    except (ConnectionError, HTTPClientError):
        return UnreachableError(
            f"{region.probe.meta.endpoint_url} cannot be reached: check the network, the proxy (HTTPS_PROXY) and"
            " AWS_ENDPOINT_URL"
        )
    except (BotoCoreError, ClientError):
        pass  # the actual requests report other errors
    return None
