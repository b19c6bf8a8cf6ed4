"""The authorizer's configuration, read from environment variables once, at start-up."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from client_certificate_auth import CertificateCheck, allow_cn, allow_ou
from mtls_authorizer.reasons import Reason
from mtls_authorizer.rules import Matcher, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_T = TypeVar("_T")
_Choice = TypeVar("_Choice", bound=StrEnum)

_LONGEST_VALUE_SHOWN = 80


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


class Configuration(NamedTuple):
    """What the environment asks for. Without a rule, nobody is let in."""

    rule: Rule | None = None
    response_format: ResponseFormat = ResponseFormat.IAM
    unauthenticated_response: UnauthenticatedResponse = UnauthenticatedResponse.UNAUTHORIZED
    principal_id: PrincipalId = PrincipalId.COMMON_NAME


class ConfigurationError(ValueError):
    """The environment can't be read. The message names every variable that is wrong and what would be right."""


_LISTS: Mapping[str, tuple[Callable[[list[str]], CertificateCheck], Reason]] = {
    "ALLOWED_COMMON_NAMES": (allow_cn, Reason.COMMON_NAME_NOT_ALLOWED),
    "ALLOWED_ORGANIZATIONAL_UNITS": (allow_ou, Reason.ORGANIZATIONAL_UNIT_NOT_ALLOWED),
}
_LIST_OPTIONS = ("ALLOWLIST_MATCH", "ALLOW_ANY_CLIENT_CERTIFICATE")

VARIABLES = (*_LISTS, *_LIST_OPTIONS, "RESPONSE_FORMAT", "UNAUTHENTICATED_RESPONSE", "PRINCIPAL_ID")
"""The names of all variables that ``load_configuration`` reads."""


def load_configuration(environment: Mapping[str, str]) -> Configuration:
    """Read the configuration from environment variables. Raises ConfigurationError.

    A variable that is not set has its default. One that is set and empty is an error, not unset: an allowlist that
    got lost on its way must not widen who is let in. For the same reason a name that begins like an allowlist's and
    isn't one (``ALLOWED_COMMON_NAME``) is an error.
    """
    reader = _Reader(environment)
    checks = {name: reader.read(name, _parse_list, default=None) for name in _LISTS}
    match = reader.choose("ALLOWLIST_MATCH", AllowlistMatch.ALL)
    anyone = reader.read("ALLOW_ANY_CLIENT_CERTIFICATE", _parse_boolean, default=False)
    configuration = Configuration(
        rule=_environment_rule(checks, match, anyone=anyone),
        response_format=reader.choose("RESPONSE_FORMAT", ResponseFormat.IAM),
        unauthenticated_response=reader.choose("UNAUTHENTICATED_RESPONSE", UnauthenticatedResponse.UNAUTHORIZED),
        principal_id=reader.choose("PRINCIPAL_ID", PrincipalId.COMMON_NAME),
    )
    for name in environment:
        if name.upper().startswith("ALLOW") and name not in VARIABLES:
            reader.refuse(name, "is not a variable of this authorizer; misspelt?")
    if anyone and any(name in environment for name in _LISTS):
        reader.refuse("ALLOW_ANY_CLIENT_CERTIFICATE", "is true, and a list is set: choose one of them")
    if reader.problems:
        raise ConfigurationError("configuration refused: " + "; ".join(reader.problems))
    return configuration


def _environment_rule(checks: Mapping[str, list[str] | None], match: AllowlistMatch, *, anyone: bool) -> Rule | None:
    if anyone:
        return Rule((Matcher(lambda _certificate: True, Reason.NO_ALLOWLIST_CONFIGURED),))
    matchers = []
    for name, items in checks.items():
        if items:
            allow, reason = _LISTS[name]
            matchers.append(Matcher(allow(items), reason))
    return Rule(tuple(matchers), any_matcher=match is AllowlistMatch.ANY) if matchers else None


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.problems: list[str] = []

    def read(self, name: str, parse: Callable[[str], _T], *, default: _T) -> _T:
        if name not in self._environment:
            return default
        try:
            return parse(self._environment[name].strip())
        except ValueError as error:
            self.refuse(name, str(error))
            return default

    def choose(self, name: str, default: _Choice) -> _Choice:
        return self.read(name, lambda text: _parse_choice(text, type(default)), default=default)

    def refuse(self, name: str, problem: str) -> None:
        self.problems.append(f"{name} {problem}")


def _parse_list(text: str) -> list[str] | None:
    items = [item.strip() for item in (_parse_json_list(text) if text.startswith("[") else text.split(","))]
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
