"""Warnings about allowlists that are valid, but probably mean something else than intended.

``rule_warnings`` uses the same kinds and functions for the values of rules documents.
"""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import islice, pairwise

from mtls_authorizer.log import get_logger
from mtls_authorizer.policy.allowlists import ALLOWLISTS
from mtls_authorizer.rules.fields import FIELDS, SERIAL_NUMBER, FieldKind
from mtls_authorizer.variables import parse_items

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_LEGAL_FORMS = frozenset(
    (  # noqa: SIM905 -- a list of them would have sixty lines
        "inc incorporated corp corporation co company llc llp lllp lp plc pllc pc na ltd limited coltd "
        "pty ptyltd pte pteltd pvt pvtltd sdnbhd bhd gmbh mbh gmbhcokg ag kg cokg kgaa ug ohg ev eg se sa sas sarl "
        "srl spa sl slu sadecv saderl ltda bv nv cv vof ab as asa a/s aps oy oyj kk spzoo zoo sro doo dd kft zrt nyrt "
        "jsc ojsc pjsc ooo"
    ).split()
)
"""Legal forms that follow a comma in the names of organizations, in lower case, without dots, spaces and ampersands."""

_FIRST_TYPES_IF_REVERSED = frozenset({"C", "DC", "ST", "L", "O", "OU"})
_QUOTATION_MARKS = "\"'`\u2018\u2019\u201a\u201c\u201d\u201e"

SPLIT_NAME, REVERSED_NAME, QUOTED_ITEM = "split_name", "reversed_name", "quoted_item"
INVISIBLE_CHARACTER, MALFORMED_NAME, NOT_ASCII = "invisible_character", "malformed_name", "not_ascii"
DECIMAL_NUMBER, NOT_NFC = "decimal_number", "not_nfc"
"""The kinds of warnings about lists, as in ``RuleWarningKind``."""

_DECIMAL_LENGTHS = range(20, 50)
"""The lengths at which fewer than one of 10,000 hexadecimal numbers has no letter, up to that of the greatest serial
number in decimal (20 octets: RFC 5280 §4.1.2.2)."""

_ESCAPED = frozenset({INVISIBLE_CHARACTER, NOT_NFC})
"""The kinds about characters that cannot be told from the right ones unless they are escaped."""

MESSAGES = {
    SPLIT_NAME: "list item looks like part of a name",
    REVERSED_NAME: "issuer looks reversed",
    QUOTED_ITEM: "list item has quotation marks",
    INVISIBLE_CHARACTER: "value contains an invisible character",
    MALFORMED_NAME: "alternative name is malformed",
    NOT_ASCII: "domain name is not in ASCII",
    NOT_NFC: "value is not in Unicode NFC",
    DECIMAL_NUMBER: "serial number looks decimal",
}
"""The messages of the log records, by kind."""

EXPLANATIONS = {
    INVISIBLE_CHARACTER: "contains an invisible character: {text}",
    MALFORMED_NAME: "is {text}, and DNS names have no scheme and no port, email addresses have an @, URIs have a "
    "scheme, and no name starts with a space: write {fix}",
    NOT_ASCII: "is {text}, and certificates contain domains in ASCII: write {fix}",
    NOT_NFC: "is {text}, and certificates usually contain composed characters (Unicode NFC): write {fix}",
    DECIMAL_NUMBER: "is {text}, which looks decimal, and is read as hexadecimal: write {fix}",
}
"""What is wrong with a misspelt value, by kind."""

UNKNOWN_CORRECTIONS = {MALFORMED_NAME: "it as certificates contain it", NOT_ASCII: "it with A-labels (xn--…)"}
"""What to write if it cannot be told from the value."""

MOST_LOGGED = 20
"""The maximum number of warnings that are logged about the lists, or about a document."""

NOT_ALL = "further warnings about rules"


def log_allowlist_warnings(environment: Mapping[str, str]) -> None:
    """Log the first warnings about the allowlists in an environment that ``load_settings`` accepts."""
    # Each contains the whole list. Logged in every cold start, hundreds of them would be a megabyte.
    warnings = list(islice(allowlist_warnings(environment), MOST_LOGGED + 1))
    for kind, fields in warnings[:MOST_LOGGED]:
        get_logger().warning(MESSAGES[kind], extra=fields)
    if len(warnings) > MOST_LOGGED:
        explanation = "mtls-authorizer rules check --environment prints all warnings"
        get_logger().warning(NOT_ALL, extra={"explanation": explanation})


def allowlist_warnings(environment: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Return the kinds and the fields of the warnings: ``variable``, the doubtful ``value``, and ``correction``.

    A correction is the value of the variable that was probably intended, and is left out if it is unknown.
    """
    for variable, field in ALLOWLISTS.items():
        text = environment.get(variable, "").strip()
        if text:
            for kind, value, correction in _list_warnings(text, field):
                known = {} if correction is None else {"correction": correction}
                yield kind, {"variable": variable, "value": value, **known}


def _list_warnings(text: str, field: str) -> Iterator[tuple[str, str, str | None]]:
    """Return the kind, the doubtful value and the correction of each warning about a list."""
    kind = FIELDS[field].kind
    items = parse_items(text, separated_by_commas=kind is not FieldKind.DISTINGUISHED_NAME)
    yield from _misspelt_items(text, items, field)
    if kind is FieldKind.DISTINGUISHED_NAME:
        for item in items:
            correct = reversed_name(item)
            if correct is not None:
                yield REVERSED_NAME, item, correct
    # In a JSON array, each item is intended.
    elif kind is FieldKind.TEXT and not text.startswith("["):
        yield from _text_warnings(text, items)


def _misspelt_items(text: str, items: list[str], field: str) -> Iterator[tuple[str, str, str | None]]:
    found = [(item, *(misspelling(field, item) or ("", None))) for item in items]
    for value, kind, correct in found:
        if kind and correct is None:
            yield kind, value, None
        elif kind:
            corrected = [
                item if correction is None or other != kind else correction for item, other, correction in found
            ]
            is_hidden_array = corrected[0].startswith("[") and not text.startswith("[")
            correction = ",".join(corrected) if is_hidden_array else json.dumps(corrected, ensure_ascii=False)
            yield kind, ascii(value)[1:-1] if kind in _ESCAPED else value, correction


def misspelling(field: str, text: str) -> tuple[str, str | None] | None:
    """Return the kind of the warning about the spelling of one value, and the value that was probably intended.

    The latter is None if it is unknown; the result is None if there is no such warning. Text is a value of the field
    or a part of one, with the type in front if it is an alternative name. Raises nothing for valid values.
    """
    if field == SERIAL_NUMBER and len(text) in _DECIMAL_LENGTHS and text.isdecimal() and text[0] != "0":
        return DECIMAL_NUMBER, f"{int(text):X}"
    is_name = FIELDS[field].kind is FieldKind.SUBJECT_ALT_NAME
    if text.isascii() and not is_name:
        return None
    from mtls_authorizer.policy import value_correction  # noqa: PLC0415 -- rarely needed

    visible = text if text.isascii() else value_correction.without_invisible(text)
    if visible != text:
        return INVISIBLE_CHARACTER, visible
    if is_name:
        well_formed = value_correction.well_formed_name(text)
        if well_formed != text:
            return MALFORMED_NAME, well_formed
        if value_correction.has_unicode_domain(text):
            return NOT_ASCII, value_correction.ascii_name(text)
    composed = value_correction.composed(text)
    return None if composed == text else (NOT_NFC, composed)


def _text_warnings(text: str, items: list[str]) -> Iterator[tuple[str, str, str]]:
    correction = json.dumps(joined_names(items), ensure_ascii=False)
    for first, second in split_names(items):
        yield SPLIT_NAME, f"{first}, {second}", correction
    if any(map(_is_quoted, (text, *items))):
        inner = without_quotation_marks(text)
        unquoted = json.dumps(list(map(without_quotation_marks, items)), ensure_ascii=False)
        yield QUOTED_ITEM, text, inner if inner.startswith("[") else unquoted


def without_quotation_marks(text: str) -> str:
    """Return text without the quotation marks at its ends."""
    return text.strip(_QUOTATION_MARKS)


def _is_quoted(text: str) -> bool:
    # Not at one end only: there are names such as 's Heeren Loo.
    return len(text) > 1 and text[0] in _QUOTATION_MARKS and text[-1] in _QUOTATION_MARKS


def split_names(items: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Return the pairs of items in a list that look like one name, such as ``Example`` and ``Inc.``."""
    return ((first, second) for first, second in pairwise(items) if _is_legal_form(second))


def joined_names(items: Iterable[str]) -> list[str]:
    """Return the items of a list, with those that look like one name joined."""
    names: list[str] = []
    for item in items:
        if names and _is_legal_form(item):
            names[-1] += f", {item}"
        else:
            names.append(item)
    return names


def may_contain_legal_forms(lines: str) -> bool:
    """Return whether an item may be a legal form, given all items, one on each line. Fast for many items."""
    return not _LEGAL_FORMS.isdisjoint(_normalized(lines).split("\n"))


def _is_legal_form(item: str) -> bool:
    # Identifiers in lower case, such as ab, are no legal forms.
    return item != item.lower() and _normalized(item) in _LEGAL_FORMS


def _normalized(text: str) -> str:
    return text.replace(".", "").replace(" ", "").replace("&", "").lower()


def may_be_reversed(name: str) -> bool:
    """Return whether a name starts like one in reverse order."""
    return name.partition("=")[0].upper() in _FIRST_TYPES_IF_REVERSED


# The limit on the names of a document is one on different names: each of them may be repeated in thousands of rules.
@lru_cache(16_384)
def reversed_name(name: str) -> str | None:
    """Return a name with its attributes in reverse order if it looks reversed, otherwise None."""
    if not may_be_reversed(name):
        return None
    from mtls_authorizer.rules.names import name_correction  # noqa: PLC0415 -- rarely needed

    return name_correction.reversed_name(name)
