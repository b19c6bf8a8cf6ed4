"""Deny reasons, and the causes of an unknown revocation status, in words, and what to do about each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.revocation.status import UnknownReason
from mtls_authorizer.rules.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

_ADD = "if the client is to be allowed, correct its rule, or add one: mtls-authorizer rules add"
_REISSUE = "have the certificate issued again, "

ABOUT_RULES: Mapping[str, tuple[str, str]] = {
    DenyReason.NO_ALLOWLIST_CONFIGURED: (
        "the function had no rules",
        "set a list or rules on this version or alias of the function",
    ),
    **{field.reason: (f"the only rule requires another {name}", _ADD) for name, field in FIELDS.items()},
    DenyReason.NO_RULE_MATCHED: ("no rule matched the certificate", _ADD),
    DenyReason.CERTIFICATE_EXCLUDED: (
        "an entry of deny, or an exclusion of the only rule, applies to the certificate",
        "if the client is to be allowed again: mtls-authorizer unblock",
    ),
    DenyReason.CERTIFICATE_VALUE_MISSING: (
        "a rule matched, but the certificate lacks a value that the rule passes on",
        "write a default into the rule, or " + _REISSUE + "with exactly one such value",
    ),
    DenyReason.RULE_NOT_IN_EFFECT: (
        "the rules that matched are limited to other APIs, domain names or times",
        "change the limits of the client's rule, or add a rule",
    ),
}
"""The reasons for which no rule allows the client: what each of them means, and the next step."""

REASONS: Mapping[str, tuple[str, str]] = {
    DenyReason.CERTIFICATE_MISSING: (
        "the event contains no client certificate",
        "send the request to a custom domain with mutual TLS, and disable the default endpoint, which has none",
    ),
    DenyReason.CERTIFICATE_MALFORMED: (
        "the certificate cannot be decoded",
        _REISSUE + "in well-formed DER; certificate_sha256 in the log identifies it",
    ),
    DenyReason.SUBJECT_NOT_PRINTABLE: (
        "the subject or the issuer contains a control character",
        _REISSUE + "without control characters, which openssl req writes for some letters unless it has -utf8",
    ),
    DenyReason.EXTENSIONS_MALFORMED: (
        "an extension that identifies the client cannot be decoded",
        _REISSUE + "with well-formed extensions",
    ),
    DenyReason.CRITICAL_EXTENSION_UNKNOWN: (
        "a critical extension is unknown or cannot be decoded",
        _REISSUE + "without that extension, or with an extension that is not critical",
    ),
    DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED: (
        "the certificate lacks a required extended key usage",
        "have the certificate issued for that usage, or add extended_key_usage to a rule: docs/public-certificates.md",
    ),
    DenyReason.QC_STATEMENTS_MALFORMED: (
        "rules are about PSD2 roles, and the certificate's QCStatements cannot be read",
        _REISSUE + "with a statement as in ETSI TS 119 495",
    ),
    DenyReason.POLICY_TOO_LARGE: (
        "the routes of all matching rules together make a policy that is too large",
        "combine routes with /*, or let fewer rules match",
    ),
    DenyReason.CERTIFICATE_NOT_YET_VALID: (
        "the certificate is not valid yet",
        "wait, or correct the CA's clock and have the certificate issued again",
    ),
    DenyReason.CERTIFICATE_EXPIRED: ("the certificate has expired", "have the certificate renewed"),
    DenyReason.CERTIFICATE_REVOKED: (
        "the certificate, or a CA above it, is revoked",
        "if that is unexpected, ask the CA; otherwise have a new one issued",
    ),
    DenyReason.REVOCATION_STATUS_UNKNOWN: (
        "no usable CRL proves the certificate good",
        "put a valid CRL of its CA at one of CRL_URIS, and the CA into the bundle at TRUSTSTORE_URI: docs/stale-crl.md",
    ),
    DenyReason.ROUTE_NOT_ALLOWED: (
        "the client may call other routes, but not this one",
        "if the client is to call this route, add the route to 'allow' of its rule: docs/rules.md#what-a-grant-covers",
    ),
    **ABOUT_RULES,
}
"""What every reason means, and the next step."""

CAUSES: Mapping[str, tuple[str, str]] = {
    UnknownReason.NO_TRUSTSTORE: (
        "the bundle at TRUSTSTORE_URI was never loaded",
        "find 'document refresh failed' in the function's log, which says why: usually the role lacks s3:GetObject",
    ),
    UnknownReason.NO_CHAIN: (
        "no valid CA in the bundle at TRUSTSTORE_URI has signed it",
        "put the valid certificates of its CA, and of all CAs above it, into the bundle at TRUSTSTORE_URI",
    ),
    UnknownReason.INCOMPLETE_CHAIN: (
        "CRL_CHECK=chain requires a chain up to a self-signed CA, and the bundle at TRUSTSTORE_URI does not contain it",
        "put the certificates of all CAs above its CA into the bundle at TRUSTSTORE_URI",
    ),
    UnknownReason.NO_LIST: (
        "no CRL was loaded that is signed with the key of the CA in crl_issuer (its CA, or one above it)",
        "put a CRL of that CA at one of CRL_URIS; if one is there, see 'document refresh failed': docs/stale-crl.md",
    ),
    UnknownReason.NOT_COVERED: (
        "the CRLs of its CA are limited to other certificates",
        "store the CRL that its distribution point names. If it has none, see docs/revocation.md#ca-products",
    ),
    UnknownReason.UNUSABLE: (
        "its CA's CRL proves nothing good: it is a delta or indirect CRL, has a limit or a defect, or was rolled back",
        "have that CA issue a complete, valid CRL, and put it in its place: docs/crl-checks.md#which-crls-are-accepted",
    ),
    UnknownReason.ISSUER_NOT_VALID: (
        "the certificate of the CA that signed the CRL is not valid",
        "put the renewed certificate of that CA into the bundle at TRUSTSTORE_URI",
    ),
    UnknownReason.NOT_YET_VALID: (
        "the thisUpdate of the CRL is in the future",
        "wait, or correct the CA's clock and have the CRL issued again",
    ),
    UnknownReason.STALE: (
        "the CRL has expired",
        "put the CA's current CRL in its place: docs/stale-crl.md",
    ),
}
"""The cause of an unknown revocation status, and the next step, for each reason of it."""

_UNKNOWN = (
    "the reason is unknown to this version of the tools",
    "install the tools in the version of the function: docs/commands.md",
)


def meaning_and_next_step(reason: str, unknown_reason: str | None) -> tuple[str, str]:
    """Return what a deny reason means, and the next step, neither with a capital letter nor a full stop.

    ``unknown_reason`` is why a revocation status is unknown, None if that is not known or if there is no such status.
    """
    meaning, next_step = REASONS.get(reason, _UNKNOWN)
    if reason == DenyReason.REVOCATION_STATUS_UNKNOWN and (known := CAUSES.get(unknown_reason or "")) is not None:
        cause, next_step = known
        return f"{meaning}, because {cause}", next_step
    return meaning, next_step


def sentence(text: str) -> str:
    """Return text that begins with a capital letter and ends with a full stop."""
    return f"{text[0].upper()}{text[1:]}."
