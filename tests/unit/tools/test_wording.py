"""How values are worded for a person."""

from __future__ import annotations

import pytest

from client_certificate_auth.certificate import PeerCertificate
from mtls_authorizer.rules.distinguished_names import name_value
from mtls_authorizer_cli.wording import choice, listing, quoted, value_text
from tests.certificates import attribute, client_pem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "''"),
        ("it's\n\u202e", r'"it\'s\n\u202e"'.replace(r"\'", "'")),
        ("x" * 100, f"'{'x' * 100}'"),
        ("x" * 101, f"'{'x' * 100}'..."),
    ],
)
def test_a_text_of_more_than_a_hundred_characters_is_cut(text: str, expected: str) -> None:
    assert quoted(text) == expected


@pytest.mark.parametrize(
    ("count", "chosen", "listed"),
    [
        (1, "0", "0"),
        (3, "one of 0, 1, 2", "0, 1, 2"),
        (4, "one of 4, such as 0, 1, 2", "0, 1, 2 and 1 more"),
        (1003, "one of 1,003, such as 0, 1, 2", "0, 1, 2 and 1,000 more"),
    ],
)
def test_three_of_many_are_written_out_and_the_others_counted_unless_all_are_asked_for(
    count: int, chosen: str, listed: str
) -> None:
    texts = list(map(str, range(count)))
    assert (choice(texts), listing(texts)) == (chosen, listed)
    whole = ", ".join(texts)
    assert (choice(texts, everything=True), listing(texts, everything=True)) == (
        f"one of {whole}" if count > 1 else whole,
        whole,
    )


def test_nothing_is_none() -> None:
    assert listing([]) == "none"


def test_a_name_of_several_attributes_at_once_is_written_as_in_rfc_4514() -> None:
    pem = client_pem(("O", "Acme, Inc."), [attribute("CN", "a"), attribute("OU", "b")])
    subject = PeerCertificate.from_pem(pem).subject
    assert value_text(name_value(subject)) == r"OU=b+CN=a,O=Acme\, Inc."
