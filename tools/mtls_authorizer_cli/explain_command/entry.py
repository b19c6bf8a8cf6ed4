"""The decision log entry that ``explain --log`` explains: chosen from a log, and as a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.rules.document.request_limits import API_ID
from mtls_authorizer.rules.routes import METHODS
from mtls_authorizer_cli.command_line import CommandError, shown_file
from mtls_authorizer_cli.explain.question import with_api_id, with_domain_name
from mtls_authorizer_cli.inputs.log_entries import LogEntry
from mtls_authorizer_cli.log_records import LogRecord, read_log_records, read_record
from mtls_authorizer_cli.printed import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtls_authorizer.request.event import ApiRequest

_IDS = ("request_id", "extended_request_id")


def read_entry(record: str, request_id: str | None) -> LogRecord:
    """Return the entry in a file, in the standard input for ``-``, or in the text itself if that is JSON.

    ``request_id`` chooses one of several. Raises CommandError.
    """
    if record.lstrip().startswith("{"):
        return _choose("the entry", _read_text(record), request_id)
    return _choose(shown_file(record), read_log_records(record), request_id)


def _read_text(text: str) -> list[LogRecord]:
    read = read_record(1, LogEntry(text))
    return [] if read is None else [read]


def _choose(source: str, records: Iterable[LogRecord], request_id: str | None) -> LogRecord:
    chosen = [record for record in records if request_id is None or request_id in {record.text(name) for name in _IDS}]
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        about = "" if request_id is None else f" with the request ID {quoted(request_id)}"
        message = f"{source} contains no decision{about}: it should be an entry of the decision log, in JSON"
        raise CommandError(message)
    ids = list(dict.fromkeys(filter(None, (record.text(_IDS[0]) for record in chosen))))
    example = f", such as {', '.join(map(quoted, ids[:3]))}" if ids else ""
    message = f"{source} contains {len(chosen):,} decisions: choose one with --request-id{example}"
    raise CommandError(message)


def as_request(record: LogRecord, example: ApiRequest) -> tuple[ApiRequest, bool]:
    """Return the request that was logged, and whether its path is known: the log contains the API's route.

    What is not logged is that of an example.
    """
    api_id, domain_name = record.text("api_id"), record.text("domain_name")
    request = example
    if api_id is not None and API_ID.fullmatch(api_id):
        request = with_api_id(request, api_id)
    if domain_name is not None:
        request = with_domain_name(request, domain_name)
    route = record.text("route")
    if route is None or not has_path(route):
        return request, False
    return request._replace(invocation=route.replace(" ", "", 1)), True


def has_path(route: str) -> bool:
    """Return whether a route of an API is about one path, and not about all paths of some form."""
    method, _, path = route.partition(" ")
    return method in METHODS and path.startswith("/") and "{" not in path
