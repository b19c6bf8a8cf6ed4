"""The configuration as it is now: with the rules that are kept elsewhere, read again from time to time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mtls_authorizer.rules import RuleSet

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer.configuration import Configuration


def keep_current(configuration: Configuration) -> Callable[[], Configuration]:
    """Return a function that returns the configuration with the rules in force.

    It returns the same object until they change. The documents are read before this returns, so that a function
    without rules doesn't start: raises StoreError for what can't be read, RulesError for what isn't rules. Later on
    the last good rules stay in force. Without URIs in the configuration nothing of this is imported.
    """
    if configuration.rules_uri is None and configuration.shadow_rules_uri is None:
        return lambda: configuration

    from mtls_authorizer.refreshing import Refreshed, Refresher  # noqa: PLC0415 -- see above
    from mtls_authorizer.rules_document import LARGEST_DOCUMENT, parse_rules  # noqa: PLC0415
    from mtls_authorizer.stores import open_store  # noqa: PLC0415

    def rule_set(content: bytes, _in_force: RuleSet | None) -> RuleSet:
        return RuleSet((*configuration.rules.rules, *parse_rules(content)))

    def shadow_rule_set(content: bytes, _in_force: RuleSet | None) -> RuleSet:
        return RuleSet(parse_rules(content))

    documents: dict[str, Refreshed[RuleSet]] = {}
    for field, uri, parse in (
        ("rules", configuration.rules_uri, rule_set),
        ("shadow_rules", configuration.shadow_rules_uri, shadow_rule_set),
    ):
        if uri is not None:
            documents[field] = Refreshed(field, open_store(uri, largest=LARGEST_DOCUMENT), parse)
    refresher = Refresher(list(documents.values()), configuration.rules_refresh_seconds)
    refresher.start()

    def with_documents() -> Configuration:
        fields: dict[str, Any] = {}
        for field, document in documents.items():
            fields[field], fields[f"{field}_version"] = document.value, document.version
        return configuration._replace(**fields)

    latest = with_documents()

    def current() -> Configuration:
        nonlocal latest
        if refresher.refresh_if_due():
            latest = with_documents()
        return latest

    return current
