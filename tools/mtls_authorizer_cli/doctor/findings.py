"""Findings: what is wrong, what follows from it, and how to fix it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mtls_authorizer_cli.rules.check.report import Message


class Check(StrEnum):
    """The names of the checks, as in the output."""

    # The truststore, and what API Gateway requires of it.
    TRUSTSTORE_FILE = "truststore_file"
    TRUSTSTORE_CONTENT = "truststore_content"
    DUPLICATE_CERTIFICATE = "duplicate_certificate"
    CA_VERSION = "ca_version"
    CA_SIGNATURE = "ca_signature"
    CA_KEY = "ca_key"
    CA_VALIDITY = "ca_validity"
    CA_EXPIRES_SOON = "ca_expires_soon"
    CA_CHAIN = "ca_chain"
    NOT_A_CA = "not_a_ca"

    # Clients' certificates.
    CLIENT_CERTIFICATE = "client_certificate"
    CLIENT_SIGNATURE = "client_signature"
    CLIENT_KEY = "client_key"
    CLIENT_ISSUER = "client_issuer"
    CLIENT_CHAIN = "client_chain"
    CLIENT_VALIDITY = "client_validity"
    CLIENT_EXPIRES_SOON = "client_expires_soon"
    CLIENT_KEY_USAGE = "client_key_usage"

    # The authorizer's environment variables.
    CONFIGURATION = "configuration"
    MISSPELT_VARIABLE = "misspelt_variable"
    NO_RULES = "no_rules"
    SUSPICIOUS_RULE = "suspicious_rule"
    BUCKET_OWNER = "bucket_owner"
    VARIABLES_SIZE = "variables_size"

    # The API and its domain names.
    DEFAULT_ENDPOINT = "default_endpoint"
    DOMAIN_NAME = "domain_name"
    MUTUAL_TLS = "mutual_tls"
    DOMAIN_STATUS = "domain_status"
    TRUSTSTORE_WARNINGS = "truststore_warnings"
    TRUSTSTORE_VERSION = "truststore_version"
    TRUSTSTORE_URI = "truststore_uri"
    ROUTES = "routes"
    DEPLOYMENT = "deployment"
    API_KEY_SOURCE = "api_key_source"

    # The API's authorizer.
    AUTHORIZER = "authorizer"
    AUTHORIZER_TYPE = "authorizer_type"
    IDENTITY_SOURCES = "identity_sources"
    REQUIRED_IDENTITY_SOURCE = "required_identity_source"
    CACHED_SIMPLE_RESPONSES = "cached_simple_responses"
    CACHED_DOMAIN_NAMES = "cached_domain_names"
    RESPONSE_FORMAT = "response_format"
    INVOKE_PERMISSION = "invoke_permission"
    OPEN_INVOKE_PERMISSION = "open_invoke_permission"

    # The authorizer's function.
    FUNCTION = "function"
    QUALIFIER = "qualifier"
    UNPUBLISHED_CHANGES = "unpublished_changes"
    CONCURRENCY = "concurrency"
    LOG_FORMAT = "log_format"
    RULES_DOCUMENT = "rules_document"


class Finding(NamedTuple):
    """A mistake.

    ``subject`` is the thing that has it, such as ``REST API a1b2c3d4e5``. ``problem``, ``consequence`` and ``fix`` are
    sentences. ``commands`` are lines for a shell that fix it, in their order; none if no command can.
    """

    check: Check
    subject: str
    problem: str
    consequence: str
    fix: str
    commands: tuple[str, ...] = ()


class Mistake(NamedTuple):
    """What a check yields: a finding without the check's name. ``subject`` is empty if it is the examined object."""

    problem: str
    consequence: str
    fix: str
    commands: tuple[str, ...] = ()
    subject: str = ""

    def finding(self, check: Check, examined: str) -> Finding:
        """Return the finding of a check of an object."""
        subject = self.subject or examined
        return Finding(check, subject, self.problem, self.consequence, self.fix, self.commands)


def suspicious_rule(warning: Message) -> Mistake:
    """Return the mistake about which ``rules check`` warns."""
    return Mistake(
        f"{warning.kind}: {warning.text}",
        "The rule is valid, but probably means something else than intended.",
        "Correct it, or ignore this if it is intended",
    )


class NotChecked(NamedTuple):
    """A check that was not made, and the IAM permission that is missing, if that is the reason."""

    check: Check
    reason: str
    permission: str | None


class Diagnosis(NamedTuple):
    """The result of all checks. ``checked`` are the checks that were made, whatever they found."""

    checked: tuple[Check, ...] = ()
    findings: tuple[Finding, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()
    notes: tuple[str, ...] = ()


def combine(*diagnoses: Diagnosis) -> Diagnosis:
    """Return the results of several diagnoses, in their order."""
    return Diagnosis(
        tuple(check for each in diagnoses for check in each.checked),
        tuple(finding for each in diagnoses for finding in each.findings),
        tuple(missing for each in diagnoses for missing in each.not_checked),
        tuple(note for each in diagnoses for note in each.notes),
    )
