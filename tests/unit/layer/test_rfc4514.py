"""Names in string form (RFC 4514), in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_certificate_auth.rfc4514 import attribute_string, parse_name


@pytest.mark.parametrize(
    ("text", "rdns"),
    [
        ("", []),
        ("CN=a", [[("CN", "a")]]),
        ("CN=", [[("CN", "")]]),
        ("CN=a,O=b", [[("O", "b")], [("CN", "a")]]),
        ("CN=a+OU=b,O=c", [[("O", "c")], [("CN", "a"), ("OU", "b")]]),
        ("1.2.3.4=a b", [[("1.2.3.4", "a b")]]),
        ("CN=a=b", [[("CN", "a=b")]]),
        (r"CN=\ \#a\ ", [[("CN", " #a ")]]),
        (r"CN=\#a#b", [[("CN", "#a#b")]]),
        (r"O=Example\, Inc.", [[("O", "Example, Inc.")]]),
        (r"CN=\2C\2b\5C\"\<\>\;\=", [[("CN", r",+\"<>;=")]]),
        (r"CN=Lu\C4\8Di\C4\87", [[("CN", "Lučić")]]),
        ("CN=Lučić", [[("CN", "Lučić")]]),
    ],
)
def test_a_name_is_read_in_the_order_of_a_certificate(text: str, rdns: list[list[tuple[str, str]]]) -> None:
    assert parse_name(text) == rdns


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("CN", "expected a type"),
        ("=a", "expected a type"),
        ("CN=a,", "expected a type"),
        ("CN=a+", "expected a type"),
        (",CN=a", "expected a type"),
        ("CN=a,,O=b", "expected a type"),
        ("CN=a, O=b", "without spaces"),
        ("CN = a", "without spaces"),
        ("CN=a ,O=b", "must be escaped"),
        (r"CN=a\\ ,O=b", "must be escaped"),
        (r"CN=\\\\ ", "must be escaped"),
        ("CN= a", "must be escaped"),
        ("CN=#0C0161", "must be escaped"),
        ('CN="a"', "must be escaped"),
        ("CN=a;O=b", "must be escaped"),
        ("CN=<a>", "must be escaped"),
        ("CN=a\0", "must be escaped"),
        ("CN=a\\", "is not an escape"),
        (r"CN=\a", "is not an escape"),
        (r"CN=\zz", "is not an escape"),
        (r"CN=\C4", "can't decode"),
        ("CN=\\\ud800", "is not an escape"),
    ],
)
def test_text_that_is_not_a_name_is_rejected(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_name(text)


@given(st.text(max_size=12))
def test_a_value_is_read_as_it_was_written(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    assert parse_name(attribute_string("2.5.4.3", value) + ",O=b") == [[("O", "b")], [("CN", value)]]


@given(st.text(st.characters() | st.sampled_from('CNO=,+\\"#;<> 0125.'), max_size=20))
def test_any_text_is_a_name_or_a_value_error(text: str) -> None:
    try:
        parse_name(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 -- both are right
