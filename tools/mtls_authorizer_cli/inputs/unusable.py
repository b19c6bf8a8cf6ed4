"""Advice on a file that is neither a certificate nor an event: what it is, and the right command for it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mtls_authorizer_cli.command_line import STANDARD_INPUT, printable, shown_file
from mtls_authorizer_cli.content import Kind

if TYPE_CHECKING:
    from mtls_authorizer_cli.content import Content

_EXPLAIN = "mtls-authorizer explain CERTIFICATE"

_ADVICE = {
    Kind.EMPTY: f"Name the client's certificate: {_EXPLAIN}",
    Kind.TRUSTED_CERTIFICATE: "Convert it: openssl x509 -in {file} -out client.pem",
    Kind.CERTIFICATE_REQUEST: f"Once a CA has issued the certificate: {_EXPLAIN}",
    Kind.CRL: "To check and index it: mtls-authorizer crl index {file} --truststore BUNDLE",
    Kind.PKCS7: "Extract its certificates: openssl pkcs7{form} -in {file} -print_certs -out client.pem",
    Kind.PKCS12: "Extract the client's certificate: openssl pkcs12 -in {file} -clcerts -nokeys -out client.pem",
    Kind.PRIVATE_KEY: "It is not needed, and nothing of it was printed: never pass it on. Name the certificate that "
    f"belongs to it: {_EXPLAIN}",
    Kind.PUBLIC_KEY: f"It has no name to decide by. Name the certificate that contains it: {_EXPLAIN}",
    Kind.INCOMPLETE_PEM: f"Copy the whole file, up to the line that begins with -----END: {_EXPLAIN}",
    Kind.INVALID_JSON: f"Save the event again, as the authorizer received it: {_EXPLAIN}",
    Kind.JSON: f"Name the event that the authorizer received, or the certificate: {_EXPLAIN}",
    Kind.TEXT: f"Name a certificate in PEM (-----BEGIN CERTIFICATE-----) or DER: {_EXPLAIN}",
}
_ADVICE[Kind.ENCRYPTED_PRIVATE_KEY] = _ADVICE[Kind.PRIVATE_KEY]
_ADVICE[Kind.OTHER_PEM] = _ADVICE[Kind.BINARY] = _ADVICE[Kind.TEXT]

_PRIORITIES = sorted(Kind, key=lambda kind: "PRIVATE" not in kind.name)
"""Private keys come first: a key's file can contain other things, too."""

_RULES_ADVICE = f"is a rules document: {_EXPLAIN} --rules {{file}}"


def describe_unusable(file: str, content: Content, *, problem: str = "") -> str:
    """Return what a file is, and the next step. ``problem`` is the reason why its JSON is not an event."""
    name = "FILE" if file == STANDARD_INPUT else shlex.quote(printable(file))
    if isinstance(content.value, dict) and "rules" in content.value:
        return f"{shown_file(file)} {_RULES_ADVICE.format(file=name)}"
    kind = min(content.kinds, key=_PRIORITIES.index)
    form = ""
    if kind in {Kind.PKCS7, Kind.PRIVATE_KEY, Kind.ENCRYPTED_PRIVATE_KEY, Kind.PUBLIC_KEY, Kind.CERTIFICATE_REQUEST}:
        form = f" ({'DER' if content.is_der else 'PEM'})"
    reason = problem or content.problem
    advice = _ADVICE[kind].format(file=name, form=" -inform DER" if content.is_der else "")
    return f"{shown_file(file)} is {kind}{form}{f' ({reason})' if reason else ''}. {advice}"
