"""The certificate and the event that ``explain`` is given, recognized by their content, not by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth import find_client_certificate
from mtls_authorizer.request.event import ApiRequest, EventFormat, UnsupportedEventError, read_request
from mtls_authorizer_cli.command_line import STANDARD_INPUT, CommandError, read_file, shown_file
from mtls_authorizer_cli.content import Content, Kind, recognize
from mtls_authorizer_cli.inputs.bundle import choose_client
from mtls_authorizer_cli.inputs.unusable import describe_unusable

if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGEST_FILE = 6 * 1024 * 1024
"""In bytes: the largest event of Lambda."""

_EXAMPLE_REQUEST = ApiRequest(
    EventFormat.REST, "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/stage", "GET/"
)


class Input(NamedTuple):
    """A certificate as an event contains it, and a request. ``is_event`` says whether the request is a real one."""

    pem: object
    request: ApiRequest
    is_event: bool
    notes: tuple[str, ...]


class _Event(NamedTuple):
    file: str
    pem: object
    request: ApiRequest | None
    notes: tuple[str, ...] = ()


class _Certificate(NamedTuple):
    file: str
    pem: str
    notes: tuple[str, ...]


def read_inputs(files: Sequence[str]) -> Input:
    """Read a certificate, an event, or both. Raises CommandError."""
    if not files:
        message = "no certificate: name a file with a certificate (PEM or DER) or an API Gateway event (JSON)"
        raise CommandError(message)
    if files.count(STANDARD_INPUT) > 1:
        message = "the standard input is named twice: name one file for the certificate, and one for the event"
        raise CommandError(message)
    certificates: list[_Certificate] = []
    events: list[_Event] = []
    for file in files:
        read = _read(file)
        if isinstance(read, _Event):
            events.append(read)
        else:
            certificates.append(read)
    for of_one_kind, name in ((certificates, "certificate"), (events, "event")):
        if len(of_one_kind) > 1:
            named = " and ".join(shown_file(each.file) for each in of_one_kind)
            message = f"{named} both contain {'an' if name == 'event' else 'a'} {name}: name one"
            raise CommandError(message)
    return _combine(certificates[0] if certificates else None, events[0] if events else None)


def _combine(certificate: _Certificate | None, event: _Event | None) -> Input:
    notes = (*(event.notes if event else ()), *(certificate.notes if certificate else ()))
    if event and certificate:
        notes = (*notes, "the certificate given is used, not the event's")
    request = event.request if event else None
    if request is None:
        notes = (*notes, "API and stage are examples, those of a REST API: no authorizer's event was given")
    pem = certificate.pem if certificate else event.pem if event else None
    return Input(pem, request or _EXAMPLE_REQUEST, request is not None, notes)


def _read(file: str) -> _Certificate | _Event:
    content = read_file(file, largest=_LARGEST_FILE, expected="a certificate or an event, which are smaller")
    recognized = recognize(content)
    if recognized.certificates:
        return _Certificate(file, *choose_client(file, recognized))
    if Kind.JSON in recognized.kinds:
        return _read_event(file, recognized)
    raise CommandError(describe_unusable(file, recognized))


def _read_event(file: str, content: Content) -> _Event:
    event = content.value
    try:
        request = read_request(event)
    except UnsupportedEventError as error:
        pem = find_client_certificate(event)
        # For a broken event of an authorizer, the function fails. Events of integrations only lack the rest.
        if pem is None or (isinstance(event, dict) and event.get("type") == "REQUEST"):
            raise CommandError(describe_unusable(file, content, problem=str(error))) from error
        note = f"{shown_file(file)} is not an authorizer's event ({error}): only its certificate is used"
        return _Event(file, pem, None, (note,))
    return _Event(file, find_client_certificate(event), request)
