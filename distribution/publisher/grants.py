"""The permissions to use a layer version: statements in its policy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from distribution.publisher.layers import LayerVersion

# Only statements with this prefix are withdrawn. Others were not added by this command.
_PREFIX = "publisher-"
_ACTION = "lambda:GetLayerVersion"


@dataclass(frozen=True)
class Grant:
    """A permission to use a layer version, for the accounts of an organization or for every AWS account."""

    organization: str | None = None

    @property
    def statement_id(self) -> str:
        """The statement's name, which contains the grantee."""
        return _PREFIX + (self.organization or "public")

    def statement(self, arn: str) -> dict[str, Any]:
        """Return the complete statement in the policy of the layer version with this ARN, without its name."""
        statement: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": _ACTION, "Resource": arn}
        if self.organization:
            statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": self.organization}}
        return statement


PUBLIC: Final = Grant()


@dataclass(frozen=True)
class GrantChanges:
    """The changes to make to a policy. ``withdrawn`` and ``kept`` contain names of statements, the latter of others."""

    granted: Grant | None
    withdrawn: tuple[str, ...]
    kept: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the changes in one line, such as ``grant publisher-public, withdraw publisher-o-a1b2c3d4e5``."""
        changes = [f"grant {self.granted.statement_id}"] if self.granted else []
        changes += [f"withdraw {statement_id}" for statement_id in self.withdrawn]
        changes += [f"keep {statement_id}, which this command did not add" for statement_id in self.kept]
        return ", ".join(changes)


def plan_grants(client: LambdaClient, layer_version: LayerVersion | None, wanted: Grant | None) -> GrantChanges:
    """Compare a layer version's policy with the only grant that it should have; None means a private layer.

    Statements are compared as a whole: one with the right name and another content, such as a missing condition, is
    replaced. Raises botocore's ClientError and BotoCoreError.
    """
    if layer_version is None:
        return GrantChanges(wanted, ())
    present = _read_statements(client, layer_version)
    expected = {wanted.statement_id: wanted.statement(layer_version.arn)} if wanted else {}
    own = {name: statement for name, statement in present.items() if name.startswith(_PREFIX)}
    return GrantChanges(
        granted=wanted if wanted and own.get(wanted.statement_id) != expected[wanted.statement_id] else None,
        withdrawn=tuple(sorted(name for name, statement in own.items() if expected.get(name) != statement)),
        kept=tuple(sorted(present.keys() - own.keys())),
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
            Action=_ACTION,
            Principal="*",
            **condition,
        )


def _read_statements(client: LambdaClient, layer_version: LayerVersion) -> dict[str, dict[str, Any]]:
    """Return the statements of a policy by name, without their names."""
    try:
        answer = client.get_layer_version_policy(LayerName=layer_version.layer_name, VersionNumber=layer_version.number)
    except client.exceptions.ResourceNotFoundException:  # there is no policy
        return {}
    statements = json.loads(answer["Policy"])["Statement"]
    return {statement["Sid"]: _normalize(statement) for statement in statements}


def _normalize(statement: dict[str, Any]) -> dict[str, Any]:
    """Return a statement without its name. For IAM, ``"*"`` and ``{"AWS": "*"}`` are the same principal."""
    content = {key: value for key, value in statement.items() if key != "Sid"}
    return content | {"Principal": "*"} if content.get("Principal") == {"AWS": "*"} else content
