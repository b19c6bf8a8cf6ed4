"""The similarity of a certificate's values and the values that a rule requires.

Differences that are easily overlooked are named: case, spaces, the encoding of letters, the order and the grouping of
the attributes of a distinguished name, one character.
Anything else only has a distance, to find the nearest rules. Digits must always be equal: ``client-17`` and
``client-18`` are two clients, not one with a misspelt name. Attributes that a distinguished name lacks may contain any.
"""

from __future__ import annotations

from contextlib import suppress
from difflib import SequenceMatcher
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple
from unicodedata import normalize

from mtls_authorizer.policy.allowlist_warnings import without_quotation_marks
from mtls_authorizer.policy.value_correction import without_invisible
from mtls_authorizer.rules.conditions import Comparison
from mtls_authorizer.rules.fields import SERIAL_NUMBER
from mtls_authorizer_cli.explanation.wording import alternatives, value_text

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from mtls_authorizer.rules.conditions import Condition, Fact, Matcher
    from mtls_authorizer_cli.explanation.wording import Alternative

_MIN_SIMILARITY = 0.6
_MAX_COMPARED = 256
"""Characters. Comparing takes the square of it."""
_MIN_MISSPELT = 4
_LOCATIONS = frozenset({"2.5.4.6", "2.5.4.7", "2.5.4.8"})
"""Country, locality and state, which many clients share."""

_LONGEST_SERIAL_NUMBER = 64
"""In hexadecimal digits. Converting long numbers takes long."""


class Difference(StrEnum):
    """The difference between a value and the required one, the smallest first."""

    CASE = "case"
    SPACE = "space"
    CASE_AND_SPACE = "case and space"
    CHARACTERS = "characters"
    """Quotation marks, characters that cannot be seen, or letters in another encoding: decomposed (``u`` and a
    diaeresis), or UTF-8 that was read as Latin-1, as spreadsheets do."""
    REVERSED = "reverse order"
    """The same attributes of a distinguished name in reverse order, as OpenSSL and API Gateway print them."""
    ORDER = "order"
    """The same attributes in another order."""
    GROUPING = "grouping"
    """The same attributes, of which others form one relative distinguished name: ``CN=a+OU=b`` and ``CN=a,OU=b``."""
    SPLIT = "split at a comma"
    """The required values are parts of the certificate's one, between its commas."""
    DECIMAL = "decimal"
    """The serial number in decimal, as OpenSSL prints short ones, while rules require hexadecimal."""
    ONE_CHARACTER = "one character"
    """One character was replaced, inserted or deleted, or two were swapped. It is no digit."""
    OTHER = "other"
    """The values are similar, but may well belong to two clients."""

    @property
    def in_words(self) -> str:
        """What is said of a required value with this difference: ``case differs``."""
        return _IN_WORDS.get(self, f"{self} differs")


_IN_WORDS = {
    Difference.CASE_AND_SPACE: "case and space differ",
    Difference.CHARACTERS: "characters differ",
    Difference.REVERSED: "in reverse order",
    Difference.DECIMAL: "in decimal",
}


_DISTANCES = {difference: position / 100 for position, difference in enumerate(Difference)}


class Deviation(NamedTuple):
    """A condition that is not satisfied, and the nearest fact. ``spelling`` would satisfy it.

    The distance is between 0 and 1.
    """

    condition: Condition
    fact: Fact
    difference: Difference
    distance: float
    spelling: str


class Nearest(NamedTuple):
    """The alternative that is nearest to what the certificate has, with all its deviations, the largest first."""

    alternative: Alternative
    deviations: tuple[Deviation, ...]

    @property
    def difference(self) -> Difference:
        """The largest difference."""
        return self.deviations[0].difference

    @property
    def distance(self) -> float:
        """The largest distance."""
        return self.deviations[0].distance


def find_nearest(matcher: Matcher, satisfied: frozenset[Condition], facts: Sequence[Fact]) -> Nearest | None:
    """Return the nearest alternative of a matcher that does not match, None if none is similar."""
    nearest = _find_split(matcher, facts)
    if nearest is not None:
        return nearest
    for alternative in alternatives(matcher):
        deviations = [_deviation(condition, facts) for condition in alternative if condition not in satisfied]
        similar = sorted((each for each in deviations if each is not None), key=lambda each: -each.distance)
        if len(similar) == len(deviations) and (nearest is None or similar[0].distance < nearest.distance):
            nearest = Nearest(alternative, tuple(similar))
    return nearest


def _deviation(condition: Condition, facts: Iterable[Fact]) -> Deviation | None:
    """Return how a condition deviates from the nearest fact, None if none is similar."""
    deviations = [_compare(condition, fact) for fact in facts if fact.label == condition.label]
    return min((each for each in deviations if each is not None), key=lambda each: each.distance, default=None)


def _compare(condition: Condition, fact: Fact) -> Deviation | None:
    required, found = value_text(condition.value), value_text(fact.value)
    if condition.field == SERIAL_NUMBER:
        is_decimal = len(found) <= _LONGEST_SERIAL_NUMBER and required == str(int(found, 16))
        return Deviation(condition, fact, Difference.DECIMAL, 0, found) if is_decimal else None
    if condition.comparison is Comparison.PREFIX:
        found = found[: len(required)]
    elif condition.comparison is Comparison.SUFFIX:
        found = found[-len(required) :]
    difference = _text_difference(required, found) or _name_difference(condition.value, fact.value)
    if difference is not None:
        return Deviation(condition, fact, difference, _DISTANCES[difference], found)
    similarity = max(_similarity(_normal(required), _normal(found)), _shared_attributes(condition.value, fact.value))
    return None if similarity < _MIN_SIMILARITY else Deviation(condition, fact, Difference.OTHER, 1 - similarity, found)


def _text_difference(required: str, found: str) -> Difference | None:
    if required.casefold() == found.casefold():
        return Difference.CASE
    if _without_space(required) == _without_space(found):
        return Difference.SPACE
    if _normal(required) == _normal(found):
        return Difference.CASE_AND_SPACE
    if not _readings(required).isdisjoint(_readings(found)):
        return Difference.CHARACTERS
    return Difference.ONE_CHARACTER if _is_misspelt(_normal(required), _normal(found)) else None


def _name_difference(required: Hashable, found: Hashable) -> Difference | None:
    """Return the difference between the values of two distinguished names, if it is one of order, or of spaces.

    Spaces at the beginning or end of a value are escaped in texts.
    """
    if not isinstance(required, tuple) or not isinstance(found, tuple):
        return None
    first, second = _normal_name(required), _normal_name(found)
    if first == second:
        is_same_case = _normal_name(required, _without_space) == _normal_name(found, _without_space)
        return Difference.SPACE if is_same_case else Difference.CASE_AND_SPACE
    if first == second[::-1]:
        return Difference.REVERSED
    if sorted(first) == sorted(second):
        return Difference.ORDER
    return Difference.GROUPING if sorted(chain(*first)) == sorted(chain(*second)) else None


def _shared_attributes(required: Hashable, found: Hashable) -> float:
    """Return the share of attributes that two distinguished names share, from 0 to 1, if one lacks those of the other.

    0 if they have different values of one attribute. CAs stop certifying an attribute, such as OU, or begin to.
    """
    if not isinstance(required, tuple) or not isinstance(found, tuple):
        return 0
    first, second = (set(chain(*_normal_name(value))) for value in (required, found))
    types = {oid for oid, _ in first} & {oid for oid, _ in second}
    values = [{each for each in name if each[0] in types} for name in (first, second)]
    if not values[0] <= values[1] and not values[1] <= values[0]:
        return 0
    common = first & second
    if all(oid in _LOCATIONS for oid, _ in common):
        return 0
    share = 2 * len(common) / (len(first) + len(second))
    return max(_MIN_SIMILARITY, share) if len(common) in {len(first), len(second)} else share


def _readings(text: str) -> set[str]:
    """Return text as people may have meant it: without quotation marks, composed (Unicode NFC), decoded as UTF-8."""
    texts = {text}
    for encoding in () if text.isascii() else ("latin-1", "cp1252"):
        with suppress(UnicodeError):
            texts.add(text.encode(encoding).decode())
    return {_normal(without_quotation_marks(without_invisible(normalize("NFC", each)))) for each in texts}


def _normal_name(
    value: tuple[tuple[tuple[str, str], ...], ...], normal: Callable[[str], str] | None = None
) -> list[list[tuple[str, str]]]:
    normal = normal or _normal
    return [[(oid, normal(text)) for oid, text in relative_name] for relative_name in value]


def _find_split(matcher: Matcher, facts: Iterable[Fact]) -> Nearest | None:
    """Return the alternatives that are the parts of one value with commas."""
    single = {(condition.label, condition.value): condition for condition in matcher.alternatives}
    for fact in facts:
        text = fact.value if isinstance(fact.value, str) else ""
        parts = [single.get((fact.label, part.strip())) for part in text.split(",")]
        alternative = tuple(part for part in parts if part is not None)
        if len(parts) > 1 and len(alternative) == len(parts):
            deviation = Deviation(alternative[0], fact, Difference.SPLIT, _DISTANCES[Difference.SPLIT], text)
            return Nearest(alternative, (deviation,))
    return None


def _is_misspelt(required: str, found: str) -> bool:
    """Return whether one character differs, or two are swapped."""
    start = sum(1 for _ in _common_prefix(required, found))
    required, found = required[start:], found[start:]
    end = sum(1 for _ in _common_prefix(required[::-1], found[::-1]))
    middles = required[: len(required) - end], found[: len(found) - end]
    if start + end < _MIN_MISSPELT - 1 or any(character.isdigit() for middle in middles for character in middle):
        return False
    return max(map(len, middles)) == 1 or (middles[0] == middles[1][::-1] and len(middles[0]) == len("ab"))


def _common_prefix(first: str, second: str) -> Iterator[str]:
    for one, other in zip(first, second, strict=False):
        if one != other:
            return
        yield one


def _similarity(required: str, found: str) -> float:
    """Return how similar two texts are, from 0 to 1, and 0 if their digits differ."""
    if max(len(required), len(found)) > _MAX_COMPARED or _digits(required) != _digits(found):
        return 0
    matcher = _sequence_matcher(found)
    matcher.set_seq1(required)
    # Upper bounds, which are found faster, the fastest first.
    if matcher.real_quick_ratio() < _MIN_SIMILARITY or matcher.quick_ratio() < _MIN_SIMILARITY:
        return 0
    return matcher.ratio()


@lru_cache(32)
def _sequence_matcher(found: str) -> SequenceMatcher[str]:
    # It analyses its second text once.
    return SequenceMatcher(None, "", found, autojunk=False)


def _digits(text: str) -> list[str]:
    return [character for character in text if character.isdigit()]


def _without_space(text: str) -> str:
    return " ".join(text.split())


def _normal(text: str) -> str:
    return _without_space(text.casefold())
