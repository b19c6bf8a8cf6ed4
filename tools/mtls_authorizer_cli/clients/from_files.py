"""The clients whose certificates are in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer_cli.clients.client import Client
from mtls_authorizer_cli.explanation.client_match import alternative_name, identifies_client
from mtls_authorizer_cli.explanation.question import EXAMPLE_REQUEST, Question
from mtls_authorizer_cli.explanation.report.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer_cli.certificates.files import CertificateFile
    from mtls_authorizer_cli.configuration.loading import Configuration


def clients_in_files(files: Iterable[CertificateFile], configuration: Configuration, now: datetime) -> Iterator[Client]:
    """Return a client for each file with a certificate that can be read."""
    for file in files:
        if file.certificate is not None:
            yield _client(file, file.certificate, configuration, now)


def _client(
    file: CertificateFile,
    certificate: PeerCertificate,
    configuration: Configuration,
    now: datetime,
) -> Client:
    policy = configuration.policy(certificate)
    question = Question(file.pem, configuration.settings, policy, EXAMPLE_REQUEST, route_asked=False, now=now)
    summary = summarize(question)
    rules = summary.rules
    if summary.denial is DenyReason.RULE_NOT_IN_EFFECT:
        # The example's API and today decide nothing here.
        rules = tuple(rule.name for rule in question.matching_rules(certificate))
    return Client(
        _name(certificate),
        certificate.issuer.rfc4514_string(),
        certificate.serial_number,
        certificate.fingerprint256,
        rules,
        summary.denial,
        certificate.not_after,
        files=(file.name,),
    )


def _name(certificate: PeerCertificate) -> str | None:
    subject, other = certificate.subject.rfc4514_string(), alternative_name(certificate)
    if identifies_client(certificate.subject) or other is None:
        return subject or None
    return f"{subject} {other}" if subject else str(other)
