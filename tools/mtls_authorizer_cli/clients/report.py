"""The list of clients for a person, for a spreadsheet and for a program."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer_cli.clients.client import DEPENDS_ON_REQUEST, State
from mtls_authorizer_cli.printed import counted, json_text, listing, utc_timestamp
from mtls_authorizer_cli.tables import columns, csv_text, files_without_certificate, joined, next_step, notes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mtls_authorizer_cli.certificates.files import CertificateFile
    from mtls_authorizer_cli.clients.client import Client

CSV_COLUMNS = (
    *("client", "issuer_dn", "serial_number", "fingerprint256", "rules", "reason", "state"),
    *("not_after", "days_to_expiry", "expiry_from", "renewed_until", "requests", "last_seen", "files"),
)
_ENDING = (State.EXPIRED, State.EXPIRING, State.RENEWED)
_TITLES = {
    State.EXPIRED: "EXPIRED",
    State.EXPIRING: "EXPIRING",
    State.RENEWED: "RENEWED by a newer certificate",
    State.VALID: "VALID",
    State.UNKNOWN: "EXPIRY UNKNOWN",
}
_WIDEST = (10, 6, 40, 28, 100)
_HEADER = "expiry, days, client, rule or deny reason, file or last request"


class ClientList(NamedTuple):
    """Clients in the order of their expiry, at a time, and the parts of the input that are not in the list.

    ``period`` is the time of --expiring, None if all clients are listed. ``unusable`` are the files without a
    certificate that can be read; ``skipped`` is the number of log entries that are not decisions, ``unidentified``
    the number of decisions that name no client.
    """

    clients: tuple[Client, ...]
    now: datetime
    period: timedelta | None = None
    unusable: tuple[CertificateFile, ...] = ()
    skipped: int = 0
    unidentified: int = 0
    notes: tuple[str, ...] = ()

    @property
    def until(self) -> datetime:
        """The end of the period; now if there is none."""
        return self.now + (self.period or timedelta(0))

    def in_state(self, *states: State) -> list[Client]:
        """Return the clients whose certificate is in one of these states."""
        return [client for client in self.clients if client.state(self.now, self.until) in states]

    @property
    def expiring(self) -> list[Client]:
        """The clients whose certificate expires in the period, or has expired, and that have no newer one."""
        return self.in_state(State.EXPIRED, State.EXPIRING)

    @property
    def listed(self) -> list[Client]:
        """The clients to list: all of them, or those that expire in the period, also if they are renewed."""
        return list(self.clients) if self.period is None else self.in_state(*_ENDING)


def as_text(report: ClientList) -> str:
    """Return the list for a person: the result, the clients, and the next step."""
    return joined(_lines(report))


def as_csv(report: ClientList) -> str:
    """Return the list for a spreadsheet, with one row for each certificate."""
    return csv_text(CSV_COLUMNS, (_record(client, report) for client in report.listed))


def as_json(report: ClientList) -> str:
    """Return the list for a program: one JSON object in ASCII."""
    document = {
        "time": utc_timestamp(report.now),
        "until": None if report.period is None else utc_timestamp(report.until),
        "total": len(report.clients),
        "expiring": len(report.expiring),
        "without_expiry": len(report.in_state(State.UNKNOWN)),
        "unidentified_decisions": report.unidentified,
        "skipped_entries": report.skipped,
        "notes": report.notes,
        "clients": [_record(client, report) for client in report.listed],
        "unusable_files": [{"file": file.name, "problem": file.problem} for file in report.unusable],
    }
    return json_text(document)


def _lines(report: ClientList) -> Iterator[str]:
    yield _result(report)
    for state, title in _TITLES.items():
        clients = report.in_state(state)
        if clients and (report.period is None or state in _ENDING):
            yield from ["", f"{title}: {_HEADER}"]
            yield from columns([_cells(client, report.now) for client in clients], _WIDEST)
    yield from files_without_certificate(report.unusable)
    yield ""
    yield from notes(_notes(report))
    yield from next_step(_next_step(report))


def _result(report: ClientList) -> str:
    total, expiring = len(report.clients), len(report.expiring)
    certificates = counted(total, "certificate")
    if report.period is None:
        return f"{certificates}, {expiring:,} EXPIRED and not renewed"
    days = report.period.days
    period = f"by {report.until:%Y-%m-%d} ({'in ' + counted(days, 'day') if days else 'now'})"
    return f"{expiring:,} of {certificates} EXPIRED or expiring {period} and not renewed"


def _cells(client: Client, now: datetime) -> tuple[str, ...]:
    days = client.days_to_expiry(now)
    if client.files:
        place = listing(client.files)
    else:
        place = "" if client.last_seen is None else f"seen {client.last_seen:%Y-%m-%d}"
    return (
        f"{client.not_after:%Y-%m-%d}" if client.not_after else "unknown",
        "" if days is None else f"{days:,}",
        client.name or "without a name",
        client.reason or "not logged" if _is_always_denied(client) else listing(client.rules),
        place,
    )


def _is_always_denied(client: Client) -> bool:
    """Return whether a client is denied whatever it requests, for a reason other than the expiry, which is shown."""
    return not client.rules or client.reason not in DEPENDS_ON_REQUEST


def _notes(report: ClientList) -> Iterator[str]:
    yield from report.notes
    if any(not client.is_exact for client in report.listed):
        yield "the log contains whole days: certificates without a file expire on the day shown, or one day later"
    if report.skipped:
        yield f"log entries that are not decisions were skipped: {report.skipped:,}"
    if report.unidentified:
        yield f"decisions that name no client (no certificate, or not in the log): {report.unidentified:,}"


def _next_step(report: ClientList) -> str:
    if not report.clients:
        return "name certificates, or a log with decisions: see docs/clients.md"
    if report.expiring:
        return "have these certificates renewed, and check the new ones: docs/rotate-a-certificate.md"
    if report.period is None:
        return "repeat this with --expiring 60d to see which certificates expire within 60 days"
    return "none; repeat this regularly, or set EXPIRY_WARNING_DAYS and an alarm: docs/observability.md"


def _record(client: Client, report: ClientList) -> dict[str, object]:
    """Return the values of CSV_COLUMNS for a client."""
    return {
        "client": client.name,
        "issuer_dn": client.issuer_dn,
        "serial_number": client.serial_number,
        "fingerprint256": client.fingerprint,
        "rules": list(client.rules),
        "reason": client.reason,
        "state": client.state(report.now, report.until),
        "not_after": client.not_after and utc_timestamp(client.not_after),
        "days_to_expiry": client.days_to_expiry(report.now),
        "expiry_from": "certificate" if client.is_exact else "log",
        "renewed_until": client.renewed_until and utc_timestamp(client.renewed_until),
        "requests": client.requests,
        "last_seen": client.last_seen and utc_timestamp(client.last_seen),
        "files": list(client.files),
    }
