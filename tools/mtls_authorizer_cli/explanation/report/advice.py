"""The problem and the next step, in two sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.checks import CheckName
from mtls_authorizer.request.context import utc_timestamp
from mtls_authorizer.rules.field_values import psd2_statement_problem
from mtls_authorizer_cli.explanation.gateway import GatewayCheck
from mtls_authorizer_cli.explanation.report.rule_advice import Advice, advise_on_rules
from mtls_authorizer_cli.explanation.unknown_status import CAUSES
from mtls_authorizer_cli.printed import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mtls_authorizer_cli.explanation.explanation import Explanation


def advise(explanation: Explanation) -> Advice | None:
    """Return advice on a request that is not allowed, None on one that is."""
    rejection = explanation.gateway.rejection
    if rejection is not None:
        problem = f"API Gateway requires {rejection.required}; found {rejection.found}."
        return Advice(problem, _AGAINST_REJECTIONS[GatewayCheck(rejection.name)])
    reason = explanation.denial
    if reason is None:
        return None
    return _ADVICE[reason](explanation) if reason in _ADVICE else advise_on_rules(explanation)


_AGAINST_REJECTIONS = {
    GatewayCheck.ISSUER: "Add the certificate of its CA to the truststore, with all CAs above, and update the domain "
    "name; or have the certificate issued by a CA that is in it.",
    GatewayCheck.CHAIN: "Add the missing CA certificates up to the root to the truststore, and update the domain name.",
    GatewayCheck.VALIDITY: "Have the certificate renewed. If it is a CA's, renew that, and update the truststore.",
    GatewayCheck.SIGNATURE: "Have the certificate issued again, signed with SHA-256 or stronger.",
    GatewayCheck.KEY: "Have a certificate issued for an RSA key of 2048 bits or more, or for one on P-256 or P-384.",
}


def _about_missing(_explanation: Explanation) -> Advice:
    return Advice(
        "The event contains no client certificate.",
        "Send the request to a custom domain with mutual TLS, and disable the default endpoint: API Gateway asks for "
        "no certificate there.",
    )


def _about_malformed(explanation: Explanation) -> Advice:
    return Advice(
        f"The certificate cannot be decoded: {_found(explanation, CheckName.DECODABLE)}.",
        "Have it issued again, in well-formed DER, with names that are text.",
    )


def _about_names(explanation: Explanation) -> Advice:
    return Advice(
        f"A name contains control characters: {_found(explanation, CheckName.PRINTABLE)}.",
        "Have it issued again, without them.",
    )


def _about_extensions(explanation: Explanation) -> Advice:
    return Advice(
        f"The extensions: {_found(explanation, CheckName.EXTENSIONS)}.",
        "Have it issued again, with well-formed extensions.",
    )


def _about_key_usage(explanation: Explanation) -> Advice:
    check = explanation.check(CheckName.EXTENDED_KEY_USAGE)
    return Advice(
        f"The extended key usage requires {check.required}; found {check.found}.",
        "Have the certificate issued for that usage, or add extended_key_usage to its rule: see "
        "docs/public-certificates.md. REQUIRED_EXTENDED_KEY_USAGE applies to all rules.",
    )


def _about_policy_size(_explanation: Explanation) -> Advice:
    return Advice(
        "The routes of all matching rules make a policy that is too large.",
        "Combine routes with /*, or let fewer rules match.",
    )


def _about_expiry(explanation: Explanation) -> Advice:
    certificate = explanation.certificate
    return Advice(
        f"The certificate expired on {certificate and utc_timestamp(certificate.not_after)}.", "Have it renewed."
    )


def _about_early_use(explanation: Explanation) -> Advice:
    certificate = explanation.certificate
    return Advice(
        f"The certificate is not valid before {certificate and utc_timestamp(certificate.not_before)}.",
        "Wait, or correct the CA's clock and have it issued again.",
    )


def _about_revocation(_explanation: Explanation) -> Advice:
    return Advice("The certificate, or a CA above it, is revoked.", "Have a new one issued.")


def _about_unknown_status(explanation: Explanation) -> Advice:
    status = explanation.decision.revocation_status
    found = _found(explanation, CheckName.REVOCATION)
    if status is None or status.unknown_reason is None:
        return Advice(
            f"No usable CRL proves the certificate good: {found}.",
            "Put a valid CRL of its CA at one of CRL_URIS, and the CA into the bundle at TRUSTSTORE_URI.",
        )
    cause, next_step = CAUSES[status.unknown_reason]
    return Advice(
        f"No usable CRL proves the certificate good, because {cause}: {found}.",
        f"{next_step[0].upper()}{next_step[1:]}.",
    )


def _about_route(explanation: Explanation) -> Advice:
    return Advice(
        f"The client may call {_found(explanation, CheckName.ROUTE)}.",
        "If it is to call this route, add the route to its rule's 'allow'.",
    )


def _found(explanation: Explanation, name: CheckName) -> str:
    return explanation.check(name).found or "nothing"


def _about_critical_extensions(explanation: Explanation) -> Advice:
    return Advice(
        "The certificate has a critical extension that is unknown or unreadable: "
        f"{_found(explanation, CheckName.CRITICAL_EXTENSIONS)}.",
        "Have it issued again without that extension, or with an extension that is not critical.",
    )


def _about_statement(explanation: Explanation) -> Advice:
    certificate = explanation.certificate
    problem = None if certificate is None else psd2_statement_problem(certificate)
    return Advice(
        f"Rules are about PSD2 roles, and the certificate's QCStatements cannot be read: {plain(problem or '')}.",
        "Have it issued again, with a statement as in ETSI TS 119 495.",
    )


_ADVICE: Mapping[DenyReason, Callable[[Explanation], Advice]] = {
    DenyReason.CERTIFICATE_MISSING: _about_missing,
    DenyReason.CERTIFICATE_MALFORMED: _about_malformed,
    DenyReason.SUBJECT_NOT_PRINTABLE: _about_names,
    DenyReason.EXTENSIONS_MALFORMED: _about_extensions,
    DenyReason.CRITICAL_EXTENSION_UNKNOWN: _about_critical_extensions,
    DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED: _about_key_usage,
    DenyReason.QC_STATEMENTS_MALFORMED: _about_statement,
    DenyReason.POLICY_TOO_LARGE: _about_policy_size,
    DenyReason.CERTIFICATE_EXPIRED: _about_expiry,
    DenyReason.CERTIFICATE_NOT_YET_VALID: _about_early_use,
    DenyReason.CERTIFICATE_REVOKED: _about_revocation,
    DenyReason.REVOCATION_STATUS_UNKNOWN: _about_unknown_status,
    DenyReason.ROUTE_NOT_ALLOWED: _about_route,
}
