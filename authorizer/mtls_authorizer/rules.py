"""Rules: what a certificate must match to be let in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from client_certificate_auth import CertificateCheck, PeerCertificate
    from mtls_authorizer.reasons import Reason


class Matcher(NamedTuple):
    """One thing that a certificate must match, and the reason to give where it doesn't."""

    matches: CertificateCheck
    reason: Reason


class Rule:
    """What a certificate must match: every matcher or, with ``any_matcher``, one of them. It may then call everything.

    Raises ValueError without matchers, since every certificate would match.
    """

    __slots__ = ("_any_matcher", "_matchers")

    def __init__(self, matchers: tuple[Matcher, ...], *, any_matcher: bool = False) -> None:
        if not matchers:
            message = "a rule needs a matcher"
            raise ValueError(message)
        self._matchers = matchers
        self._any_matcher = any_matcher

    def mismatch(self, certificate: PeerCertificate) -> Reason | None:
        """Return None for a certificate that matches, else the reason of the first matcher that it doesn't match."""
        reasons = [matcher.reason for matcher in self._matchers if not matcher.matches(certificate)]
        matched = len(reasons) < len(self._matchers) if self._any_matcher else not reasons
        return None if matched else reasons[0]
