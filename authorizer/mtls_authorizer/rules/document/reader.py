"""The rules document: JSON (RFC 8259) in UTF-8. It is accepted as a whole, or rejected with all its problems.

``authorizer/rules.schema.json`` describes the same documents as a JSON Schema. It is generated: see ``make schema``.
"""

from __future__ import annotations

import codecs
import json
from collections import Counter

from mtls_authorizer.rules.document.problems import JsonNumber, RulesError, key_place, shown
from mtls_authorizer.rules.document.validation import validate_rules

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from mtls_authorizer.rules.rule import Rule

__all__ = ["LARGEST_DOCUMENT", "RulesError", "parse_rules", "read_rules"]

LARGEST_DOCUMENT = 5 * 1024 * 1024
"""In bytes. 1,000 rules with 100 names each take about 3 MB."""

_NUMBER = JsonNumber()  # the same for all: millions of them would take 150 MB
_GZIP = b"\x1f\x8b"  # RFC 1952 §2.3.1


def parse_rules(content: bytes) -> tuple[Rule, ...]:
    """Return the rules of a document. Raises RulesError."""
    return read_rules(content)[0]


def read_rules(content: bytes) -> tuple[tuple[Rule, ...], dict[str, Any]]:
    """Return the rules of a document, and its JSON. Raises RulesError."""
    document = _load(content)
    rules = validate_rules(document)
    assert isinstance(document, dict)  # noqa: S101 -- otherwise it has no rules
    return rules, document


def _load(content: bytes) -> object:
    """Return the JSON value of a document. Raises RulesError, also for repeated keys."""
    if len(content) > LARGEST_DOCUMENT:
        raise RulesError([f"the document has more than {LARGEST_DOCUMENT} bytes: shorten it"])
    with_repeated_keys: list[tuple[object, str]] = []

    def make_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
        members = dict(pairs)
        if len(members) < len(pairs):
            ((key, _),) = Counter(name for name, _ in pairs).most_common(1)
            with_repeated_keys.append((members, key))
        return members

    try:
        document = json.loads(
            content.decode(),
            object_pairs_hook=make_object,
            parse_int=_make_number,
            parse_float=_make_number,
            parse_constant=_make_number,
        )
        if not with_repeated_keys:
            return document
        # The last one: others may be values of the keys that it repeats.
        members, key = with_repeated_keys[-1]
        place = next(_places_of(members, document, ""))
        problem = f"{place or 'the document'} contains the key {shown(key)} twice: remove one of them"
    except RecursionError:
        problem = "the document is nested too deeply"
    except ValueError as error:
        problem = f"the document {_problem(content, error)}"
    raise RulesError([problem])


def _problem(content: bytes, error: ValueError) -> str:
    """Return why content is not JSON in UTF-8."""
    if not content.strip():
        return "is empty"
    if content.startswith(_GZIP):
        return "is compressed with gzip: store it uncompressed, because Content-Encoding is ignored"
    if b"\0" in content:
        return "contains NUL bytes, as in UTF-16: save it in UTF-8"
    if isinstance(error, UnicodeDecodeError):
        return f"is not UTF-8 (byte {error.start}): save it in UTF-8"
    if content.startswith(codecs.BOM_UTF8):
        return "starts with a byte order mark: remove it"
    return f"is not JSON: {error}"


def _make_number(_text: str) -> JsonNumber:
    return _NUMBER


def _places_of(wanted: object, value: object, place: str) -> Iterator[str]:
    """Return the locations of an object within a value, which is at ``place``. That of the document itself is empty."""
    if value is wanted:
        yield place
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _places_of(wanted, item, key_place(place, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _places_of(wanted, item, f"{place}[{number}]")
