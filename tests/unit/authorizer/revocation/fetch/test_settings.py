from __future__ import annotations

import json

import pytest

from mtls_authorizer.revocation.fetch.settings import read_fetch_settings

SOURCES = {"https://crl.example.com/ca.crl": "issuing/ca.crl", "http://ejbca.internal:8080/crl?issuer=CN=A": "b.crl"}
ENVIRONMENT = {"CRL_DESTINATION": "s3://lists/fetched/", "CRL_SOURCES": json.dumps(SOURCES)}


def test_sources_are_stored_below_the_prefix_of_the_destination() -> None:
    settings = read_fetch_settings(
        {**ENVIRONMENT, "CRL_SOURCE_PRIVATE_HOSTS": "EJBCA.internal.", "METRICS_NAMESPACE": " Authorizer "}
    )
    assert settings.bucket == "lists"
    assert [(source.url.host, source.key, source.allow_private) for source in settings.sources] == [
        ("crl.example.com", "fetched/issuing/ca.crl", False),
        ("ejbca.internal", "fetched/b.crl", True),
    ]
    assert settings.metrics_namespace == "Authorizer"


def test_the_destination_may_be_a_whole_bucket() -> None:
    settings = read_fetch_settings({**ENVIRONMENT, "CRL_DESTINATION": " s3://lists/\n"})
    assert [source.key for source in settings.sources] == list(SOURCES.values())
    assert settings.metrics_namespace is None


def test_an_address_of_version_6_may_be_listed_as_in_its_url() -> None:
    sources = json.dumps({"http://[FD00::1]/a.crl": "a.crl", "http://[fd00::2]/b.crl": "b.crl"})
    for hosts in ("[FD00::1], fd00::2", "fd00::1,[fd00::2]"):
        settings = read_fetch_settings({**ENVIRONMENT, "CRL_SOURCES": sources, "CRL_SOURCE_PRIVATE_HOSTS": hosts})
        assert all(source.allow_private for source in settings.sources)


URL = "http://a/a.crl"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        *(
            ("CRL_DESTINATION", value, "^CRL_DESTINATION is .*: write a bucket and a prefix with a slash at the end")
            for value in (
                "",
                "lists/",
                "s3://lists",
                "s3://lists/a",
                "file:///a/",
                "s3://lists/../",
                "s3:///",
                "s3://*/",
            )
        ),
        *(
            ("CRL_SOURCES", value, "^CRL_SOURCES is not a JSON object of URLs and keys: write ")
            for value in ("", "{}", "[]", URL, '"a"', '{"http://a/a.crl": 1}', '[["http://a/", "a.crl"]]', "[" * 9999)
        ),
        (
            "CRL_SOURCES",
            json.dumps({"ldap:///CN=CA": "a.crl"}),
            "^CRL_SOURCES: 'ldap:///CN=CA' is not the URL of a CRL",
        ),
        ("CRL_SOURCES", json.dumps({URL: "a"}), r"^CRL_SOURCES: the key 'a' does not end with \.crl$"),
        ("CRL_SOURCES", json.dumps({URL: "a.crl.index"}), "^CRL_SOURCES: the key .* does not end with"),
        ("CRL_SOURCES", json.dumps({URL: "../a.crl"}), "^CRL_SOURCES: .* a key must not contain"),
        ("CRL_SOURCES", json.dumps({URL: "a.crl", f"{URL}?": "a.crl"}), "^CRL_SOURCES has the same key twice"),
        ("CRL_SOURCE_PRIVATE_HOSTS", "a,", "^CRL_SOURCE_PRIVATE_HOSTS is 'a,': write hosts, separated by commas"),
        *(
            ("METRICS_NAMESPACE", value, "^METRICS_NAMESPACE is .*: write 1 to 255 letters, digits and")
            for value in ("", "AWS/Lambda", "Partners and clients", "a" * 256)
        ),
        ("CRL_SOURCE_PRIVATE_HOSTS", "other", "names 'other', which is not the host of a URL in CRL_SOURCES"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_its_variable(variable: str, value: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_fetch_settings({**ENVIRONMENT, variable: value})
