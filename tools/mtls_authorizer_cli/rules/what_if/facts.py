"""The known facts about the certificate of a decision: from the log entry, or from the certificate itself."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple, cast

from mtls_authorizer.rules.extended_key_usage import read_usages
from mtls_authorizer.rules.fields import FIELDS, ISSUER_KEY, ORGANIZATION_IDENTIFIER
from mtls_authorizer.rules.names.distinguished_names import read_name
from mtls_authorizer.telemetry.decision_log import LONGEST_LOGGED, MOST_VALUES
from mtls_authorizer_cli.explanation.wording import attribute_values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer.rules.conditions import FactReaders
    from mtls_authorizer.rules.rule_set import RuleSet
    from mtls_authorizer_cli.decision_log.records import LogRecord

_FIELDS = {
    "subject": ("common_name", "organizational_unit", "organization", "subject", ORGANIZATION_IDENTIFIER),
    "issuer": ("issuer",),
    "serial_number": ("serial_number",),
    "fingerprint256": ("fingerprint",),
}
"""The fields of rules that can be read from each part of a certificate that is logged."""

LOGGED_FIELDS = frozenset(chain.from_iterable(_FIELDS.values()))
"""The fields of rules whose facts are in the log."""


class KnownCertificate(NamedTuple):
    """A certificate with the fields of rules that are known.

    ``certificate`` must be asked for nothing else. ``usages`` are the extended key usages as dotted OIDs, None without
    the extension; ``usages_known`` says whether they are known.
    """

    certificate: PeerCertificate
    fields: frozenset[str]
    usages: Collection[str] | None
    usages_known: bool

    def known_readers(self, rules: RuleSet) -> FactReaders:
        """Return the functions by which rules read facts, which find none in the fields that are not known."""
        return {name: read if name in self.fields else _no_facts for name, read in rules.readers.items()}


def _no_facts(_certificate: object) -> tuple[()]:
    return ()


class _LoggedName:
    """A distinguished name that was logged in the form of RFC 4514. Raises ValueError if it cannot be read."""

    def __init__(self, text: str) -> None:
        self.rdns = read_name(text)
        self._values = attribute_values(self.rdns)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def get_all(self, key: str) -> list[str]:
        """Return every value of an attribute."""
        return self._values.get(key, [])


class _LoggedCertificate(NamedTuple):
    """The parts of a certificate that are logged."""

    subject: _LoggedName | None
    issuer: _LoggedName | None
    serial_number: str | None
    fingerprint256: str | None


def facts_of_certificate(certificate: PeerCertificate, *, issuer_key_known: bool) -> KnownCertificate:
    """Return a certificate with all fields known; the key of its issuer only with a truststore."""
    fields = frozenset(FIELDS) if issuer_key_known else frozenset(FIELDS) - {ISSUER_KEY}
    return KnownCertificate(certificate, fields, certificate.ext_key_usage, usages_known=True)


def facts_of_record(record: LogRecord) -> KnownCertificate:
    """Return what a log entry contains about the certificate."""
    logged = _LoggedCertificate(
        _name(record, "subject_dn"),
        _name(record, "issuer_dn"),
        _identifier(record, "serial_number"),
        _identifier(record, "fingerprint"),
    )
    fields = chain.from_iterable(_FIELDS[part] for part, value in logged._asdict().items() if value is not None)
    return KnownCertificate(cast("PeerCertificate", logged), frozenset(fields), *_usages(record))


def _name(record: LogRecord, field: str) -> _LoggedName | None:
    text = _text(record, field)
    try:
        return None if text is None else _LoggedName(text)
    except ValueError:
        return None


def _identifier(record: LogRecord, field: str) -> str | None:
    text = _text(record, field)
    try:
        FIELDS[field].parse(text or "")
    except ValueError:
        return None
    return text


def _text(record: LogRecord, field: str) -> str | None:
    """Return a text that was logged completely, which may be empty; None otherwise."""
    value = record.fields.get(field)
    if not isinstance(value, str) or (len(value) >= LONGEST_LOGGED and value.endswith("...")):
        return None
    return value


def _usages(record: LogRecord) -> tuple[Collection[str] | None, bool]:
    """Return the extended key usages, and whether they are known."""
    if "extended_key_usage" not in record.fields:
        return None, False
    value = record.fields["extended_key_usage"]
    if value is None:
        return None, True
    try:
        usages = read_usages(value)
    except (TypeError, ValueError):
        # Shortened, or not what the authorizer logs.
        return None, False
    return usages, len(value) <= MOST_VALUES
