"""The decision log entry that ``explain --log`` explains: chosen from a log, and as a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mtls_authorizer.rules.document.request_limits_validation import API_ID
from mtls_authorizer.rules.routes import METHODS
from mtls_authorizer_cli.command_line import CommandError, shown_file
from mtls_authorizer_cli.decision_log.entries import parse_log_entries
from mtls_authorizer_cli.decision_log.records import LogRecord, LogRecords, read_log_records
from mtls_authorizer_cli.explanation.question import with_api_id, with_domain_name
from mtls_authorizer_cli.printed import counted, quoted

if TYPE_CHECKING:
    from mtls_authorizer.request.event import ApiRequest

_JSON = re.compile(r"\s*(\{|\[\s*[\[{])")
_IDS = ("request_id", "extended_request_id")


def read_entry(record: str, request_id: str | None) -> LogRecord:
    """Return the entry in a file, in the standard input for ``-``, or in the text itself if that is JSON.

    ``request_id`` chooses one of several. Raises CommandError.
    """
    if _JSON.match(record):
        name = "the text of --log"
        return _choose(name, LogRecords(parse_log_entries(name, record)), request_id)
    return _choose(shown_file(record), read_log_records(record), request_id)


def _choose(source: str, records: LogRecords, request_id: str | None) -> LogRecord:
    decisions, chosen = 0, []
    for record in records:
        decisions += 1
        if request_id is None or request_id in {record.text(name) for name in _IDS}:
            chosen.append(record)
    if len(chosen) == 1:
        return chosen[0]
    if not decisions:
        message = f"{source} contains no decision: {records.problem or 'it has no entries'}"
        raise CommandError(message)
    if not chosen:
        total = counted(decisions, "decision")
        message = (
            f"{source} contains {total}, but none with the request ID {quoted(request_id or '')}: write a "
            f"{' or '.join(_IDS)} from the log"
        )
        raise CommandError(message)
    ids = list(dict.fromkeys(filter(None, (record.text(_IDS[0]) for record in chosen))))
    example = f", such as {', '.join(map(quoted, ids[:3]))}" if ids else ""
    message = f"{source} contains {len(chosen):,} decisions: choose one with --request-id{example}"
    raise CommandError(message)


def as_request(record: LogRecord, example: ApiRequest) -> tuple[ApiRequest, bool]:
    """Return the request that was logged, and whether its path is known: the log contains the API's route.

    Everything that is not logged is taken from an example.
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
