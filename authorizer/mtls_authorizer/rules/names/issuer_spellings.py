"""The spellings of issuers: exclusions apply to all of them, because a CA may write its name in any.

Imported only for rules with such exclusions.
"""

from __future__ import annotations

from client_certificate_auth.short_names import SHORT_NAME_BY_OID
from mtls_authorizer.rules.conditions import Comparison, ConditionIndex
from mtls_authorizer.rules.names.patterns import LABELS_WITH_SPELLINGS
from mtls_authorizer.rules.names.spellings import common_spelling, ignoring_case

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable
    from typing import Any

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.rules.conditions import Condition, FactReader


class IssuerExclusions:
    """The conditions on issuers in exclusions.

    They are compared without regard to case, repeated spaces and empty relative distinguished names, as OpenSSL
    compares the issuer of a certificate with the name of its CA (RFC 5280 §7.1).
    """

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self._conditions: dict[Condition, list[Condition]] = {}
        for condition in conditions:
            self._conditions.setdefault(canonical_condition(condition), []).append(condition)
        self._index = ConditionIndex(self._conditions, lambda _label, _value: False)

    def satisfied_by(self, certificate: PeerCertificate, read: FactReader) -> frozenset[Condition]:
        """Return the conditions that a certificate satisfies, whatever its spelling. ``read`` reads its issuer."""
        facts = [fact._replace(value=_canonical(fact.label, fact.value)) for fact in read(certificate)]
        satisfied = self._index.satisfied_by(certificate, dict.fromkeys(self._index.fields, lambda _certificate: facts))
        return frozenset(each for canonical in satisfied.any_fact for each in self._conditions[canonical])


def canonical_condition(condition: Condition) -> Condition:
    """Return the condition on an issuer that is compared in place of one in an exclusion."""
    label, value = condition.label, condition.value
    if condition.comparison is Comparison.EXACT:
        return condition._replace(value=_canonical(label, value))
    # The space at the end of a prefix matters, and that at the start of a suffix. An empty prefix would match all.
    if condition.comparison is Comparison.PREFIX:
        return condition._replace(value=_canonical_text(f"{value}.")[:-1] or " ")
    return condition._replace(value=_without_final_dot(label, _canonical_text(f".{value}")[1:]))


def _canonical(label: str, value: Any) -> Hashable:  # noqa: ANN401 -- a text, or a name as read_name returns it
    if isinstance(value, str):
        return _without_final_dot(label, _canonical_text(value))
    return tuple(
        frozenset((oid, _canonical(SHORT_NAME_BY_OID.get(oid, oid), text)) for oid, text in rdn) for rdn in value if rdn
    )


def _canonical_text(text: str) -> str:
    return " ".join(ignoring_case(text).split())


def _without_final_dot(label: str, text: str) -> str:
    # A space may have followed the dot.
    return common_spelling(label, text).rstrip() if label in LABELS_WITH_SPELLINGS else text
