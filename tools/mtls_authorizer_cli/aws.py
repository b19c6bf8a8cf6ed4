"""Clients of AWS, and errors that name the next step. Importing this module imports boto3."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from mtls_authorizer.stores.aws import AwsClient, aws_client, error_code, session, shared_client, store_errors
from mtls_authorizer.stores.store import StoreError, Timeouts
from mtls_authorizer_cli.command_line import command_errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMEOUTS = Timeouts(connect_seconds=5, read_seconds=30, tries=3)


def make_client(service: str, name: str | None = None) -> AwsClient:
    """Return a client of a service, in the region of the function or of the environment.

    Raises CommandError, which begins with a name, by default that of the service.
    """
    with aws_errors(name or service, {}):
        return aws_client(name or service, service, _TIMEOUTS)


def use_region(region: str) -> None:
    """Use a region for all clients from then on."""
    if session().region_name != region:
        os.environ["AWS_REGION"] = region
        session.cache_clear()
        shared_client.cache_clear()


@contextmanager
def in_region(region: str) -> Iterator[None]:
    """Use a region for all clients within the context."""
    before = session().region_name
    use_region(region)
    try:
        yield
    finally:
        if before:
            use_region(before)


@contextmanager
def aws_errors(name: str, hints: Mapping[str, str], denied: str = "") -> Iterator[None]:
    """Turn every exception into a CommandError that begins with a name, such as a URI.

    ``hints`` are next steps by the code of an error; ``denied`` names the permissions that may be missing.
    """
    with command_errors("", StoreError), store_errors(name, _TIMEOUTS, denied):
        try:
            yield
        except ClientError as error:
            code = error_code(error)
            if code in hints:
                raise StoreError(name, f"{code}: {hints[code]}") from None
            raise
