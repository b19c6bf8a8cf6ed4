"""``extended_key_usage`` of a rule: its usages, and what the rule must match so that they are safe."""

from __future__ import annotations

from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.document.problems import items_with_places, shown
from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH, read_usages
from mtls_authorizer.rules.fields import ISSUER_KEY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.rules.conditions import Matcher
    from mtls_authorizer.rules.document.problems import Problems


def read_rule_usages(
    value: object, matchers: tuple[Matcher, ...], place: str, problems: Problems
) -> frozenset[str] | None:
    """Read the usages of a rule with these matchers: ``"none"``, or a list, one of which a certificate must have."""
    usages = _read(value, place, problems)
    if usages is not None and usages != {CLIENT_AUTH}:
        _check_identity(matchers, place, problems)
    return usages


def _read(value: object, place: str, problems: Problems) -> frozenset[str] | None:
    if value == "none":
        return frozenset()
    if not isinstance(value, list) or not value:
        found = "an empty list" if value == [] else shown(value)
        problems.add(place, f'must be a list of usages such as ["serverAuth"], or "none", not {found}')
        return None
    problems.count_entries(len(value), place)
    usages: set[str] = set()
    for item, where in items_with_places(value, place):
        if problems.is_text(item, where):
            try:
                usages |= read_usages([item])
            except ValueError as error:
                problems.add(where, str(error).removesuffix(", or none"))
    return frozenset(usages) or None


def _check_identity(matchers: tuple[Matcher, ...], place: str, problems: Problems) -> None:
    """Check that a rule for other usages than clientAuth alone names the CA and the client.

    Anyone can get a server certificate from a public CA, for any name that they control.
    """
    by_field = {matcher.field: matcher for matcher in matchers}
    missing = []
    if ISSUER_KEY not in by_field and not _is_whole_name(by_field.get("issuer")):
        missing.append("issuer (whole DNs) or issuer_key")
    if not (_is_exact(by_field.get("common_name")) or _is_of_domain(by_field.get("subject_alt_name"))):
        missing.append(
            "common_name or subject_alt_name (exact values, or DNS suffixes with a domain, such as '.acme.example')"
        )
    if missing:
        problems.add(
            place,
            f"needs {', and '.join(missing)} in match, because public CAs issue such certificates to everybody, for "
            'their own names. Only ["clientAuth"] does not need it',
        )


def _is_whole_name(matcher: Matcher | None) -> bool:
    return matcher is not None and all(condition.label == "" for condition in matcher.conditions())


def _is_exact(matcher: Matcher | None) -> bool:
    return matcher is not None and all(condition.comparison is Comparison.EXACT for condition in matcher.conditions())


def _is_of_domain(matcher: Matcher | None) -> bool:
    return matcher is not None and all(
        condition.comparison is Comparison.EXACT
        or (
            condition.label == "DNS"
            and condition.comparison is Comparison.SUFFIX
            and "." in str(condition.value).strip(".")
        )
        for condition in matcher.conditions()
    )
