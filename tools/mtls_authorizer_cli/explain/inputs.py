"""The certificates and the event that ``explain`` is given, recognized by their content, not by their names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth import find_client_certificate
from mtls_authorizer.request.event import UnsupportedEventError, read_request
from mtls_authorizer_cli.certificates.content import Content, Kind
from mtls_authorizer_cli.certificates.files import (
    CertificateFile,
    describe_unusable,
    find_certificate,
    read_certificates,
    read_content,
)
from mtls_authorizer_cli.command_line import CommandError, shown_file
from mtls_authorizer_cli.explanation.question import EXAMPLE_REQUEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtls_authorizer.request.event import ApiRequest


_SAVE_AGAIN = "Save the event again, as the authorizer received it"
_NAME_THE_EVENT = (
    "Name the event that the authorizer received, or the client's certificate, such as the text of clientCertPem"
)


class Inputs(NamedTuple):
    """Certificates, and a request. ``is_event`` says whether the request is a real one.

    Without ``files``, the certificate is the event's. ``are_many`` says whether a table of all files was asked for,
    even if there is only one in the folder.
    """

    files: tuple[CertificateFile, ...]
    event_pem: object
    request: ApiRequest
    is_event: bool
    notes: tuple[str, ...]
    are_many: bool

    @property
    def pem(self) -> object:
        """The certificate, as an event contains it, if it is about one only."""
        return self.files[0].pem if self.files else self.event_pem


class _Event(NamedTuple):
    file: str
    pem: object
    request: ApiRequest | None
    notes: tuple[str, ...] = ()


def read_inputs(paths: Sequence[str], *, as_table: bool = False) -> Inputs:
    """Read certificates, an event, or both. Raises CommandError.

    With ``as_table``, for several certificates and for a folder, files without a certificate are no error.
    """
    if not paths:
        message = "no certificate: name a file with a certificate (PEM or DER) or an API Gateway event (JSON)"
        raise CommandError(message)
    files: list[CertificateFile] = []
    events: list[_Event] = []
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 -- False for names that are not valid, which are reported as files
            files += read_certificates([path])
            as_table = True
            continue
        read = _read(path)
        if isinstance(read, _Event):
            events.append(read)
        else:
            files.append(read)
    if len(events) > 1:
        message = f"{' and '.join(shown_file(each.file) for each in events)} both contain an event: name one"
        raise CommandError(message)
    if as_table and not files:
        message = f"{shown_file(events[0].file)} is an event: --csv is about files with certificates. Leave --csv out"
        raise CommandError(message)
    are_many = as_table or sum(file.pem is not None for file in files) > 1
    if not are_many:
        for file in files:
            if file.pem is None:
                raise CommandError(file.problem)
    return _combine(files, events[0] if events else None, are_many=are_many)


def _combine(files: Sequence[CertificateFile], event: _Event | None, *, are_many: bool) -> Inputs:
    # Notes on files are not for tables, in which each row would need its own.
    notes = (*(event.notes if event else ()), *(note for file in files if not are_many for note in file.notes))
    if event and files:
        notes = (
            *notes,
            f"the certificate{'s' if are_many else ''} given {'are' if are_many else 'is'} used, not the event's",
        )
    request = event.request if event else None
    if request is None:
        notes = (*notes, "API and stage are examples of a REST API, because no authorizer event was given")
    event_pem = event.pem if event else None
    return Inputs(tuple(files), event_pem, request or EXAMPLE_REQUEST, request is not None, notes, are_many)


def _read(file: str) -> CertificateFile | _Event:
    content = read_content(file)
    if isinstance(content, CertificateFile):
        return content
    if Kind.INVALID_JSON in content.kinds:
        return CertificateFile(file, None, None, describe_unusable(file, content, advice=_SAVE_AGAIN))
    return _read_event(file, content) if Kind.JSON in content.kinds else find_certificate(file, content)


def _read_event(file: str, content: Content) -> _Event:
    event = content.value
    try:
        request = read_request(event)
    except UnsupportedEventError as error:
        pem = find_client_certificate(event)
        # For a broken event of an authorizer, the function fails. Events of integrations only lack the rest.
        if pem is None or (isinstance(event, dict) and event.get("type") == "REQUEST"):
            message = describe_unusable(file, content, problem=str(error), advice=_NAME_THE_EVENT)
            raise CommandError(message) from error
        note = f"{shown_file(file)} is not an authorizer's event ({error}): only its certificate is used"
        return _Event(file, pem, None, (note,))
    return _Event(file, find_client_certificate(event), request)
