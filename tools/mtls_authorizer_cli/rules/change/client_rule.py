"""A rule for the client of one certificate: the narrowest one that still matches after a renewal."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth import ExtractionSuccess
from mtls_authorizer.policy.access_policy import AccessPolicy, rules_with_issuer_keys
from mtls_authorizer.request.assessment import RejectedCertificate, assess
from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH, SERVER_AUTH, usage_name
from mtls_authorizer.rules.fields import ISSUER_KEY
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.certificates.files import read_certificate_file
from mtls_authorizer_cli.command_line import CommandError, command_errors, shown_file
from mtls_authorizer_cli.explanation.client_match import exact, identifies_client, name_matches, one_rule
from mtls_authorizer_cli.printed import quoted, utc_timestamp
from mtls_authorizer_cli.rules.change.target import verified_issuer_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.policy.settings import Settings
    from mtls_authorizer_cli.rules.change.target import Trust

_SERVERS_ONLY = {"extended_key_usage": ["serverAuth"]}
_NOT_VERIFIED = (
    "the chain is not verified, and every CA in the truststore that has the issuer's name can issue matching "
    "certificates: name the truststore with --truststore"
)
_PUBLIC_CA = (
    "public CAs stop issuing certificates with clientAuth, and this one is also for servers: see "
    "docs/public-certificates.md before its next renewal"
)
_ONLY_FOR_SERVERS = (
    "the certificate is for servers, without clientAuth: the rule allows this, for one issuer and one name. Public CAs "
    "change their issuing CAs: list all that the partner may get (docs/public-certificates.md)"
)


class ClientRule(NamedTuple):
    """The keys of a rule that matches a client: ``match``, and ``extended_key_usage`` if necessary.

    ``warnings`` are about what the rule cannot ensure.
    """

    certificate: PeerCertificate
    keys: Mapping[str, object]
    warnings: tuple[str, ...]


def client_rule_of(file: str, trust: Trust | None, settings: Settings, now: datetime) -> ClientRule:
    """Return the keys of a rule for the client of the certificate in a file. ``now`` is aware.

    With a truststore, the chain is verified, and the rule names the key of the CA. Raises CommandError for a
    certificate that cannot be read or that the authorizer or API Gateway would reject, and for one that no rule can
    safely match.
    """
    read = read_certificate_file(file)
    if read.certificate is None:
        raise CommandError(read.problem)
    with command_errors(f"{shown_file(file)}: ", CommandError):
        return _client_rule(read.certificate, trust, settings, now)


def _client_rule(certificate: PeerCertificate, trust: Trust | None, settings: Settings, now: datetime) -> ClientRule:
    _check(certificate, settings)
    issuer = {} if trust is None else {ISSUER_KEY: verified_issuer_key(certificate, trust, now)}
    meets_usages = settings.required_usages.met_by(certificate.ext_key_usage)
    matches = name_matches(certificate) if meets_usages else _server_matches(certificate)
    for match in matches:
        keys = {"match": {**match, **issuer}, **({} if meets_usages else _SERVERS_ONLY)}
        rule = one_rule(keys) if trust is None else rules_with_issuer_keys(one_rule(keys), trust.authorities)
        if rule.matching(certificate, settings.required_usages):
            return ClientRule(
                certificate, keys, tuple(_warnings(certificate, match, trust, now, meets_usages=meets_usages))
            )
    message = "the certificate has no name that a rule can match: write a rule with its public_key"
    raise CommandError(message)


def _check(certificate: PeerCertificate, settings: Settings) -> None:
    """Raise CommandError for a certificate that is not a client's, or that the authorizer denies with every rule."""
    if certificate.ca:
        message = "this is a CA's certificate: name the client's"
        raise CommandError(message)
    assessment = assess(ExtractionSuccess(certificate), settings, AccessPolicy(RuleSet(())))
    if isinstance(assessment, RejectedCertificate):
        message = f"no rule can allow this certificate: {assessment.reason}"
        raise CommandError(message)
    usages, required = certificate.ext_key_usage, settings.required_usages
    if not required.met_by(usages) and (CLIENT_AUTH not in required.usages or SERVER_AUTH not in (usages or ())):
        found = "no extended key usages" if not usages else f"the usages {', '.join(map(usage_name, usages))}"
        wanted = ", ".join(sorted(map(usage_name, required.usages)))
        message = (
            f"the certificate has {found}, and the authorizer requires {wanted}: ask for a certificate with that "
            "usage, or write a rule with extended_key_usage yourself (docs/public-certificates.md)"
        )
        raise CommandError(message)


def _server_matches(certificate: PeerCertificate) -> Iterator[Mapping[str, object]]:
    """Return what a rule for a certificate of a server can match: it must name the client exactly, and the issuer.

    Public CAs issue such certificates to everybody, for the names that they control.
    """
    common_name = certificate.subject.get_single("CN")
    for match in name_matches(certificate):
        if "subject_alt_name" in match:
            # The subject of such a certificate changes with the product that is bought.
            yield {key: value for key, value in match.items() if key != "subject"}
        elif common_name and not certificate.subject_alt_names:
            yield {**match, "common_name": exact(common_name)}


def _warnings(
    certificate: PeerCertificate, match: Mapping[str, object], trust: Trust | None, now: datetime, *, meets_usages: bool
) -> Iterator[str]:
    usages = certificate.ext_key_usage or ()
    if trust is None:
        yield _NOT_VERIFIED
        if now > certificate.not_after:
            yield f"the certificate expired on {utc_timestamp(certificate.not_after)}"
    if not meets_usages:
        yield _ONLY_FOR_SERVERS
    elif SERVER_AUTH in usages and CLIENT_AUTH in usages:
        yield _PUBLIC_CA
    if "subject_alt_name" not in match and not identifies_client(certificate.subject):
        yield (
            f"the subject {quoted(certificate.subject.rfc4514_string())} has no common name or another attribute that "
            "distinguishes clients: the rule matches every certificate of this issuer with the same subject"
        )
    if "subject_alt_name" in match and len(certificate.subject_alt_names) > 1:
        others = len(certificate.subject_alt_names) - 1
        yield (
            f"the rule requires one alternative name, {quoted(_text(match['subject_alt_name']))}, and the certificate "
            f"has {others} more: renewals must have that one"
        )


def _text(value: object) -> str:
    return str(value["exact"]) if isinstance(value, dict) else str(value)
