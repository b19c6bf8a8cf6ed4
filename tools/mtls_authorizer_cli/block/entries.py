"""The entries of ``deny`` that concern a client: those that block it, and those that ``block`` adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.rules.fields import ISSUER
from mtls_authorizer.rules.names.issuer_spellings import canonical_condition
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.documents.document import not_empty, rules_of
from mtls_authorizer_cli.documents.json_text import append_items, items_of, rewrite_items

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtls_authorizer.rules.conditions import Condition
    from mtls_authorizer.rules.rule import Rule
    from mtls_authorizer_cli.block.client import BlockTarget


class Entry(NamedTuple):
    """An entry of ``deny``: its place in the document, and the fields that it matches."""

    place: str
    fields: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.place} ({', '.join(self.fields)})"


def blocking(text: str, client: BlockTarget) -> list[Entry]:
    """Return the entries of a valid document that block a client, in their order."""
    rules = RuleSet(rules_of(text))
    if client.certificate is None:
        return [_entry(rule) for rule in rules.denials if _covers(rule, client.conditions)]
    return [_entry(rule) for rule in rules.denying(rules.satisfied_by(client.certificate))]


def add_entry(text: str, client: BlockTarget) -> str:
    """Return a document with the entry for a client, unless another entry blocks everything that it blocks.

    An entry with an unusual encoding of the key does not: certificates with the usual one do not match it.
    """
    is_covered = any(rule.denies and _covers(rule, client.common_conditions) for rule in rules_of(text))
    return text if is_covered else append_items(text, "deny", [client.entry])


def remove_entries(text: str, client: BlockTarget) -> str:
    """Return a document without the entries that ``block`` adds for a client, however they are written."""
    denials = [rule for rule in rules_of(text) if rule.denies]
    removed = {
        item.start
        for item, rule in zip(items_of(text, "deny"), denials, strict=True)
        if _covers(rule, client.conditions) and _is_exact(rule, client)
    }
    return not_empty(rewrite_items(text, "deny", lambda item: None if item.start in removed else item.text))


def _covers(rule: Rule, conditions: Mapping[str, frozenset[Condition]]) -> bool:
    return all(
        not conditions.get(matcher.field, frozenset()).isdisjoint(map(_compared, matcher.alternatives))
        for matcher in rule.matchers
    )


def _compared(condition: Condition) -> Condition:
    # An exclusion applies to all spellings of an issuer.
    return canonical_condition(condition) if condition.field == ISSUER else condition


def _is_exact(rule: Rule, client: BlockTarget) -> bool:
    """Return whether an entry that covers a client names exactly one value in each field of the client's entry."""
    return len(rule.matchers) == len(client.entry) and all(
        len(matcher.alternatives) == 1 and not matcher.combinations for matcher in rule.matchers
    )


def _entry(rule: Rule) -> Entry:
    return Entry(rule.name, tuple(matcher.field for matcher in rule.matchers))
