"""The explanation of a decision log entry, with or without the certificate, and the facts that the entry lacks."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth.x509.pem import read_pem
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.document.request_limits_validation import API_ID
from mtls_authorizer.rules.fields import FIELDS
from mtls_authorizer.rules.routes import METHODS
from mtls_authorizer.telemetry.decision_log import LONGEST_LOGGED
from mtls_authorizer_cli.command_line import CommandError, shown_file
from mtls_authorizer_cli.decision_log.entries import parse_log_entries
from mtls_authorizer_cli.decision_log.records import NO_ENTRIES, LogRecord, LogRecords, read_log_records
from mtls_authorizer_cli.explain.inputs import Inputs, read_inputs
from mtls_authorizer_cli.explain.nearest_rule import describe_nearest_rule
from mtls_authorizer_cli.explain.options import load_with_progress, make_question
from mtls_authorizer_cli.explanation.explanation import Report, explain
from mtls_authorizer_cli.explanation.question import EXAMPLE_REQUEST, with_api_id, with_domain_name
from mtls_authorizer_cli.printed import counted, quoted
from mtls_authorizer_cli.progress import Progress
from mtls_authorizer_cli.rules.what_if.facts import LOGGED_FIELDS, facts_of_record
from mtls_authorizer_cli.rules.what_if.replay import Replayer

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from mtls_authorizer.request.event import ApiRequest
    from mtls_authorizer.rules.rule_set import RuleSet
    from mtls_authorizer_cli.certificates.files import CertificateFile
    from mtls_authorizer_cli.explanation.explanation import Explanation
    from mtls_authorizer_cli.explanation.question import Question

_NO_RULE_MATCHED = {DenyReason.NO_RULE_MATCHED, *(field.reason for field in FIELDS.values())}

_ALWAYS_LOGGED = (
    *("decision", "reason", "rules", "principal", "subject_dn", "issuer_dn", "serial_number", "fingerprint"),
    *("extended_key_usage", "days_to_expiry", "route", "api_id", "domain_name"),
)


class CurrentDecision(NamedTuple):
    """The decision of the current configuration. ``allowed`` is None if it depends on facts that are ``missing``."""

    allowed: bool | None
    why: str
    missing: tuple[str, ...] = ()


class LoggedExplanation(NamedTuple):
    """An entry of the decision log, explained.

    ``today`` is None if the configuration contains no rules. ``lacks`` are the facts that the entry does not contain,
    in words. ``nearest_rule`` says which rule is similar, if none matches. ``report`` explains the same request with
    the certificate, None without it.
    """

    record: LogRecord
    today: CurrentDecision | None
    lacks: tuple[str, ...]
    notes: tuple[str, ...]
    nearest_rule: str | None
    report: Report | None

    @property
    def is_of_entry(self) -> bool:
        """Whether the certificate is the one of the entry, and not another one of the same client, for example."""
        sent = self.report and self.report.explanation.question.pem
        return isinstance(sent, str) and _fingerprint(sent) == _logged_fingerprint(self.record)


def explain_entry(
    options: argparse.Namespace, environment: Mapping[str, str], record: LogRecord, paths: Sequence[str]
) -> LoggedExplanation:
    """Explain an entry. ``paths`` name the certificate, or folders that may contain it. Raises CommandError."""
    with Progress() as progress:
        configuration = load_with_progress(options, environment, progress)
    if options.route is not None:
        record = record._replace(fields={**record.fields, "route": options.route})
    file, notes = _find_certificate(record, paths)
    request, knows_path = as_request(record)
    given = Inputs(() if file is None else (file,), None, request, knows_path, notes, are_many=False)
    question, notes = make_question(options, given, configuration, record.time)
    if options.rules is None and configuration.has_rules:
        notes = (*notes, *_changes(record, question))
    lacks = tuple(_lacks(record, question.policy.rules, has_certificate=file is not None))
    if file is None:
        today = _decide_today(record, question) if configuration.has_rules else None
        rules = question.policy.rules
        no_rule_matched = record.text("reason") in _NO_RULE_MATCHED and today is not None and not today.allowed
        nearest = describe_nearest_rule(rules, facts_of_record(record)) if no_rule_matched else None
        return LoggedExplanation(record, today, lacks, notes, nearest, None)
    explanation = explain(question, everything=options.all)
    report = Report(explanation, everything=options.all, with_answer=options.policy)
    today = CurrentDecision(explanation.allowed, _why(explanation))
    return LoggedExplanation(record, today, lacks, notes, None, report)


def _why(explanation: Explanation) -> str:
    if explanation.gateway.rejection is not None:
        return f"by API Gateway: {explanation.gateway.rejection.name}"
    grant = explanation.decision.grant
    return explanation.denial or f"rules {', '.join(grant.rules if grant else ())}"


def _find_certificate(record: LogRecord, paths: Sequence[str]) -> tuple[CertificateFile | None, tuple[str, ...]]:
    """Return the file with the certificate of the entry, and notes. Raises CommandError."""
    if not paths:
        return None, ()
    given = read_inputs(paths)
    if not given.files:
        message = "--log cannot be combined with an event: the entry names the request. Name the certificate"
        raise CommandError(message)
    fingerprint = _logged_fingerprint(record)
    for file in given.files:
        if file.pem is not None and _fingerprint(file.pem) == fingerprint:
            return file, file.notes
    expected = f"the certificate of the entry, whose SHA-256 is {quoted(fingerprint or 'not in the entry', 100)}"
    if given.are_many:
        unread = (file.problem or "" for file in given.files if not file.was_read)
        return None, (f"none of the files ({len(given.files):,}) contains {expected}", *unread)
    file = given.files[0]
    return file, (*file.notes, f"the certificate given is not {expected}: the client may have renewed it")


def _logged_fingerprint(record: LogRecord) -> str | None:
    """Return the fingerprint of the certificate of an entry, also if it could not be parsed; None without one."""
    digest = record.text("certificate_sha256")
    return record.text("fingerprint") if digest is None else _printed(digest)


def _fingerprint(pem: str) -> str:
    return _printed(sha256(read_pem(pem)).hexdigest())


def _printed(digest: str) -> str:
    """Return a digest as Node prints fingerprints."""
    return ":".join(re.findall("..", digest.upper()))


def _decide_today(record: LogRecord, question: Question) -> CurrentDecision:
    """Return the decision of the current rules on the facts in an entry."""
    decided = Replayer(question.policy.rules, question.settings, {}, issuer_key_known=False).decide(record)
    return CurrentDecision(decided.allowed.value, decided.why, tuple(sorted(decided.allowed.missing)))


def _changes(record: LogRecord, question: Question) -> Iterator[str]:
    """Return what has changed in the configuration since the entry was logged, according to the versions."""
    versions = {
        "variables": (record.text("configuration_version"), question.settings.version),
        "rules document": (record.text("rules_version"), question.policy.rules_version),
    }
    for name, (logged, today) in versions.items():
        if logged is not None and today is not None and logged != today:
            yield f"the {name} changed after the entry was logged, or another function logged it"


def _lacks(record: LogRecord, rules: RuleSet, *, has_certificate: bool) -> Iterator[str]:
    """Return the facts that an entry does not contain, and that could matter."""
    missing = ", ".join(name for name in _ALWAYS_LOGGED if name not in record.fields)
    if missing and record.complete:
        yield f"fields that another version of the function does not log, or not in this form: {missing}"
    elif missing:
        yield f"fields that the query did not select, or that are null: {missing}. Query @message to get all"
    if record.time is None:
        yield "the time of the request: the present time is used, unless --at names another"
    route = record.text("route")
    if route is None or not has_path(route):
        known = "no route" if route is None else f"only the API's route, {quoted(route)}"
        yield f"the requested path: the log contains {known}. Add it with --route 'GET /path'"
    for name in ("subject_dn", "issuer_dn", "serial_number"):
        value = record.text(name) or ""
        if len(value) >= LONGEST_LOGGED and value.endswith("..."):
            yield f"the end of {name}, which is cut off"
    fields = [name for name in FIELDS if name not in LOGGED_FIELDS and rules.uses(name)]
    if fields and not has_certificate:
        yield f"fields of the certificate that the rules use: {', '.join(fields)}. Name the certificate, or a folder"


_JSON = re.compile(r'\s*(\{|\[\s*[\[{]|.*\{\s*")')
"""The beginning of the JSON itself, or of a line as ``aws logs tail`` prints it; names of files do not begin so."""

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
        message = f"{source} contains no decision: {records.problem or NO_ENTRIES}"
        raise CommandError(message)
    if not chosen:
        total = counted(decisions, "decision")
        message = (
            f"{source} contains {total}, but none with the request ID {quoted(request_id or '')}: write a "
            f"{' or '.join(_IDS)} from the log"
        )
        raise CommandError(message)
    denied = [record for record in chosen if record.decision == "deny"]
    ids = list(dict.fromkeys(filter(None, (record.text(_IDS[0]) for record in denied or chosen))))
    example = f", such as {', '.join(map(quoted, ids[-3:]))}" if ids else ""
    message = (
        f"{source} contains {len(chosen):,} decisions, {len(denied):,} of them denied: choose one with "
        f"--request-id{example}"
    )
    raise CommandError(message)


def as_request(record: LogRecord) -> tuple[ApiRequest, bool]:
    """Return the request that was logged, and whether its path is known: the log contains the API's route.

    Everything that is not logged is taken from the example.
    """
    api_id, domain_name = record.text("api_id"), record.text("domain_name")
    request = EXAMPLE_REQUEST
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
