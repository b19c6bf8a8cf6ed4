from __future__ import annotations

import pytest

from mtls_authorizer.revocation.fetch.errors import DownloadError
from mtls_authorizer.revocation.fetch.url import CrlUrl, parse_url, redirected


@pytest.mark.parametrize(
    ("text", "expected", "shown"),
    [
        ("http://crl.example.com/ca.crl", ("http", "crl.example.com", 80, "/ca.crl"), "http://crl.example.com/ca.crl"),
        ("https://CRL.Example.com./", ("https", "crl.example.com", 443, "/"), "https://crl.example.com/"),
        ("http://a:8080", ("http", "a", 8080, "/"), "http://a:8080/"),
        ("https://a:443/b", ("https", "a", 443, "/b"), "https://a/b"),
        ("http://a:65535/", ("http", "a", 65535, "/"), "http://a:65535/"),
        ("http://a?cmd=crl&issuer=CN=A,O=B", ("http", "a", 80, "/?cmd=crl&issuer=CN=A,O=B"), "http://a/?…"),
        ("http://[2001:DB8::1]:81/a%20b", ("http", "2001:db8::1", 81, "/a%20b"), "http://[2001:db8::1]:81/a%20b"),
    ],
)
def test_a_url_is_taken_apart(text: str, expected: tuple[str, str, int, str], shown: str) -> None:
    url = parse_url(text)
    assert url == CrlUrl(*expected)
    assert url.shown == shown


def test_a_url_has_at_most_2048_characters() -> None:
    assert parse_url("http://a/" + "b" * 2039).host == "a"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ca.crl",
        "ldap:///CN=CA",
        "file:///etc/passwd",
        "HTTP://a/",
        "http:///a",
        "http://./a",
        "http:a/",
        "http://user@a/",
        "http://user:secret@a/",
        "http://a\\@b/",
        "http://a/b\\c",
        "http://a/ b",
        "http://a/\r\nHost: b",
        "http://a/\n",
        "http://a/#b",
        "http://a/ä",
        "http://ä/",
        "http://a:0/",
        "http://a:65536/",
        "http://a:/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://a/" + "b" * 2040,
    ],
)
def test_anything_else_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not the URL of a CRL: write http:// or https://"):
        parse_url(text)


@pytest.mark.parametrize("text", ["https://10.0.0.1/", "https://[2001:db8::1]/", "https://127.1./"])
def test_https_needs_the_name_of_a_host(text: str) -> None:
    with pytest.raises(ValueError, match="has an address for a host: write the name in the server's certificate"):
        parse_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "ftp://a/b?token=secret",
        "http://a/b#secret",
        "http://user:secret@a/b",
        "http://user:with/secret@a/b",
        "user:secret@a/b",
        "http://a/" + "b" * 2048 + "secret",
    ],
)
def test_the_parts_of_a_rejected_url_that_may_be_confidential_are_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="is not the URL") as raised:
        parse_url(text)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "location", "expected"),
    [
        ("http://a/b/c", "d", "http://a/b/d"),
        ("http://a/b", "http://A./d?e", "http://a/d?e"),
        ("http://a/b", "https://a/b", "https://a/b"),
        ("http://a:81/b", "//a:81/d", "http://a:81/d"),
        ("http://a/b", "https://c/b", None),
        ("http://a/b", "http://c/b", None),
        ("http://a/b", "http://a:81/b", None),
        ("http://a/b", "https://a:444/b", None),
        ("http://a:81/b", "https://a/b", None),
        ("https://a/b", "http://a/b", None),
        ("http://a/b", "http://a@c/b", None),
        ("http://a/b", "file:///b", None),
    ],
)
def test_a_redirect_leads_to_the_same_host_and_port_or_from_http_to_https(
    url: str, location: str, expected: str | None
) -> None:
    if expected is not None:
        assert redirected(parse_url(url), location) == parse_url(expected)
        return
    with pytest.raises(DownloadError, match="redirected to"):
        redirected(parse_url(url), location)
