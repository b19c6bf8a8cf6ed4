"""The permissions to use a layer version: statements in its policy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from distribution.publisher.layers import LayerVersion

# Only statements with this prefix are withdrawn. Others were not added by this command.
_PREFIX = "publisher-"


@dataclass(frozen=True)
class Grant:
    """A permission to use a layer version, for the accounts of an organization or for every AWS account."""

    organization: str | None = None

    @property
    def statement_id(self) -> str:
        """The statement's name. It contains the grantee, so statements with the same name are equal."""
        return _PREFIX + (self.organization or "public")


PUBLIC: Final = Grant()


@dataclass(frozen=True)
class GrantChanges:
    """The changes to make to a policy. ``withdrawn`` contains names of statements."""

    granted: Grant | None
    withdrawn: tuple[str, ...]

    def __str__(self) -> str:
        """Return the changes in one line, such as ``grant publisher-public, withdraw publisher-o-a1b2c3d4e5``."""
        granted = [f"grant {self.granted.statement_id}"] if self.granted else []
        return ", ".join(granted + [f"withdraw {statement_id}" for statement_id in self.withdrawn])


def plan_grants(client: LambdaClient, layer_version: LayerVersion | None, wanted: Grant | None) -> GrantChanges:
    """Compare a layer version's policy with the only grant that it should have; None means a private layer.

    Raises botocore's ClientError and BotoCoreError.
    """
    present = _statement_ids(client, layer_version) if layer_version else set()
    wanted_id = wanted.statement_id if wanted else None
    return GrantChanges(
        granted=None if wanted_id in present else wanted,
        withdrawn=tuple(sorted(name for name in present if name.startswith(_PREFIX) and name != wanted_id)),
    )


def change_grants(client: LambdaClient, layer_version: LayerVersion, changes: GrantChanges) -> None:
    """Make the planned changes. Raises botocore's ClientError and BotoCoreError."""
    for statement_id in changes.withdrawn:
        client.remove_layer_version_permission(
            LayerName=layer_version.layer_name, VersionNumber=layer_version.number, StatementId=statement_id
        )
    if changes.granted:
        condition = {"OrganizationId": changes.granted.organization} if changes.granted.organization else {}
        client.add_layer_version_permission(
            LayerName=layer_version.layer_name,
            VersionNumber=layer_version.number,
            StatementId=changes.granted.statement_id,
            Action="lambda:GetLayerVersion",
            Principal="*",
            **condition,
        )


def _statement_ids(client: LambdaClient, layer_version: LayerVersion) -> set[str]:
    try:
        answer = client.get_layer_version_policy(LayerName=layer_version.layer_name, VersionNumber=layer_version.number)
    except client.exceptions.ResourceNotFoundException:  # there is no policy
        return set()
    return {statement["Sid"] for statement in json.loads(answer["Policy"])["Statement"]}
