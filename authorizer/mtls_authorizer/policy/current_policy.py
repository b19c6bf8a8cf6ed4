"""The access policy that is in force now: rules and CRLs that are stored elsewhere are reloaded from time to time."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.rules.rule_set import RuleSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.refresh.refresher import Refreshed, Refresher
    from mtls_authorizer.revocation.configuration import CrlSources
    from mtls_authorizer.revocation.sources import RevocationSource

# Whatever reads documents is imported inside functions: a function configured by allowlists alone must not pay for it.

# How long a start waits for each kind of document. Lambda allows 10 seconds for everything.
_RULES_START_SECONDS = 3.0
_TRUSTSTORE_START_SECONDS = 1.5
_CRLS_START_SECONDS = 3.5


class CurrentPolicy:
    """The access policy in force, made of the settings and of the documents that they name. Safe for threads.

    The documents are loaded when this is created, so that a function without its rules does not start: raises
    StoreError for a document that cannot be read and ValueError for an invalid one. Later the last valid rules stay in
    force. CRLs that cannot be read do not stop a function: the settings determine the decision without them.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._own_rules = RuleSet(settings.rules)
        self._own_shadow_rules = RuleSet(settings.shadow_rules) if settings.shadow_rules else None
        self._documents: list[Refreshed[Any]] = []
        self._refreshers: list[Refresher] = []
        # What is checked against the truststore is to be checked again when that changes.
        self._truststore: Refresher | None = None
        self._crls: Refresher | None = None
        self._lock = Lock()
        self._failures = 0
        self._rules: dict[str, Refreshed[RuleSet]] = {}
        self._revocation: RevocationSource | None = None
        if settings.rules_uri is not None or settings.shadow_rules_uri is not None:
            self._start_rules(settings)
        if settings.crl_sources is not None:
            self._start_revocation(settings.crl_sources)
        self._latest = self._assemble()

    def get(self) -> AccessPolicy:
        """Return the access policy in force: the same object until something in it changes. Raises nothing.

        If a refresh is due, this waits for it, at most WAIT_SECONDS.
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
                # The last thread has observed every update.
                self._latest = self._assemble()
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

    def _start_rules(self, settings: Settings) -> None:
        from mtls_authorizer.refresh.refresher import Refreshed  # noqa: PLC0415 -- see above
        from mtls_authorizer.rules.document import LARGEST_DOCUMENT, parse_rules  # noqa: PLC0415
        from mtls_authorizer.stores.store import open_store  # noqa: PLC0415

        def rule_set(content: bytes, _in_force: RuleSet | None) -> RuleSet:
            return RuleSet((*settings.rules, *parse_rules(content)))

        def shadow_rule_set(content: bytes, _in_force: RuleSet | None) -> RuleSet:
            return RuleSet(parse_rules(content))

        for field, uri, parse in (
            ("rules", settings.rules_uri, rule_set),
            ("shadow_rules", settings.shadow_rules_uri, shadow_rule_set),
        ):
            if uri is not None:
                self._rules[field] = Refreshed(field, open_store(uri, largest=LARGEST_DOCUMENT), parse)
        rules = list(self._rules.values())
        self._add_refresher(rules, settings.rules_refresh_seconds, _RULES_START_SECONDS).start()

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

    def _assemble(self) -> AccessPolicy:
        policy = AccessPolicy(
            self._own_rules,
            self._own_shadow_rules,
            revocation=None if self._revocation is None else self._revocation.lists(),
        )
        if (rules := self._rules.get("rules")) is not None and rules.in_force is not None:
            policy = policy._replace(rules=rules.in_force.value, rules_version=rules.in_force.version)
        if (shadow := self._rules.get("shadow_rules")) is not None and shadow.in_force is not None:
            policy = policy._replace(shadow_rules=shadow.in_force.value, shadow_rules_version=shadow.in_force.version)
        return policy
