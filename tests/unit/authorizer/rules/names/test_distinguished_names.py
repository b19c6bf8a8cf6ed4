"""Distinguished names: the same value from a certificate and from text."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from client_certificate_auth import PeerCertificate
from mtls_authorizer.rules.names.distinguished_names import name_value, read_name
from tests.pki.certificates import OIDS, attribute, client_pem


def client(*subject: list[bytes] | tuple[str, str]) -> PeerCertificate:
    return PeerCertificate.from_pem(client_pem(*subject))


@pytest.mark.parametrize(
    "text", [r"street=x,O=Acme\, Inc.", r"STREET=x,O=Acme\2C Inc.", r"2.5.4.9=x,2.5.4.10=\41cme\, Inc."]
)
def test_equal_names_have_equal_values_however_they_are_written(text: str) -> None:
    # First, as only this test counts for coverage: those below are searches.
    assert read_name(text) == name_value(client(("O", "Acme, Inc."), ("street", "x")).subject)


@given(
    st.lists(
        st.lists(
            st.tuples(
                st.sampled_from([*OIDS, "1.2.3.4"]),
                st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(' ,+"\\<>;=#'), max_size=6),
            ),
            min_size=1,
            max_size=2,
            unique_by=lambda each: each[0],
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_name_can_be_copied_from_the_log(rdns: list[list[tuple[str, str]]]) -> None:
    # cryptography requires two characters of a country, and a common name.
    assume(all(len(value.encode()) == 2 for rdn in rdns for kind, value in rdn if kind == "C"))
    assume(all(value for rdn in rdns for kind, value in rdn if kind == "CN"))
    certificate = client(*([attribute(*each) for each in rdn] for rdn in rdns))
    logged = certificate.subject.rfc4514_string()
    assert read_name(logged) == name_value(certificate.subject)
    assert read_name(certificate.x509.subject.rfc4514_string()) == name_value(certificate.subject)


@given(st.text(st.characters() | st.sampled_from('CNO=,+\\"#;<> 0125.'), max_size=20))
def test_any_text_is_a_name_or_a_value_error(text: str) -> None:
    try:
        value = read_name(text)
    except ValueError as error:
        assert repr(text) in str(error)  # noqa: PT017 -- both ways are right
        return
    assert isinstance(value, tuple)


def test_the_error_contains_the_text_and_an_example() -> None:
    with pytest.raises(
        ValueError, match=re.escape("'CN' is not a distinguished name in RFC 4514 form, such as CN=Iss")
    ):
        read_name("CN")
    assert read_name("") == name_value(client().subject)
