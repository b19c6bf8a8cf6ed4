"""The template for the AWS Serverless Application Repository, which supports fewer types of resources.

Without AppConfig resources, the stack cannot publish a version of the function for each change of a parameter. So this
template has no SnapStart and no provisioned concurrency, which require published versions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import yaml  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from pathlib import Path

SERVERLESS_REPOSITORY: Final = "serverless-repository.yaml"

_PARAMETERS = frozenset({"SnapStart", "ProvisionedConcurrency"})
_CONDITIONS = frozenset({"HasSnapStart", "HasProvisionedConcurrency", "IsPublished"})
"""Those that depend on the parameters. They are false."""

_PUBLISHING = ("AutoPublishAlias", "AutoPublishAliasAllProperties", "VersionDeletionPolicy")
_ABSENT: Final[Any] = {"Ref": "AWS::NoValue"}


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # untyped
    """Reads CloudFormation's short forms as the long ones: ``!Ref x`` as ``{"Ref": "x"}``."""


def _construct_function(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        value = value.split(".", 1) if suffix == "GetAtt" else value
    else:
        value = loader.construct_sequence(node, deep=True)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _construct_function)


def write_serverless_repository_template(template: Path, destination: Path, source_url: str | None) -> None:
    """Write the template, derived from another template. ``source_url`` is where its source code is published."""
    content = yaml.load(template.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 -- derived from SafeLoader
    derived = _derive(content)
    urls = {"HomePageUrl": source_url, "SourceCodeUrl": source_url} if source_url else {}
    derived["Metadata"]["AWS::ServerlessRepo::Application"] |= urls
    destination.write_text(yaml.safe_dump(derived, sort_keys=False, width=120, allow_unicode=True), encoding="utf-8")


def _derive(template: dict[str, Any]) -> dict[str, Any]:
    """Return a template without published versions."""
    derived: dict[str, Any] = _simplify(template)
    for section, names in (("Parameters", _PARAMETERS), ("Conditions", _CONDITIONS)):
        derived[section] = {name: value for name, value in derived[section].items() if name not in names}
    derived["Resources"] = {
        name: resource
        for name, resource in derived["Resources"].items()
        if resource.get("Condition") not in _CONDITIONS
    }
    for rule in derived["Rules"].values():
        rule["Assertions"] = [each for each in rule["Assertions"] if not _refers_to_removed(each)]
    interface = derived["Metadata"]["AWS::CloudFormation::Interface"]
    for group in interface["ParameterGroups"]:
        group["Parameters"] = [name for name in group["Parameters"] if name not in _PARAMETERS]
    function = derived["Resources"]["Authorizer"]["Properties"]
    for name in _PUBLISHING:
        del function[name]
    return derived


def _simplify(node: Any) -> Any:  # noqa: ANN401 -- a document
    """Return a document in which each ``Fn::If`` with a false condition is replaced by its last value."""
    if isinstance(node, dict):
        if list(node) == ["Fn::If"] and node["Fn::If"][0] in _CONDITIONS:
            return _simplify(node["Fn::If"][2])
        simplified = {key: _simplify(value) for key, value in node.items()}
        return {key: value for key, value in simplified.items() if value != _ABSENT}
    return [_simplify(item) for item in node] if isinstance(node, list) else node


def _refers_to_removed(node: object) -> bool:
    return bool(re.search("|".join(_PARAMETERS), repr(node)))
