"""Loads the settings, the rules, the truststore and the CRLs that variables and options name."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from mtls_authorizer.log import get_logger
from mtls_authorizer.policy.access_policy import rules_with_issuer_keys
from mtls_authorizer.policy.current_policy import CurrentPolicy, WaitSeconds
from mtls_authorizer.policy.settings import SettingsError, check_together, load_settings
from mtls_authorizer.revocation.truststore.bundle import MAX_TRUSTSTORE_BYTES, read_truststore
from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT, RulesError, parse_rules
from mtls_authorizer.rules.fields import ISSUER_KEY
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer.stores.opener import open_prefix, open_store
from mtls_authorizer.stores.store import StoreError, Timeouts
from mtls_authorizer.stores.uri import Location, Scheme, parse_uri
from mtls_authorizer_cli.certificates.files import describe_rejected_truststore
from mtls_authorizer_cli.command_line import CommandError, command_errors, read_beginning, shown_file
from mtls_authorizer_cli.configuration.function_arn import LATEST, parse_function
from mtls_authorizer_cli.explanation.truststore import read_bundle

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer.rules.rule import Rule
    from mtls_authorizer_cli.explanation.truststore import TruststoreBundle

TruststoreValue = TypeVar("TruststoreValue")

_LARGEST_TRUSTSTORE = 2 * MAX_TRUSTSTORE_BYTES
"""In bytes: one that is too large for API Gateway is described as such."""

_WAIT_SECONDS = WaitSeconds(*[60.0] * len(WaitSeconds._fields))
"""On a slow connection, a document must not appear to be missing."""


class Configuration:
    """The settings of a function, and its access policy: loaded once, for any number of certificates."""

    def __init__(self, settings: Settings, current: CurrentPolicy, rules: RuleSet | None) -> None:
        """Use the rules of a file instead of the documents that the settings name; None if there is no file."""
        self.settings = settings
        self._current = current
        self._rules = rules
        self._loaded = self._latest = current.get()
        self._replace_rules()

    @property
    def has_rules(self) -> bool:
        """Whether there are rules, or entries of deny."""
        return bool(self._latest.rules.rules or self._latest.rules.denials)

    @property
    def lacks_truststore(self) -> bool:
        """Whether rules name keys of issuers, and there is no truststore that could contain these issuers."""
        return self._latest.truststore is None and self._latest.rules.uses(ISSUER_KEY)

    @property
    def has_truststore_of_option(self) -> bool:
        """Whether the keys of issuers are those of a truststore that the settings do not name."""
        return self._latest.truststore is not None and self.settings.truststore_uri is None

    def policy(self, certificate: PeerCertificate | None) -> AccessPolicy:
        """Return the access policy, with the CRLs below prefixes that a certificate needs. Raises nothing."""
        revocation = self._loaded.revocation
        if revocation is not None and certificate is not None:
            loaded = self._current.load_crls(revocation.chains(certificate))
            if loaded is not self._loaded:
                self._loaded = self._latest = loaded
                self._replace_rules()
        return self._latest

    def supply_truststore(self, location: str) -> None:
        """Use a truststore for the keys of issuers, if rules name any and the settings name no truststore.

        Raises CommandError.
        """
        if self.settings.truststore_uri is None and self._latest.rules.uses(ISSUER_KEY):
            truststore = read_truststore_at(location, self.settings, read_truststore)
            self._latest = self._latest._replace(truststore=truststore).with_issuer_keys()

    def _replace_rules(self) -> None:
        if self._rules is not None:
            self._latest = self._loaded._replace(rules=self._rules).with_issuer_keys()


def load_configuration(environment: Mapping[str, str], rules: str | None) -> Configuration:
    """Load the configuration of a function. ``rules`` is a file or a URI to use instead of its own rules.

    Raises CommandError for a configuration with which the function would not start.
    """
    if rules is None:
        return _load(read_settings(environment))
    parse_location(rules)
    if "://" in rules:
        return _load(read_settings_with(rules, environment))
    settings = read_settings_without_document(environment)
    return _load(settings, make_rule_set(read_rules(rules, settings), settings, None))


def load_named_configuration(options: argparse.Namespace, environment: Mapping[str, str]) -> Configuration:
    """Load the configuration that the options and variables name. Raises CommandError.

    If no function is named, the truststore of the option is also used for the keys of issuers.
    """
    configuration = load_configuration(environment, options.rules)
    if options.truststore is not None and not options.function and not options.env_file:
        configuration.supply_truststore(options.truststore)
    return configuration


def notes_on_configuration(options: argparse.Namespace, configuration: Configuration) -> Iterator[str]:
    """Return notes on mistakes that are likely in the options that name the configuration."""
    if options.function and not parse_function(options.function).qualifier:
        yield (
            f"the variables are from {LATEST}, the unpublished version of the function. If the API invokes an alias, "
            f"name it: --function {options.function}:ALIAS"
        )
    if not (configuration.has_rules or options.function or options.env_file):
        yield "there are no rules: name the function with --function, or its configuration with --env-file or --rules"
    if configuration.lacks_truststore:
        yield f"rules with {ISSUER_KEY} match no certificate, because there is no usable truststore at TRUSTSTORE_URI"
    if configuration.has_truststore_of_option:
        yield (
            f"rules with {ISSUER_KEY} are decided with the truststore of --truststore; the function needs "
            "TRUSTSTORE_URI for them"
        )


def read_truststore_of_domain(
    truststore: str | None, settings: Settings
) -> tuple[TruststoreBundle | None, tuple[str, ...]]:
    """Return the truststore, None without one, and notes. ``truststore`` is a file or a URI.

    Raises CommandError if the truststore of the option cannot be used. For ``TRUSTSTORE_URI``, it is a note, because
    the function starts nevertheless.
    """
    try:
        return read_truststore_at(truststore, settings, read_bundle), ()
    except CommandError as error:
        if truststore is None:
            return None, (f"the truststore cannot be used: {error}",)
        raise


def _load(settings: Settings, rules: RuleSet | None = None) -> Configuration:
    owner = settings.s3_bucket_owner
    with command_errors("", StoreError, ValueError):
        current = CurrentPolicy(
            settings,
            opener=partial(open_store, timeouts=PATIENT, bucket_owner=owner),
            prefix_opener=partial(open_prefix, timeouts=PATIENT, bucket_owner=owner),
            wait_seconds=_WAIT_SECONDS,
        )
        return Configuration(settings, current, rules)


@contextmanager
def logged_failures() -> Iterator[Collection[str]]:
    """Return a collection to which the errors logged within the context are added, without duplicates.

    They are the errors after which the authorizer continues, such as a CRL that cannot be read.
    """
    handler = _Failures()
    get_logger().addHandler(handler)
    try:
        yield handler.notes.keys()
    finally:
        get_logger().removeHandler(handler)


class _Failures(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.notes: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        failure = f"{record.getMessage()}: {getattr(record, 'error', '')}"
        self.notes[f"{failure} (if the function can load it, its decision may differ)"] = None


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


def read_truststore_at(
    location: str | None, settings: Settings, read: Callable[[bytes], TruststoreValue]
) -> TruststoreValue | None:
    """Return what ``read`` reads in the truststore at a location, by default the function's; None if neither is given.

    ``read_truststore`` reads it as the authorizer does, ``read_bundle`` as API Gateway does. Raises CommandError.
    """
    location = location or settings.truststore_uri
    if location is None:
        return None
    with command_errors(f"{shown_file(location)}: ", ValueError):
        content = read_location(location, settings, _LARGEST_TRUSTSTORE)
        try:
            return read(content)
        except ValueError as error:
            raise ValueError(describe_rejected_truststore(content, error)) from error


def make_rule_set(document: Sequence[Rule], settings: Settings, truststore: Truststore | None) -> RuleSet:
    """Return the rules of a document together with the lists in the environment. Raises CommandError."""
    rules = (*settings.rules, *document)
    with command_errors("invalid configuration: ", ValueError):
        check_together(rules)
    rule_set = RuleSet(rules)
    return rule_set if truststore is None else rules_with_issuer_keys(rule_set, truststore)


def check_issuer_keys(rules: RuleSet, location: str, truststore: Truststore | None) -> None:
    """Raise CommandError if rules name keys of issuers, and there is no truststore that contains them."""
    if truststore is None and rules.uses(ISSUER_KEY):
        message = f"{shown_file(location)} has rules with {ISSUER_KEY}: name the truststore with --truststore"
        raise CommandError(message)


def read_location(location: str, settings: Settings, size: int) -> bytes:
    """Return at most ``size`` bytes of a file or of what is at a URI. Raises CommandError."""
    parse_location(location)
    if "://" not in location:
        return read_beginning(location, size)
    with command_errors("", StoreError):
        store = open_store(location, max_bytes=size, timeouts=PATIENT, bucket_owner=settings.s3_bucket_owner)
        fetched = store.fetch(None)
    return b"" if fetched is None else fetched.content
