"""One SSM parameter: writing a new version of it, and its history."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from mtls_authorizer_cli.aws import aws_errors
from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.documents.document import MOST_ATTEMPTS, wait_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from mtls_authorizer.stores.aws import AwsClient

DENIED = (
    "you lack ssm:GetParameters, ssm:GetParameterHistory or ssm:PutParameter for the parameter, or kms:Decrypt and "
    "kms:Encrypt (kms:GenerateDataKey for the tier Advanced) for the key of a SecureString"
)
_HINTS = {
    "ParameterMaxVersionLimitExceeded": "the oldest of its 100 versions has a label: move the label to a newer version",
    "ParameterPatternMismatchException": "the changed document does not match the parameter's AllowedPattern",
    "TooManyUpdates": "others are changing the parameter at the same time: run the command again",
}
_KEPT = ("AllowedPattern", "DataType", "Description", "KeyId", "Tier", "Type")
"""The properties of a parameter that are written again, above all the key: the default is another one."""
_LARGEST = {"Standard": 4096, "Advanced": 8192}
"""The largest values of the tiers, in bytes."""
_BURST = timedelta(seconds=60)
"""The longest time between reading and writing a version. A writer has read every version that is older."""


class Version(NamedTuple):
    """A version of a parameter: its number, its value, its time, and the properties to write again."""

    number: int
    value: str
    modified: datetime
    properties: Mapping[str, Any]


class Parameter:
    """A parameter in SSM. ``sleep`` waits for versions that are not yet in the history."""

    def __init__(self, client: AwsClient, name: str, sleep: Callable[[float], None]) -> None:
        self.name = name
        self._client = client
        self._sleep = sleep

    def write(self, value: str, properties: Mapping[str, Any]) -> int:
        """Write a new version with the properties of another one, and return its number. Raises CommandError."""
        tier = properties.get("Tier", "Advanced")
        size, largest = len(value.encode()), _LARGEST.get(tier, _LARGEST["Advanced"])
        if size > largest:
            advice = "use the tier Advanced, with 8,192 bytes, or " if tier == "Standard" else ""
            message = (
                f"{self.name} would have {size} bytes, and its limit is {largest}: {advice}move the document to S3"
            )
            raise CommandError(message)
        with aws_errors(self.name, _HINTS, DENIED):
            answer = self._client.put_parameter(Name=self.name, Value=value, Overwrite=True, **properties)
            return int(answer["Version"])

    def history(self, known: int, last: int) -> list[Version]:
        """Return the versions in their order: at least those after a ``known`` one up to the ``last``.

        Raises CommandError if they do not become visible.
        """
        for attempt in range(MOST_ATTEMPTS):
            versions = self._versions()
            if {*range(known + 1, last + 1)} <= {version.number for version in versions}:
                return versions
            self._sleep(wait_seconds(attempt))
        message = (
            f"{self.name}: version {last} is not in the history, or one before it. Compare the versions from "
            f"{known}: aws ssm get-parameter-history --name {self.name} --with-decryption"
        )
        raise CommandError(message)

    def _versions(self) -> list[Version]:
        with aws_errors(self.name, _HINTS, DENIED):
            pages = self._client.get_paginator("get_parameter_history").paginate(Name=self.name, WithDecryption=True)
            return sorted(_version(found) for page in pages for found in page["Parameters"])


def begin_of_burst(versions: list[Version], written: int) -> int:
    """Return the number of the last version that the writer of a version must have read."""
    modified = next(version.modified for version in versions if version.number == written)
    before = [version.number for version in versions if version.modified <= modified - _BURST]
    return before[-1] if before else versions[0].number


def _version(found: Mapping[str, Any]) -> Version:
    properties = {name: found[name] for name in _KEPT if found.get(name)}
    return Version(found["Version"], found["Value"], found["LastModifiedDate"], properties)
