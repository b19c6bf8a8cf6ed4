"""Rules, routes and the facts of certificates in words."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, TypeAlias

from client_certificate_auth.rfc4514 import escape_value
from client_certificate_auth.short_names import SHORT_NAME_BY_OID
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.routes import ALL_ROUTES, METHODS
from mtls_authorizer_cli.printed import LONGEST_TEXT, MOST_EXAMPLES, listing, quoted

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from mtls_authorizer.rules.conditions import Condition, Fact, Matcher
    from mtls_authorizer.rules.names.distinguished_names import NameValue
    from mtls_authorizer.rules.routes import Routes

Alternative: TypeAlias = "tuple[Condition, ...]"
"""Conditions that must all be satisfied."""

_COMPARED = {Comparison.EXACT: "", Comparison.PREFIX: "starting with ", Comparison.SUFFIX: "ending with "}


def value_text(value: Hashable) -> str:
    """Return a condition's or a fact's value as people write it: text, or a distinguished name (RFC 4514)."""
    if isinstance(value, tuple):
        return ",".join(
            "+".join(f"{SHORT_NAME_BY_OID.get(oid, oid)}={escape_value(text)}" for oid, text in relative_name)
            for relative_name in reversed(value)
        )
    return str(value)


def attribute_values(name: NameValue) -> dict[str, list[str]]:
    """Return the values of the attributes of a distinguished name, by the labels that conditions have."""
    values: dict[str, list[str]] = {}
    for relative_name in name:
        for oid, text in relative_name:
            values.setdefault(SHORT_NAME_BY_OID.get(oid, oid), []).append(text)
    return values


def fact_text(fact: Fact) -> str:
    """Return a fact of a certificate in words: ``'client'`` or ``DNS 'client.example'``."""
    return f"{fact.label} {quoted(value_text(fact.value))}".lstrip()


def unusual_characters(required: str, found: str) -> str:
    """Return in parentheses the names of letters outside ASCII that only one text contains: they can look alike."""
    characters = sorted(each for each in {*required} ^ {*found} if not each.isascii())
    names = (f"U+{ord(each):04X} is {unicodedata.name(each, 'a character without a name')}" for each in characters)
    return f" ({', '.join(names)})" if characters else ""


def alternative_text(alternative: Alternative, longest: int = LONGEST_TEXT) -> str:
    """Return an alternative in words: ``O 'Acme' and CN starting with 'Issuing'``."""
    return " and ".join(_condition_text(condition, longest) for condition in alternative)


def alternatives(matcher: Matcher) -> list[Alternative]:
    """Return the alternatives of a matcher, sorted."""
    single = [(condition,) for condition in matcher.alternatives]
    several = [tuple(sorted(combination, key=_order)) for combination in matcher.combinations]
    return sorted(single + several, key=lambda alternative: list(map(_order, alternative)))


def choice(texts: Sequence[str], *, everything: bool = False) -> str:
    """Return that one of several texts is required: all texts if they are few, else their number and some examples."""
    if len(texts) == 1:
        return texts[0]
    if everything or len(texts) <= MOST_EXAMPLES:
        return f"one of {', '.join(texts)}"
    return f"one of {len(texts):,}, such as {', '.join(texts[:MOST_EXAMPLES])}"


def printed_routes(routes: Routes, *, everything: bool = False) -> str:
    """Return the routes that a client may call, in words."""
    return "all routes" if routes is ALL_ROUTES else listing(written_routes(routes), everything=everything)


def listed_routes(routes: Routes) -> list[str] | None:
    """Return the routes for a program: None for all routes."""
    return None if routes is ALL_ROUTES else written_routes(routes)


def written_route(route: str) -> str:
    """Return a route, or an invocation, as it is written in a document: ``GET/payments/*`` is ``GET /payments/*``."""
    return " /".join(route.split("/", 1))


def written_routes(routes: Iterable[str]) -> list[str]:
    """Return routes as they are written in a document, each once, with ``*`` for all methods."""
    methods: dict[str, dict[str, None]] = {}
    for route in routes:
        method, _, path = route.partition("/")
        methods.setdefault(path, {})[method] = None
    return [
        f"{method} /{path}"
        for path, of_path in methods.items()
        for method in (["*"] if of_path.keys() == set(METHODS) else of_path)
    ]


def _condition_text(condition: Condition, longest: int) -> str:
    value = quoted(value_text(condition.value), longest)
    return f"{condition.label} {_COMPARED[condition.comparison]}{value}".lstrip()


def _order(condition: Condition) -> tuple[str, str, str]:
    return condition.label, value_text(condition.value), condition.comparison
