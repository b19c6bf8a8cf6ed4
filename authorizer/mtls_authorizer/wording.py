"""How ``explain`` words values: quoted, in printable ASCII, and shortened.

A client may have chosen them. A terminal obeys control characters; others turn text round, or can't be told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from client_certificate_auth.rfc4514 import escape_value
from client_certificate_auth.short_names import SHORT_NAME_BY_OID
from mtls_authorizer.matching import OF_SEVERAL, Comparison
from mtls_authorizer.routes import METHODS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from mtls_authorizer.matching import Condition, Fact, Matcher

Alternative: TypeAlias = "tuple[Condition, ...]"
"""Conditions of which all must hold."""

_LONGEST_TEXT = 100
_MOST_EXAMPLES = 3

_USUAL_LABELS = {of_several: usual for usual, of_several in OF_SEVERAL.items()}
_COMPARED = {Comparison.EXACT: "", Comparison.PREFIX: "beginning with ", Comparison.SUFFIX: "ending with "}


def quoted(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Return text in quotes, its beginning if it is long. What isn't printable ASCII is escaped as in Python."""
    return ascii(text) if len(text) <= longest else ascii(text[:longest]) + "..."


def value_text(value: Hashable) -> str:
    """Return a condition's or a fact's value as people write it: text, or a distinguished name (RFC 4514)."""
    if isinstance(value, tuple):
        return ",".join(
            "+".join(f"{SHORT_NAME_BY_OID.get(oid, oid)}={escape_value(text)}" for oid, text in relative_name)
            for relative_name in reversed(value)
        )
    return str(value)


def fact_text(fact: Fact) -> str:
    """Return what a certificate says: ``'client'`` or ``DNS 'client.example'``."""
    label, value = fact
    return f"{usual_label(label)} {quoted(value_text(value))}".lstrip()


def usual_label(label: str) -> str:
    """Return the label that a document has for a fact's: a common name may be one of several."""
    return _USUAL_LABELS.get(label, label)


def alternative_text(alternative: Alternative) -> str:
    """Return what is wanted: ``O 'Acme' and CN beginning with 'Issuing'``."""
    return " and ".join(map(_condition_text, alternative))


def alternatives(matcher: Matcher) -> list[Alternative]:
    """Return the alternatives of a matcher, sorted, as they are in a document.

    An exclusion has each that is about a common name twice: for the only one, and for one of several.
    """
    single = [(condition,) for condition in matcher.alternatives]
    several = [tuple(sorted(combination, key=_order)) for combination in matcher.combinations]
    written = [each for each in single + several if _USUAL_LABELS.keys().isdisjoint(label for _, label, *_ in each)]
    return sorted(written, key=lambda alternative: list(map(_order, alternative)))


def choice(texts: Sequence[str], *, everything: bool = False) -> str:
    """Return texts of which one is wanted: all of them if they are few, else how many, and some of them."""
    if len(texts) == 1:
        return texts[0]
    if everything or len(texts) <= _MOST_EXAMPLES:
        return f"one of {', '.join(texts)}"
    return f"one of {len(texts):,}, such as {', '.join(texts[:_MOST_EXAMPLES])}"


def listing(texts: Sequence[str], *, everything: bool = False) -> str:
    """Return texts that all are there: all of them if they are few, else some of them, and how many more."""
    if not texts:
        return "none"
    if everything or len(texts) <= _MOST_EXAMPLES:
        return ", ".join(texts)
    return f"{', '.join(texts[:_MOST_EXAMPLES])} and {len(texts) - _MOST_EXAMPLES:,} more"


def written_route(route: str) -> str:
    """Return a route, or an invocation, as it is written in a document: ``GET/payments/*`` is ``GET /payments/*``."""
    return " /".join(route.split("/", 1))


def written_routes(routes: Iterable[str]) -> list[str]:
    """Return routes as they are written in a document, those of any method as one, each once."""
    methods: dict[str, dict[str, None]] = {}
    for route in routes:
        method, _, path = route.partition("/")
        methods.setdefault(path, {})[method] = None
    return [
        f"{method} /{path}"
        for path, of_path in methods.items()
        for method in (["*"] if of_path.keys() == set(METHODS) else of_path)
    ]


def _condition_text(condition: Condition) -> str:
    return f"{condition.label} {_COMPARED[condition.comparison]}{quoted(value_text(condition.value))}".lstrip()


def _order(condition: Condition) -> tuple[str, str, str]:
    return condition.label, value_text(condition.value), condition.comparison
