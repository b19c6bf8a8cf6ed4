"""Names as configuration contains them: ambiguous names are rejected, and errors contain the correct form."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_certificate_auth.short_names import AMBIGUOUS_TYPES, OID_BY_SHORT_NAME, SHORT_NAME_BY_OID
from mtls_authorizer.policy.settings import SettingsError, load_settings
from mtls_authorizer.rules.names.distinguished_names import read_name
from mtls_authorizer.rules.names.name_correction import corrected_name, reversed_name
from mtls_authorizer.rules.names.written_names import parse_attribute_type, read_written_name

RFC_4519 = {
    name: oid
    for oid, names in {
        "2.5.4.15": "businessCategory",
        "2.5.4.6": "c countryName",
        "2.5.4.3": "cn commonName",
        "0.9.2342.19200300.100.1.25": "dc domainComponent",
        "2.5.4.13": "description",
        "2.5.4.27": "destinationIndicator",
        "2.5.4.49": "distinguishedName",
        "2.5.4.46": "dnQualifier",
        "2.5.4.47": "enhancedSearchGuide",
        "2.5.4.23": "facsimileTelephoneNumber",
        "2.5.4.44": "generationQualifier",
        "2.5.4.42": "givenName",
        "2.5.4.51": "houseIdentifier",
        "2.5.4.43": "initials",
        "2.5.4.25": "internationalISDNNumber",
        "2.5.4.7": "l localityName",
        "2.5.4.31": "member",
        "2.5.4.41": "name",
        "2.5.4.10": "o organizationName",
        "2.5.4.11": "ou organizationalUnitName",
        "2.5.4.32": "owner",
        "2.5.4.19": "physicalDeliveryOfficeName",
        "2.5.4.16": "postalAddress",
        "2.5.4.17": "postalCode",
        "2.5.4.18": "postOfficeBox",
        "2.5.4.28": "preferredDeliveryMethod",
        "2.5.4.26": "registeredAddress",
        "2.5.4.33": "roleOccupant",
        "2.5.4.14": "searchGuide",
        "2.5.4.34": "seeAlso",
        "2.5.4.5": "serialNumber",
        "2.5.4.4": "sn surname",
        "2.5.4.8": "st stateOrProvinceName",
        "2.5.4.9": "street streetAddress",
        "2.5.4.20": "telephoneNumber",
        "2.5.4.22": "teletexTerminalIdentifier",
        "2.5.4.21": "telexNumber",
        "2.5.4.12": "title",
        "0.9.2342.19200300.100.1.1": "uid userId",
        "2.5.4.50": "uniqueMember",
        "2.5.4.35": "userPassword",
        "2.5.4.24": "x121Address",
        "2.5.4.45": "x500UniqueIdentifier",
    }.items()
    for name in names.split()
}
"""The attribute types of RFC 4519 §2, under all of their names. RFC 4514 §3 compares names without regard to case."""


@pytest.mark.parametrize("name", RFC_4519)
def test_no_name_of_rfc_4519_means_another_attribute(name: str) -> None:
    oid = RFC_4519[name]
    for spelling in {name, name.lower(), name.upper(), name.capitalize()}:
        try:
            assert OID_BY_SHORT_NAME.get(parse_attribute_type(spelling)) == oid
        except ValueError as error:
            # The fix is that attribute, or its OID.
            assert SHORT_NAME_BY_OID[oid] in str(error)  # noqa: PT017 -- both ways are right
        try:
            assert read_written_name(f"{spelling}=ab") == (((oid, "ab"),),)
        except ValueError as error:
            assert f"{SHORT_NAME_BY_OID[oid]}=" in str(error) or oid in str(error)  # noqa: PT017 -- both ways are right


def test_only_the_user_id_is_ambiguous() -> None:
    by_lower_case = {name.lower(): oid for name, oid in RFC_4519.items()}
    different = {name for name, oid in OID_BY_SHORT_NAME.items() if by_lower_case.get(name.lower(), oid) != oid}
    assert different == AMBIGUOUS_TYPES.keys() == {"uid"}
    short_name, oid, other_oid = AMBIGUOUS_TYPES["uid"]
    assert OID_BY_SHORT_NAME[short_name] == oid == RFC_4519["uid"]
    assert OID_BY_SHORT_NAME["uid"] == other_oid


@pytest.mark.parametrize(
    "name",
    [
        *("uid=a", "O=b,uid=a", "O=b+uid=a", "CN=a, uid = b", "/O=a/uid=b", "O=a;uid=b"),
        *("subject=uid = a, CN = b", "    Subject: uid=a, CN=b", "Owner: uid=a", "issuer= /uid=a/CN=b"),
    ],
)
def test_an_ambiguous_attribute_in_a_name_is_rejected(name: str) -> None:
    for unacceptable in (name, name.replace("=a", "=uid")):
        with pytest.raises(ValueError, match=r"^uid is ambiguous.* write UID or 0\.9.*\.1 .* or 0\.9.*\.44 for"):
            read_written_name(unacceptable)
    with pytest.raises(SettingsError, match="ALLOWED_ISSUERS uid is ambiguous"):
        load_settings({"ALLOWED_ISSUERS": name})


@pytest.mark.parametrize(
    ("name", "hint"), [("OID.2.5.4.97", " (organizationIdentifier for OID.2.5.4.97)"), ("OID.uid", "")]
)
def test_an_oid_as_java_writes_it_is_corrected(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"or its dotted OID{hint}") + r"\Z"):
        parse_attribute_type(name)


@pytest.mark.parametrize("name", ["CN=uid", "O=guid", r"CN=a\,uid=b", r"CN=a\+uid=b", "CN=uid=b", "UID=uid"])
def test_a_value_may_contain_the_text_of_an_ambiguous_attribute(name: str) -> None:
    assert read_written_name(name) == read_name(name)


CORRECTED = {
    "CN = X, O = Y": "CN=X,O=Y",
    "CN=X, O=Y": "CN=X,O=Y",
    " CN=X ,O= Y ": "CN=X,O=Y",
    "CN = a + OU = b, O = Y": "CN=a+OU=b,O=Y",
    "CN=X;O=Y": "CN=X,O=Y",
    "C = DE, O = Acme, CN = X": "CN=X,O=Acme,C=DE",
    "C=DE, O=Acme, CN=X": "CN=X,O=Acme,C=DE",
    "DC=example, DC=acme, CN=X": "CN=X,DC=acme,DC=example",
    "C = DE, O = Acme, OU = X": "OU=X,O=Acme,C=DE",
    "C = DE, O = Acme, CN = X, emailAddress = a@b.example": "emailAddress=a@b.example,CN=X,O=Acme,C=DE",
    "O = Acme, CN = X": "CN=X,O=Acme",
    "countryName = DE, commonName = X": "CN=X,C=DE",
    "O=Acme, OU=Y, CN=X": "CN=X,OU=Y,O=Acme",
    "organizationName=Y, commonName=X": "CN=X,O=Y",
    "DC = acme, DC = example": "DC=acme,DC=example",
    "/C=DE/O=Acme, Inc./CN=X": r"CN=X,O=Acme\, Inc.,C=DE",
    "/O=Acme/CN=X/1": "CN=X/1,O=Acme",
    "/O=Acme/OU=a+OU=b/CN=X+UID=1": "CN=X+UID=1,OU=a+OU=b,O=Acme",
    "/O=a + b+c/CN=X": r"CN=X,O=a \+ b\+c",
    r"/O=a\+L=b, c\/CN=d\+e/CN=X": r"CN=X,O=a\+L=b\, c/CN=d\+e",
    'C = DE, O = "Acme, Inc.", CN = X': r"CN=X,O=Acme\, Inc.,C=DE",
    'O = "Acme \\"A, B\\""': r"O=Acme \"A\, B\"",
    "CN=X,O=Acme, Inc.,C=DE": r"CN=X,O=Acme\, Inc.,C=DE",
    "CN=a & b, O=c + d": r"CN=a & b,O=c \+ d",
    r"CN=a\ , O=b": r"CN=a\ ,O=b",
    r"CN=a\\ , O=b": r"CN=a\\,O=b",
    "cn=X,o=Y,emailaddress=a@b": "CN=X,O=Y,emailAddress=a@b",
    "commonName=X, organizationName=Y": "CN=X,O=Y",
    "E=a@b.example, S=Bavaria": "emailAddress=a@b.example,ST=Bavaria",
    "userid=mallory": "UID=mallory",
    "1.2.3.4=#0C06637573746F6D,CN=X": "1.2.3.4=custom,CN=X",
    "1.2.3.4 = #0c04412c2042": r"1.2.3.4=A\, B",
    # As Java and keytool print them.
    'Owner: CN=X, OID.2.5.4.97=PSDGB-1, O="Acme, Inc."': r"CN=X,organizationIdentifier=PSDGB-1,O=Acme\, Inc.",
    "T=Head, GIVENNAME=A, SURNAME=B, OID.1.2.3.4=#0c0161": "title=Head,GN=A,SN=B,1.2.3.4=a",
    "CN=X, DNQ=1 + GENERATION=Jr., O=Acme": "CN=X,dnQualifier=1+generationQualifier=Jr.,O=Acme",
    # As OpenSSL prints them, also with an attribute of an EV certificate first.
    "subject=C = DE, O = Acme, CN = X": "CN=X,O=Acme,C=DE",
    "        Subject: C = DE, O = Acme, CN = X": "CN=X,O=Acme,C=DE",
    "issuer= /C=DE/O=M\\xC3\\xBCller/CN=X": r"CN=X,O=M\C3\BCller,C=DE",
    r"C=DE, O=a\\xC3, CN=X": r"CN=X,O=a\\xC3,C=DE",
    "businessCategory = a, jurisdictionC = DE, O = Acme, CN = X": "CN=X,O=Acme,jurisdictionC=DE,businessCategory=a",
    "businessCategory = a, O=Acme": "businessCategory=a,O=Acme",
    "jurisdictionCountryName=DE": "jurisdictionC=DE",
    # As GnuTLS and Windows print them.
    "EMAIL=a@b.example,jurisdictionOfIncorporationStateOrProvinceName=Y": "emailAddress=a@b.example,jurisdictionST=Y",
    "CN=X, G=A, I=A. B.": "CN=X,GN=A,initials=A. B.",
}


@pytest.mark.parametrize(
    ("written", "hint"),
    [("OID.2.5.4.3", r" \(CN for OID\.2\.5\.4\.3\)"), ("OID.1.2.3", r" \(1\.2\.3 for .*\)"), ("OID.what", "")],
)
def test_the_error_for_an_attribute_type_contains_only_one_that_is_valid(written: str, hint: str) -> None:
    with pytest.raises(ValueError, match=f"its dotted OID{hint}$"):
        parse_attribute_type(written)


@pytest.mark.parametrize(("written", "correct"), CORRECTED.items())
def test_the_error_for_a_name_in_another_form_contains_the_correct_form(written: str, correct: str) -> None:
    assert corrected_name(written) == correct
    read_name(correct)
    with pytest.raises(ValueError, match=re.escape(f"is not a distinguished name in RFC 4514 form: write '{correct}'")):
        read_written_name(written)
    with pytest.raises(SettingsError, match=re.escape(f"ALLOWED_ISSUERS {written.strip()!r} is not a distinguished")):
        load_settings({"ALLOWED_ISSUERS": written})


def test_backslashes_of_the_correct_form_are_doubled_in_json() -> None:
    with pytest.raises(ValueError, match=re.escape(r"write 'CN=a\, b,O=c' (in JSON, with each backslash twice)")):
        read_written_name("CN=a, b,O=c")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "CN",
        "/",
        "//",
        "=",
        "CN=X,,O=Y",
        "CN=X,O=Y,",
        '"',
        'CN="',
        "what=X",
        "O=b, CN=#0C0261",
        "O=b, CN=#020161",
        "O=b, CN=#0C01610C0161",
        "O=b, CN=#0C016",
        "CN=#",
        "CN=a\n, O=b",
    ],
)
def test_no_form_is_suggested_for_other_text(name: str) -> None:
    assert corrected_name(name) is None or name == ""
    if name:
        with pytest.raises(ValueError, match="is not a distinguished name in RFC 4514 form, such as"):
            read_written_name(name)


def test_no_form_is_suggested_for_very_long_names() -> None:
    name = "CN=X, " + ",".join(["O=abc"] * 83)
    assert len(name) == 503
    with pytest.raises(ValueError, match="form, such as"):
        read_written_name(name)
    with pytest.raises(ValueError, match="form: write 'CN=X,O"):
        read_written_name(name[:500])


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("C=DE,O=Acme,CN=X", "CN=X,O=Acme,C=DE"),
        ("DC=example,DC=acme,CN=X", "CN=X,DC=acme,DC=example"),
        (r"C=DE,O=Acme\, Inc.,OU=a+L=b,CN=X", r"CN=X,OU=a+L=b,O=Acme\, Inc.,C=DE"),
        ("CN=X,O=Acme,C=DE", None),
        ("O=Acme,CN=X", "CN=X,O=Acme"),
        ("C=DE,O=Acme", "O=Acme,C=DE"),
        ("C=US,O=Acme,OU=Class 1 CA", "OU=Class 1 CA,O=Acme,C=US"),
        ("ST=Bavaria,O=Acme,CN=X", "CN=X,O=Acme,ST=Bavaria"),
        ("C=DE,O=Acme,CN=X,emailAddress=a@b.example", "emailAddress=a@b.example,CN=X,O=Acme,C=DE"),
        ("C=DE,O=Acme,CN=X,2.5.4.97=Y", "2.5.4.97=Y,CN=X,O=Acme,C=DE"),
        ("O=Acme,2.5.4.97=Y", None),
        ("2.5.4.97=Y,O=Acme", None),
        ("emailAddress=a@b.example,CN=X,O=Acme", None),
        ("emailAddress=a@b.example,CN=X", None),
        ("CN=X,emailAddress=a@b.example", None),
        ("DC=acme,DC=example", None),
        ("DC=acme,C=DE", None),
        ("L=Munich,ST=Bavaria", None),
        ("CN=X", None),
        ("", None),
    ],
)
def test_a_name_looks_reversed_if_its_last_attribute_is_more_specific_than_its_first(
    name: str, other: str | None
) -> None:
    assert reversed_name(name) == other
    if other is not None:
        read = read_name(name)
        assert isinstance(read, tuple)
        assert read_name(other) == read[::-1]


@given(st.text(st.characters() | st.sampled_from('CNOuid=,+\\"#;<>/ 0125.'), max_size=30))
def test_any_text_has_a_valid_correct_form_or_none(text: str) -> None:
    corrected = corrected_name(text)
    assert corrected is None or read_name(corrected) is not None
    reversed_name(text)
