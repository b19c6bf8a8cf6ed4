"""The requirements of a rule other than its fields: key usages, values of the certificate, limits to some requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.rules.certificate_values import LONGEST_VALUE, CertificateValue
from mtls_authorizer.rules.extended_key_usage import usage_name
from mtls_authorizer.rules.fields import SUBJECT_ALT_NAME_LABELS
from mtls_authorizer_cli.explanation.wording import choice
from mtls_authorizer_cli.printed import listing, quoted, utc_timestamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.rules.request_limits import RequestLimits
    from mtls_authorizer.rules.rule import Rule
    from mtls_authorizer_cli.explanation.question import Question

_KEYS = {("subject_alt_name", label): key for key, label in SUBJECT_ALT_NAME_LABELS.items()}


class OtherRequirement(NamedTuple):
    """A requirement of a rule other than a field, by its place in the rule, and what there is for it, in words.

    That is a limit to some requests, a value that the rule takes from the certificate, or the usages that it requires.
    """

    key: str
    required: str
    found: str
    met: bool


def usage_requirements(rule: Rule, usages: Collection[str] | None) -> Iterator[OtherRequirement]:
    """Return the extended key usages that a rule requires in place of those that the settings require, if any."""
    if rule.accepted_usages is not None:
        names = [usage_name(usage) for usage in sorted(rule.accepted_usages)]
        found = "no such extension" if usages is None else listing([usage_name(usage) for usage in usages])
        required = choice(names, everything=True) if names else "nothing"
        yield OtherRequirement("extended_key_usage", required, found, rule.accepts_usages(usages, required_met=True))


def value_requirements(rule: Rule, certificate: PeerCertificate) -> Iterator[OtherRequirement]:
    """Return the values that a rule takes from the certificate."""
    for place, value in certificate_values(rule).items():
        source = f"{value.field}.{_KEYS.get((value.field, value.label), value.label)}"
        after = f" after {quoted(value.after)}" if value.after else ""
        required = f"one value of {source}{after}, in up to {LONGEST_VALUE} characters of printable ASCII"
        found = value.read(certificate)
        own = value._replace(default=None).read(certificate)
        default = "" if own is not None else ", the default"
        text = "none" if found is None else f"{quoted(found)}{default}"
        yield OtherRequirement(place, required, text, found is not None)


def limit_requirements(limits: RequestLimits, question: Question) -> Iterator[OtherRequirement]:
    """Return the limits of a rule to some requests."""
    request, now = question.request, utc_timestamp(question.now)
    domain_name = "none" if request.domain_name is None else quoted(request.domain_name)
    found = {"api_ids": quoted(request.api_id), "domain_names": domain_name, "not_before": now, "not_after": now}
    unlimited = type(limits)(None, None, None, None)
    for field, value in limits._asdict().items():
        if value is not None:
            required = choice(sorted(map(quoted, value))) if isinstance(value, frozenset) else utc_timestamp(value)
            met = question.in_effect(unlimited._replace(**{field: value}))
            yield OtherRequirement(field.removesuffix("s"), required, found[field], met)


def certificate_values(rule: Rule) -> dict[str, CertificateValue]:
    """Return the values by their locations in a rule of a document, such as ``context.tenant``."""
    values = {f"context.{key}": value for key, value in rule.certificate_context.items()}
    if isinstance(rule.usage_plan_key, CertificateValue):
        values["usage_plan_key"] = rule.usage_plan_key
    return values
