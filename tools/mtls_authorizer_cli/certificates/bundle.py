"""The client's certificate among several in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client_certificate_auth import MalformedCertificateError, PeerCertificate
from client_certificate_auth.x509.der import DerError
from client_certificate_auth.x509.extensions import BASIC_CONSTRAINTS, read_basic_constraints
from mtls_authorizer_cli.certificates.content import Kind, decode_block, to_pem
from mtls_authorizer_cli.command_line import CommandError, shell_file, shown_file
from mtls_authorizer_cli.printed import listing, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtls_authorizer_cli.certificates.content import Content


def choose_client(file: str, content: Content) -> tuple[str, tuple[str, ...]]:
    """Return the client's certificate in PEM, and notes.

    Raises CommandError if several could be the client's, if it is not base64, and if it may be in PEM that was cut off.
    """
    notes = []
    if content.is_der:
        notes.append(f"{shown_file(file)} is in DER; API Gateway passes the same certificate on in PEM")
    if content.has_private_key:
        notes.append(f"{shown_file(file)} also contains a private key, which is not read: never pass it on")
    pems = list(map(as_sent, content.certificates))
    certificates = [_read(pem) for pem in pems]
    clients = _find_clients(pems, certificates)
    if not clients and Kind.INCOMPLETE_PEM in content.kinds:
        message = f"{shown_file(file)} contains CA certificates, and PEM without its END line: copy the whole file"
        raise CommandError(message)
    if not clients:
        notes.append(
            f"{shown_file(file)} contains a CA's certificate, not a client's"
            if len(certificates) == 1
            else f"{shown_file(file)} contains CA certificates only: the first is used"
        )
    elif len(clients) > 1:
        named = [f"number {position + 1} ({_subject(certificates[position])})" for position in clients]
        message = (
            f"{shown_file(file)} contains {len(clients)} certificates that could be the client's: {listing(named)}. "
            f"Extract the right one: {_extraction(file, clients[0])}"
        )
        raise CommandError(message)
    elif len(certificates) > 1:
        notes.append(_bundle_note(file, clients[0], certificates))
    pem = pems[clients[0] if clients else 0]
    if pem is None:
        message = (
            f"{shown_file(file)} contains a certificate that was changed on its way, such as by a mail program: its "
            "lines are not valid base64. Get the file itself, such as an attachment"
        )
        raise CommandError(message)
    return pem, tuple(notes)


def as_sent(pem: str) -> str | None:
    """Return a certificate in PEM in the form in which API Gateway sends it: clients present it in DER.

    Its label, its line ends, and whitespace in it do not matter. None if it is not base64, such as one that begins
    within another one, which has lost its END line.
    """
    content = decode_block(pem)
    return None if content is None else to_pem(content)


def _find_clients(pems: Sequence[str | None], certificates: Sequence[PeerCertificate | None]) -> list[int]:
    """Return the positions of the certificates that are not a CA's, each certificate once."""
    first = {pem: position for position, pem in reversed(list(enumerate(pems)))}
    return sorted(position for position in first.values() if not _is_ca(certificates[position], certificates))


def _bundle_note(file: str, position: int, certificates: Sequence[PeerCertificate | None]) -> str:
    count = f"{shown_file(file)} contains {len(certificates)} certificates"
    if position == 0:
        return f"{count}: the first, the client's, is used. API Gateway passes on that one only"
    return (
        f"{count}, a CA's first: number {position + 1}, the client's ({_subject(certificates[position])}), is "
        f"used. To extract it: {_extraction(file, position)}"
    )


def _extraction(file: str, position: int) -> str:
    # Up to its END line: a private key may follow.
    return f"awk '/-BEGIN (X509 )?CERTIFICATE-/ && ++n=={position + 1}, /-END/' {shell_file(file)} > client.pem"


def _read(pem: str | None) -> PeerCertificate | None:
    try:
        return None if pem is None else PeerCertificate.from_pem(pem)
    except MalformedCertificateError:
        return None


def _is_ca(certificate: PeerCertificate | None, others: Sequence[PeerCertificate | None]) -> bool:
    """Return whether a certificate is a CA's: it says so or, if it says nothing, has issued one of the others."""
    if certificate is None:
        return False
    try:
        _, constraints = certificate.fields.extensions[BASIC_CONSTRAINTS]
        return read_basic_constraints(constraints)[0]
    except (KeyError, DerError):
        return any(each and each is not certificate and each.issuer == certificate.subject for each in others)


def _subject(certificate: PeerCertificate | None) -> str:
    return "unreadable" if certificate is None else quoted(certificate.subject.rfc4514_string())
