"""The client to block: by the key of its certificate or, without the certificate, by issuer and serial number."""

from __future__ import annotations

import json
import re
import shlex
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from client_certificate_auth.x509.public_key import equal_encodings
from mtls_authorizer.policy.allowlist_warnings import reversed_name
from mtls_authorizer.rules.conditions import Comparison, Condition
from mtls_authorizer.rules.field_values import public_key_facts
from mtls_authorizer.rules.fields import ISSUER, parse_exact
from mtls_authorizer.rules.names.issuer_spellings import canonical_condition
from mtls_authorizer.rules.names.name_correction import attribute_types
from mtls_authorizer.rules.names.spellings import name_in_common_spelling
from mtls_authorizer_cli.certificates.files import read_certificate_file
from mtls_authorizer_cli.command_line import CommandError, command_errors, printable
from mtls_authorizer_cli.printed import quoted, utc_timestamp

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer_cli.command_line import Parser

_LONGEST_NAME = 60
_DECIMAL = re.compile("[1-9][0-9]{1,48}")
"""What may be a serial number in decimal, of up to 20 octets (RFC 5280 §4.1.2.2). OpenSSL prints those of up to 64 bits
so, with hexadecimal in parentheses; programs in Java or Python may print all of them so."""
_LEAST_SPECIFIC = ("C", "DC")
_ONE_CERTIFICATE = (
    "this affects only the certificate with this serial number, not the client's other certificates, nor renewed ones "
    "with the same key. If you have the certificate, name it instead: then all certificates with its key are affected"
)


class BlockTarget(NamedTuple):
    """A client, and the entry of ``deny`` that blocks it.

    ``conditions`` are the conditions of the entry, by field: one for each encoding of a key. Every certificate that the
    entry blocks satisfies the ``common_conditions``. ``name`` is printable ASCII. ``file`` and ``certificate``
    are None if the client was named by issuer and serial number.
    """

    name: str
    entry: Mapping[str, str]
    conditions: Mapping[str, frozenset[Condition]]
    common_conditions: Mapping[str, frozenset[Condition]]
    notes: tuple[str, ...]
    file: str | None = None
    certificate: PeerCertificate | None = None


def add_options(parser: Parser) -> None:
    """Add the certificate, and the options that take its place."""
    parser.add_argument("certificate", metavar="CERT", nargs="?", help="the client's certificate (PEM or DER)")
    parser.add_argument(
        "--issuer", metavar="DN", help="without the certificate: the issuer's whole name, as issuer_dn in the log"
    )
    parser.add_argument(
        "--serial", metavar="HEX", help="without the certificate: its serial number, as serial_number in the log"
    )


def read_client(options: argparse.Namespace, command: str) -> BlockTarget:
    """Return the client that the options name. ``command`` is the subcommand. Raises CommandError."""
    if options.certificate is not None and (options.issuer is not None or options.serial is not None):
        message = "both a certificate and --issuer or --serial are given: name the certificate only"
        raise CommandError(message)
    if options.certificate is not None:
        return _by_certificate(options.certificate)
    if options.issuer is None or options.serial is None:
        message = "no client: name the file with its certificate or, if you do not have it, --issuer DN --serial HEX"
        raise CommandError(message)
    return _by_serial_number(options.issuer, options.serial, command)


def _by_certificate(file: str) -> BlockTarget:
    read = read_certificate_file(file)
    certificate = read.certificate
    if certificate is None:
        if read.pem is None:
            raise CommandError(read.problem)
        message = (
            f"{read.problem}. If the client presents it like this, the authorizer denies it in any case; if only this "
            "file is damaged, name another copy, or --issuer DN --serial HEX"
        )
        raise CommandError(message)
    conditions = frozenset(
        Condition("public_key", "", Comparison.EXACT, fact.value) for fact in public_key_facts(certificate)
    )
    encoded = certificate.fields.public_key
    # The facts of every certificate with this key include its usual encoding, and the encodings that equal that one.
    usual = [*equal_encodings(encoded), encoded][0]
    common = [parse_exact("public_key", sha256(each).hexdigest()) for each in (usual, *equal_encodings(usual))]
    return BlockTarget(
        quoted(certificate.subject.rfc4514_string(), _LONGEST_NAME),
        {"public_key": sha256(usual).hexdigest().upper()},
        {"public_key": conditions},
        {"public_key": frozenset(common)},
        (*_notes(read.notes), *_certificate_notes(certificate)),
        file,
        certificate,
    )


def _notes(notes: Iterable[str]) -> Iterator[str]:
    """Yield the notes on the file, except for one that ``_certificate_notes`` replaces."""
    for note in notes:
        if not note.endswith("a CA's certificate, not a client's"):
            yield printable(note)


def _certificate_notes(certificate: PeerCertificate) -> Iterator[str]:
    if certificate.ca:
        yield (
            "this is a CA's certificate: this affects only clients that present it themselves, not clients with "
            "certificates that the CA has signed. To block these: docs/block-a-client-now.md#block-a-whole-ca"
        )
    if certificate.not_after < datetime.now(UTC):
        yield (
            f"the certificate expired at {utc_timestamp(certificate.not_after)}; renewed ones with the same key "
            "are affected as well"
        )


def _by_serial_number(issuer: str, serial_number: str, command: str) -> BlockTarget:
    entry = {"serial_number": serial_number, ISSUER: issuer}
    with command_errors("--issuer or --serial: ", ValueError):
        conditions = {field: frozenset([parse_exact(field, text)]) for field, text in entry.items()}
        conditions[ISSUER] = frozenset(map(_in_exclusions, conditions[ISSUER]))
    notes = [_ONE_CERTIFICATE]
    if _DECIMAL.fullmatch(serial_number):
        notes.append(
            f"the serial number is read as hexadecimal. If it is decimal, as 'openssl x509 -text' prints short "
            f"ones, and programs in Java or Python any, write --serial {int(serial_number):X}"
        )
    correct = reversed_name(issuer)
    if correct is not None:
        write = f"write --issuer {shlex.quote(correct)}, or name the certificate"
        if command == "block" and next(attribute_types(issuer)).upper() in _LEAST_SPECIFIC:
            message = (
                f"--issuer {quoted(issuer)} looks reversed, as API Gateway and OpenSSL print names, and probably "
                f"blocks no client: {write}. Some CAs have names in this order. If issuer_dn in the log is the same, "
                f"add {json.dumps(entry)} to deny in the rules document"
            )
            raise CommandError(message)
        # Without a country or domain component, the order cannot be told from the name.
        otherwise = "no client is blocked" if command == "block" else "no entry for the client is found"
        notes.append(
            "the issuer may be reversed, as API Gateway and OpenSSL print names. If it differs from issuer_dn in the "
            f"log, {otherwise}: {write}"
        )
    name = f"serial number {quoted(serial_number, 41)} of {quoted(issuer, 41)}"
    return BlockTarget(name, entry, conditions, conditions, tuple(notes))


def _in_exclusions(condition: Condition) -> Condition:
    """Return the condition on a whole issuer as exclusions compare it."""
    name: Any = condition.value
    return canonical_condition(condition._replace(value=name_in_common_spelling(name)))
