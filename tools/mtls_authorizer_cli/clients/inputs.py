"""The clients whose certificates are in files, and those in the decision log, each certificate once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.assessment import UNAUTHENTICATED_PRINCIPAL
from mtls_authorizer_cli.clients.client import Client
from mtls_authorizer_cli.explanation.client_match import alternative_name, identifies_client, name_identifies_client
from mtls_authorizer_cli.explanation.question import EXAMPLE_REQUEST, Question
from mtls_authorizer_cli.explanation.report.summary import summarize

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator
    from datetime import datetime

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer_cli.certificates.files import CertificateFile
    from mtls_authorizer_cli.configuration.loading import Configuration
    from mtls_authorizer_cli.decision_log.records import LogRecord


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


class LoggedClients:
    """Collects the clients of log entries. ``unidentified`` is how many entries name no client."""

    def __init__(self) -> None:
        self.unidentified = 0
        self._clients: dict[Hashable, Client] = {}

    @property
    def clients(self) -> list[Client]:
        """The clients, in the order of their first entries."""
        return list(self._clients.values())

    def add(self, record: LogRecord) -> None:
        """Add an entry. Their order does not matter."""
        subject = record.text("subject_dn")
        client = Client(
            subject or _principal(record),
            record.text("issuer_dn"),
            record.text("serial_number"),
            record.text("fingerprint"),
            # Alternative names, by which such clients differ, are not logged.
            is_distinct=subject is None or name_identifies_client(subject),
        )
        key = client.fingerprint or (client.name, client.issuer_dn, client.serial_number)
        if not any((client.name, client.serial_number, client.fingerprint)):
            self.unidentified += 1
            return
        known = self._clients.get(key, client)
        not_after = _later(known.not_after, _expiry(record))
        if known.last_seen is None or (record.time is not None and record.time >= known.last_seen):
            known = known._replace(rules=record.texts("rules"), reason=record.text("reason"), last_seen=record.time)
        self._clients[key] = known._replace(not_after=not_after, requests=known.requests + 1)


def _principal(record: LogRecord) -> str | None:
    principal = record.text("principal")
    return None if principal == UNAUTHENTICATED_PRINCIPAL else principal


def _expiry(record: LogRecord) -> datetime | None:
    """Return the earliest time at which the certificate can expire: the log has whole days."""
    days = record.number("days_to_expiry")
    if days is None or record.time is None:
        return None
    try:
        return record.time + timedelta(days=days)
    except OverflowError:
        return None


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    # Each entry has a lower bound, and the highest is the best.
    return max(filter(None, (one, other)), default=None)


def merge(in_files: Iterable[Client], in_log: Iterable[Client]) -> list[Client]:
    """Return the clients of both, each certificate once.

    If a file contains the certificate, expiry and rules are taken from today, and only the requests from the log.
    """
    merged: dict[str | None, Client] = {}
    for client in in_files:
        known = merged.get(client.fingerprint)
        merged[client.fingerprint] = client if known is None else known._replace(files=known.files + client.files)
    others = []
    for client in in_log:
        known = None if client.fingerprint is None else merged.get(client.fingerprint)
        if known is None:
            others.append(client)
        else:
            merged[known.fingerprint] = known._replace(requests=client.requests, last_seen=client.last_seen)
    return [*merged.values(), *others]
