"""A strict reader of the Distinguished Encoding Rules (ITU-T X.690).

Elements are read as their tags (identifier octets) and their contents. Lengths must be definite, minimal and within the
enclosing element, and tags have one octet, so that ``encode`` returns exactly the octets that were read.
Every function raises DerError for octets that are not the DER of the expected type.
"""

from __future__ import annotations

from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Element: TypeAlias = tuple[int, bytes]

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, ENUMERATED = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0A
UTF8_STRING, NUMERIC_STRING, PRINTABLE_STRING, T61_STRING, IA5_STRING = 0x0C, 0x12, 0x13, 0x14, 0x16
UTC_TIME, GENERALIZED_TIME, UNIVERSAL_STRING, BMP_STRING = 0x17, 0x18, 0x1C, 0x1E
SEQUENCE, SET = 0x30, 0x31

# The parts of an identifier octet (X.690 §8.1.2): class, form and number. A number of 31 means that more octets follow.
_CLASS, _CONSTRUCTED, _NUMBER = 0xC0, 0x20, 0x1F

# The flag of a length's long form (X.690 §8.1.3.5), which is also the least length that needs the long form. The least
# length by its number of octets: four octets (4 GiB) are sufficient for any input here.
_LONG_FORM, _MOST_LENGTH_OCTETS = 0x80, 4
_LEAST_LENGTHS = {1: _LONG_FORM, 2: 1 << 8, 3: 1 << 16, _MOST_LENGTH_OCTETS: 1 << 24}

_BITS = 8

# The flag of all octets of a subidentifier except the last one (X.690 §8.19.2).
_CONTINUED = 0x80

# Octets per character of the string types that have more than one.
_CHARACTER_SIZES = {BMP_STRING: 2, UNIVERSAL_STRING: 4}

_MOST_DESCRIBED = 16

_TWO = 2

MOST_ELEMENTS = 50_000
"""The maximum number of elements in one element. Together with limits on the size of the input, it limits memory."""

LONGEST_CACHED = 2048
"""In octets: larger elements are not cached. Each cache also limits the number of elements."""

LONGEST_OID = 586
"""In octets: the limit for an OBJECT IDENTIFIER. OpenSSL does not print longer ones."""


class DerError(ValueError):
    """The octets are not the DER of the expected type."""


def read_elements(content: bytes, start: int = 0) -> tuple[list[int], list[bytes]]:
    """Return the tags and the contents of the elements that a constructed element contains (X.690 §8.1).

    They begin at ``start``. Tags of more than one octet, which begin with five set low bits, are not supported: no
    caller expects such a tag.
    """
    tags: list[int] = []
    contents: list[bytes] = []
    end = len(content)
    try:
        if end > 2 * MOST_ELEMENTS:
            _check_number(content, start)
        while start < end:
            tags.append(content[start])
            length = content[start + 1]
            start += 2
            if length >= _LONG_FORM:
                start, length = _read_long_length(content, start)
            contents.append(content[start : start + length])
            start += length
    except IndexError:
        message = "an element ends within its length"
        raise DerError(message) from None
    if start > end:
        message = "an element is longer than the element that contains it"
        raise DerError(message)
    return tags, contents


def _check_number(content: bytes, start: int) -> None:
    """Check that there are at most MOST_ELEMENTS elements, before memory is allocated for them.

    Raises DerError, and IndexError for an element that ends within its length.
    """
    end = len(content)
    for _ in range(MOST_ELEMENTS):
        if start >= end:
            return
        length = content[start + 1]
        start += 2
        if length >= _LONG_FORM:
            start, length = _read_long_length(content, start)
        start += length
    if start < end:
        message = f"an element contains more than {MOST_ELEMENTS:,} elements"
        raise DerError(message)


def read_element(encoded: bytes, tag: int) -> bytes:
    """Return the content of exactly one element with this tag."""
    return encoded[_content_start(encoded, tag) :]


def first_element(encoded: bytes) -> bytes:
    """Return the octets of the first element, without those that follow it."""
    if len(encoded) < _TWO:
        message = "an element ends within its tag or length"
        raise DerError(message)
    length = encoded[1]
    start, length = (2, length) if length < _LONG_FORM else _read_long_length(encoded, 2)
    if start + length > len(encoded):
        message = "an element is longer than the octets that contain it"
        raise DerError(message)
    return encoded[: start + length]


def read_sequence(encoded: bytes) -> tuple[list[int], list[bytes]]:
    """Return the tags and contents of the elements of exactly one SEQUENCE (X.690 §8.9)."""
    return read_elements(encoded, _content_start(encoded, SEQUENCE))


def read_two_elements(content: bytes, expected: str) -> tuple[int, bytes, int, bytes]:
    """Return tag and content of both elements of a constructed element. ``expected`` describes them in errors."""
    size = len(content)
    # Lengths in the short form. A certificate has many such pairs, for which ``read_elements`` takes 0.5 µs longer.
    if size > 1 and (first_length := content[1]) < _LONG_FORM and (second := first_length + 2) + 1 < size:
        length = content[second + 1]
        if length < _LONG_FORM and second + 2 + length == size:
            return content[0], content[2:second], content[second], content[second + 2 :]
    tags, contents = read_elements(content)
    if len(tags) != _TWO:
        message = f"expected {expected}, found {describe(tags)}"
        raise DerError(message)
    return tags[0], contents[0], tags[1], contents[1]


def read_sequence_of(encoded: bytes, tag: int) -> list[bytes]:
    """Return the contents of the elements of a SEQUENCE OF (X.690 §8.10), which all have this tag."""
    return read_elements_of(encoded, tag, _content_start(encoded, SEQUENCE))


def read_elements_of(content: bytes, tag: int, start: int = 0) -> list[bytes]:
    """Return the contents of the elements from ``start`` on, which all have this tag."""
    tags, contents = read_elements(content, start)
    if tags.count(tag) != len(tags):
        message = f"expected elements with the tag {tag:02X}, found {describe(tags)}"
        raise DerError(message)
    return contents


def read_optional_elements(content: bytes, expected: tuple[int, ...]) -> dict[int, bytes]:
    """Return the contents of a SEQUENCE's elements by tag. All elements are optional; their order must be this one."""
    tags, contents = read_elements(content)
    if tags != [tag for tag in expected if tag in tags]:
        message = f"expected some of the {len(expected)} optional elements of a SEQUENCE, found {describe(tags)}"
        raise DerError(message)
    return dict(zip(tags, contents, strict=True))


def read_typed_value(content: bytes) -> tuple[str, int, bytes]:
    """Return OID, tag and content from the content of a SEQUENCE of an OBJECT IDENTIFIER and a value of any type."""
    expected = "an OBJECT IDENTIFIER and a value"
    first_tag, first, tag, value = read_two_elements(content, expected)
    if first_tag != OID:
        message = f"expected {expected}, found {describe([first_tag, tag])}"
        raise DerError(message)
    return read_oid(first), tag, value


def encode(tag: int, content: bytes) -> bytes:
    """Return the octets of an element."""
    return header(tag, len(content)) + content


def header(tag: int, length: int) -> bytes:
    """Return the octets of an element before its content: the tag and the length."""
    if length < _LONG_FORM:
        return bytes((tag, length))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(octets))) + octets


def encode_integer(value: int) -> bytes:
    """Return the octets of an INTEGER (X.690 §8.3)."""
    return encode(INTEGER, value.to_bytes(max(value, ~value).bit_length() // 8 + 1, signed=True))


def read_boolean(content: bytes) -> bool:
    """Return the value of a BOOLEAN (X.690 §8.2 and §11.1)."""
    if content not in (b"\x00", b"\xff"):
        message = f"a BOOLEAN is {content[:8].hex() or 'empty'}, neither 00 nor FF"
        raise DerError(message)
    return content == b"\xff"


def read_integer(content: bytes) -> int:
    """Return the value of an INTEGER or ENUMERATED, which must have as few octets as possible (X.690 §8.3)."""
    if not content:
        message = "an INTEGER is empty"
        raise DerError(message)
    # The first nine bits may not all be equal.
    if len(content) > 1 and (content[0] << 1 | content[1] >> 7) in (0, 0x1FF):
        message = "an INTEGER has more octets than necessary"
        raise DerError(message)
    return int.from_bytes(content, "big", signed=True)


def read_bit_string(content: bytes) -> bytes:
    """Return the octets of a BIT STRING, whose unused bits must be zero (X.690 §8.6 and §11.2.1)."""
    unused = content[0] if content else _BITS
    if unused >= _BITS or (unused and (len(content) == 1 or content[-1] & ((1 << unused) - 1))):
        message = "a BIT STRING has a wrong number of unused bits, or one that is set"
        raise DerError(message)
    return content[1:]


@lru_cache(256)
def read_oid(content: bytes) -> str:
    """Return an OBJECT IDENTIFIER in dotted form (X.690 §8.19)."""
    if not content or content[-1] >= _CONTINUED or len(content) > LONGEST_OID:
        message = f"an OBJECT IDENTIFIER is incomplete or longer than {LONGEST_OID} octets"
        raise DerError(message)
    arcs = []
    arc = 0
    for octet in content:
        if octet == _CONTINUED and arc == 0:
            message = "an OBJECT IDENTIFIER has more octets than necessary"
            raise DerError(message)
        arc = arc << 7 | octet & ~_CONTINUED
        if octet < _CONTINUED:
            arcs.append(arc)
            arc = 0
    # The first subidentifier stands for two arcs.
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def check_any(tag: int, content: bytes) -> None:
    """Check an element of any type (ANY), as strictly as OpenSSL does."""
    if tag & _CLASS and tag & _NUMBER != _NUMBER:
        return
    if (tag & _CONSTRUCTED != 0) != (tag | _CONSTRUCTED in (SEQUENCE, SET)) or tag & _NUMBER in (0, _NUMBER):
        message = f"an element has the tag {tag:02X}"
        raise DerError(message)
    if tag == BOOLEAN:
        read_boolean(content)
    elif tag in (INTEGER, ENUMERATED):
        read_integer(content)
    elif tag == BIT_STRING:
        read_bit_string(content)
    elif tag == OID:
        read_oid(content)
    elif (tag == NULL and content) or len(content) % _CHARACTER_SIZES.get(tag, 1):
        message = f"an element with the tag {tag:02X} has {len(content)} octets"
        raise DerError(message)


def describe(tags: list[int]) -> str:
    """Return the tags of elements, for a message."""
    written = " ".join([f"{tag:02X}" for tag in tags[:_MOST_DESCRIBED]])
    return f"the tags {written}{' ...' if len(tags) > _MOST_DESCRIBED else ''}" if tags else "nothing"


def _content_start(encoded: bytes, tag: int) -> int:
    """Return where the content of exactly one element with this tag starts."""
    size = len(encoded)
    if size > 1 and encoded[0] == tag:
        length = encoded[1]
        start, length = (2, length) if length < _LONG_FORM else _read_long_length(encoded, 2)
        if start + length == size:
            return start
    tags, _ = read_elements(encoded)
    message = f"expected one element with the tag {tag:02X}, found {describe(tags)}"
    raise DerError(message)


def _read_long_length(content: bytes, start: int) -> tuple[int, int]:
    """Return where an element's content starts, and its length. ``start`` follows the first octet of a long form."""
    octets = content[start - 1] - _LONG_FORM
    content_start = start + octets
    length = int.from_bytes(content[start:content_start], "big")
    if octets not in _LEAST_LENGTHS or length < _LEAST_LENGTHS[octets]:
        raise DerError(_length_problem(octets))
    return content_start, length


def _length_problem(octets: int) -> str:
    if not octets:
        return "an element has an indefinite length"
    if octets > _MOST_LENGTH_OCTETS:
        return f"a length has more than {_MOST_LENGTH_OCTETS} octets"
    return "a length has more octets than necessary"
