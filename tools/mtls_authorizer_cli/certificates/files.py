"""The client certificates in files and folders, for commands about many clients, and advice on other files.

Nothing of a private key is decoded: files are recognized by their content, and only certificates are parsed.
"""

from __future__ import annotations

import json
import os
import shlex
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from client_certificate_auth import MalformedCertificateError, PeerCertificate
from mtls_authorizer_cli.certificates.bundle import choose_client
from mtls_authorizer_cli.certificates.content import BASE64_ALONE, Content, Kind, mislabelled_kind, recognize
from mtls_authorizer_cli.command_line import (
    CommandError,
    cannot_be_read,
    read_beginning,
    shell_file,
    shown_file,
)
from mtls_authorizer_cli.printed import listing, plain

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST_FILE = 6 * 1024 * 1024
"""The size limit, in bytes."""


class CertificateFile(NamedTuple):
    """A file, and the client's certificate in it: parsed, or the reason why there is none. Or an unreadable folder.

    ``pem`` is the certificate as API Gateway would pass it on. It is also present if it cannot be parsed; it is None
    if the file contains no certificate. ``problem`` begins with the name of the file, and is None if there is a
    ``certificate``. ``notes`` say how the certificate was chosen.
    """

    name: str
    pem: str | None
    certificate: PeerCertificate | None
    problem: str | None
    notes: tuple[str, ...] = ()
    was_read: bool = True
    """Whether the file could be read, whatever it contains."""

    @property
    def reason(self) -> str:
        """The problem without the name of the file."""
        return (self.problem or "").removeprefix(f"{shown_file(self.name)} ")


def read_certificates(paths: Iterable[str]) -> list[CertificateFile]:
    """Read the client certificates of files (``-`` is the standard input) and of all files in folders, recursively.

    The files of a folder are sorted by name; hidden ones and those in hidden folders are left out, as are pipes and
    devices, and links to folders are not followed. Raises CommandError for a path that cannot be read, and for a folder
    that has no files; a file or a folder in a folder that cannot be read, and a file without a certificate, has a
    ``problem``.
    """
    return [file for path in paths for file in _read(path)]


def read_certificate_file(file: str) -> CertificateFile:
    """Read the client certificate of a file. Raises nothing."""
    content = read_content(file)
    return content if isinstance(content, CertificateFile) else find_certificate(file, content)


def read_content(file: str) -> Content | CertificateFile:
    """Return the content of a file or, if it cannot be read or is too large, the reason. Raises nothing."""
    try:
        content = read_beginning(file, LARGEST_FILE + 1)
    except CommandError as error:
        return CertificateFile(file, None, None, str(error), was_read=False)
    if len(content) > LARGEST_FILE:
        problem = f"{shown_file(file)} has more than {LARGEST_FILE:,} bytes, more than any certificate or event"
        return CertificateFile(file, None, None, problem)
    return recognize(content)


def check_read(files: Iterable[CertificateFile]) -> None:
    """Raise CommandError for files that could not be read: the result of a command is incomplete without them."""
    problems = [file.problem or "" for file in files if not file.was_read]
    if problems:
        message = f"the result is incomplete: {listing(problems)}"
        raise CommandError(message)


def find_certificate(file: str, content: Content) -> CertificateFile:
    """Return the client certificate in the content of a file. Raises nothing."""
    if not content.certificates:
        return CertificateFile(file, None, None, describe_unusable(file, content))
    try:
        pem, notes = choose_client(file, content)
    except CommandError as error:
        return CertificateFile(file, None, None, str(error))
    try:
        return CertificateFile(file, pem, PeerCertificate.from_pem(pem), None, notes)
    except MalformedCertificateError as error:
        kind = mislabelled_kind(pem)
        if kind is not None:
            problem = describe_unusable(file, Content((kind,)), problem="with the label of a certificate")
            return CertificateFile(file, None, None, problem)
        problem = f"{shown_file(file)} cannot be decoded: {plain(str(error))}"
        return CertificateFile(file, pem, None, problem, notes)


def _read(path: str) -> list[CertificateFile]:
    """Read a file, or the files of a folder, as ``read_certificates`` does. Raises CommandError."""
    if not os.path.isdir(path):  # noqa: PTH112 -- False for names that are not valid, which are reported as files
        read = read_certificate_file(path)
        if not read.was_read:
            raise CommandError(read.problem)
        return [read]
    found: list[CertificateFile] = []

    def add_folder(error: OSError) -> None:
        problem = cannot_be_read(error.filename, error)
        if error.filename == path:
            raise problem from error
        found.append(CertificateFile(error.filename, None, None, str(problem), was_read=False))

    for folder, folders, files in os.walk(path, onerror=add_folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in files if not name.startswith(".")):
            file = os.path.join(folder, name)  # noqa: PTH118 -- keeps a leading ./ as the user has written it
            # Reading a pipe would wait for a writer. Links that lead nowhere are reported.
            if os.path.isfile(file) or not os.path.exists(file):  # noqa: PTH110, PTH113 -- as above
                found.append(read_certificate_file(file))
    if not found:
        message = f"{shown_file(path)} contains no files: name a folder with client certificates (PEM or DER)"
        raise CommandError(message)
    return found


_ADVICE = {
    Kind.EMPTY: "Name the client's certificate",
    Kind.TRUSTED_CERTIFICATE: "Convert it: openssl x509 -in {file} -out client.pem",
    Kind.CERTIFICATE_REQUEST: "Name the certificate that the CA has issued for it",
    Kind.CRL: "To check and index it: mtls-authorizer crl index {file} --truststore BUNDLE",
    Kind.PKCS7: "Extract its certificates: openssl pkcs7{form} -in {file} -print_certs -out client.pem",
    Kind.PKCS12: "Extract the client's certificate: openssl pkcs12 -in {file} -clcerts -nokeys -out client.pem",
    Kind.JAVA_KEYSTORE: "Export it: keytool -exportcert -rfc -keystore {file} -alias ALIAS -file client.pem",
    Kind.PRIVATE_KEY: "It is not needed: keep it secret, and name the certificate that belongs to it",
    Kind.PUBLIC_KEY: "Name the certificate that contains it",
    Kind.INCOMPLETE_PEM: "Copy the whole file, up to the line that begins with -----END",
    Kind.JSON: "Name the client's certificate, such as the text of clientCertPem",
    Kind.TEXT: "Name a certificate in PEM (-----BEGIN CERTIFICATE-----) or DER",
}
_ADVICE[Kind.ENCRYPTED_PRIVATE_KEY] = _ADVICE[Kind.PRIVATE_KEY]
_ADVICE[Kind.OTHER_PEM] = _ADVICE[Kind.BINARY] = _ADVICE[Kind.TEXT]
_ADVICE[Kind.INVALID_JSON] = _ADVICE[Kind.JSON]

_TRUSTSTORE_ADVICE = {
    # "openssl x509" would convert only the first certificate.
    Kind.TRUSTED_CERTIFICATE: "Convert it: openssl crl2pkcs7 -nocrl -certfile FILE | openssl pkcs7 -print_certs "
    "-out truststore.pem",
    Kind.PKCS7: "Convert it: openssl pkcs7{form} -in FILE -print_certs -out truststore.pem",
    Kind.PKCS12: "Extract the CA certificates: openssl pkcs12 -in FILE -cacerts -nokeys -out truststore.pem",
    Kind.JAVA_KEYSTORE: "Export each CA: keytool -exportcert -rfc -keystore FILE -alias ALIAS >> truststore.pem",
    Kind.INCOMPLETE_PEM: _ADVICE[Kind.INCOMPLETE_PEM],
}
_ALL_IN_JSON = (
    """Extract all certificates: jq -r '.. | strings | select(contains("BEGIN CERTIFICATE-"))' FILE > truststore.pem"""
)
_CRL_ADVICE = {
    Kind.PKCS7: "If it contains one, extract it: openssl pkcs7{form} -in FILE -print_certs | openssl crl -out ca.crl",
}
_PERHAPS_A_CRL = {Kind.CRL, Kind.EMPTY, Kind.INCOMPLETE_PEM, Kind.INVALID_JSON, Kind.TEXT, Kind.BINARY}
"""What can contain a CRL, or be the beginning of something else."""

_PRIORITIES = sorted(Kind, key=lambda kind: "PRIVATE" not in kind.name)
"""Private keys come first, because their files can contain other PEM blocks."""

_RULES = "a rules document. To check it: mtls-authorizer rules check {file}"
_DOCUMENTS = {
    "decision": "an entry of the decision log. To explain it: mtls-authorizer explain --log {file}",
    "rules": _RULES,
    "deny": _RULES,
}
"""The advice on other JSON objects, by a key that they contain. Log entries can contain ``rules``, too."""


def describe_unusable(file: str, content: Content, *, problem: str = "", advice: str = "") -> str:
    """Return what a file is, and the next step, unless another one is given as ``advice``.

    ``problem`` says in which way it is not what was expected.
    """
    name = shell_file(file)
    if isinstance(content.value, dict):
        verb = "begins with" if Kind.INVALID_JSON in content.kinds else "is"
        for key, document in _DOCUMENTS.items():
            if key in content.value:
                return f"{shown_file(file)} {verb} {document.format(file=name)}"
    kind, details = _kind_and_details(content, problem)
    advice = advice or _ADVICE[kind].format(file=name, form=_form_option(content))
    pem = _path_of_pem(content.value) if kind is Kind.JSON else None
    if pem is not None:
        advice = f"Extract its certificate: jq -r {shlex.quote(pem)} {name} > client.pem"
    elif content.problem == BASE64_ALONE:
        # base64 rejects the carriage returns of Windows and the spaces of an indented text.
        advice = f"Decode it: tr -cd A-Za-z0-9+/= < {name} | base64 -d > client.cer"
    elif kind is Kind.TEXT and content.problem:
        advice = "Get the file itself, such as an attachment"
    return f"{shown_file(file)} is {kind}{details}. {advice}"


def describe_no_truststore(content: Content) -> str:
    """Return what content without certificates is, which should be a truststore, and the next step.

    A truststore can be at a URI, so that the file is not named.
    """
    kind, details = _kind_and_details(content)
    advice = _TRUSTSTORE_ADVICE.get(kind, "Name the truststore, a bundle of CA certificates in PEM")
    if kind is Kind.JSON and _path_of_pem(content.value) is not None:
        advice = _ALL_IN_JSON
    return f"it is {kind}{details}. {advice.format(form=_form_option(content))}"


def describe_rejected_truststore(content: bytes, error: ValueError) -> str:
    """Return why a truststore was rejected: what it is, if it contains no certificates; otherwise the error."""
    if len(content) > LARGEST_FILE:
        return str(error)
    recognized = recognize(content)
    return str(error) if recognized.certificates else describe_no_truststore(recognized)


def describe_no_crl(content: Content) -> str | None:
    """Return what content is, which should be a CRL, and the next step; None if it contains one or is not known."""
    if not _PERHAPS_A_CRL.isdisjoint(content.kinds):
        return None
    kind, details = _kind_and_details(content)
    advice = _CRL_ADVICE.get(kind, "Name the CRL, in PEM or DER")
    return f"it is {kind}{details}. {advice.format(form=_form_option(content))}"


def _kind_and_details(content: Content, problem: str = "") -> tuple[Kind, str]:
    """Return the kind of content that its file is named after, and details in parentheses."""
    kind = min(content.kinds, key=_PRIORITIES.index)
    form = ""
    if kind in {Kind.PKCS7, Kind.PRIVATE_KEY, Kind.ENCRYPTED_PRIVATE_KEY, Kind.PUBLIC_KEY, Kind.CERTIFICATE_REQUEST}:
        form = "DER" if content.is_der else "PEM"
    details = ", ".join(filter(None, (form, problem or content.problem)))
    return kind, f" ({details})" if details else ""


def _form_option(content: Content) -> str:
    return " -inform DER" if content.is_der else ""


def _path_of_pem(value: object) -> str | None:
    """Return the path, for jq, of a certificate in PEM in a JSON value, such as the output of a CA's command.

    The first one on the highest level that has any; of an object, rather the one with the key ``certificate``.
    """
    # The steps to a value are the steps to the one around it, and the last one. Texts would take much memory.
    remaining: deque[tuple[Any, object]] = deque([((), value)])
    while remaining:
        steps, value = remaining.popleft()
        if isinstance(value, str):
            if "-----BEGIN CERTIFICATE-----" in value:
                return f".{_joined(steps)}"
        elif isinstance(value, dict):
            keys = sorted(value, key=lambda key: key.lower() != "certificate")
            remaining += (((steps, key), value[key]) for key in keys)
        elif isinstance(value, list):
            remaining += (((steps, index), each) for index, each in enumerate(value))
    return None


def _joined(steps: Any) -> str:  # noqa: ANN401 -- a tuple that contains its like
    path = ""
    while steps:
        steps, last = steps
        path = f"[{json.dumps(last)}]{path}"
    return path
