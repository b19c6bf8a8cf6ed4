"""Warnings about values in rules documents that are valid, but probably mean something else than intended.

Such a value can deny a client that should be allowed, or allow one that should not. ``mtls-authorizer rules check``
prints the warnings, and the authorizer logs them when it loads a document.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from itertools import islice

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.log import get_logger
from mtls_authorizer.policy import allowlist_warnings
from mtls_authorizer.policy.allowlist_warnings import (
    EXPLANATIONS,
    MOST_LOGGED,
    NOT_ALL,
    UNKNOWN_CORRECTIONS,
    may_be_reversed,
    may_contain_legal_forms,
    misspelling,
    reversed_name,
    split_names,
)
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.document.problems import items_with_places, key_place, shown
from mtls_authorizer.rules.fields import FIELDS, ISSUER_KEY, SERIAL_NUMBER, FieldKind, parse_label
from mtls_authorizer.rules.routes import is_never_permitted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_DOMAIN = re.compile(r"([A-Za-z0-9-]+\.)+[A-Za-z][A-Za-z0-9-]*")
_ORDINARY_NAME = re.compile(r"DNS:[\w.*-]+|email:[\w.+-]+@[\w.-]+|URI:[a-z]+:[!-~]+|IP:[!-~]+", re.ASCII)
_COMPARISONS = frozenset(Comparison)


class RuleWarningKind(StrEnum):
    """The kinds of warnings, as in the JSON output of ``rules check``."""

    ROUTE_NEVER_ALLOWED = "route_never_allowed"
    NO_TRUSTSTORE = "no_truststore"
    """Only if the configuration of the function is known."""

    SURROUNDING_WHITESPACE = "surrounding_whitespace"
    INVISIBLE_CHARACTER = "invisible_character"
    MALFORMED_NAME = "malformed_name"
    NOT_ASCII = "not_ascii"
    NOT_NFC = "not_nfc"
    DECIMAL_NUMBER = "decimal_number"
    QUOTED_ITEM = "quoted_item"
    """Only in the lists in the environment."""

    REVERSED_NAME = "reversed_name"
    SPLIT_NAME = "split_name"
    OPEN_DOMAIN = "open_domain"


class RuleWarning(NamedTuple):
    """A warning about one value or, by ``mtls-authorizer rules check`` with a kind of its own, about a rule.

    ``place`` is its location in the document, such as ``rules[0].match.issuer``; ``message`` continues a sentence that
    begins with it.
    """

    kind: StrEnum
    place: str
    message: str


MESSAGES = {
    **allowlist_warnings.MESSAGES,
    RuleWarningKind.ROUTE_NEVER_ALLOWED: "route is never allowed",
    RuleWarningKind.NO_TRUSTSTORE: "no truststore for issuer keys",
    RuleWarningKind.SURROUNDING_WHITESPACE: "value starts or ends with whitespace",
    RuleWarningKind.REVERSED_NAME: "name looks reversed",
    RuleWarningKind.OPEN_DOMAIN: "pattern also matches other domains",
}
"""The messages of the log records, by kind."""

NOT_EXAMINED = "rules not examined for warnings"


def log_rule_warnings(
    document: Mapping[str, Any], fields: Mapping[str, object], *, has_truststore: bool = True
) -> None:
    """Log the first warnings about a valid document. ``fields`` say which document it is. Raises nothing."""
    try:
        warnings = list(islice(rule_warnings(document, has_truststore=has_truststore), MOST_LOGGED + 1))
    except Exception as error:  # noqa: BLE001 -- valid rules take effect, whatever is wrong with the warnings
        get_logger().warning(NOT_EXAMINED, extra={**fields, "error": f"{type(error).__name__}: {error}"})
        return
    for warning in warnings[:MOST_LOGGED]:
        details = {
            "rule": _rule_name(document, warning),
            "place": warning.place,
            "explanation": f"{warning.place} {warning.message}",
        }
        get_logger().warning(MESSAGES[warning.kind], extra={**fields, **details})
    if len(warnings) > MOST_LOGGED:
        get_logger().warning(
            NOT_ALL, extra={**fields, "explanation": "mtls-authorizer rules check prints all warnings"}
        )


def log_inline_rule_warnings(environment: Mapping[str, str]) -> None:
    """Log the warnings about the documents in an environment that ``load_settings`` accepts."""
    for variable in ("AUTHORIZER_RULES", "AUTHORIZER_SHADOW_RULES"):
        if variable in environment:
            # JSON allows fewer kinds of whitespace around it than the settings do.
            log_rule_warnings(json.loads(environment[variable].strip()), {"variable": variable})


def _rule_name(document: Mapping[str, Any], warning: RuleWarning) -> str | None:
    """Return the name of the rule that a warning is about; None for an item of ``deny``."""
    if not warning.place.startswith("rules["):
        return None
    number = int(warning.place.removeprefix("rules[").partition("]")[0])
    return str(document["rules"][number]["name"])


def rule_warnings(document: Mapping[str, Any], *, has_truststore: bool = True) -> Iterator[RuleWarning]:
    """Return the warnings about the values of a valid document, which is parsed JSON.

    ``has_truststore`` is whether the function has a truststore, or it is not known that it has none.
    """
    if not has_truststore:
        yield from _truststore_warnings(document)
    if "deny" in document:
        yield from _exclusion_warnings(document["deny"], "deny")
    for number, rule in enumerate(document.get("rules", [])):
        yield from _match_warnings(rule["match"], f"rules[{number}].match")
        if "not" in rule:
            yield from _exclusion_warnings(rule["not"], f"rules[{number}].not")
        yield from _route_warnings(rule.get("allow", []), f"rules[{number}].allow")
        for key, text in rule.get("context", {}).items():
            if isinstance(text, str) and text.strip() != text:
                yield from _whitespace_warnings(text, key_place(f"rules[{number}].context", key), Comparison.EXACT)


def _route_warnings(routes: list[str], place: str) -> Iterator[RuleWarning]:
    for number, route in enumerate(routes):
        if is_never_permitted(route):
            yield RuleWarning(
                RuleWarningKind.ROUTE_NEVER_ALLOWED,
                f"{place}[{number}]",
                f"never allows a request: {shown(route)} has a segment that starts with '..', ';' or '.;'. Such paths "
                "are denied, because a server may resolve them to others. Remove it, or rename the path in the API",
            )


def _truststore_warnings(document: Mapping[str, Any]) -> Iterator[RuleWarning]:
    for number, rule in enumerate(document.get("rules", [])):
        if ISSUER_KEY in rule["match"]:
            yield RuleWarning(
                RuleWarningKind.NO_TRUSTSTORE,
                f"rules[{number}].match.{ISSUER_KEY}",
                "matches no certificate here or elsewhere: the function has no truststore, so set TRUSTSTORE_URI",
            )
            return


def _exclusion_warnings(exclusions: object, place: str) -> Iterator[RuleWarning]:
    for exclusion, where in items_with_places(exclusions, place):
        yield from _match_warnings(exclusion, where)


def _match_warnings(match: Any, place: str) -> Iterator[RuleWarning]:  # noqa: ANN401 -- JSON
    for field, value in match.items():
        where = f"{place}.{field}"
        if isinstance(value, list) and _are_ordinary(field, value):
            continue
        if isinstance(value, list) and FIELDS[field].kind is FieldKind.TEXT:
            yield from _split_name_warnings([item for item in value if isinstance(item, str)], where)
        for item, item_place in items_with_places(value, where):
            if not _is_ordinary(field, item):
                yield from _alternative_warnings(field, item, item_place)


# Almost all values are ordinary. Finding that out first makes long lists load almost as fast as without warnings:
# 10,000 alternative names take 5 ms instead of 54 ms.


def _are_ordinary(field: str, items: list[Any]) -> bool:
    """Return whether certainly none of the values in a list has a warning: all are text. Others return False."""
    kind = FIELDS[field].kind
    if set(map(type, items)) != {str} or (kind is FieldKind.DISTINGUISHED_NAME and any(map(may_be_reversed, items))):
        return False
    # Values contain no line breaks.
    lines = "\n".join(items)
    if not _is_plain(lines.replace("\n", "-")) or lines != "\n".join(map(str.strip, items)):
        return False
    if kind is FieldKind.SUBJECT_ALT_NAME or field == SERIAL_NUMBER:
        return not any(misspelling(field, item) for item in items if not _ORDINARY_NAME.fullmatch(item))
    return not (kind is FieldKind.TEXT and may_contain_legal_forms(lines))


def _is_ordinary(field: str, item: Any) -> bool:  # noqa: ANN401 -- JSON
    """Return whether a value certainly has no warning: text, a pattern, or attributes with such values."""
    kind = FIELDS[field].kind
    if isinstance(item, str):
        is_reversed = kind is FieldKind.DISTINGUISHED_NAME and may_be_reversed(item)
        return _is_plain(item) and not is_reversed and misspelling(field, item) is None
    for key, value in item.items():
        comparison, text = (key, value) if isinstance(value, str) else next(iter(value.items()))
        if not _is_plain(text) or comparison == Comparison.EXACT:
            return False
        if kind is FieldKind.SUBJECT_ALT_NAME and misspelling(field, f"{parse_label(kind, key)}:{text}"):
            return False
        if comparison in _COMPARISONS and _is_open_domain(comparison, text):
            return False
    return True


def _is_plain(text: str) -> bool:
    """Return whether text certainly has no warning about its characters, apart from those in domains."""
    if text.isascii() or not text.isprintable():
        return text.isprintable() and text.strip() == text
    from mtls_authorizer.policy.value_correction import has_usual_characters  # noqa: PLC0415 -- few documents need it

    return has_usual_characters(text) and text.strip() == text


def _alternative_warnings(field: str, item: Any, place: str) -> Iterator[RuleWarning]:  # noqa: ANN401 -- JSON
    """Return the warnings about one alternative of a field: a string, a comparison, or an object of them by label."""
    if isinstance(item, str) or _COMPARISONS.issuperset(item):
        yield from _comparison_warnings(field, "", item, place)
        return
    for key, value in item.items():
        label = parse_label(FIELDS[field].kind, key)
        yield from _comparison_warnings(field, label, value, key_place(place, key))


def _comparison_warnings(field: str, label: str, value: Any, place: str) -> Iterator[RuleWarning]:  # noqa: ANN401 -- JSON
    comparison, text = Comparison.EXACT, value
    if not isinstance(value, str):
        ((key, text),) = value.items()
        comparison, place = Comparison(key), f"{place}.{key}"
    yield from _whitespace_warnings(text, place, comparison)
    yield from _spelling_warnings(field, text, place, f"{label}:" if label else "")
    if not label and FIELDS[field].kind is FieldKind.DISTINGUISHED_NAME:
        correct = reversed_name(text)
        if correct is not None:
            yield RuleWarning(
                RuleWarningKind.REVERSED_NAME,
                place,
                f"looks reversed, as OpenSSL and API Gateway print names: {shown(text)}. RFC 4514 begins with the most "
                "specific attribute. Unless explain prints the certificate's name in this order, write the same "
                f"attributes in reverse order: {shown(correct)}",
            )
    if (label, comparison) not in FIELDS[field].patterns and _is_open_domain(comparison, text):
        yield RuleWarning(
            RuleWarningKind.OPEN_DOMAIN,
            place,
            f"looks like a domain, and also matches names of other domains: {shown(text)}. Write the exact value, or a "
            "suffix that starts with a dot or an @",
        )


def _whitespace_warnings(text: str, place: str, comparison: Comparison) -> Iterator[RuleWarning]:
    # At its open end, a pattern may well have a space.
    part = {Comparison.PREFIX: text.lstrip(), Comparison.SUFFIX: text.rstrip()}.get(comparison, text.strip())
    if part != text:
        yield RuleWarning(
            RuleWarningKind.SURROUNDING_WHITESPACE, place, f"starts or ends with whitespace: {shown(text)}"
        )


def _spelling_warnings(field: str, text: str, place: str, prefix: str) -> Iterator[RuleWarning]:
    # Whitespace at the ends has its own warning.
    found = misspelling(field, prefix + text.strip())
    if found is not None:
        kind, correct = found
        fix = UNKNOWN_CORRECTIONS.get(kind, "") if correct is None else shown(correct.removeprefix(prefix))
        yield RuleWarning(RuleWarningKind(kind), place, EXPLANATIONS[kind].format(text=shown(text), fix=fix))


def _split_name_warnings(items: list[str], place: str) -> Iterator[RuleWarning]:
    for first, second in split_names(items):
        yield RuleWarning(
            RuleWarningKind.SPLIT_NAME,
            place,
            f"contains {shown(first)} and {shown(second)}, which look like one name: write "
            f"{shown(f'{first}, {second}')}",
        )


def _is_open_domain(comparison: Comparison, text: str) -> bool:
    """Return whether a pattern of free text is a domain that is open at an end: a prefix, or a suffix without a dot."""
    if comparison is Comparison.EXACT:
        return False
    return _DOMAIN.fullmatch(text.rpartition("@")[2] if comparison == Comparison.PREFIX else text) is not None
