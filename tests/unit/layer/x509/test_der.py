from __future__ import annotations

from itertools import product

import pytest

from client_certificate_auth.x509.der import (
    LONGEST_OID,
    MOST_ELEMENTS,
    DerError,
    check_any,
    encode,
    encode_integer,
    first_element,
    read_bit_string,
    read_boolean,
    read_element,
    read_elements,
    read_integer,
    read_oid,
    read_optional_elements,
    read_sequence,
    read_sequence_of,
    read_two_elements,
    read_typed_value,
)
from tests.pki import der


def test_elements_are_read_one_after_another() -> None:
    long = bytes(300)
    encoded = der.integer(5) + der.octets(b"") + der.octets(b"x" * 127) + der.octets(b"x" * 128) + der.octets(long)
    assert read_elements(encoded) == ([2, 4, 4, 4, 4], [b"\5", b"", b"x" * 127, b"x" * 128, long])
    assert read_elements(b"") == ([], [])


@pytest.mark.parametrize("length", [0, 1, 127, 128, 255, 256, 65535, 65536])
def test_an_element_is_written_as_it_was_read(length: int) -> None:
    content = bytes(length)
    assert encode(0x30, content) == der.tlv(0x30, content)
    assert read_element(encode(0x30, content), 0x30) == content


@pytest.mark.parametrize("value", [0, 1, -1, 127, 128, -128, -129, 255, 256, -256, 2**1100, -(2**1100)])
def test_an_integer_is_written_with_as_few_octets_as_possible(value: int) -> None:
    assert encode_integer(value) == der.integer(value)
    assert read_integer(read_element(encode_integer(value), der.INTEGER)) == value


@pytest.mark.parametrize("length", [0, 1, 127, 128, 65536])
@pytest.mark.parametrize("rest", [b"", b"\0", b"\x30\x80"])
def test_the_first_element_ends_where_its_length_says(length: int, rest: bytes) -> None:
    encoded = der.octets(bytes(length))
    assert first_element(encoded + rest) == encoded


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (b"", "ends within its tag or length"),
        (b"\x30", "ends within its tag or length"),
        (b"\x30\x81", "more octets than necessary"),
        (b"\x30\x80\0\0", "indefinite length"),
        (b"\x30\x01", "longer than the octets"),
        (b"\x30\x81\x80" + bytes(127), "longer than the octets"),
    ],
)
def test_without_a_complete_element_there_is_no_first_one(encoded: bytes, message: str) -> None:
    with pytest.raises(DerError, match=message):
        first_element(encoded)


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (b"\x04", "ends within its length"),
        (b"\x04\x02a", "longer than the element that contains it"),
        (b"\x04\x81", "more octets than necessary"),
        (b"\x04\x82\x01", "more octets than necessary"),
        (b"\x04\x80ab\0\0", "indefinite length"),
        (b"\x30\x80\0\0", "indefinite length"),
        (b"\x04\x81\x01a", "more octets than necessary"),
        (b"\x04\x81\x7f" + bytes(127), "more octets than necessary"),
        (b"\x04\x82\x00\x80" + bytes(128), "more octets than necessary"),
        (b"\x04\x83\x00\xff\xff" + bytes(65535), "more octets than necessary"),
        (b"\x04\x85\x01\0\0\0\0", "a length has more than 4"),
        (b"\x04\xff", "a length has more than 4"),
        (b"\x05\0" * (MOST_ELEMENTS + 1), "more than 50,000"),
        (b"\x02\1\1" * (MOST_ELEMENTS + 1), "more than 50,000"),
        (b"\x04\x82\xff\xff" + bytes(65535) + b"\x05\0" * MOST_ELEMENTS, "more than 50,000"),
        (b"\x02\1\1" * (MOST_ELEMENTS - 1) + b"\5", "ends within its length"),
    ],
)
def test_other_encodings_of_an_element_are_rejected(encoded: bytes, message: str) -> None:
    with pytest.raises(DerError, match=message):
        read_elements(encoded)


def test_there_may_be_many_elements() -> None:
    assert read_elements(b"\x02\1\1" * MOST_ELEMENTS) == ([2] * MOST_ELEMENTS, [b"\1"] * MOST_ELEMENTS)
    assert read_elements(b"\x05\0" * MOST_ELEMENTS) == ([5] * MOST_ELEMENTS, [b""] * MOST_ELEMENTS)
    long = bytes(2 * MOST_ELEMENTS)
    assert read_elements(der.octets(long) + der.octets(long)) == ([4, 4], [long, long])


def test_the_number_of_elements_is_limited_in_a_sequence_too() -> None:
    assert read_sequence(der.sequence(b"\x05\0" * MOST_ELEMENTS)) == ([5] * MOST_ELEMENTS, [b""] * MOST_ELEMENTS)
    for read in (read_sequence, lambda encoded: read_sequence_of(encoded, 5)):
        with pytest.raises(DerError, match="more than 50,000 elements"):
            read(der.sequence(b"\x05\0" * (MOST_ELEMENTS + 1)))


INDEFINITE = b"\x30\x80" + bytes(128)


@pytest.mark.parametrize("encoded", [b"\x30", INDEFINITE])
def test_one_element_has_a_definite_length(encoded: bytes) -> None:
    with pytest.raises(DerError):
        read_element(encoded, der.SEQUENCE)


def test_two_elements_are_read_like_any_number_of_elements() -> None:
    short = [bytes(octets) for size in range(6) for octets in product((0, 1, 2, 4), repeat=size)]
    elements = [der.octets(bytes(size)) for size in (0, 1, 126, 127, 128, 129, 300)]
    pairs = [first + second for first in elements for second in elements]
    indefinite = [INDEFINITE + der.tlv(der.NULL), der.tlv(der.NULL) + INDEFINITE]
    for content in [*short, *pairs, *indefinite]:
        try:
            tags, contents = read_elements(content)
        except DerError:
            tags, contents = [], []
        if len(tags) == 2:
            assert read_two_elements(content, "two elements") == (tags[0], contents[0], tags[1], contents[1])
        else:
            with pytest.raises(DerError):
                read_two_elements(content, "two elements")


@pytest.mark.parametrize(
    "encoded", [b"", der.integer(1), der.sequence() * 2, der.sequence() + b"\0\0", der.tlv(der.SET)]
)
def test_an_encoding_contains_exactly_one_element(encoded: bytes) -> None:
    assert read_sequence(der.sequence(der.integer(1))) == ([2], [b"\1"])
    with pytest.raises(DerError, match="expected one element with the tag 30, found"):
        read_element(encoded, der.SEQUENCE)


def test_a_message_has_the_tags_that_were_found_but_not_all_of_many() -> None:
    with pytest.raises(DerError, match=r"found nothing\Z"):
        read_element(b"", 0x30)
    with pytest.raises(DerError, match=r"found the tags 05 04\Z"):
        read_element(der.tlv(5) + der.octets(b"a"), 0x30)
    with pytest.raises(DerError, match=r"found the tags (05 ){16}\.\.\.\Z"):
        read_element(der.tlv(5) * 17, 0x30)


def test_optional_elements_come_in_their_order_and_once() -> None:
    first, second = der.tagged(0, b"a"), der.tagged(1, b"b")
    tags = (0x80, 0x81)
    assert read_optional_elements(b"", tags) == {}
    assert read_optional_elements(first, tags) == {0x80: b"a"}
    assert read_optional_elements(second, tags) == {0x81: b"b"}
    assert read_optional_elements(first + second, tags) == {0x80: b"a", 0x81: b"b"}
    for wrong in (second + first, first + first, first + second + second, der.tagged(2, b"c"), first + der.tlv(5)):
        with pytest.raises(DerError, match="expected some of the 2 optional elements"):
            read_optional_elements(wrong, tags)


def test_a_sequence_of_has_elements_of_one_type() -> None:
    assert read_sequence_of(der.sequence(), der.OID) == []
    assert read_sequence_of(der.sequence(der.octets(b"a"), der.octets(b"b")), der.OCTET_STRING) == [b"a", b"b"]
    with pytest.raises(DerError, match="expected elements with the tag 04, found the tags 04 05"):
        read_sequence_of(der.sequence(der.octets(b"a"), der.tlv(der.NULL)), der.OCTET_STRING)


def test_a_typed_value_is_an_oid_and_one_element() -> None:
    oid = der.oid("2.5.4.3")
    assert read_typed_value(oid + der.text("a")) == ("2.5.4.3", 0x0C, b"a")
    for content in (oid, b"", der.text("a") + oid, oid + oid + oid):
        with pytest.raises(DerError, match="expected an OBJECT IDENTIFIER and a value"):
            read_typed_value(content)


def test_a_boolean_is_one_of_two_octets() -> None:
    assert read_boolean(b"\xff") is True
    assert read_boolean(b"\0") is False
    for content in (b"", b"\1", b"\xfe", b"\0\0", b"\xff\xff"):
        with pytest.raises(DerError, match="a BOOLEAN is"):
            read_boolean(content)


@pytest.mark.parametrize("number", [0, 1, -1, 127, 128, 255, 256, -127, -128, -129, -255, -256, 2**64, -(2**64)])
def test_an_integer_has_as_few_octets_as_possible(number: int) -> None:
    content = der.integer(number)[2:]
    assert read_integer(content) == number
    with pytest.raises(DerError, match="more octets than necessary"):
        read_integer((b"\xff" if number < 0 else b"\0") + content)


def test_an_integer_is_not_empty() -> None:
    with pytest.raises(DerError, match="an INTEGER is empty"):
        read_integer(b"")


def test_a_bit_string_has_unused_bits_that_are_zero() -> None:
    for content in (b"\0", b"\0\xff", b"\3\xf8", b"\7\x80", b"\1\xff\xfe"):
        assert read_bit_string(content) == content[1:]
    for content in (b"", b"\1", b"\7", b"\x08\0", b"\x80\0", b"\1\xff", b"\3\xfc", b"\7\xc0"):
        with pytest.raises(DerError, match="a BIT STRING has"):
            read_bit_string(content)


@pytest.mark.parametrize(
    "dotted",
    ["0.0", "0.39", "1.0", "1.39", "2.0", "2.39", "2.40", "2.999.1", "2.5.4.3", "1.2.98304", "1.2.840.113549.1.9.1"],
)
def test_an_oid_is_dotted(dotted: str) -> None:
    assert read_oid(der.oid(dotted)[2:]) == dotted


def test_an_oid_may_be_long_but_not_endless() -> None:
    longest = b"\x2a" + b"\xff" * (LONGEST_OID - 2) + b"\x7f"
    assert read_oid(longest).startswith("1.2.")
    for content in (longest[:1] + longest, b"", b"\x80\x01", b"\x2a\x80\x01", b"\x2a\x81", b"\x81", b"\x2a\x81\x80"):
        with pytest.raises(DerError, match="an OBJECT IDENTIFIER"):
            read_oid(content)


def test_any_element_is_checked_as_far_as_its_type_is_known() -> None:
    for encoded in (
        der.tlv(der.NULL),
        der.tlv(der.BOOLEAN, b"\xff"),
        der.integer(1),
        der.tlv(der.ENUMERATED, b"\1"),
        der.oid("1.2.3"),
        der.bits(b"a"),
        der.text("ab", der.BMP_STRING),
        der.text("ab", der.UNIVERSAL_STRING),
        der.tlv(der.UTF8_STRING, b"\xff"),
        der.sequence(b"not DER"),
        der.tlv(der.SET),
        der.tagged(1, b"anything"),
        der.tagged(1, b"anything", constructed=True),
    ):
        tags, contents = read_elements(encoded)
        check_any(tags[0], contents[0])
    for encoded in (
        der.tlv(der.NULL, b"\0"),
        der.tlv(der.BOOLEAN, b"\1"),
        der.tlv(der.INTEGER, b"\0\1"),
        der.tlv(der.ENUMERATED),
        der.tlv(der.OID),
        der.tlv(der.BIT_STRING),
        der.tlv(der.BMP_STRING, b"abc"),
        der.tlv(der.UNIVERSAL_STRING, b"ab"),
        der.tlv(0),
        der.tlv(0x1F),
        der.tlv(0xBF),
        der.tlv(0x10),
        der.tlv(0x11),
        der.tlv(0x24, der.octets(b"a")),
    ):
        with pytest.raises(DerError):
            check_any(encoded[0], encoded[2:])
