"""Who may use a layer version: statements in its policy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from publisher.layers import LayerVersion

# What this command grants it may withdraw. Statements under other names are somebody else's.
_PREFIX = "publisher-"


@dataclass(frozen=True)
class Grant:
    """A permission to use a layer version: for the accounts of an organization, or for every AWS account there is."""

    organization: str | None = None

    @property
    def statement_id(self) -> str:
        """The statement's name. It says whom it is for, so that two with one name are the same."""
        return _PREFIX + (self.organization or "public")


PUBLIC: Final = Grant()


@dataclass(frozen=True)
class GrantChanges:
    """What is to change in a policy. ``withdrawn`` are statements' names."""

    granted: Grant | None
    withdrawn: tuple[str, ...]

    def __str__(self) -> str:
        """Describe them, as in ``grant publisher-public, withdraw publisher-o-a1b2c3d4e5``; empty for none."""
        granted = [f"grant {self.granted.statement_id}"] if self.granted else []
        return ", ".join(granted + [f"withdraw {statement_id}" for statement_id in self.withdrawn])


def plan_grants(client: LambdaClient, layer_version: LayerVersion | None, wanted: Grant | None) -> GrantChanges:
    """Compare a layer version's policy with the one grant that it should have; None is private.

    Raises botocore's ClientError and BotoCoreError.
    """
    present = _statement_ids(client, layer_version) if layer_version else set()
    wanted_id = wanted.statement_id if wanted else None
    return GrantChanges(
        granted=None if wanted_id in present else wanted,
        withdrawn=tuple(sorted(name for name in present if name.startswith(_PREFIX) and name != wanted_id)),
    )


def change_grants(client: LambdaClient, layer_version: LayerVersion, changes: GrantChanges) -> None:
    """Carry out what was planned. Raises botocore's ClientError and BotoCoreError."""
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
    except client.exceptions.ResourceNotFoundException:  # how Lambda says that there is no policy
        return set()
    return {statement["Sid"] for statement in json.loads(answer["Policy"])["Statement"]}
