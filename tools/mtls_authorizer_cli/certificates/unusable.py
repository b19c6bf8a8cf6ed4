"""Advice on a file that is neither a certificate nor an event: what it is, and what to do instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer_cli.certificates.content import Kind
from mtls_authorizer_cli.command_line import shell_file, shown_file

if TYPE_CHECKING:
    from mtls_authorizer_cli.certificates.content import Content

_ADVICE = {
    Kind.EMPTY: "Name the client's certificate",
    Kind.TRUSTED_CERTIFICATE: "Convert it: openssl x509 -in {file} -out client.pem",
    Kind.CERTIFICATE_REQUEST: "Name the certificate that the CA has issued for it",
    Kind.CRL: "To check and index it: mtls-authorizer crl index {file} --truststore BUNDLE",
    Kind.PKCS7: "Extract its certificates: openssl pkcs7{form} -in {file} -print_certs -out client.pem",
    Kind.PKCS12: "Extract the client's certificate: openssl pkcs12 -in {file} -clcerts -nokeys -out client.pem",
    Kind.PRIVATE_KEY: "It is not needed: keep it secret, and name the certificate that belongs to it",
    Kind.PUBLIC_KEY: "Name the certificate that contains it",
    Kind.INCOMPLETE_PEM: "Copy the whole file, up to the line that begins with -----END",
    Kind.INVALID_JSON: "Save the event again, as the authorizer received it",
    Kind.JSON: "Name the event that the authorizer received, or the client's certificate",
    Kind.TEXT: "Name a certificate in PEM (-----BEGIN CERTIFICATE-----) or DER",
}
_ADVICE[Kind.ENCRYPTED_PRIVATE_KEY] = _ADVICE[Kind.PRIVATE_KEY]
_ADVICE[Kind.OTHER_PEM] = _ADVICE[Kind.BINARY] = _ADVICE[Kind.TEXT]

_PRIORITIES = sorted(Kind, key=lambda kind: "PRIVATE" not in kind.name)
"""Private keys come first, because their files can contain other PEM blocks."""

_DOCUMENTS = {
    "decision": "is an entry of the decision log. Name it with --log {file}",
    "rules": "is a rules document. Name it with --rules {file}",
    "deny": "is a rules document. Name it with --rules {file}",
}
"""The advice on other JSON objects, by a key that they contain. Log entries can contain ``rules``, too."""


def describe_unusable(file: str, content: Content, *, problem: str = "") -> str:
    """Return what a file is, and the next step. ``problem`` is the reason why its JSON is not an event."""
    name = shell_file(file)
    if isinstance(content.value, dict):
        for key, advice in _DOCUMENTS.items():
            if key in content.value:
                return f"{shown_file(file)} {advice.format(file=name)}"
    kind = min(content.kinds, key=_PRIORITIES.index)
    form = ""
    if kind in {Kind.PKCS7, Kind.PRIVATE_KEY, Kind.ENCRYPTED_PRIVATE_KEY, Kind.PUBLIC_KEY, Kind.CERTIFICATE_REQUEST}:
        form = f" ({'DER' if content.is_der else 'PEM'})"
    reason = problem or content.problem
    advice = _ADVICE[kind].format(file=name, form=" -inform DER" if content.is_der else "")
    return f"{shown_file(file)} is {kind}{form}{f' ({reason})' if reason else ''}. {advice}"
