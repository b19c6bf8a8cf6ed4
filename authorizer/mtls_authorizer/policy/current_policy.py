"""The access policy in force. Rules and CRLs at URIs are reloaded regularly."""

from __future__ import annotations

from _thread import allocate_lock  # what threading.Lock() calls; importing threading takes 1 ms
from datetime import UTC, datetime
from functools import partial

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.settings import check_together
from mtls_authorizer.rules.rule_set import RuleSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer.refresh.document import AnyDocument, Document
    from mtls_authorizer.refresh.refresher import Refresher
    from mtls_authorizer.revocation.chains import Chain
    from mtls_authorizer.revocation.documents import RevocationDocuments
    from mtls_authorizer.revocation.settings import RevocationSettings
    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer.rules.rule import Rule
    from mtls_authorizer.stores.opener import PrefixOpener, StoreOpener

# Code that loads documents is imported only for settings with documents.


class WaitSeconds(NamedTuple):
    """The maximum waiting times: for each kind of document at the start, and for all of them in a request.

    Lambda limits the start to 10 seconds. The SAM template limits a request to 5 seconds.
    """

    rules: float = 3.0
    truststore: float = 1.5
    crls: float = 3.5
    prefixes: float = 1.0
    """For the CRLs below prefixes that are loaded at the start."""

    request: float = 2.0
    needed: float = 2.0
    """How long a request waits for the CRLs below prefixes that its certificate needs."""


DEFAULT_WAIT_SECONDS = WaitSeconds()


def utc_now() -> datetime:
    """Return the current time, aware."""
    return datetime.now(UTC)


class CurrentPolicy:
    """The access policy in force, made of the settings and of the documents at their URIs. Thread-safe.

    The constructor loads the documents. It raises StoreError for rules that cannot be read, and ValueError for invalid
    rules, so that a function without its rules does not start. Later, the last valid rules stay in force. Shadow rules
    raise nothing, because they decide nothing, and neither do CRLs that cannot be read: CRL_FAILURE_MODE determines the
    decision on certificates without a CRL.

    ``opener`` opens stores (``open_store`` if None), ``prefix_opener`` prefixes (``open_prefix`` if None). ``clock``
    returns seconds and never goes back (``elapsed_seconds`` if None). ``now`` returns an aware datetime.
    """

    def __init__(  # noqa: PLR0913 -- what tests replace, each by name
        self,
        settings: Settings,
        *,
        opener: StoreOpener | None = None,
        prefix_opener: PrefixOpener | None = None,
        clock: Callable[[], float] | None = None,
        now: Callable[[], datetime] = utc_now,
        wait_seconds: WaitSeconds = DEFAULT_WAIT_SECONDS,
    ) -> None:
        self.settings = settings
        self._opener = opener
        self._prefix_opener = prefix_opener
        self._clock = clock
        self._now = now
        self._wait_seconds = wait_seconds
        # There are at most three refreshers, and all may be due in the same request.
        self._request_seconds = wait_seconds.request / 3
        self._environment_rules = RuleSet(settings.rules)
        self._environment_shadow_rules = RuleSet(settings.shadow_rules) if settings.shadow_rules else None
        self._refreshers: list[Refresher] = []
        self._lock = allocate_lock()
        self._reported_failures = 0
        self._rules: Document[RuleSet, str] | None = None
        self._shadow_rules: Document[RuleSet, str] | None = None
        self._revocation: RevocationDocuments | None = None
        self._truststore: Document[Truststore, str] | None = None
        if settings.rules_uri is not None or settings.shadow_rules_uri is not None:
            self._start_rules(settings)
        if settings.truststore_uri is not None:
            self._truststore = self._start_truststore(settings.truststore_uri)
            if settings.revocation_settings is not None:
                self._start_revocation(settings.revocation_settings, self._truststore)
        self._latest_states = self._states()
        self._latest = self._assemble()

    def get(self) -> AccessPolicy:
        """Return the access policy in force: the same object until something in it changes. Raises nothing.

        If a refresh is due, it waits for at most ``wait_seconds.request``.
        """
        if not self._refreshers:
            return self._latest
        if self._revocation is not None and self._latest.revocation is not None:
            self._revocation.expect_successors(self._latest.revocation)
        # In this order, because CRLs are verified with the truststore.
        for refresher in self._refreshers:
            refresher.refresh_if_due()
            if self._revocation is not None:
                self._revocation.follow_truststore()
        # The states are compared, because a change that the refreshers report only once could be lost: an exception may
        # follow it, for example if the log is not writable.
        return self._latest if self._states() == self._latest_states else self._renew()

    def load_crls(self, chains: tuple[Chain, ...]) -> AccessPolicy:
        """Return the access policy with the CRLs below prefixes that the certificates of chains need. Raises nothing.

        If some are not in memory or have changed, it waits for at most ``wait_seconds.needed``.
        """
        policy = self._latest
        if self._revocation is None or policy.revocation is None or not self._revocation.prefix_crls:
            return policy
        with self._revocation.prefix_crls.loaded(chains, policy.revocation, self._wait_seconds.needed) as is_outdated:
            # Not self._latest: another thread may have evicted these CRLs and replaced it in the meantime.
            return self._renew() if is_outdated else policy

    def _renew(self) -> AccessPolicy:
        with self._lock:
            # Inside the lock, so that the last policy to be assembled includes every change.
            states = self._states()
            self._latest = self._assemble()
            self._latest_states = states
            return self._latest

    def _states(self) -> list[object]:
        """Return the state of all documents, and of the lists in force."""
        states: list[object] = [state for refresher in self._refreshers for state in refresher.states]
        if self._revocation is not None:
            states.append(self._revocation.prefix_crls.count_expired())
        return states

    def restore(self) -> None:
        """Load everything again after a snapshot was restored, with the same waiting times as at the start.

        The snapshot may be weeks old. Raises StoreError or ValueError for rules that cannot be loaded, so that the
        function does not start. CRLs stay in force until they are stale.
        """
        if self._revocation is not None:
            self._revocation.prefix_crls.reset()
        for refresher in self._refreshers:
            refresher.restore()
            if self._revocation is not None:
                # Before CRLs are loaded, so that the next request does not load them again.
                self._revocation.follow_truststore()
        from mtls_authorizer.stores.store import StoreError  # noqa: PLC0415 -- see above

        document = self._rules
        if document is not None and document.error is not None:
            raise document.error
        if document is not None and document.attempts:
            seconds = self._wait_seconds.rules
            raise StoreError(document.loader.uri, f"not loaded within {seconds:g} s after the snapshot was restored")

    def take_failures(self) -> int:
        """Return how many attempts to load a document have failed since the last call."""
        with self._lock:
            failures = sum(refresher.total_failures for refresher in self._refreshers)
            if self._revocation is not None:
                failures += self._revocation.prefix_crls.total_failures
            new, self._reported_failures = failures - self._reported_failures, failures
            return new

    def _start_rules(self, settings: Settings) -> None:
        self._rules = self._rules_document("rules", settings.rules_uri, settings.rules)
        self._shadow_rules = self._rules_document("shadow_rules", settings.shadow_rules_uri, ())
        documents = [each for each in (self._rules, self._shadow_rules) if each is not None]
        refresher = self._add_refresher(documents, settings.rules_refresh_seconds, self._wait_seconds.rules)
        refresher.start(required=[] if self._rules is None else [self._rules])

    def _rules_document(
        self, name: str, uri: str | None, environment_rules: tuple[Rule, ...]
    ) -> Document[RuleSet, str] | None:
        """Return the document with the rules at a URI, which apply together with those of the environment."""
        if uri is None:
            return None
        from mtls_authorizer.refresh.document import Document  # noqa: PLC0415 -- see above
        from mtls_authorizer.refresh.loader import StoreLoader  # noqa: PLC0415
        from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT  # noqa: PLC0415

        log_fields = {"document": name, "uri": uri}
        has_truststore = self.settings.truststore_uri is not None
        parse = partial(_parse_stored_rules, environment_rules, log_fields, has_truststore=has_truststore)
        return Document(StoreLoader(name, self._store_opener()(uri, max_bytes=LARGEST_DOCUMENT), parse))

    def _start_truststore(self, uri: str) -> Document[Truststore, str]:
        from mtls_authorizer.refresh.document import Document  # noqa: PLC0415 -- see above
        from mtls_authorizer.revocation.truststore.loader import truststore_loader  # noqa: PLC0415

        document = Document(truststore_loader(uri, self._store_opener()))
        self._add_refresher([document], self.settings.crl_refresh_seconds, self._wait_seconds.truststore).start()
        return document

    def _start_revocation(self, settings: RevocationSettings, truststore: Document[Truststore, str]) -> None:
        from mtls_authorizer.revocation.documents import RevocationDocuments  # noqa: PLC0415 -- see above

        documents = self._revocation = RevocationDocuments(
            settings,
            truststore,
            refresh_seconds=self.settings.crl_refresh_seconds,
            opener=self._store_opener(),
            prefix_opener=self._make_prefix_opener(),
            now=self._now,
            clock=self._interval_clock(),
            start_seconds=self._wait_seconds.crls,
            wait_seconds=self._request_seconds,
        )
        self._refreshers.append(documents.crl_refresher)
        documents.follow_truststore()
        documents.crl_refresher.start()
        if documents.prefix_crls:
            with documents.prefix_crls.loaded((), documents.lists(truststore.value), self._wait_seconds.prefixes):
                pass

    def _store_opener(self) -> StoreOpener:
        from mtls_authorizer.stores.opener import open_store  # noqa: PLC0415 -- see above

        return self._opener or partial(open_store, bucket_owner=self.settings.s3_bucket_owner)

    def _make_prefix_opener(self) -> PrefixOpener:
        from mtls_authorizer.stores.opener import open_prefix  # noqa: PLC0415 -- see above

        return self._prefix_opener or partial(open_prefix, bucket_owner=self.settings.s3_bucket_owner)

    def _interval_clock(self) -> Callable[[], float]:
        from mtls_authorizer.clock import elapsed_seconds  # noqa: PLC0415 -- see above

        return self._clock or elapsed_seconds

    def _add_refresher(
        self, documents: Sequence[AnyDocument], interval_seconds: int, start_seconds: float
    ) -> Refresher:
        from mtls_authorizer.refresh.refresher import Refresher  # noqa: PLC0415 -- see above

        refresher = Refresher(
            documents,
            interval_seconds,
            start_seconds=start_seconds,
            wait_seconds=self._request_seconds,
            clock=self._interval_clock(),
        )
        self._refreshers.append(refresher)
        return refresher

    def _assemble(self) -> AccessPolicy:
        # Each document is read once, because another thread may replace it at any time.
        truststore = None if self._truststore is None else self._truststore.value
        policy = AccessPolicy(
            self._environment_rules,
            self._environment_shadow_rules,
            revocation=None if self._revocation is None else self._revocation.lists(truststore),
            truststore=truststore,
        )
        if self._rules is not None and self._rules.in_force is not None:
            value, version = self._rules.in_force
            policy = policy._replace(rules=value, rules_version=version)
        if self._shadow_rules is not None and self._shadow_rules.in_force is not None:
            value, version = self._shadow_rules.in_force
            policy = policy._replace(shadow_rules=value, shadow_rules_version=version)
        return policy.with_issuer_keys()


def _parse_stored_rules(
    environment_rules: tuple[Rule, ...], log_fields: Mapping[str, object], content: bytes, *, has_truststore: bool
) -> RuleSet:
    """Return the rules of a stored document together with those of the environment, and log the warnings about it."""
    from mtls_authorizer.policy.rule_warnings import log_rule_warnings  # noqa: PLC0415 -- see above
    from mtls_authorizer.rules.document.reader import read_rules  # noqa: PLC0415

    stored, document = read_rules(content)
    rules = (*environment_rules, *stored)
    check_together(rules)
    log_rule_warnings(document, log_fields, has_truststore=has_truststore)
    return RuleSet(rules)
