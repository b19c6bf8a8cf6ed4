"""Rules: which certificates they match, and what they allow."""

from __future__ import annotations

from enum import StrEnum

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.fields import FIELDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from mtls_authorizer.rules.certificate_values import CertificateValue
    from mtls_authorizer.rules.conditions import Condition, Matcher, SatisfiedConditions
    from mtls_authorizer.rules.request_limits import RequestLimits
    from mtls_authorizer.rules.routes import Routes

ENVIRONMENT = "environment"
"""The name of the rules made from lists in the environment."""


class UsagePlanKey(StrEnum):
    """A property of the certificate that serves as the key of a usage plan."""

    FINGERPRINT = "fingerprint"
    """The SHA-256: 64 upper-case hexadecimal digits, without colons."""


class Rule(NamedTuple):
    """A rule matches a certificate if every matcher matches and no exclusion applies.

    A rule without matchers matches no certificate, unless ``anyone`` is true. An exclusion is a set of matchers, and
    applies if all of them match. ``routes`` has no default, so that no route is allowed by omission.

    ``context`` contains constants, and ``certificate_context`` values from the certificate. ``usage_plan_key`` is the
    key itself, or where to read it from the certificate. If the certificate lacks one of these values, the rule does
    not match.

    ``limits`` restrict the rule to some requests, and do not affect whether it matches a certificate. None: no limits.
    ``accepted_usages`` replaces the extended key usages that the settings require: a certificate must have one of them,
    or none at all is required if it is empty. None: the requirement of the settings applies.

    A rule that ``denies`` is an entry of a document's ``deny``: a certificate that its matchers match is denied, even
    if other rules allow it.
    """

    name: str
    matchers: tuple[Matcher, ...]
    routes: Routes
    exclusions: tuple[tuple[Matcher, ...], ...] = ()
    context: Mapping[str, str] = {}
    usage_plan_key: UsagePlanKey | CertificateValue | str | None = None
    anyone: bool = False
    denies: bool = False
    limits: RequestLimits | None = None
    certificate_context: Mapping[str, CertificateValue] = {}
    accepted_usages: frozenset[str] | None = None

    def mismatch(self, satisfied: SatisfiedConditions, usages: Collection[str] | None) -> DenyReason | None:
        """Return why the rule does not match a certificate that satisfies conditions; None if it matches.

        ``usages`` are the certificate's extended key usages, None if it has no such extension.
        """
        for matcher in self.matchers:
            if not matcher.matches(satisfied.unambiguous):
                return FIELDS[matcher.field].reason
        if not self.matchers and not self.anyone:
            return DenyReason.NO_ALLOWLIST_CONFIGURED
        if self.is_excluded(satisfied):
            return DenyReason.CERTIFICATE_EXCLUDED
        if not self.accepts_usages(usages, required_met=True):
            return DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED
        return None

    def is_excluded(self, satisfied: SatisfiedConditions) -> bool:
        """Return whether an exclusion applies to a certificate that satisfies conditions, also by ambiguous facts."""
        return any(all(matcher.matches(satisfied.any_fact) for matcher in exclusion) for exclusion in self.exclusions)

    def accepts_usages(self, usages: Collection[str] | None, *, required_met: bool) -> bool:
        """Return whether the rule accepts the extended key usages of a certificate, None if it has no such extension.

        ``required_met`` is whether the certificate meets the requirement of the settings.
        """
        if self.accepted_usages is None:
            return required_met
        return not self.accepted_usages or not self.accepted_usages.isdisjoint(usages or ())

    def uses(self, field: str) -> bool:
        """Return whether a matcher or an exclusion is about a field."""
        return any(matcher.field == field for matchers in (self.matchers, *self.exclusions) for matcher in matchers)

    def conditions(self) -> Iterable[Condition]:
        """Return the conditions of all matchers and exclusions."""
        for matchers in (self.matchers, *self.exclusions):
            for matcher in matchers:
                yield from matcher.conditions()
