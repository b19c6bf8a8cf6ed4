"""Settings, rules documents and truststores, from the environment or from options that replace its variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.policy.access_policy import with_issuer_keys
from mtls_authorizer.policy.settings import SettingsError, check_together, load_settings
from mtls_authorizer.revocation.truststore.bundle import MAX_TRUSTSTORE_BYTES, read_truststore
from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT, RulesError, parse_rules
from mtls_authorizer.rules.fields import ISSUER_KEY
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer.stores.opener import open_store
from mtls_authorizer.stores.store import StoreError, Timeouts
from mtls_authorizer.stores.uri import Location, Scheme, parse_uri
from mtls_authorizer_cli.command_line import CommandError, command_errors, read_beginning, shown_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer.rules.rule import Rule

RULES, RULES_URI = "AUTHORIZER_RULES", "AUTHORIZER_RULES_URI"
PATIENT = Timeouts(connect_seconds=5, read_seconds=30)
"""Commands can wait longer than the function."""


def parse_location(location: str) -> Location:
    """Return the scheme and the parts of a location: a URI, or the name of a file. Raises CommandError."""
    if "://" not in location:
        return Location(Scheme.FILE, (location,))
    with command_errors("the location ", ValueError):
        return parse_uri(location)


def read_rules(location: str, settings: Settings) -> tuple[Rule, ...]:
    """Return the rules of a document in a file or at a URI. Raises CommandError."""
    with command_errors(f"{shown_file(location)}: ", RulesError):
        return parse_rules(read_location(location, settings, LARGEST_DOCUMENT + 1))


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings of a function. Raises CommandError."""
    with command_errors("", SettingsError):
        return load_settings(environment)


def read_settings_with(rules_uri: str, environment: Mapping[str, str]) -> Settings:
    """Return the settings of a function with another rules document, whose URI is given. Raises CommandError."""
    others = {name: value for name, value in environment.items() if name not in {RULES, RULES_URI}}
    return read_settings({**others, RULES_URI: rules_uri})


def read_settings_without_document(environment: Mapping[str, str]) -> Settings:
    """Return the settings of a function, to be used with a document that they do not name. Raises CommandError."""
    # Some variables are valid only together with a document, and others conflict with one.
    return read_settings_with("file:///rules", environment)._replace(rules_uri=None)


def read_truststore_of(location: str | None, settings: Settings) -> Truststore | None:
    """Return the truststore at a location, by default the function's; None if neither is given. Raises CommandError."""
    location = location or settings.truststore_uri
    if location is None:
        return None
    with command_errors(f"{shown_file(location)}: ", ValueError):
        return read_truststore(read_location(location, settings))


def make_rule_set(document: Sequence[Rule], settings: Settings, truststore: Truststore | None) -> RuleSet:
    """Return the rules of a document together with the lists in the environment. Raises CommandError."""
    rules = (*settings.rules, *document)
    with command_errors("invalid configuration: ", ValueError):
        check_together(rules)
    rule_set = RuleSet(rules)
    return rule_set if truststore is None else with_issuer_keys(rule_set, truststore)


def check_issuer_keys(rules: RuleSet, location: str, truststore: Truststore | None) -> None:
    """Raise CommandError if rules name keys of issuers, and there is no truststore that contains them."""
    if truststore is None and rules.uses(ISSUER_KEY):
        message = f"{shown_file(location)} has rules with {ISSUER_KEY}: name the truststore with --truststore"
        raise CommandError(message)


def read_location(location: str, settings: Settings, size: int = MAX_TRUSTSTORE_BYTES + 1) -> bytes:
    """Return at most ``size`` bytes of a file or of what is at a URI. Raises CommandError."""
    parse_location(location)
    if "://" not in location:
        return read_beginning(location, size)
    with command_errors("", StoreError):
        store = open_store(location, max_bytes=size, timeouts=PATIENT, bucket_owner=settings.s3_bucket_owner)
        fetched = store.fetch(None)
    return b"" if fetched is None else fetched.content
