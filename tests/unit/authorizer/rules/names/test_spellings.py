"""The spelling in which exclusions compare a name, and the URIs that are read as others."""

from __future__ import annotations

import pytest

from mtls_authorizer.rules.names.spellings import common_spelling, may_be_another_path

UPN = "1.3.6.1.4.1.311.20.2.3"


@pytest.mark.parametrize(
    ("label", "value", "spelling"),
    [
        ("DNS", "A.Example.", "a.example"),
        ("email", "A@Example.", "a@example"),
        ("DC", "EXAMPLE", "example"),
        ("DC", "\u0131I\u212a", "iik"),
        ("otherName", f"{UPN};UTF8:M\u0131ke@Example", f"{UPN};UTF8:mike@example"),
        ("emailAddress", "\u03a3\u0391\u03a3@A.example", "\u03c3\u03b1\u03c3@a.example"),
        ("emailAddress", "\u03c3\u03b1\u03c2@a.example", "\u03c3\u03b1\u03c3@a.example"),
        ("mail", "Stra\u017f\u017fe@A.example", "strasse@a.example"),
        ("URI", "SPIFFE://Acme.Example/A", "spiffe://acme.example/A"),
        ("URI", "https://Acme.Example./A./", "https://acme.example/A./"),
        ("URI", "https://acme.example.", "https://acme.example"),
        ("URI", "https://a.example.:443/", "https://a.example:443/"),
        ("URI", "https://a.example.:/", "https://a.example:/"),
        ("URI", "A.", "A."),
        ("URI", "A", "A"),
        ("otherName", f"{UPN};UTF8:A@Example.", f"{UPN};UTF8:a@example"),
        ("otherName", f"{UPN};UTF8:A;UTF8:B", f"{UPN};UTF8:a;utf8:b"),
        ("otherName", f"{UPN};DER:0c01ff", f"{UPN};DER:0c01ff"),
        ("otherName", "1.2.3;UTF8:A.", "1.2.3;UTF8:A."),
        ("dirName", "CN=URN:A,DC=A=B", "CN=URN:A,DC=a=b"),
        ("dirName", r"CN=\C3\9C,DC=\C3\9C\,B", r"CN=\C3\9C,DC=\C3\BC\,b"),
    ],
)
def test_a_name_has_one_common_spelling(label: str, value: str, spelling: str) -> None:
    assert common_spelling(label, value) == common_spelling(label, spelling) == spelling


def encoded(text: str, times: int) -> str:
    for _ in range(times):
        text = "".join(f"%{ord(each):02x}" for each in text)
    return text


@pytest.mark.parametrize(
    ("uri", "may_be"),
    [
        *((f"https://a/b{encoded('/../c', times)}", True) for times in range(8)),
        # What is encoded more often is not decoded.
        *((f"https://a/b{encoded('/c', times)}", times > 3) for times in range(8)),
        *(
            (f"https://a/b{rest}", True)
            for rest in (
                *("/..", "/./c", "\\..\\c", "%2f%2e", "%252F..%2523c", "/.. ", "/..;c"),
                *("/%25%32e", "/%%32%45/c", "%2%2566..%2%2546c", "/%25%25%33%32e"),
                *("/.%c2%a0", "/..\u3000", "/..\xa0", "/%C0%AE", "/%c1"),
                *("/%E0%9f%80", "/%25e0%2580", "/%F0%8f", "/%f8%80"),
                *("/%fC%8", "/%u", "/%25U002E"),
                *("/%09../c", "/.%0A.", "/..%00", "c%25252525250a", "%2f%250d..", "/.%7f./", "c%1F", "/%%30%39.."),
            )
        ),
        *(
            (f"https://a/b{rest}", False)
            for rest in (
                *("", "/...", "/.c", "/c.", "/%2c", "/%25", "/.%2ec", "/..c ", "/%25%32ec", "/%ae"),
                *("/%20c", "/%80", "/%c2%85", "/%c3%a9", "/%e0%a4%85", "/%f0%9f%98%80", "/%ef%bc%8f", "/a.%c3%a9"),
            )
        ),
    ],
)
def test_a_path_may_be_another_one_in_any_encoding(uri: str, may_be: bool) -> None:  # noqa: FBT001 -- a table's column
    assert may_be_another_path(uri) is may_be
