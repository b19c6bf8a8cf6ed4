"""The rules document: JSON in, rules out, or a message that names every place that is wrong.

A document is taken whole or not at all. ``authorizer/rules.schema.json`` says the same in JSON Schema.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import TYPE_CHECKING, TypeGuard

from mtls_authorizer.rules.matching import (
    FIELDS,
    WITHOUT_PATTERNS,
    Comparison,
    Condition,
    Field,
    Matcher,
    make_exclusion,
    make_matcher,
    read_text,
)
from mtls_authorizer.rules.routes import LARGEST_POLICY, LONGEST_STAGE_ARN, policy_size, read_route
from mtls_authorizer.rules.rule_set import ENVIRONMENT, EVERYTHING, Rule, UsagePlanKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LARGEST_DOCUMENT = 5 * 1024 * 1024
"""In bytes. 1,000 rules with 100 names each take about 3 MB."""

LARGEST_CONTEXT = 4096
"""In characters, keys and values together: API Gateway takes 10,240 bytes for all headers of a request."""

DOCUMENT_KEYS = ("$schema", "rules")
RULE_KEYS = ("name", "description", "match", "not", "allow", "context", "usage_plan_key")

LONGEST_STRING = 2048
_MOST_PROBLEMS = 100
_MOST_SHOWN = 20
_LONGEST_SHOWN = 80
RULE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
CONTEXT_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
# Those that this authorizer or API Gateway writes itself.
RESERVED_CONTEXT_KEY = re.compile(r"clientCert.*|reason|principalId|integrationLatency|claims|scopes", re.IGNORECASE)
USAGE_PLAN_KEY = re.compile(r"[A-Za-z0-9._-]{20,128}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
PRINTABLE_ASCII = re.compile(r"[ -~]*")

# Any shorter, and a prefix also matches the beginning of another's authority, or a suffix the end of another's domain.
PATTERNS = {
    ("URI", Comparison.PREFIX): (
        re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(//[^/?#]+/|[^/:]+:).*"),
        "must go on after the authority, such as 'spiffe://example.com/' or 'urn:example:': else it matches others",
    ),
    ("DNS", Comparison.SUFFIX): (
        re.compile(r"\..+"),
        "must begin with a dot, such as '.example.com': else it matches other domains, too",
    ),
    ("emailAddress", Comparison.SUFFIX): (
        re.compile(r".*@.+|\..+"),
        "must have an @ or begin with a dot, such as '@example.com': else it matches other domains, too",
    ),
    ("email", Comparison.SUFFIX): (
        re.compile(r".*@.+|\..+"),
        "must have an @ or begin with a dot, such as '@example.com': else it matches other domains, too",
    ),
}


WITHOUT_SUFFIX = ("URI", Comparison.SUFFIX)
"""What no end is matched of."""


class RulesError(ValueError):
    """A document that isn't one of rules.

    ``problems`` says what is wrong: each names a place, and what would be right. After many it stops. The message has
    the first of them.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        more = "; and more" if len(self.problems) > _MOST_SHOWN else ""
        super().__init__("rules refused: " + "; ".join(self.problems[:_MOST_SHOWN]) + more)


def parse_rules(content: bytes) -> tuple[Rule, ...]:
    """Return the rules of a document in JSON (RFC 8259), in UTF-8. Raises RulesError."""
    document = _load(content)
    reader = _Reader()
    try:
        rules = reader.document(document)
    except _TooManyProblemsError:
        rules = ()
    if reader.problems:
        raise RulesError(reader.problems)
    return rules


class _TooManyProblemsError(Exception):
    """Who reads them has enough. Caught here: RulesError is what leaves."""


class _Number:
    """Any number, unread: a document has none, and reading a long one takes long."""


_NUMBER = _Number()


def _number(_text: str) -> _Number:
    return _NUMBER


class _Repeating(dict[str, object]):
    """An object in which a key stands twice."""


def _load(content: bytes) -> object:
    """Return the JSON of a document. Raises RulesError, also if a key stands twice in an object."""
    if len(content) > LARGEST_DOCUMENT:
        raise RulesError([f"the document has more than {LARGEST_DOCUMENT} bytes"])
    repeating = False

    def make_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal repeating
        mapping = dict(pairs)
        if len(mapping) == len(pairs):
            return mapping
        repeating = True
        return _Repeating(mapping)

    try:
        document = json.loads(
            content.decode(),
            object_pairs_hook=make_object,
            parse_int=_number,
            parse_float=_number,
            parse_constant=_number,
        )
        problem = f"{next(_repeating(document, ''), None) or 'the document'} has a key twice" if repeating else None
    except UnicodeDecodeError as error:
        problem = f"the document is not UTF-8 (byte {error.start})"
    except RecursionError:
        problem = "the document is nested too deeply"
    except ValueError as error:
        marked = content.startswith(codecs.BOM_UTF8)
        problem = "the document begins with a byte order mark" if marked else f"the document is not JSON: {error}"
    if problem:
        raise RulesError([problem])
    return document


def _repeating(value: object, place: str) -> Iterator[str]:
    """Return the places of objects in which a key stands twice."""
    if isinstance(value, _Repeating):
        yield place
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _repeating(item, f"{place}.{_key(key)}" if place else _key(key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _repeating(item, f"{place}[{number}]")


class _Reader:
    """Reads a document and collects what is wrong with it.

    Every method returns something, which only counts if nothing is wrong.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []

    def document(self, value: object) -> tuple[Rule, ...]:
        if not self._is_object(value, "the document"):
            return ()
        self._known_keys(value, DOCUMENT_KEYS, "")
        if "$schema" in value:
            self._string(value["$schema"], "$schema")
        items = value.get("rules")
        if not isinstance(items, list) or not items:
            self._refuse("rules", "must be a list with at least one rule")
            return ()
        rules = [self._rule(item, f"rules[{number}]") for number, item in enumerate(items)]
        names: set[str] = set()
        for number, rule in enumerate(rules):
            if rule.name in names:
                self._refuse(f"rules[{number}].name", f"is {_shown(rule.name)}, as that of another rule")
            names.add(rule.name)
        return tuple(rules)

    def _rule(self, value: object, place: str) -> Rule:
        if not self._is_object(value, place):
            return Rule(place, ())
        self._known_keys(value, RULE_KEYS, place)
        for key in ("name", "match"):
            if key not in value:
                self._refuse(f"{place}.{key}", "is missing")
        if "description" in value:
            self._string(value["description"], f"{place}.description")
        return Rule(
            # Without a name it has one unlike any other's: it isn't refused as the same as another's as well.
            (self._name(value["name"], f"{place}.name") if "name" in value else None) or place,
            self._match(value["match"], f"{place}.match") if "match" in value else (),
            self._exclusions(value["not"], f"{place}.not") if "not" in value else (),
            self._allow(value["allow"], f"{place}.allow") if "allow" in value else EVERYTHING,
            self._context(value["context"], f"{place}.context") if "context" in value else {},
            self._usage_plan_key(value["usage_plan_key"], f"{place}.usage_plan_key")
            if "usage_plan_key" in value
            else None,
        )

    def _name(self, value: object, place: str) -> str | None:
        if isinstance(value, str) and RULE_NAME.fullmatch(value) and value != ENVIRONMENT:
            return value
        self._refuse(
            place,
            f"must be 1 to 64 letters, digits and ._-, a letter or digit first, other than {ENVIRONMENT}, "
            f"not {_shown(value)}",
        )
        return None

    def _exclusions(self, value: object, place: str) -> tuple[tuple[Matcher, ...], ...]:
        if value == []:
            self._refuse(place, "is an empty list: nothing would be excluded")
        for item, where in _items(value, place):
            if isinstance(item, dict) and "fingerprint" in item:
                # Of an ECDSA signature (r, s) anybody can make another that is valid as well: (r, n - s).
                self._refuse(
                    f"{where}.fingerprint",
                    "would exclude nobody for long: whoever has such a certificate can change its signature, and with "
                    "that its fingerprint. Write serial_number and issuer",
                )
        exclusions = [self._match(item, where) for item, where in _items(value, place)]
        return tuple(tuple(map(make_exclusion, exclusion)) for exclusion in exclusions)

    def _match(self, value: object, place: str) -> tuple[Matcher, ...]:
        if not self._is_object(value, place):
            return ()
        if not value:
            self._refuse(place, "is empty: it would match every certificate. Name the issuer, if that is what is meant")
        self._known_keys(value, FIELDS, place)
        matchers = {field: self._matcher(field, value[field], f"{place}.{field}") for field in FIELDS if field in value}
        if "serial_number" in matchers and not _is_one_name(matchers.get("issuer")):
            self._refuse(
                f"{place}.serial_number",
                "needs one issuer beside it, a whole DN: a serial number is unique to its issuer only",
            )
        return tuple(matcher for matcher in matchers.values() if matcher)

    def _matcher(self, field: str, value: object, place: str) -> Matcher | None:
        if value == []:
            self._refuse(place, "is an empty list: nothing would match it")
        if isinstance(value, list) and FIELDS[field].read is read_text and _are_plain(value):
            # Long lists are such lists, and this is several times faster than what is below.
            return Matcher(field, frozenset(Condition(field, "", Comparison.EXACT, item) for item in value))
        alternatives = [self._alternative(field, item, where) for item, where in _items(value, place)]
        # Where one is missing there is a problem, and the matcher won't be used.
        return make_matcher(field, alternatives) if alternatives and all(alternatives) else None

    def _alternative(self, field: str, value: object, place: str) -> frozenset[Condition]:
        definition = FIELDS[field]
        if isinstance(value, dict) and definition.label and Comparison.EXACT not in value:
            return self._labelled(field, definition, value, place)
        condition = self._condition(field, definition, value, place)
        return frozenset([condition] if condition else [])

    def _labelled(self, field: str, definition: Field, value: dict[str, object], place: str) -> frozenset[Condition]:
        conditions: dict[str, Condition | None] = {}
        if not value:
            self._refuse(place, "is empty: nothing would match it")
        elif len(value) > 1 and not definition.combines:
            self._refuse(place, "must have one key: for one of several values write a list of objects")
        for key, item in value.items():
            where = f"{place}.{_key(key)}"
            try:
                label = definition.label(key) if definition.label else ""
            except ValueError as error:
                self._refuse(where, f"is not something to match: {error}")
                continue
            if label in conditions:
                self._refuse(where, "stands twice, under two names")
            conditions[label] = self._condition(field, definition, item, where, label)
        return frozenset(filter(None, conditions.values()))

    def _condition(
        self, field: str, definition: Field, value: object, place: str, label: str | None = None
    ) -> Condition | None:
        if isinstance(value, dict):
            return self._compared(field, definition, value, place, label)
        if not self._string(value, place):
            return None
        if "*" in value:
            self._refuse(place, 'has a * in it, and there are no wildcards: for the * itself write {"exact": "…"}')
            return None
        return self._exact(field, definition, value, place, label)

    def _compared(
        self, field: str, definition: Field, value: dict[str, object], place: str, label: str | None
    ) -> Condition | None:
        comparison = next(iter(value), None)
        if len(value) != 1 or comparison not in tuple(Comparison):
            self._refuse(place, f"must be a string, or an object with one of {', '.join(Comparison)}")
            return None
        text, where = value[comparison], f"{place}.{comparison}"
        if not self._string(text, where):
            return None
        if comparison == Comparison.EXACT:
            return self._exact(field, definition, text, where, label)
        return self._pattern(definition, Condition(field, label or "", Comparison(comparison), text), where)

    def _pattern(self, definition: Field, condition: Condition, place: str) -> Condition | None:
        text = str(condition.value)
        expression, problem = PATTERNS.get((condition.label, condition.comparison), (None, ""))
        if not definition.patterns or condition.label in WITHOUT_PATTERNS:
            self._refuse(place, "isn't possible here: write what is exact")
        elif (condition.label, condition.comparison) == WITHOUT_SUFFIX:
            self._refuse(place, "isn't possible here: a URI ends in the same way under every authority. Write a prefix")
        elif "*" in text:
            self._refuse(place, "has a * in it, and there are no wildcards: leave it out")
        elif expression and not expression.fullmatch(text):
            self._refuse(place, f"is {_shown(text)}, and {problem}")
        else:
            return condition
        return None

    def _exact(self, field: str, definition: Field, text: str, place: str, label: str | None) -> Condition | None:
        if label is not None and definition.combines:
            return Condition(field, label, Comparison.EXACT, text)
        try:
            fact = definition.read(text if label is None else f"{label}:{text}")
        except ValueError as error:
            self._refuse(place, f"can't be matched: {error}")
            return None
        return Condition(field, fact[0], Comparison.EXACT, fact[1])

    def _allow(self, value: object, place: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            self._refuse(place, "must be a list of routes such as 'GET /payments/*'; without it all may be called")
            return ()
        if len(value) * LONGEST_STAGE_ARN > LARGEST_POLICY:
            self._refuse(place, f"has {len(value)} routes, which make a policy of more than {LARGEST_POLICY} bytes")
            return ()
        routes: dict[str, None] = {}
        for number, item in enumerate(value):
            if self._string(item, f"{place}[{number}]"):
                try:
                    routes.update(dict.fromkeys(read_route(item)))
                except ValueError as error:
                    self._refuse(f"{place}[{number}]", str(error))
        if policy_size(routes) > LARGEST_POLICY:
            self._refuse(place, f"makes a policy of up to {policy_size(routes)} bytes, of more than {LARGEST_POLICY}")
        return tuple(routes)

    def _context(self, value: object, place: str) -> dict[str, str]:
        if not self._is_object(value, place):
            return {}
        context = {}
        for key, text in value.items():
            where = f"{place}.{_key(key)}"
            if not CONTEXT_KEY.fullmatch(key):
                self._refuse(where, "must be a letter and up to 63 letters, digits and underscores")
            elif RESERVED_CONTEXT_KEY.fullmatch(key):
                self._refuse(where, "is a key that the authorizer or API Gateway writes: choose another")
            elif not isinstance(text, str) or not PRINTABLE_ASCII.fullmatch(text):
                self._refuse(where, "must be a string of printable ASCII, to fit a header")
            else:
                context[key] = text
        size = sum(map(len, [*context, *context.values()]))
        if size > LARGEST_CONTEXT:
            self._refuse(place, f"has {size} characters: {LARGEST_CONTEXT} are the most")
        return context

    def _usage_plan_key(self, value: object, place: str) -> UsagePlanKey | str | None:
        if value == UsagePlanKey.FINGERPRINT:
            return UsagePlanKey.FINGERPRINT
        key = value.get("value") if isinstance(value, dict) and len(value) == 1 else None
        if not isinstance(key, str) or not USAGE_PLAN_KEY.fullmatch(key):
            self._refuse(
                place,
                'must be "fingerprint", or {"value": "…"} with a key of 20 to 128 letters, digits and ._-',
            )
            return None
        return key

    def _is_object(self, value: object, place: str) -> TypeGuard[dict[str, object]]:
        if not isinstance(value, dict):
            self._refuse(place, f"must be an object, not {_shown(value)}")
        return isinstance(value, dict)

    def _string(self, value: object, place: str) -> TypeGuard[str]:
        if not isinstance(value, str):
            problem = f"must be a string, not {_shown(value)}"
        elif not value:
            problem = "is empty"
        elif len(value) > LONGEST_STRING:
            problem = f"has {len(value)} characters: {LONGEST_STRING} are the most"
        elif _UNPRINTABLE.search(value):
            problem = "has a control character or half a surrogate pair in it"
        else:
            return True
        self._refuse(place, problem)
        return False

    def _known_keys(self, value: dict[str, object], known: Iterable[str], place: str) -> None:
        for key in value:
            if key not in known:
                where = f"{place}.{_key(key)}" if place else _key(key)
                self._refuse(where, f"is not known: write one of {', '.join(known)}")

    def _refuse(self, place: str, problem: str) -> None:
        self.problems.append(f"{place} {problem}")
        if len(self.problems) == _MOST_PROBLEMS:
            raise _TooManyProblemsError


def _items(value: object, place: str) -> Iterable[tuple[object, str]]:
    """Return the items of a list, or what may stand for a list of one, with their places."""
    if isinstance(value, list):
        return ((item, f"{place}[{number}]") for number, item in enumerate(value))
    return ((value, place),)


def _are_plain(items: list[object]) -> bool:
    """Return whether these are strings in which nothing can be wrong."""
    if not items or not all(isinstance(item, str) and 0 < len(item) <= LONGEST_STRING for item in items):
        return False
    text = "".join(map(str, items))
    return "*" not in text and not _UNPRINTABLE.search(text)


def _is_one_name(matcher: Matcher | None) -> bool:
    """Return whether a matcher is for one distinguished name."""
    if matcher is None or len(matcher.alternatives) + len(matcher.combinations) != 1:
        return False
    return all(condition.label == "" for condition in matcher.conditions())


def _key(key: str) -> str:
    return key if CONTEXT_KEY.fullmatch(key) or key == "$schema" else _shown(key)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return ascii(value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…")
    if isinstance(value, bool | None):
        return json.dumps(value)
    if value is _NUMBER:
        return "a number"
    return "an object" if isinstance(value, dict) else "a list"
