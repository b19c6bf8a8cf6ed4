"""Findings about single values of a rules document, from its JSON."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mtls_authorizer.policy.allowlist_warnings import joined_names, split_names
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.document.problems import items_with_places, member, shown
from mtls_authorizer.rules.fields import FIELDS, FieldKind, parse_label
from mtls_authorizer.rules.names.name_correction import reversed_name
from mtls_authorizer_cli.rules.checks.findings import Finding, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

_DOMAIN = re.compile(r"([A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*")
_COMPARISONS = frozenset(Comparison)


def value_findings(document: dict[str, Any]) -> Iterator[Finding]:
    """Return the findings about the values of a valid document."""
    for denial, where in items_with_places(document.get("deny", []), "deny"):
        yield from _match_findings(denial, where)
    for number, rule in enumerate(document.get("rules", [])):
        place = f"rules[{number}]"
        yield from _match_findings(rule["match"], f"{place}.match")
        for exclusion, where in items_with_places(rule.get("not", []), f"{place}.not"):
            yield from _match_findings(exclusion, where)
        for key, text in rule.get("context", {}).items():
            if isinstance(text, str):
                yield from _whitespace(text, member(f"{place}.context", key), Comparison.EXACT)


def _match_findings(match: Any, place: str) -> Iterator[Finding]:  # noqa: ANN401 -- JSON
    for field, value in match.items():
        where = f"{place}.{field}"
        if isinstance(value, list) and FIELDS[field].kind is FieldKind.TEXT:
            yield from _split_names([item for item in value if isinstance(item, str)], where)
        for item, item_place in items_with_places(value, where):
            yield from _alternative_findings(field, item, item_place)


def _alternative_findings(field: str, item: Any, place: str) -> Iterator[Finding]:  # noqa: ANN401 -- JSON
    """Return the findings about one alternative of a field: a string, a comparison, or an object of them by label."""
    if isinstance(item, str) or _COMPARISONS.issuperset(item):
        yield from _comparison_findings(field, "", item, place)
        return
    for key, value in item.items():
        label = parse_label(FIELDS[field].kind, key)
        yield from _comparison_findings(field, label, value, member(place, key))


def _comparison_findings(field: str, label: str, value: Any, place: str) -> Iterator[Finding]:  # noqa: ANN401 -- JSON
    comparison, text = Comparison.EXACT, value
    if not isinstance(value, str):
        ((key, text),) = value.items()
        comparison, place = Comparison(key), f"{place}.{key}"
    yield from _whitespace(text, place, comparison)
    if not label and FIELDS[field].kind is FieldKind.DISTINGUISHED_NAME:
        correct = reversed_name(text)
        if correct is not None:
            yield Finding(
                Kind.REVERSED_NAME,
                place,
                f"starts with the country or domain and ends with the common name: {shown(text)}. If that is reversed, "
                f"write the same attributes in reverse order: {shown(correct)}",
            )
    if (label, comparison) not in FIELDS[field].patterns and _is_open_domain(comparison, text):
        yield Finding(
            Kind.OPEN_DOMAIN,
            place,
            f"looks like a domain, and also matches names of other domains: {shown(text)}. Write the exact value, or a "
            "suffix that starts with a dot or an @",
        )


def _whitespace(text: str, place: str, comparison: Comparison) -> Iterator[Finding]:
    # At its open end, a pattern may well have a space.
    part = {Comparison.PREFIX: text.lstrip(), Comparison.SUFFIX: text.rstrip()}.get(comparison, text.strip())
    if part != text:
        yield Finding(Kind.SURROUNDING_WHITESPACE, place, f"starts or ends with whitespace: {shown(text)}")


def _split_names(items: list[str], place: str) -> Iterator[Finding]:
    for first, second in split_names(items):
        (name,) = joined_names([first, second])
        yield Finding(
            Kind.SPLIT_NAME,
            place,
            f"contains {shown(first)} and {shown(second)}, which look like one name: write {shown(name)}",
        )


def _is_open_domain(comparison: Comparison, text: str) -> bool:
    """Return whether a pattern of free text is a domain that is open at an end: a prefix, or a suffix without a dot."""
    if comparison is Comparison.EXACT:
        return False
    return _DOMAIN.fullmatch(text.rpartition("@")[2] if comparison is Comparison.PREFIX else text) is not None
