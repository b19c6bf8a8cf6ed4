"""The values that a rule takes from the certificate, for its context and for the key of a usage plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.rules.certificate_values import CertificateValue

if TYPE_CHECKING:
    from mtls_authorizer.rules.rule import Rule


def certificate_values(rule: Rule) -> dict[str, CertificateValue]:
    """Return the values by their locations in a rule of a document, such as ``context.tenant``."""
    values = {f"context.{key}": value for key, value in rule.certificate_context.items()}
    if isinstance(rule.usage_plan_key, CertificateValue):
        values["usage_plan_key"] = rule.usage_plan_key
    return values
