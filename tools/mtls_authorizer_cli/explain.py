"""``python -m mtls_authorizer_cli.explain``: say why a certificate is let in or not, by this environment's settings.

The exit code is 0 for Allow, 1 for Deny, 2 for what can't be read.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth import find_client_certificate
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.request.event import ApiRequest, EventFormat, read_request
from mtls_authorizer.rules.document import RulesError, parse_rules
from mtls_authorizer.rules.routes import METHODS
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer.stores.store import StoreError
from mtls_authorizer.telemetry.decision_log import logger
from mtls_authorizer_cli.explanation import NEAREST, Question, explain
from mtls_authorizer_cli.rendering import Report, as_json, as_text
from mtls_authorizer_cli.wording import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtls_authorizer.policy.access_policy import AccessPolicy
    from mtls_authorizer.policy.settings import Settings

ALLOW, DENY, BAD_INPUT = 0, 1, 2

_MADE_UP_REQUEST = ApiRequest(
    EventFormat.REST, "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/stage", "GET/", None, None
)

# That is the most that an event of Lambda's has.
_LARGEST_FILE = 6 * 1024 * 1024
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)

_RULES, _RULES_URI = "AUTHORIZER_RULES", "AUTHORIZER_RULES_URI"

_LONGEST_NOTE = 400


class InputError(ValueError):
    """Something can't be read. The message says what, and what would be right."""


class _Asked(NamedTuple):
    """A certificate, as an event has it, and a request; and what is to be said about them."""

    pem: object
    request: ApiRequest
    notes: tuple[str, ...]


class _Failures(logging.Handler):
    """Keeps what is logged of documents that can't be read: without CRLs, for instance, a function runs on."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.notes: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.notes.append(f"{record.getMessage()}: {quoted(str(getattr(record, 'error', '')), _LONGEST_NOTE)}")


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the command and return its exit code. Raises SystemExit for arguments that can't be read."""
    options = _parser().parse_args(arguments)
    failures = _Failures()
    logger.addHandler(failures)
    try:
        report = _report(options, environment)
    except (ValueError, StoreError) as error:
        sys.stderr.write(f"explain: {_printable(str(error))}\n")
        return BAD_INPUT
    finally:
        logger.removeHandler(failures)
    report = report._replace(notes=[*report.notes, *failures.notes])
    _write(as_json(report) if options.json else as_text(report))
    return ALLOW if report.explanation.refusal is None else DENY


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="explain",
        description="Say why a client certificate is let in or not, by the configuration in this environment. "
        "Exit code: 0 for Allow, 1 for Deny, 2 for what can't be read.",
    )
    parser.add_argument("--cert", metavar="FILE", help="the certificate in PEM; the first one of several")
    parser.add_argument("--event", metavar="FILE", help="an event of the authorizer in JSON, for what isn't given here")
    parser.add_argument("--rules", metavar="FILE|URI", help=f"a rules document in place of {_RULES} and {_RULES_URI}")
    parser.add_argument("--route", metavar="'GET /path'", help="what is asked for; by default, no route in particular")
    parser.add_argument("--at", metavar="TIME", help="when, such as 2026-12-01T00:00:00Z; by default, now")
    parser.add_argument("--all", action="store_true", help="leave out no rules and no values")
    parser.add_argument("--json", action="store_true", help="print JSON, for a program")
    return parser


def _report(options: argparse.Namespace, environment: Mapping[str, str]) -> Report:
    now = datetime.now(UTC) if options.at is None else _read_time(options.at)
    invocation = None if options.route is None else _read_invocation(options.route)
    asked = _read_what_is_asked(options.cert, options.event)
    settings, policy = _read_configuration(environment, options.rules)
    request = asked.request if invocation is None else asked.request._replace(invocation=invocation)
    explanation = explain(
        Question(asked.pem, settings, policy, request, invocation is not None or options.event is not None, now),
        nearest=None if options.all else NEAREST,
    )
    return Report(explanation, asked.notes, everything=options.all)


def _read_what_is_asked(cert: str | None, event_file: str | None) -> _Asked:
    if event_file is None:
        if cert is None:
            message = "no certificate: name a file in PEM with --cert (CERT), or an event with --event (EVENT)"
            raise InputError(message)
        pem, notes = _read_certificate(cert)
        return _Asked(pem, _MADE_UP_REQUEST, (*notes, "no event given: API and stage are made up, as of a REST API"))
    event = _read_event(event_file)
    try:
        request = read_request(event)
    except ValueError as error:
        message = f"{event_file}: {error}"
        raise InputError(message) from error
    if cert is None:
        return _Asked(find_client_certificate(event), request, ())
    pem, notes = _read_certificate(cert)
    return _Asked(pem, request, (*notes, "the certificate given counts, not the event's"))


def _read_certificate(file: str) -> tuple[str, tuple[str, ...]]:
    text = _read_file(file).decode("ascii", "replace")
    found = _CERTIFICATE.findall(text)
    if not found:
        message = f"{file} holds no certificate in PEM (for DER: openssl x509 -inform DER -in FILE -out FILE.pem)"
        raise InputError(message)
    certificate: str = found[0]
    if certificate == text.strip():
        return certificate, ()
    rest = f"{len(found)} certificates" if len(found) > 1 else "more than a certificate"
    return certificate, (f"the file holds {rest}: the first one counts. API Gateway sends the client's own alone",)


def _read_event(file: str) -> object:
    content = _read_file(file)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        message = f"{file} is not an event in JSON: {error}"
        raise InputError(message) from error


def _read_file(file: str) -> bytes:
    try:
        with Path(file).open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        message = f"{file} can't be read: {error}"
        raise InputError(message) from error
    if len(content) > _LARGEST_FILE:
        message = f"{file} has more than {_LARGEST_FILE:,} bytes: that is no certificate and no event"
        raise InputError(message)
    return content


def _read_configuration(environment: Mapping[str, str], rules: str | None) -> tuple[Settings, AccessPolicy]:
    """Return the settings and the access policy that the function would have. Raises ValueError and StoreError."""
    if rules is None:
        settings = load_settings(environment)
        return settings, CurrentPolicy(settings).get()
    others = {name: value for name, value in environment.items() if name not in {_RULES, _RULES_URI}}
    if "://" in rules:
        return _read_configuration({**others, _RULES_URI: rules}, None)
    settings, policy = _read_configuration(others, None)
    try:
        document = parse_rules(_read_file(rules))
    except RulesError as error:
        message = f"{rules}: {error}"
        raise InputError(message) from error
    return settings, policy._replace(rules=RuleSet((*policy.rules.rules, *document)))


def _read_invocation(route: str) -> str:
    method, _, path = route.partition(" ")
    if method not in METHODS or not path.startswith("/") or "?" in path or "#" in path:
        message = f"route {route!r}: write a method ({', '.join(METHODS)}) and a path, such as 'GET /payments/1'"
        raise InputError(message)
    return method + path


def _read_time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    message = f"time {text!r}: write it like 2026-12-01T00:00:00Z"
    raise InputError(message)


def _printable(text: str) -> str:
    """Return text in one line that does nothing to a terminal."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has seen enough. Python would try to flush again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
