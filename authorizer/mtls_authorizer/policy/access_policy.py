"""The access policy in force: the rules and CRLs that apply to a request."""

from __future__ import annotations

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.rules.conditions import Fact
from mtls_authorizer.rules.fields import ISSUER_KEY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.revocation.lists import RevocationLists
    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer.rules.rule_set import RuleSet


class AccessPolicy(NamedTuple):
    """Rules and CRLs that are in force together. A change replaces the whole object, so a request sees one state.

    ``shadow_rules`` are evaluated and logged, but decide nothing. ``revocation`` is None if the settings have no CRLs.
    The versions identify the stored documents, None for rules from the environment. ``truststore`` is None if none
    is configured, or if it could not be loaded.
    """

    rules: RuleSet
    shadow_rules: RuleSet | None = None
    rules_version: str | None = None
    shadow_rules_version: str | None = None
    revocation: RevocationLists | None = None
    truststore: Truststore | None = None

    def with_issuer_keys(self) -> AccessPolicy:
        """Return the same policy with rules that read the keys of issuers from its truststore."""
        if self.truststore is None:
            return self
        shadow_rules = None if self.shadow_rules is None else rules_with_issuer_keys(self.shadow_rules, self.truststore)
        return self._replace(rules=rules_with_issuer_keys(self.rules, self.truststore), shadow_rules=shadow_rules)


def rules_with_issuer_keys(rules: RuleSet, truststore: Truststore) -> RuleSet:
    """Return rules that read the key of a certificate's issuer from a truststore.

    Rules that do not name keys are returned as they are.
    """
    if not rules.uses(ISSUER_KEY):
        return rules
    from mtls_authorizer.revocation.chains import issuer_keys  # noqa: PLC0415 -- imports cryptography

    def read(certificate: PeerCertificate) -> list[Fact]:
        return [Fact("", key) for key in issuer_keys(certificate.fields, truststore)]

    return rules.with_issuer_key_reader(read)
