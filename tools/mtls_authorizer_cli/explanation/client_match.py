"""Rules for a client: the names that they must match, also after its certificate was renewed, and a suggestion."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from client_certificate_auth.rfc4514 import parse_name
from client_certificate_auth.short_names import SHORT_NAME_BY_OID
from mtls_authorizer.rules.document.reader import RulesError, parse_rules
from mtls_authorizer.rules.field_values import subject_alt_name_facts
from mtls_authorizer.rules.fields import ISSUER_KEY
from mtls_authorizer.rules.names.distinguished_names import name_value
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.explanation.wording import value_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from client_certificate_auth import PeerCertificate, SubjectAltName
    from client_certificate_auth.x509.names import DistinguishedName

_TYPES = ("URI", "DNS", "email", "otherName", "dirName", "RID", "IP")
"""The types of subject alternative names, those first that most likely identify a client."""

_IDENTIFYING = frozenset(
    (
        *("CN", "serialNumber", "UID", "uid", "emailAddress", "mail", "organizationIdentifier", "pseudonym"),
        *("x500UniqueIdentifier", "dnQualifier"),
    )
)
"""The attributes that distinguish clients. All clients of a company can have a subject without any of them."""
ROUTE_PLACEHOLDER = "METHOD /path"
"""Takes the place of the routes. It is not a valid route, so that a rule is never used without a choice."""

_MAX_NAME = 60
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")


def name_matches(certificate: PeerCertificate) -> Iterator[Mapping[str, object]]:
    """Return what can be matched by names, the best first: subject and issuer, or an alternative name and the issuer.

    A subject that other clients can have, such as ``O=SPIRE,C=US`` of SPIFFE's implementation, is matched together with
    an alternative name if there is one. Not everything that it returns can be written in a rules document.
    """
    name = alternative_name(certificate)
    alternative = {} if name is None else {"subject_alt_name": exact(str(name))}
    is_workload = name is not None and name.type == "URI" and name.value.startswith("spiffe://")
    also = {} if identifies_client(certificate.subject) and not is_workload else alternative
    for issuer in _spellings(certificate.issuer):
        if len(certificate.subject):
            yield from ({"subject": subject, **also, "issuer": issuer} for subject in _spellings(certificate.subject))
        if alternative:
            yield {**alternative, "issuer": issuer}


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


def one_rule(keys: Mapping[str, object]) -> RuleSet:
    """Return a rule with these keys, such as ``match``; none if they cannot be written in a rules document."""
    try:
        return RuleSet(parse_rules(json.dumps({"rules": [{"name": "rule", **keys}]}).encode()))
    except RulesError:
        return RuleSet(())


def identifies_client(subject: DistinguishedName) -> bool:
    """Return whether a subject has an attribute that distinguishes clients, such as a common name."""
    return not _IDENTIFYING.isdisjoint(subject)


@lru_cache
def name_identifies_client(text: str) -> bool:
    """Return the same for a subject in the string form of RFC 4514; False if it cannot be read.

    Cached, because a log has many entries about each client.
    """
    try:
        types = {attribute_type for rdn in parse_name(text) for attribute_type, _ in rdn}
    except ValueError:
        return False
    # The string form has dotted OIDs for those that RFC 4514 does not name.
    return not _IDENTIFYING.isdisjoint(SHORT_NAME_BY_OID.get(each, each) for each in types)


def alternative_name(certificate: PeerCertificate) -> SubjectAltName | None:
    """Return the one alternative name that identifies the client best, None if there is none.

    A list of all of them would match every certificate that has any of them. Names that match no rule, because others
    may read them differently, come last.
    """
    # The facts begin with one for each name.
    names = zip(certificate.subject_alt_names, subject_alt_name_facts(certificate), strict=False)
    known = [(fact.ambiguous, _TYPES.index(name.type), name) for name, fact in names if name.type in _TYPES]
    return min(known, key=lambda each: each[:2], default=(None,))[-1]


def exact(text: str) -> object:
    """Return a value of a rule: text as it is, unless it could be mistaken for a wildcard."""
    return {"exact": text} if "*" in text else text


def _spellings(name: DistinguishedName) -> Iterator[object]:
    """Return a name with short names of its attributes, then with OIDs, which are never ambiguous."""
    yield exact(value_text(name_value(name)))
    yield exact(name.rfc4514_string())


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
