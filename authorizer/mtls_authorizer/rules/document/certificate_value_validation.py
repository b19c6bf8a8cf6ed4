"""Values from the certificate in a configuration: ``{"from": "subject.O"}``. Imported only for those that have any."""

from __future__ import annotations

import json
import re

from mtls_authorizer.rules.certificate_values import LONGEST_VALUE, CertificateValue
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.document.problems import Problems, key_place, shown
from mtls_authorizer.rules.fields import FIELDS, parse_label

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

KEYS = ("from", "after", "default")
FIELDS_WITH_VALUES = ("subject", "issuer", "subject_alt_name")
DEFAULT = re.compile(rf"[ -~]{{0,{LONGEST_VALUE}}}")

_FROM_PROBLEM = (
    'must be "subject." or "issuer." and a short name such as O or a dotted OID, or "subject_alt_name." and dns, uri, '
    "email or ip"
)


def read_certificate_value(
    value: dict[str, object], place: str, problems: Problems, keys: Sequence[str] = KEYS
) -> CertificateValue | None:
    """Read an object with the key ``from``. None if it has a problem."""
    problems.check_keys(value, keys, place)
    source = _read_source(value.get("from"), key_place(place, "from"), problems)
    after = _read_prefix(value["after"], source, key_place(place, "after"), problems) if "after" in value else ""
    default = value.get("default")
    if "default" in value and not (isinstance(default, str) and DEFAULT.fullmatch(default)):
        problems.add(
            key_place(place, "default"),
            f"must be a string of up to {LONGEST_VALUE} characters of printable ASCII, not {shown(default)}",
        )
    if source is None or after is None:
        return None
    return CertificateValue(*source, after, default if isinstance(default, str) else None)


def parse_certificate_value(text: str) -> CertificateValue:
    """Return the value that a variable describes as a JSON object, without a default. Raises ValueError."""
    problems = Problems()
    try:
        value = json.loads(text, object_pairs_hook=_make_object)
    except (ValueError, RecursionError) as error:
        message = f"starts with {{ but is not a JSON object ({error})"
        raise ValueError(message) from error
    read = read_certificate_value(value, "", problems, ("from", "after"))
    if read is None or problems.found:
        message = f"is not valid: {'; '.join(problems.found)}"
        raise ValueError(message)
    return read


def _make_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        message = "a key occurs twice"
        raise ValueError(message)
    return members


def _read_source(source: object, place: str, problems: Problems) -> tuple[str, str] | None:
    """Return the field and the label that ``from`` names."""
    field, _, key = source.partition(".") if isinstance(source, str) else ("", "", "")
    if field in FIELDS_WITH_VALUES and key:
        try:
            return field, parse_label(FIELDS[field].kind, key)
        except ValueError as error:
            problems.add(place, f"is {shown(source)}, which is unknown: {error}")
            return None
    problems.add(place, f"{_FROM_PROBLEM}, not {shown(source)}")
    return None


def _read_prefix(after: object, source: object, place: str, problems: Problems) -> str | None:
    """Return the beginning of URIs that ``after`` names. It must be one that a rule could match."""
    restriction = FIELDS["subject_alt_name"].patterns["URI", Comparison.PREFIX]
    if source != ("subject_alt_name", "URI"):
        problems.add(place, 'is only supported with "from": "subject_alt_name.uri": remove it')
    elif problems.is_text(after, place):
        if restriction.expression and re.fullmatch(restriction.expression, after):
            return after
        problems.add(place, f"is {shown(after)}, and {restriction.problem}")
    return None
