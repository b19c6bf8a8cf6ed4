"""Rules that name the keys of CAs, and the truststore that contains these CAs."""

from __future__ import annotations

from mtls_authorizer.rules.conditions import Fact
from mtls_authorizer.rules.fields import ISSUER_KEY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.revocation.truststore.bundle import Truststore
    from mtls_authorizer.rules.rule_set import RuleSet


def with_issuer_keys(rules: RuleSet, truststore: Truststore) -> RuleSet:
    """Return rules that read the key of a certificate's issuer from a truststore.

    Rules that do not name keys are returned as they are.
    """
    if not rules.uses(ISSUER_KEY):
        return rules
    from mtls_authorizer.revocation.issuer_keys import issuer_keys  # noqa: PLC0415 -- imports cryptography

    def read(certificate: PeerCertificate) -> list[Fact]:
        return [Fact("", key) for key in issuer_keys(certificate, truststore)]

    return rules.with_issuer_key_reader(read)
