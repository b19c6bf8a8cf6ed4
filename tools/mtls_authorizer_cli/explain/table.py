"""The decisions about many certificates, for a table, CSV or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer_cli.command_line import printable, shell_file
from mtls_authorizer_cli.explanation.report.summary import summarize
from mtls_authorizer_cli.explanation.wording import listed_routes
from mtls_authorizer_cli.printed import counted, json_text, listing, utc_timestamp
from mtls_authorizer_cli.tables import columns, csv_text, files_without_certificate, joined, next_step, notes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from mtls_authorizer_cli.certificates.files import CertificateFile
    from mtls_authorizer_cli.configuration.loading import Configuration
    from mtls_authorizer_cli.explanation.question import Question
    from mtls_authorizer_cli.explanation.report.summary import Summary

CSV_COLUMNS = (
    *("file", "decision", "denied_by", "reason", "rules", "allowed_routes", "subject_dn", "issuer_dn"),
    *("serial_number", "fingerprint256", "not_after", "days_to_expiry", "problem"),
)
_WIDEST = (36, 34, 10, 100)


class Row(NamedTuple):
    """A file, and the decision about its certificate; None if it contains none, so that there is nothing to decide."""

    file: CertificateFile
    summary: Summary | None


def decide_all(files: Iterable[CertificateFile], question: Question, configuration: Configuration) -> Iterator[Row]:
    """Ask the same question about the certificate of each file. Raises CommandError."""
    for file in files:
        if file.pem is None:
            yield Row(file, None)
        else:
            policy = configuration.policy(file.certificate)
            yield Row(file, summarize(question._replace(pem=file.pem, policy=policy)))


class Table(NamedTuple):
    """The decisions about all files at an aware time, with notes on the inputs.

    ``arguments`` are those with which one of the files can be explained in the same way.
    """

    rows: tuple[Row, ...]
    now: datetime
    notes: tuple[str, ...]
    arguments: str

    @property
    def decided(self) -> list[tuple[CertificateFile, Summary]]:
        """The files with a certificate."""
        return [(row.file, row.summary) for row in self.rows if row.summary is not None]

    @property
    def denied(self) -> list[tuple[CertificateFile, Summary]]:
        """The files whose certificate is denied."""
        return [(file, summary) for file, summary in self.decided if not summary.allowed]


def as_text(table: Table) -> str:
    """Return the decisions for a person: how many are denied, then which ones, then all others."""
    return joined(_lines(table))


def as_csv(table: Table) -> str:
    """Return the decisions for a spreadsheet: one row for each file."""
    records = (_record(row, table.now) for row in table.rows)
    return csv_text(CSV_COLUMNS, (record | _all_routes(record) for record in records))


def as_json(table: Table) -> str:
    """Return the decisions for a program: one JSON object in ASCII."""
    decided, denied = table.decided, table.denied
    document = {
        "time": utc_timestamp(table.now),
        "notes": table.notes,
        "allowed": len(decided) - len(denied),
        "denied": len(denied),
        "without_certificate": len(table.rows) - len(decided),
        "certificates": [_record(row, table.now) for row in table.rows],
    }
    return json_text(document)


def _lines(table: Table) -> Iterator[str]:
    decided, denied = table.decided, table.denied
    allowed = [(file, summary) for file, summary in decided if summary.allowed]
    yield _verdict(len(decided), len(denied), len(table.rows) - len(decided))
    if denied:
        yield from ["", "DENIED: file, reason, expiry, subject"]
        yield from columns([_cells(file, summary, _reason(summary)) for file, summary in denied], _WIDEST)
    if allowed:
        yield from ["", "ALLOWED: file, matching rules, expiry, subject"]
        yield from columns([_cells(file, summary, listing(summary.rules)) for file, summary in allowed], _WIDEST)
    yield from files_without_certificate([row.file for row in table.rows if row.summary is None])
    yield ""
    yield from notes(table.notes)
    yield from next_step(_next_step(table))


def _verdict(decided: int, denied: int, without: int) -> str:
    files = f"; {counted(without, 'file')} without a certificate" if without else ""
    return f"{decided - denied:,} of {counted(decided, 'certificate')} ALLOWED, {denied:,} DENIED{files}"


def _reason(summary: Summary) -> str:
    return f"{'' if summary.rejection is None else 'API Gateway: '}{summary.reason}"


def _cells(file: CertificateFile, summary: Summary, why: str) -> tuple[str, ...]:
    certificate = summary.certificate
    if certificate is None:
        return file.name, why, "", file.reason
    return file.name, why, f"{certificate.not_after:%Y-%m-%d}", certificate.subject.rfc4514_string()


def _next_step(table: Table) -> str:
    for file, _summary in table.denied:
        # A client may have chosen the name of a file in a folder.
        command = printable(f"mtls-authorizer explain {shell_file(file.name)}{table.arguments}")
        return f"to see why, and what to do: {command}"
    return "mtls-authorizer clients lists the same certificates by expiry: see --expiring"


def _record(row: Row, now: datetime) -> dict[str, object]:
    """Return the values of CSV_COLUMNS for a file."""
    file, summary = row
    certificate, grant = file.certificate, summary and summary.grant
    return {
        "file": file.name,
        "decision": summary and ("allow" if summary.allowed else "deny"),
        "denied_by": summary and summary.denied_by,
        "reason": summary and summary.reason,
        "rules": list(summary.rules) if summary else [],
        "allowed_routes": listed_routes(grant.routes) if grant else [],
        "subject_dn": certificate and certificate.subject.rfc4514_string(),
        "issuer_dn": certificate and certificate.issuer.rfc4514_string(),
        "serial_number": certificate and certificate.serial_number,
        "fingerprint256": certificate and certificate.fingerprint256,
        "not_after": certificate and utc_timestamp(certificate.not_after),
        "days_to_expiry": certificate and (certificate.not_after - now).days,
        "problem": file.problem,
    }


def _all_routes(record: Mapping[str, object]) -> dict[str, object]:
    """Return what a record has in JSON, where null is all routes, as in CSV, where an empty cell is none."""
    return {"allowed_routes": "all routes"} if record["allowed_routes"] is None else {}
