"""Deny reasons in words, and what to do about each of them, for log entries without the certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

_RENEW = "have the certificate renewed"
_REISSUE = "have the certificate issued again, "
_ADD = "if the client is to be allowed, correct its rule, or add one: mtls-authorizer rules add"

MEANINGS: Mapping[str, tuple[str, str]] = {
    DenyReason.CERTIFICATE_MISSING: (
        "the request contained no client certificate",
        "send requests to the custom domain with mutual TLS, and disable the default endpoint",
    ),
    DenyReason.CERTIFICATE_MALFORMED: (
        "the certificate could not be decoded",
        _REISSUE + "in well-formed DER; certificate_sha256 identifies it",
    ),
    DenyReason.SUBJECT_NOT_PRINTABLE: (
        "the subject or the issuer contains a control character",
        _REISSUE + "without control characters",
    ),
    DenyReason.EXTENSIONS_MALFORMED: (
        "an extension that identifies the client could not be decoded",
        _REISSUE + "with well-formed extensions",
    ),
    DenyReason.CRITICAL_EXTENSION_UNKNOWN: (
        "a critical extension is unknown or could not be decoded",
        _REISSUE + "without that extension, or with one that is not critical",
    ),
    DenyReason.EXTENDED_KEY_USAGE_NOT_ALLOWED: (
        "the certificate lacks a required extended key usage",
        _REISSUE + "with clientAuth, or add extended_key_usage to its rule: docs/public-certificates.md",
    ),
    DenyReason.NO_ALLOWLIST_CONFIGURED: (
        "the function had no rules",
        "set a list or rules on this version or alias of the function",
    ),
    **{field.reason: (f"the only rule requires another {name}", _ADD) for name, field in FIELDS.items()},
    DenyReason.QC_STATEMENTS_MALFORMED: (
        "rules are about PSD2 roles, and the certificate's QCStatements could not be decoded",
        _REISSUE + "with a statement as in ETSI TS 119 495",
    ),
    DenyReason.CERTIFICATE_EXCLUDED: (
        "an entry of deny, or an exclusion of the only rule, applies to the certificate",
        "if the client is to be allowed again: mtls-authorizer unblock",
    ),
    DenyReason.NO_RULE_MATCHED: ("no rule matched the certificate", _ADD),
    DenyReason.CERTIFICATE_VALUE_MISSING: (
        "a rule matched, but the certificate lacks a value that the rule passes on",
        "write a default into the rule, or " + _REISSUE + "with exactly one such value",
    ),
    DenyReason.RULE_NOT_IN_EFFECT: (
        "the rules that matched are limited to other APIs, domain names or times",
        "change the limits of the client's rule, or add a rule",
    ),
    DenyReason.POLICY_TOO_LARGE: (
        "the routes of all matching rules together make a policy that is too large",
        "combine routes with /*, or let fewer rules match",
    ),
    DenyReason.CERTIFICATE_NOT_YET_VALID: (
        "the certificate was not valid yet",
        "wait, or correct the CA's clock and have the certificate issued again",
    ),
    DenyReason.CERTIFICATE_EXPIRED: ("the certificate had expired", _RENEW),
    DenyReason.CERTIFICATE_REVOKED: (
        "the certificate, or a CA above it, was revoked",
        "if that is unexpected, ask the CA; otherwise have a new one issued",
    ),
    DenyReason.REVOCATION_STATUS_UNKNOWN: (
        "no usable CRL proved the certificate good",
        "store a valid CRL of its CA: docs/stale-crl.md",
    ),
    DenyReason.ROUTE_NOT_ALLOWED: (
        "the client may call other routes, but not this one",
        "if it is to call this route, add it to the rule's allow",
    ),
}
"""What each reason means, and the next step."""
