"""The configuration as it is now: with the rules and CRLs that are kept elsewhere, read again from time to time."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from mtls_authorizer.rules.rule_set import RuleSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtls_authorizer.policy.settings import Configuration, CrlSources
    from mtls_authorizer.refresh.refresher import Refreshed, Refresher
    from mtls_authorizer.revocation.sources import RevocationSource

# What reads documents is imported where it is needed: who lists names in the environment doesn't pay for it.

# How long a function's start waits for each kind of document at most. Lambda gives it 10 seconds in all.
_RULES_START_SECONDS = 3.0
_TRUSTSTORE_START_SECONDS = 1.5
_CRLS_START_SECONDS = 3.5


class LiveConfiguration:
    """A configuration with what is at its URIs.

    That is read when this is made, so that a function without its rules doesn't start: raises StoreError for what
    can't be read, and ValueError for what isn't rules. Later on the last good rules stay in force. CRLs that can't be
    read don't stop a function: its configuration says what becomes of certificates without one.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._documents: list[Refreshed[Any]] = []
        self._refreshers: list[Refresher] = []
        # What is checked against the truststore is to be checked again when that changes.
        self._truststore: Refresher | None = None
        self._crls: Refresher | None = None
        self._lock = Lock()
        self._failures = 0
        self._rules: dict[str, Refreshed[RuleSet]] = {}
        self._revocation: RevocationSource | None = None
        if configuration.rules_uri is not None or configuration.shadow_rules_uri is not None:
            self._start_rules(configuration)
        if configuration.crl_sources is not None:
            self._start_revocation(configuration.crl_sources)
        self._latest = self._with_documents()

    def current(self) -> Configuration:
        """Return the configuration in force: the same object until something in it changes. Raises nothing.

        Where a refresh is due, it waits for it: WAIT_SECONDS at most.
        """
        changed = False
        # All of them, and in order: CRLs are checked against the truststore.
        for refresher in self._refreshers:
            if refresher.refresh_if_due():
                changed = True
                if refresher is self._truststore and self._crls is not None:
                    self._crls.expire()
        if changed:
            with self._lock:
                # Whoever comes last has seen all that the others have.
                self._latest = self._with_documents()
        return self._latest

    def restore(self) -> None:
        """Read everything again, for after a restore from a snapshot. It takes as long as at the start at most.

        The snapshot may be weeks old. Rules that can't be read then stop the function, as at a start: raises StoreError
        or ValueError. CRLs stay in force until they are stale.
        """
        for refresher in self._refreshers:
            refresher.refresh_now()
        from mtls_authorizer.stores.store import StoreError  # noqa: PLC0415 -- see above

        for document in self._rules.values():
            if document.error is not None:
                raise document.error
            if document.fetches:
                raise StoreError(document.store.uri, "not read anew in time")

    def take_failures(self) -> int:
        """Return how many attempts to read a document have failed since the last call."""
        failures = sum(document.all_failures for document in self._documents)
        new, self._failures = failures - self._failures, failures
        return new

    def _start_rules(self, configuration: Configuration) -> None:
        from mtls_authorizer.refresh.refresher import Refreshed  # noqa: PLC0415 -- see above
        from mtls_authorizer.rules.document import LARGEST_DOCUMENT, parse_rules  # noqa: PLC0415
        from mtls_authorizer.stores.store import open_store  # noqa: PLC0415

        def rule_set(content: bytes, _in_force: RuleSet | None) -> RuleSet:
            return RuleSet((*configuration.rules.rules, *parse_rules(content)))

        def shadow_rule_set(content: bytes, _in_force: RuleSet | None) -> RuleSet:
            return RuleSet(parse_rules(content))

        for field, uri, parse in (
            ("rules", configuration.rules_uri, rule_set),
            ("shadow_rules", configuration.shadow_rules_uri, shadow_rule_set),
        ):
            if uri is not None:
                self._rules[field] = Refreshed(field, open_store(uri, largest=LARGEST_DOCUMENT), parse)
        rules = list(self._rules.values())
        self._add_refresher(rules, configuration.rules_refresh_seconds, _RULES_START_SECONDS).start()

    def _start_revocation(self, sources: CrlSources) -> None:
        from mtls_authorizer.revocation.sources import RevocationSource  # noqa: PLC0415 -- see above

        self._revocation = RevocationSource(sources)
        seconds = sources.refresh_seconds
        self._truststore = self._add_refresher([self._revocation.truststore], seconds, _TRUSTSTORE_START_SECONDS)
        self._truststore.start_leniently()
        self._crls = self._add_refresher(self._revocation.crls, seconds, _CRLS_START_SECONDS)
        self._crls.start_leniently()

    def _add_refresher(
        self, documents: Sequence[Refreshed[Any]], interval_seconds: int, start_seconds: float
    ) -> Refresher:
        from mtls_authorizer.refresh.refresher import WAIT_SECONDS, Refresher  # noqa: PLC0415 -- see above

        # There are three at most, and a request may meet all of them when they are due.
        refresher = Refresher(documents, interval_seconds, wait_seconds=WAIT_SECONDS / 3, start_seconds=start_seconds)
        self._documents += documents
        self._refreshers.append(refresher)
        return refresher

    def _with_documents(self) -> Configuration:
        fields: dict[str, Any] = {}
        for field, document in self._rules.items():
            fields[field], fields[f"{field}_version"] = document.in_force or (None, None)
        if self._revocation is not None:
            fields["revocation"] = self._revocation.lists()
        return self._configuration._replace(**fields)
