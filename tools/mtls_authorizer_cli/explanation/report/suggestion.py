"""A rule for one certificate, to be added to a rules document."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtls_authorizer.rules.fields import ISSUER_KEY
from mtls_authorizer_cli.explanation.client_match import name_matches, one_rule

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.rules.rule_set import RuleSet

ROUTE_PLACEHOLDER = "METHOD /path"
"""Takes the place of the routes. It is not a valid route, so that a rule is never used without a choice."""

_MAX_NAME = 60
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")


def suggest_rule(certificate: PeerCertificate, others: RuleSet) -> Mapping[str, object]:
    """Return a rule that matches a certificate and its renewals, with a placeholder for its routes.

    If other rules name keys of CAs, this one does, too. Raises nothing: any certificate can be matched by its
    fingerprint.
    """
    name = _rule_name(certificate, {rule.name for rule in others.rules})
    matches = (*name_matches(certificate), {"fingerprint": certificate.fingerprint256})
    match = next(match for match in matches if one_rule({"match": match}).matching(certificate))
    keys = (
        sorted(str(fact.value) for fact in others.readers[ISSUER_KEY](certificate)) if others.uses(ISSUER_KEY) else []
    )
    issuer_key = {ISSUER_KEY: keys[0]} if keys else {}
    return {"name": name, "match": {**match, **issuer_key}, "allow": [ROUTE_PLACEHOLDER]}


def _rule_name(certificate: PeerCertificate, names: Collection[str]) -> str:
    subject = certificate.subject
    values = (value for attribute in ("CN", "O") for value in subject.get_all(attribute))
    words = (_NOT_IN_NAMES.sub("-", value).strip("-").lower() for value in values)
    base = next(filter(None, words), "client")[:_MAX_NAME].rstrip("-")
    number = 1
    name = base
    while name in names or name == "environment":
        number += 1
        name = f"{base}-{number}"
    return name
