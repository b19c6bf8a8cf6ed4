"""Clients' certificates, compared with what API Gateway and the authorizer require of every one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.checks import CERTIFICATE_CHECKS, first_failure
from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH_IF_RESTRICTED
from mtls_authorizer_cli.doctor.findings import Check, Diagnosis, Finding
from mtls_authorizer_cli.doctor.offline.truststore import EXPIRY_WARNING, REISSUE, expires_in
from mtls_authorizer_cli.explanation.gateway import CLIENT_SEES, GatewayCheck, fix_of, gateway_findings, log_message
from mtls_authorizer_cli.explanation.reasons import REASONS, sentence
from mtls_authorizer_cli.printed import listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer_cli.certificates.files import CertificateFile
    from mtls_authorizer_cli.explanation.truststore import TruststoreBundle

_CHECKS = {
    GatewayCheck.SIGNATURE: Check.CLIENT_SIGNATURE,
    GatewayCheck.KEY: Check.CLIENT_KEY,
    GatewayCheck.ISSUER: Check.CLIENT_ISSUER,
    GatewayCheck.CHAIN: Check.CLIENT_CHAIN,
    GatewayCheck.VALIDITY: Check.CLIENT_VALIDITY,
}
CHECKS = (Check.CLIENT_CERTIFICATE, *_CHECKS.values(), Check.CLIENT_EXPIRES_SOON, Check.CLIENT_KEY_USAGE)


def examine_certificates(files: Iterable[CertificateFile], truststore: TruststoreBundle, now: datetime) -> Diagnosis:
    """Check clients' certificates at a time."""
    findings: list[Finding] = []
    notes: list[str] = []
    for file in files:
        findings += _file(file, truststore, now)
        notes += file.notes
    return Diagnosis(CHECKS, tuple(findings), notes=tuple(notes))


def _file(file: CertificateFile, truststore: TruststoreBundle, now: datetime) -> Iterator[Finding]:
    if file.certificate is None:
        yield Finding(
            Check.CLIENT_CERTIFICATE,
            file.name,
            file.reason,
            "The authorizer denies a certificate that it cannot read: lambda_event_clientcert_malformed."
            if file.pem
            else "No certificate was checked.",
            "Have the certificate issued again" if file.pem else "Name the client's certificate, in PEM or DER",
        )
        return
    yield from _gateway(file.name, file.certificate, truststore, now)
    yield from _authorizer(file.name, file.certificate)


def _gateway(name: str, certificate: PeerCertificate, truststore: TruststoreBundle, now: datetime) -> Iterator[Finding]:
    found = gateway_findings(certificate.fields, truststore, now)
    for gateway_check, check in _CHECKS.items():
        finding = found.get(gateway_check)
        if finding is not None and not finding.passed:
            logged = log_message(gateway_check, certificate.fields)
            log = f' A REST API\'s execution log is reported to say: "{logged}".' if logged else ""
            yield Finding(
                check,
                name,
                f"API Gateway rejects it ({gateway_check}): {finding.text}",
                f"The client sees {CLIENT_SEES}.{log}",
                fix_of(gateway_check, finding.text),
            )
    for objection in (warning for finding in found.values() for warning in finding.warnings):
        yield Finding(Check.CLIENT_CHAIN, name, objection, f"The client probably sees {CLIENT_SEES}.", REISSUE)
    left = certificate.not_after - now
    if found[GatewayCheck.VALIDITY].passed and left < EXPIRY_WARNING:
        yield Finding(
            Check.CLIENT_EXPIRES_SOON,
            name,
            expires_in(left),
            f"From then on, the client sees {CLIENT_SEES}.",
            "Have the certificate renewed before",
        )


def _authorizer(name: str, certificate: PeerCertificate) -> Iterator[Finding]:
    reason = first_failure(CERTIFICATE_CHECKS, certificate)
    if reason is not None:
        meaning, next_step = REASONS[reason]
        if reason is DenyReason.CRITICAL_EXTENSION_UNKNOWN:
            meaning += f": {listing(list(certificate.unhandled_critical_extensions))}"
        consequence = f"The authorizer denies it, whatever the rules are: {reason}."
        yield Finding(Check.CLIENT_CERTIFICATE, name, meaning, consequence, sentence(next_step).removesuffix("."))
    elif not CLIENT_AUTH_IF_RESTRICTED.met_by(certificate.ext_key_usage):
        yield Finding(
            Check.CLIENT_KEY_USAGE,
            name,
            "its extended key usages do not include clientAuth",
            "API Gateway is not documented to check this. The authorizer responds with 403 "
            "(extended_key_usage_not_allowed), unless REQUIRED_EXTENDED_KEY_USAGE or the client's rule permits it.",
            "Have it issued with clientAuth, or name the usages that its rule accepts",
        )
