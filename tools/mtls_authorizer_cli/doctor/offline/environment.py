"""The authorizer's environment variables."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from mtls_authorizer.policy.settings import VARIABLES, Settings, SettingsError, load_settings
from mtls_authorizer_cli.configuration.variables import MEMORY_SIZE
from mtls_authorizer_cli.doctor.findings import Check, Diagnosis, Finding, suspicious_rule
from mtls_authorizer_cli.rules.check.command import check_environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECKS = (
    Check.CONFIGURATION,
    Check.MISSPELT_VARIABLE,
    Check.NO_RULES,
    Check.SUSPICIOUS_RULE,
    Check.BUCKET_OWNER,
    Check.VARIABLES_SIZE,
)

_MAX_BYTES = 4096
_MIN_SIMILARITY = 0.85
# Nobody should allow any client because a message named the variable.
_NAMED = [name for name in VARIABLES if name != "ALLOW_ANY_CLIENT_CERTIFICATE"]
_CRLS_NOT_READ = (
    "CRLs are not read. If clients are denied with revocation_status_unknown, run mtls-authorizer explain with a "
    "client's certificate and this configuration, and see docs/stale-crl.md"
)
_RULES_ADVICE = "Configure allowlists or rules (docs/configuration.md)"


def examine_environment(name: str, environment: Mapping[str, str]) -> Diagnosis:
    """Check variables, and the rules that they contain. ``name`` is their file, or the function's name."""
    findings = list(_size(name, environment))
    try:
        settings = load_settings(environment)
    except SettingsError as error:
        findings.append(
            Finding(
                Check.CONFIGURATION,
                name,
                str(error),
                "The function does not start: the API responds with 500 to every request.",
                "Correct the variables, and deploy",
            )
        )
        return Diagnosis((Check.CONFIGURATION, Check.VARIABLES_SIZE), tuple(findings))
    findings += [*_misspelt(name, environment), *_settings(name, settings), *_rules(name, environment)]
    return Diagnosis(CHECKS, tuple(findings), notes=() if settings.revocation_settings is None else (_CRLS_NOT_READ,))


def _size(name: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    own = {name: value for name, value in environment.items() if name != MEMORY_SIZE}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in own.items())
    if size > _MAX_BYTES:
        yield Finding(
            Check.VARIABLES_SIZE,
            name,
            f"the variables have {size:,} bytes together, and Lambda accepts {_MAX_BYTES:,}",
            "They cannot be deployed.",
            "Store the rules in S3 or in Parameter Store, and set AUTHORIZER_RULES_URI instead",
        )


def _misspelt(name: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield variables that the authorizer ignores, although their names are similar to those of its own."""
    for variable in sorted(environment.keys() - set(VARIABLES)):
        similar = get_close_matches(variable.upper(), _NAMED, n=1, cutoff=_MIN_SIMILARITY)
        if similar:
            yield Finding(
                Check.MISSPELT_VARIABLE,
                name,
                f"{variable} is not a variable of the authorizer, and is similar to {similar[0]}",
                "It has no effect.",
                f"Write {similar[0]}, if that is intended, and deploy",
            )


def _settings(name: str, settings: Settings) -> Iterator[Finding]:
    if not any(not rule.denies for rule in settings.rules) and settings.rules_uri is None:
        yield Finding(
            Check.NO_RULES,
            name,
            "it contains neither allowlists nor rules",
            "Every client is denied: 403, no_allowlist_configured.",
            _RULES_ADVICE,
        )
    if settings.trusts_any_bucket_owner:
        yield Finding(
            Check.BUCKET_OWNER,
            name,
            "a document is in S3, and S3_BUCKET_OWNER is not set",
            "If its bucket is ever deleted, anyone can create a bucket with this name, and with it your rules or your "
            "truststore.",
            "Set S3_BUCKET_OWNER to the ID of the account that owns the bucket, and deploy",
        )


def _rules(name: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    for report in check_environment(environment):
        for warning in report.warnings:
            source = name if report.source not in environment else f"{report.source} of {name}"
            yield suspicious_rule(warning).finding(Check.SUSPICIOUS_RULE, source)
