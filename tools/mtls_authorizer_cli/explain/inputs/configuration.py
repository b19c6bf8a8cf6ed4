"""The settings, the access policy and the truststore that ``explain`` applies: those of the environment and options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import SettingsError, check_together, load_settings
from mtls_authorizer.revocation.truststore.bundle import MAX_TRUSTSTORE_BYTES
from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT, RulesError, parse_rules
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer.stores.opener import open_store
from mtls_authorizer.stores.store import StoreError
from mtls_authorizer_cli.command_line import CommandError, read_beginning, shown_file
from mtls_authorizer_cli.explain.question import read_certificate
from mtls_authorizer_cli.explain.truststore import read_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer_cli.explain.truststore import TruststoreBundle

_RULES, _RULES_URI = "AUTHORIZER_RULES", "AUTHORIZER_RULES_URI"


def read_configuration(
    environment: Mapping[str, str], rules: str | None, pem: object = None
) -> tuple[Settings, AccessPolicy]:
    """Return the settings and the access policy of the function. ``rules`` is a file or a URI.

    The policy includes the CRLs below prefixes that the certificate in ``pem`` needs.

    Raises CommandError for a configuration with which the function would not start.
    """
    if rules is None:
        return _load(environment, pem)
    others = {name: value for name, value in environment.items() if name not in {_RULES, _RULES_URI}}
    if "://" in rules:
        return _load({**others, _RULES_URI: rules}, pem)
    # A document in a file conflicts with the same variables as one at a URI, and may need the same ones.
    settings = _load_settings({**others, _RULES_URI: "file:///rules"})._replace(rules_uri=None)
    policy = _load_policy(settings, pem)
    try:
        document = parse_rules(read_beginning(rules, LARGEST_DOCUMENT + 1))
    except RulesError as error:
        message = f"{shown_file(rules)}: {error}"
        raise CommandError(message) from error
    all_rules = (*settings.rules, *document)
    try:
        check_together(all_rules)
    except ValueError as error:
        message = f"invalid configuration: {error}"
        raise CommandError(message) from error
    return settings, policy._replace(rules=RuleSet(all_rules)).with_issuer_keys()


def read_truststore_of_domain(
    environment: Mapping[str, str], truststore: str | None, bucket_owner: str | None
) -> tuple[TruststoreBundle | None, tuple[str, ...]]:
    """Return the truststore, None without one, and notes.

    ``truststore`` is a file or a URI. ``bucket_owner`` is the ID of the account that must own the
    bucket; None if it is not verified.

    Raises CommandError if the option's cannot be used. The function starts without that of ``TRUSTSTORE_URI``, so then
    it is a note.
    """
    uri = environment.get("TRUSTSTORE_URI", "").strip()
    if truststore is None and not uri:
        return None, ()
    try:
        return read_bundle(_read(truststore or uri, bucket_owner)), ()
    except (StoreError, ValueError) as error:
        # The message of a StoreError begins with the URI.
        named = "" if isinstance(error, StoreError) else f"{shown_file(truststore or uri)} "
        message = f"{named}{error}"
        if truststore is None:
            return None, (f"the truststore cannot be used: {message}",)
        raise CommandError(message) from error


def _read(truststore: str, bucket_owner: str | None) -> bytes:
    if "://" not in truststore:
        return read_beginning(truststore, 2 * MAX_TRUSTSTORE_BYTES)
    fetched = open_store(truststore, max_bytes=2 * MAX_TRUSTSTORE_BYTES, bucket_owner=bucket_owner).fetch(None)
    return b"" if fetched is None else fetched.content


def _load(environment: Mapping[str, str], pem: object) -> tuple[Settings, AccessPolicy]:
    settings = _load_settings(environment)
    return settings, _load_policy(settings, pem)


def _load_policy(settings: Settings, pem: object) -> AccessPolicy:
    try:
        current = CurrentPolicy(settings)
        policy, certificate = current.get(), read_certificate(pem)
        if policy.revocation is None or isinstance(certificate, str):
            return policy
        return current.load_crls(policy.revocation.chains(certificate))
    except (StoreError, ValueError) as error:
        raise CommandError(str(error)) from error


def _load_settings(environment: Mapping[str, str]) -> Settings:
    try:
        return load_settings(environment)
    except SettingsError as error:
        raise CommandError(str(error)) from error
