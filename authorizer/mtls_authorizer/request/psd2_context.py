"""The context values of payment service providers (ETSI TS 119 495). Imported only for rules about them."""

from __future__ import annotations

import json

from mtls_authorizer.rules.fields import PSD2_ROLE
from mtls_authorizer.rules.psd2 import read_psd2_statement

TYPE_CHECKING = False
if TYPE_CHECKING:
    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.rules.rule_set import RuleSet


def psd2_context(certificate: PeerCertificate, rules: RuleSet) -> dict[str, str]:
    """Return the context values that the certificate has, for rules about organization identifiers or roles.

    The statement is never malformed here: rules about roles deny such certificates.
    """
    context: dict[str, str] = {}
    identifier = certificate.subject.get_single("organizationIdentifier")
    if identifier is not None:
        context["clientCertOrganizationIdentifier"] = identifier
    statement = read_psd2_statement(certificate) if rules.uses(PSD2_ROLE) else None
    if statement is not None:
        context["clientCertPsd2Roles"] = json.dumps(statement.roles)
        context["clientCertPsd2AuthorityName"] = statement.authority_name
        context["clientCertPsd2AuthorityId"] = statement.authority_id
    return context
