"""The settings: environment variables, read once at start-up."""

from __future__ import annotations

import json

from client_certificate_auth.records import NamedTuple
from client_certificate_auth.x509.sha256 import sha256
from mtls_authorizer.policy.allowlists import ALLOWLISTS, read_allowlists
from mtls_authorizer.policy.crl_variables import CRL_VARIABLES, parse_document_uri, read_crl_variables
from mtls_authorizer.policy.misspelt_names import find_misspelt
from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH_IF_RESTRICTED, RequiredUsages, read_required_usages
from mtls_authorizer.rules.fields import ISSUER_KEY
from mtls_authorizer.rules.rule import ENVIRONMENT
from mtls_authorizer.variables import INTERVALS, VariableReader, parse_account_id, parse_boolean, parse_choice, quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal, TypeAlias

    from mtls_authorizer.revocation.settings import RevocationSettings
    from mtls_authorizer.rules.certificate_values import CertificateValue
    from mtls_authorizer.rules.rule import Rule

    # Literals, because defining an enumeration takes longer than importing a module.
    ResponseFormat: TypeAlias = Literal["iam", "simple"]
    UnauthenticatedResponse: TypeAlias = Literal["unauthorized", "deny"]
    PrincipalId: TypeAlias = Literal["common_name", "subject_dn", "fingerprint", "serial_number"]
    LogDecisions: TypeAlias = Literal["all", "denied", "none"]


class Settings(NamedTuple):
    """The values of the environment variables. Without a rule, every request is denied.

    ``rules`` and ``shadow_rules`` come from the environment. The ``AccessPolicy`` also contains the rules in the
    documents at the URIs.
    """

    rules: tuple[Rule, ...] = ()
    shadow_rules: tuple[Rule, ...] = ()
    required_usages: RequiredUsages = CLIENT_AUTH_IF_RESTRICTED
    response_format: ResponseFormat = "iam"
    """The response to events of payload version 2.0: an IAM policy or a simple response."""

    unauthenticated_response: UnauthenticatedResponse | None = None
    """The response to a request without a readable certificate: 401 or 403.

    None if the variable is not set: 401 on REST APIs, 403 on HTTP APIs.
    """

    principal_id: PrincipalId | CertificateValue = "common_name"
    """The part of the certificate that becomes the principal identifier."""

    client_cert_header: bool = False
    """Whether the context contains the certificate as in the header Client-Cert (RFC 9440)."""

    expiry_warning_days: int = 30
    log_decisions: LogDecisions = "all"
    metrics_namespace: str | None = None
    rules_uri: str | None = None
    shadow_rules_uri: str | None = None
    rules_refresh_seconds: int = 60
    revocation_settings: RevocationSettings | None = None
    truststore_uri: str | None = None
    crl_refresh_seconds: int = 300
    """The interval at which the truststore and the CRLs are reloaded."""

    s3_bucket_owner: str | None = None
    """The AWS account that must own the buckets; None if that is not verified."""

    version: str | None = None
    """A digest of the variables' values, which identifies the configuration in the log."""

    @property
    def trusts_any_bucket_owner(self) -> bool:
        """Whether a document is in S3, and the owner of its bucket is not verified."""
        crls = () if self.revocation_settings is None else self.revocation_settings.uris
        uris = (self.rules_uri, self.shadow_rules_uri, self.truststore_uri, *crls)
        return self.s3_bucket_owner is None and any(uri is not None and uri.startswith("s3:") for uri in uris)


class SettingsError(ValueError):
    """Invalid environment variables. The message names each one, its value and the fix."""


_RULES = ("AUTHORIZER_RULES", "AUTHORIZER_RULES_URI")
_SHADOW_RULES = ("AUTHORIZER_SHADOW_RULES", "AUTHORIZER_SHADOW_RULES_URI")

VARIABLES = (
    *ALLOWLISTS,
    "ALLOWLIST_MATCH",
    "ALLOW_ANY_CLIENT_CERTIFICATE",
    "REQUIRED_EXTENDED_KEY_USAGE",
    *_RULES,
    *_SHADOW_RULES,
    "AUTHORIZER_RULES_REFRESH_SECONDS",
    *CRL_VARIABLES,
    "S3_BUCKET_OWNER",
    "RESPONSE_FORMAT",
    "UNAUTHENTICATED_RESPONSE",
    "PRINCIPAL_ID",
    "CLIENT_CERT_HEADER",
    "EXPIRY_WARNING_DAYS",
    "LOG_DECISIONS",
    "METRICS_NAMESPACE",
)
"""All variables of the authorizer. ``load_settings`` also reads Lambda's AWS_LAMBDA_FUNCTION_MEMORY_SIZE."""


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings from environment variables. Raises SettingsError, which lists everything that is wrong.

    A variable that is not set has its default. A variable that is set but empty is an error: an allowlist that was lost
    on its way here must not allow more clients. For the same reason, an unknown name is an error if it resembles that
    of a variable that decides (``ALOWED_ISSUERS``, ``ISSUERS_ALLOWED``).
    """
    reader = VariableReader(environment)
    settings = Settings(
        rules=(*read_allowlists(reader), *_inline_rules(reader, *_RULES)),
        shadow_rules=_inline_rules(reader, *_SHADOW_RULES),
        required_usages=reader.read(
            "REQUIRED_EXTENDED_KEY_USAGE", _parse_required_usages, default=CLIENT_AUTH_IF_RESTRICTED
        ),
        response_format=reader.choice("RESPONSE_FORMAT", "iam", "simple"),
        unauthenticated_response=reader.optional_choice("UNAUTHENTICATED_RESPONSE", "unauthorized", "deny"),
        principal_id=reader.read("PRINCIPAL_ID", _parse_principal_id, default="common_name"),
        client_cert_header=reader.read("CLIENT_CERT_HEADER", parse_boolean, default=False),
        expiry_warning_days=reader.number("EXPIRY_WARNING_DAYS", 30, range(3651)),
        log_decisions=reader.choice("LOG_DECISIONS", "all", "denied", "none"),
        metrics_namespace=reader.read("METRICS_NAMESPACE", _parse_namespace, default=None),
        rules_uri=reader.read("AUTHORIZER_RULES_URI", _parse_uri, default=None),
        shadow_rules_uri=reader.read("AUTHORIZER_SHADOW_RULES_URI", _parse_uri, default=None),
        rules_refresh_seconds=reader.number("AUTHORIZER_RULES_REFRESH_SECONDS", 60, INTERVALS),
        revocation_settings=read_crl_variables(reader),
        truststore_uri=reader.read("TRUSTSTORE_URI", parse_document_uri, default=None),
        crl_refresh_seconds=reader.number("CRL_REFRESH_SECONDS", 300, INTERVALS),
        s3_bucket_owner=reader.read("S3_BUCKET_OWNER", parse_account_id, default=None),
        version=_version(environment),
    )
    try:
        check_together(settings.rules)
    except ValueError as error:
        reader.problems.append(str(error))
    _check_truststore(settings, reader)
    for name, advice in find_misspelt(environment, VARIABLES):
        shown = name if name.isprintable() and " " not in name else quoted(name)
        reader.reject(shown, f"is not a variable of this authorizer: {advice}")
    if reader.problems:
        raise SettingsError("invalid configuration: " + "; ".join(reader.problems))
    return settings


def check_together(rules: Iterable[Rule]) -> None:
    """Check that rules can be in force together. Raises ValueError.

    A rule that allows anyone makes all others ineffective, except those that deny.
    """
    allowing = [rule for rule in rules if not rule.denies]
    if len(allowing) > 1 and any(rule.anyone for rule in allowing):
        message = (
            "ALLOW_ANY_CLIENT_CERTIFICATE is true and a rules document contains rules: remove one of them, or leave "
            "only deny in the document"
        )
        raise ValueError(message)


def _parse_principal_id(text: str) -> PrincipalId | CertificateValue:
    if text.startswith("{"):
        from mtls_authorizer.rules.document.certificate_value_validation import parse_certificate_value  # noqa: PLC0415 -- rarely used

        return parse_certificate_value(text)
    choices: tuple[PrincipalId, ...] = ("common_name", "subject_dn", "fingerprint", "serial_number")
    return parse_choice(text, choices, 'or an object such as {"from": "subject.O"}')


def _check_truststore(settings: Settings, reader: VariableReader) -> None:
    """Record a missing truststore for issuer keys, and a truststore that nothing uses."""
    uses_issuer_keys = {
        "ALLOWED_ISSUER_KEYS": "ALLOWED_ISSUER_KEYS" in reader,
        "AUTHORIZER_RULES": any(rule.uses(ISSUER_KEY) and rule.name != ENVIRONMENT for rule in settings.rules),
        "AUTHORIZER_SHADOW_RULES": any(rule.uses(ISSUER_KEY) for rule in settings.shadow_rules),
    }
    variables = [name for name, uses in uses_issuer_keys.items() if uses]
    if "TRUSTSTORE_URI" not in reader:
        for name in variables:
            reader.reject(name, "requires TRUSTSTORE_URI for issuer keys: it contains the CAs that have them")
    # Rules at URIs may contain issuer keys, and so may what was rejected.
    may_be_used = (
        settings.revocation_settings
        or settings.rules_uri
        or settings.shadow_rules_uri
        or variables
        or reader.has_rejected("CRL_URIS", *_RULES, *_SHADOW_RULES)
    )
    if settings.truststore_uri is not None and not may_be_used:
        reader.reject(
            "TRUSTSTORE_URI",
            "is set without CRL_URIS, so no certificate would be checked: set both. Only issuer_key needs no CRL_URIS",
        )


def _inline_rules(reader: VariableReader, variable: str, uri_variable: str) -> tuple[Rule, ...]:
    if variable in reader and uri_variable in reader:
        reader.reject(variable, f"and {uri_variable} are both set: remove one of them")
    no_rules: tuple[Rule, ...] = ()
    return reader.read(variable, _parse_rules, default=no_rules)


def _version(environment: Mapping[str, str]) -> str:
    values = {name: environment[name] for name in VARIABLES if name in environment}
    return sha256(json.dumps(values).encode()).hex()[:12]


def _parse_required_usages(text: str) -> RequiredUsages:
    return read_required_usages([item.strip() for item in text.split(",")])


# The imports below are inside functions: a cold start with allowlists alone must not pay for them.


def _parse_rules(text: str) -> tuple[Rule, ...]:
    from mtls_authorizer.rules.document.reader import parse_rules  # noqa: PLC0415 -- see above

    return parse_rules(text.encode(errors="surrogatepass"))


def _parse_uri(text: str) -> str:
    from mtls_authorizer.stores.uri import parse_uri  # noqa: PLC0415 -- see above

    parse_uri(text)
    return text


def _parse_namespace(text: str) -> str:
    from mtls_authorizer.metrics import parse_namespace  # noqa: PLC0415 -- see above

    return parse_namespace(text)
