"""The rules of a document: from JSON values to rules, or all problems with their locations."""

from __future__ import annotations

import re

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.rules.document.match_validation import MatchValidator
from mtls_authorizer.rules.document.problems import Problems, RulesError, items_with_places, key_place, shown
from mtls_authorizer.rules.routes import (
    ALL_ROUTES,
    LARGEST_POLICY,
    LONGEST_STAGE_ARN,
    RouteError,
    Routes,
    policy_size,
    read_route,
)
from mtls_authorizer.rules.rule import ENVIRONMENT, Rule, UsagePlanKey
from mtls_authorizer.rules.work_limits import ENTRIES_OF_A_RULE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from mtls_authorizer.rules.certificate_values import CertificateValue
    from mtls_authorizer.rules.conditions import Matcher
    from mtls_authorizer.rules.request_limits import RequestLimits

    _T = TypeVar("_T")


DOCUMENT_KEYS = ("$schema", "deny", "rules")
LIMIT_KEYS = ("api_id", "domain_name", "not_before", "not_after")
"""The keys that limit a rule to some requests."""
RULE_KEYS = (
    *("name", "description", "match", "not", "extended_key_usage", "allow"),
    *(*LIMIT_KEYS, "context", "usage_plan_key"),
)

RULE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
CONTEXT_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
RESERVED_CONTEXT_KEY = re.compile(
    r"clientCert.*|reason|principalId|claims|scopes|error|integrationLatency|integrationStatus|latency|requestId|status",
    re.IGNORECASE,
)
"""The context keys that this authorizer or API Gateway sets, also as variables of access logs."""
PRINTABLE_ASCII = re.compile(r"[ -~]*")
USAGE_PLAN_KEY = re.compile(r"[A-Za-z0-9._-]{20,128}")

LARGEST_CONTEXT = 4096
"""In characters, keys and values together: API Gateway accepts 10,240 bytes for all headers of a request."""


class _Context(NamedTuple):
    """The context of a rule: constants, and values from the certificate."""

    constants: dict[str, str]
    values: dict[str, CertificateValue]


def validate_rules(document: object) -> tuple[Rule, ...]:
    """Return the rules of a parsed document. Raises RulesError."""
    validator = _RuleValidator()
    rules = validator.document(document)
    if validator.problems.found:
        raise RulesError(validator.problems.found)
    return rules


class _RuleValidator:
    """Reads a document and collects its problems. The results are only valid if there are none."""

    def __init__(self) -> None:
        self.problems = Problems()
        self._match = MatchValidator(self.problems)

    def document(self, value: object) -> tuple[Rule, ...]:
        if not self.problems.is_object(value, "the document"):
            return ()
        self.problems.check_keys(value, DOCUMENT_KEYS, "")
        if "$schema" in value:
            self.problems.is_text(value["$schema"], "$schema")
        denials = self._denials(value["deny"]) if "deny" in value else ()
        items = value.get("rules")
        if "rules" not in value and "deny" in value:
            return denials
        if not isinstance(items, list) or not items:
            self.problems.add("rules", "must be a list with at least one rule")
            return denials
        self.problems.count_entries(ENTRIES_OF_A_RULE * len(items), "rules")
        rules = [self._rule(item, f"rules[{number}]") for number, item in enumerate(items)]
        names: set[str] = set()
        for number, rule in enumerate(rules):
            if rule.name in names:
                self.problems.add(
                    f"rules[{number}].name", f"is {shown(rule.name)}, the name of another rule: change it"
                )
            names.add(rule.name)
        return (*rules, *denials)

    def _denials(self, value: object) -> tuple[Rule, ...]:
        """Read the exclusions from all rules. Each becomes a rule that denies, named by its location."""
        places = [place for _, place in items_with_places(value, "deny")]
        exclusions = self._match.exclusions(value, "deny")
        return tuple(Rule(place, matchers, (), denies=True) for place, matchers in zip(places, exclusions, strict=True))

    def _rule(self, value: object, place: str) -> Rule:
        if not self.problems.is_object(value, place):
            return Rule(place, (), ())
        self.problems.check_keys(value, RULE_KEYS, place)
        for key in ("name", "match"):
            if key not in value:
                self.problems.add(f"{place}.{key}", "is missing")

        def read(key: str, validate: Callable[[object, str], _T], default: _T) -> _T:
            return validate(value[key], f"{place}.{key}") if key in value else default

        read("description", self.problems.is_text, default=True)
        matchers = self._match.matchers(value["match"], f"{place}.match") if "match" in value else ()
        accepted_usages = read(
            "extended_key_usage", lambda usages, where: self._accepted_usages(usages, where, matchers), None
        )
        context = read("context", self._context, _Context({}, {}))
        return Rule(
            # A rule without a valid name gets a unique one, so that it is not also rejected as a duplicate.
            name=read("name", self._name, None) or place,
            matchers=matchers,
            exclusions=read("not", self._match.exclusions, ()),
            routes=self._routes(value["allow"], f"{place}.allow") if "allow" in value else ALL_ROUTES,
            context=context.constants,
            usage_plan_key=read("usage_plan_key", self._usage_plan_key, None),
            limits=self._limits(value, place),
            certificate_context=context.values,
            accepted_usages=accepted_usages,
        )

    def _accepted_usages(self, value: object, place: str, matchers: tuple[Matcher, ...]) -> frozenset[str] | None:
        from mtls_authorizer.rules.document.extended_key_usage_validation import read_rule_usages  # noqa: PLC0415 -- rarely used

        return read_rule_usages(value, matchers, place, self.problems)

    def _limits(self, rule: dict[str, object], place: str) -> RequestLimits | None:
        if rule.keys().isdisjoint(LIMIT_KEYS):
            return None
        from mtls_authorizer.rules.document.request_limits_validation import read_request_limits  # noqa: PLC0415 -- rarely used

        return read_request_limits(rule, place, self.problems)

    def _name(self, value: object, place: str) -> str | None:
        if isinstance(value, str) and RULE_NAME.fullmatch(value) and value != ENVIRONMENT:
            return value
        self.problems.add(
            place,
            f"must be 1 to 64 letters, digits and ._-, starting with a letter or digit, other than {ENVIRONMENT}, "
            f"not {shown(value)}",
        )
        return None

    def _routes(self, value: object, place: str) -> Routes:
        if not isinstance(value, list) or not value:
            self.problems.add(
                place, "must be a list of routes such as 'GET /payments/*': to allow all routes, remove it"
            )
            return ()
        if len(value) * LONGEST_STAGE_ARN > LARGEST_POLICY:
            self.problems.add(
                place, f"has {len(value)} routes, which need a policy of more than {LARGEST_POLICY} bytes: combine some"
            )
            return ()
        self.problems.count_entries(len(value), place)
        routes: dict[str, None] = {}
        for number, item in enumerate(value):
            if self.problems.is_text(item, f"{place}[{number}]"):
                try:
                    routes.update(dict.fromkeys(read_route(item)))
                except RouteError as error:
                    self.problems.add(f"{place}[{number}]", str(error))
        if policy_size(routes) > LARGEST_POLICY:
            self.problems.add(
                place,
                f"needs a policy of up to {policy_size(routes)} bytes, and the limit is {LARGEST_POLICY}: combine some "
                "routes with /*",
            )
        return tuple(routes)

    def _context(self, value: object, place: str) -> _Context:
        context = _Context({}, {})
        if not self.problems.is_object(value, place):
            return context
        self.problems.count_entries(len(value), place)
        for key, text in value.items():
            where = key_place(place, key)
            if not CONTEXT_KEY.fullmatch(key):
                self.problems.add(where, "must be a letter, followed by up to 63 letters, digits and underscores")
            elif RESERVED_CONTEXT_KEY.fullmatch(key):
                self.problems.add(where, "is a key that the authorizer or API Gateway sets: choose another one")
            elif isinstance(text, str) and PRINTABLE_ASCII.fullmatch(text):
                context.constants[key] = text
            elif isinstance(text, dict) and "from" in text:
                read = self._certificate_value(text, where)
                if read is not None:
                    context.values[key] = read
            else:
                self.problems.add(
                    where,
                    "must be a string of printable ASCII, which fits into a header, or an object with the key from, "
                    f"not {shown(text)}",
                )
        self._check_size(context, place)
        return context

    def _check_size(self, context: _Context, place: str) -> None:
        size = sum(map(len, [*context.constants, *context.constants.values(), *context.values]))
        if context.values:
            from mtls_authorizer.rules.certificate_values import LONGEST_VALUE  # noqa: PLC0415 -- rarely used

            size += LONGEST_VALUE * len(context.values)
        if size > LARGEST_CONTEXT:
            self.problems.add(place, f"has {size} characters: the limit is {LARGEST_CONTEXT}")

    def _certificate_value(self, value: dict[str, object], place: str) -> CertificateValue | None:
        from mtls_authorizer.rules.document.certificate_value_validation import read_certificate_value  # noqa: PLC0415 -- rarely used

        return read_certificate_value(value, place, self.problems)

    def _usage_plan_key(self, value: object, place: str) -> UsagePlanKey | CertificateValue | str | None:
        if value == UsagePlanKey.FINGERPRINT:
            return UsagePlanKey.FINGERPRINT
        if isinstance(value, dict) and "from" in value:
            return self._certificate_value(value, place)
        key = value.get("value") if isinstance(value, dict) and len(value) == 1 else None
        if not isinstance(key, str) or not USAGE_PLAN_KEY.fullmatch(key):
            self.problems.add(
                place,
                'must be "fingerprint", {"value": "…"} with a key of 20 to 128 letters, digits and ._-, or '
                '{"from": "…"} for the SHA-256 of a value from the certificate',
            )
            return None
        return key
