"""The authorizer's configuration, read from environment variables once, at start-up."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from mtls_authorizer.revocation.settings import CrlFailureMode, CrlSources
from mtls_authorizer.rules.key_usage import CLIENT_AUTH_IF_RESTRICTED, RequiredKeyUsages, read_key_usages
from mtls_authorizer.rules.matching import FIELDS, Comparison, Condition, Matcher, make_matcher
from mtls_authorizer.rules.rule_set import ENVIRONMENT, Rule, RuleSet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mtls_authorizer.revocation.status import RevocationLists

_T = TypeVar("_T")
_Choice = TypeVar("_Choice", bound=StrEnum)

_LONGEST_VALUE_SHOWN = 80
_DIGITS = re.compile(r"[0-9]{1,9}")
_NAMESPACE = re.compile(r"[A-Za-z0-9._/#-]{1,255}")


class AllowlistMatch(StrEnum):
    """How many of the lists that are set a certificate must match."""

    ALL = "all"
    ANY = "any"


class ResponseFormat(StrEnum):
    """What to answer to events of payload 2.0: an IAM policy, or a simple response."""

    IAM = "iam"
    SIMPLE = "simple"


class UnauthenticatedResponse(StrEnum):
    """What to answer on a REST API where there is no certificate: 401 or 403."""

    UNAUTHORIZED = "unauthorized"
    DENY = "deny"


class PrincipalId(StrEnum):
    """What of the certificate is the principal's identifier."""

    COMMON_NAME = "common_name"
    SUBJECT_DN = "subject_dn"
    FINGERPRINT = "fingerprint"
    SERIAL_NUMBER = "serial_number"


class LogDecisions(StrEnum):
    """Which decisions to log."""

    ALL = "all"
    DENIED = "denied"
    NONE = "none"


class Configuration(NamedTuple):
    """What the environment asks for. Without a rule, nobody is let in.

    ``rules`` and ``shadow_rules`` are those in force and those that are only tried, and ``revocation`` is the CRLs in
    force. What is at the URIs comes to them while the authorizer runs: see ``keep_current``.
    """

    rules: RuleSet = RuleSet(())
    shadow_rules: RuleSet | None = None
    required_key_usages: RequiredKeyUsages = CLIENT_AUTH_IF_RESTRICTED
    response_format: ResponseFormat = ResponseFormat.IAM
    unauthenticated_response: UnauthenticatedResponse = UnauthenticatedResponse.UNAUTHORIZED
    principal_id: PrincipalId = PrincipalId.COMMON_NAME
    expiry_warning_days: int = 30
    log_decisions: LogDecisions = LogDecisions.ALL
    metrics_namespace: str | None = None
    rules_uri: str | None = None
    shadow_rules_uri: str | None = None
    rules_refresh_seconds: int = 60
    crl_sources: CrlSources | None = None
    version: str | None = None
    """Tells one set of values of the environment variables from another."""
    rules_version: str | None = None
    shadow_rules_version: str | None = None
    revocation: RevocationLists | None = None


class ConfigurationError(ValueError):
    """The environment can't be read. The message names every variable that is wrong and what would be right."""


_LISTS = {definition.variable: name for name, definition in FIELDS.items() if definition.variable}
_RULES = ("AUTHORIZER_RULES", "AUTHORIZER_RULES_URI")
_SHADOW_RULES = ("AUTHORIZER_SHADOW_RULES", "AUTHORIZER_SHADOW_RULES_URI")
_CRLS = ("CRL_URIS", "TRUSTSTORE_URI", "CRL_REFRESH_SECONDS", "CRL_FAILURE_MODE", "CRL_MAX_AGE_SECONDS")

VARIABLES = (
    *_LISTS,
    "ALLOWLIST_MATCH",
    "ALLOW_ANY_CLIENT_CERTIFICATE",
    "REQUIRED_EXTENDED_KEY_USAGE",
    *_RULES,
    *_SHADOW_RULES,
    "AUTHORIZER_RULES_REFRESH_SECONDS",
    *_CRLS,
    "RESPONSE_FORMAT",
    "UNAUTHENTICATED_RESPONSE",
    "PRINCIPAL_ID",
    "EXPIRY_WARNING_DAYS",
    "LOG_DECISIONS",
    "METRICS_NAMESPACE",
)
"""The names of all variables that ``load_configuration`` reads."""

# Variables that decide who is let in begin with these. One that is misspelt must not go unnoticed.
_OWN_PREFIXES = ("ALLOW", "AUTHORIZER_", "REQUIRED_EXT", "CRL", "TRUSTSTORE")

_SECONDS_OF_A_DAY = 24 * 60 * 60


def load_configuration(environment: Mapping[str, str]) -> Configuration:
    """Read the configuration from environment variables. Raises ConfigurationError.

    A variable that is not set has its default. One that is set and empty is an error, not unset: an allowlist that
    got lost on its way must not widen who is let in. For the same reason a name that begins like one of these and
    isn't one (``ALLOWED_COMMON_NAME``) is an error.
    """
    reader = _Reader(environment)
    rules = (*_environment_rules(reader), *_inline_rules(reader, *_RULES))
    shadow_rules = _inline_rules(reader, *_SHADOW_RULES)
    configuration = Configuration(
        rules=RuleSet(rules),
        shadow_rules=RuleSet(shadow_rules) if shadow_rules else None,
        required_key_usages=reader.read(
            "REQUIRED_EXTENDED_KEY_USAGE", _parse_key_usages, default=CLIENT_AUTH_IF_RESTRICTED
        ),
        response_format=reader.choose("RESPONSE_FORMAT", ResponseFormat.IAM),
        unauthenticated_response=reader.choose("UNAUTHENTICATED_RESPONSE", UnauthenticatedResponse.UNAUTHORIZED),
        principal_id=reader.choose("PRINCIPAL_ID", PrincipalId.COMMON_NAME),
        rules_uri=reader.read("AUTHORIZER_RULES_URI", _parse_uri, default=None),
        shadow_rules_uri=reader.read("AUTHORIZER_SHADOW_RULES_URI", _parse_uri, default=None),
        rules_refresh_seconds=reader.number("AUTHORIZER_RULES_REFRESH_SECONDS", 60, range(1, _SECONDS_OF_A_DAY + 1)),
        crl_sources=_crl_sources(reader),
        expiry_warning_days=reader.number("EXPIRY_WARNING_DAYS", 30, range(3651)),
        log_decisions=reader.choose("LOG_DECISIONS", LogDecisions.ALL),
        metrics_namespace=reader.read("METRICS_NAMESPACE", _parse_namespace, default=None),
        version=_version(environment),
    )
    for name in environment:
        if name.upper().startswith(_OWN_PREFIXES) and name not in VARIABLES:
            reader.refuse(name, "is not a variable of this authorizer; misspelt?")
    if reader.problems:
        raise ConfigurationError("configuration refused: " + "; ".join(reader.problems))
    return configuration


def _environment_rules(reader: _Reader) -> tuple[Rule, ...]:
    """Return the rule that the lists make; with ``any``, one for each list."""
    lists = {name: reader.read(name, partial(_parse_list, field), default=None) for name, field in _LISTS.items()}
    match = reader.choose("ALLOWLIST_MATCH", AllowlistMatch.ALL)
    if reader.read("ALLOW_ANY_CLIENT_CERTIFICATE", _parse_boolean, default=False):
        if any(name in reader for name in _LISTS):
            reader.refuse("ALLOW_ANY_CLIENT_CERTIFICATE", "is true, and a list is set: choose one of them")
        if any(name in reader for name in _RULES):
            # They add up: whatever the rules say, anybody could call everything.
            reader.refuse("ALLOW_ANY_CLIENT_CERTIFICATE", "is true, and there are rules: choose one of them")
        return (Rule(ENVIRONMENT, (), anyone=True),)
    if "ALLOWED_SERIAL_NUMBERS" in reader:
        issuers = lists["ALLOWED_ISSUERS"]
        if match is AllowlistMatch.ANY or issuers is None or len(issuers.alternatives) != 1:
            reader.refuse(
                "ALLOWED_SERIAL_NUMBERS",
                "needs one issuer in ALLOWED_ISSUERS, and ALLOWLIST_MATCH=all: a serial number is unique to its issuer "
                "only. For several issuers write rules",
            )
    matchers = tuple(matcher for matcher in lists.values() if matcher)
    if match is AllowlistMatch.ANY:
        return tuple(Rule(ENVIRONMENT, (matcher,)) for matcher in matchers)
    return (Rule(ENVIRONMENT, matchers),) if matchers else ()


def _crl_sources(reader: _Reader) -> CrlSources | None:
    uris = reader.read("CRL_URIS", _parse_crl_uris, default=None)
    sources = CrlSources(
        uris or (),
        reader.read("TRUSTSTORE_URI", _parse_crl_uri, default=""),
        reader.number("CRL_REFRESH_SECONDS", 300, range(1, _SECONDS_OF_A_DAY + 1)),
        reader.choose("CRL_FAILURE_MODE", CrlFailureMode.DENY),
        reader.number("CRL_MAX_AGE_SECONDS", 0, range(365 * _SECONDS_OF_A_DAY + 1)),
    )
    if "CRL_URIS" in reader and "TRUSTSTORE_URI" not in reader:
        reader.refuse("CRL_URIS", "needs TRUSTSTORE_URI: a CRL counts only if a CA in there has signed it")
    for name in _CRLS:
        if name in reader and "CRL_URIS" not in reader:
            reader.refuse(name, "is set without CRL_URIS, so that no certificate would be checked: set both")
    return sources if uris else None


def _version(environment: Mapping[str, str]) -> str:
    settings = {name: environment[name] for name in VARIABLES if name in environment}
    return sha256(json.dumps(settings).encode()).hexdigest()[:12]


def _inline_rules(reader: _Reader, variable: str, uri_variable: str) -> tuple[Rule, ...]:
    if variable in reader and uri_variable in reader:
        reader.refuse(variable, f"is set, and so is {uri_variable}: choose one of them")
    no_rules: tuple[Rule, ...] = ()
    return reader.read(variable, _parse_rules, default=no_rules)


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._environment

    def read(self, name: str, parse: Callable[[str], _T], *, default: _T) -> _T:
        if name not in self._environment:
            return default
        try:
            return parse(self._environment[name].strip())
        except ValueError as error:
            self.refuse(name, str(error))
            return default

    def number(self, name: str, default: int, allowed: range) -> int:
        return self.read(name, lambda text: _parse_number(text, allowed), default=default)

    def choose(self, name: str, default: _Choice) -> _Choice:
        return self.read(name, lambda text: _parse_choice(text, type(default)), default=default)

    def refuse(self, name: str, problem: str) -> None:
        self.problems.append(f"{name} {problem}")


def _parse_list(field: str, text: str) -> Matcher:
    return make_matcher(field, [_exact(field, item) for item in _items(field, text)])


def _exact(field: str, item: str) -> frozenset[Condition]:
    label, value = FIELDS[field].read(item)
    return frozenset([Condition(field, label, Comparison.EXACT, value)])


def _items(field: str, text: str) -> list[str]:
    # A distinguished name has commas of its own: without a JSON array there is one only.
    unquoted = [text] if FIELDS[field].combines else text.split(",")
    items = [item.strip() for item in (_parse_json_list(text) if text.startswith("[") else unquoted)]
    if not items or not any(items):
        message = "is set but lists nothing: name at least one, or remove the variable"
        raise ValueError(message)
    if "" in items:
        message = f"has an empty item, number {items.index('') + 1} of {len(items)}: remove it"
        raise ValueError(message)
    return items


def _parse_json_list(text: str) -> list[str]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"begins with [ but is not a JSON array ({error})"
        raise ValueError(message) from error
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        message = 'must be a JSON array of strings, such as ["one", "two, with a comma"]'
        raise ValueError(message)
    return items


def _parse_key_usages(text: str) -> RequiredKeyUsages:
    return read_key_usages([item.strip() for item in text.split(",")])


# What follows is imported where it is needed: who lists names in the environment doesn't pay for it at a cold start.


def _parse_rules(text: str) -> tuple[Rule, ...]:
    from mtls_authorizer.rules.document import parse_rules  # noqa: PLC0415 -- see above

    return parse_rules(text.encode(errors="surrogatepass"))


def _parse_uri(text: str) -> str:
    from mtls_authorizer.stores.uri import parse_uri  # noqa: PLC0415 -- see above

    parse_uri(text)
    return text


def _parse_crl_uris(text: str) -> tuple[str, ...]:
    uris = tuple(map(_parse_crl_uri, (item.strip() for item in text.split(","))))
    if len(set(uris)) < len(uris):
        message = "names a CRL twice: remove one"
        raise ValueError(message)
    return uris


def _parse_crl_uri(text: str) -> str:
    from mtls_authorizer.stores.uri import parse_uri  # noqa: PLC0415 -- see above

    parse_uri(text, ("s3", "file"))
    return text


def _parse_namespace(text: str) -> str:
    if not _NAMESPACE.fullmatch(text) or text.startswith("AWS/"):
        message = f"is {_shown(text)}: write 1 to 255 letters, digits and .-_/#, not beginning with AWS/"
        raise ValueError(message)
    return text


def _parse_number(text: str, allowed: range) -> int:
    if not _DIGITS.fullmatch(text) or int(text) not in allowed:
        message = f"is {_shown(text)}: write a number from {allowed[0]} to {allowed[-1]}"
        raise ValueError(message)
    return int(text)


def _parse_boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        message = f"is {_shown(text)}: write true or false"
        raise ValueError(message)
    return text == "true"


def _parse_choice(text: str, choices: type[_Choice]) -> _Choice:
    try:
        return choices(text)
    except ValueError:
        message = f"is {_shown(text)}: write one of {', '.join(choices)}"
        raise ValueError(message) from None


def _shown(text: str) -> str:
    return repr(text if len(text) <= _LONGEST_VALUE_SHOWN else text[:_LONGEST_VALUE_SHOWN] + "…")
