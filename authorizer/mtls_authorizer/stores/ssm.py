"""Documents in parameters of AWS Systems Manager (SSM)."""

from __future__ import annotations

from datetime import UTC, datetime

from mtls_authorizer.stores.aws import store_errors
from mtls_authorizer.stores.store import Fetched, StoreError, Timeouts, too_large

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mtls_authorizer.stores.aws import AwsClient

_DENIED = "missing permission: ssm:GetParameters, or kms:Decrypt with the key of a SecureString"


class SsmStore:
    """A document in one parameter, or split into several that are joined in the order of the URI.

    SSM has no conditional read: the document is unchanged if the versions of all its parameters are. Several parameters
    are not changed at once, so that old parts may be joined to new ones. Only the parser can tell such a document from
    the intended one; if a mixture could be valid, keep the document in S3.
    """

    def __init__(self, uri: str, client: AwsClient, parts: Sequence[str], max_bytes: int, timeouts: Timeouts) -> None:
        self.uri = uri
        self._client = client
        self._names = parts
        self._max_bytes = max_bytes
        self._timeouts = timeouts

    def fetch(self, version: str | None, /) -> Fetched | None:
        """Return the joined values, or None if all parameters have the versions that they had. Raises StoreError."""
        with store_errors(self.uri, self._timeouts, _DENIED):
            answer = self._client.get_parameters(Names=list(self._names), WithDecryption=True)
            found = {parameter["Name"]: parameter for parameter in answer["Parameters"]}
            missing = [name for name in self._names if name.partition(":")[0] not in found]
            if missing:
                region = self._client.meta.region_name
                raise StoreError(self.uri, f"there is no parameter {' and no '.join(missing)} in {region}")
            values = [found[name.partition(":")[0]] for name in self._names]
            content = "".join(value["Value"] for value in values).encode()
            current = ",".join(map(_parameter_version, values))
        if len(content) > self._max_bytes:
            raise too_large(self.uri, self._max_bytes)
        return None if current == version else Fetched(content, current)

    def reset(self) -> None:
        """Close the connections. Every fetch reads the parameters, and the store keeps no versions."""
        self._client.close()


def _parameter_version(parameter: Mapping[str, Any]) -> str:
    # With the time: the versions of a parameter that was deleted and created again restart at 1.
    modified: datetime = parameter["LastModifiedDate"]
    return f"{parameter['Version']}@{modified.astimezone(UTC).isoformat()}"
