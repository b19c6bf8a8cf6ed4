"""The access policy in force: the rules and CRLs by which certificates are judged at one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mtls_authorizer.revocation.lists import RevocationLists
    from mtls_authorizer.rules.rule_set import RuleSet


class AccessPolicy(NamedTuple):
    """Rules and CRLs that are in force together. A change replaces the whole value, so a request sees one state.

    ``shadow_rules`` are tried and logged but decide nothing. ``revocation`` is None unless the settings name CRLs. The
    versions are those of the stored documents; None for rules that the environment contains.
    """

    rules: RuleSet
    shadow_rules: RuleSet | None = None
    rules_version: str | None = None
    shadow_rules_version: str | None = None
    revocation: RevocationLists | None = None
