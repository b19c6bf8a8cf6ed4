"""The URIs of documents: which are accepted, and what the message about the others says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.stores.uri import Scheme, is_prefix, names_document, parse_prefix, parse_uri

if TYPE_CHECKING:
    from collections.abc import Collection


@pytest.mark.parametrize(
    "uri",
    [
        "file:///opt/rules.json",
        "file:///opt/with%20space%23/%E2%82%AC",
        "file:///opt/..rules",
        "s3://bucket/key",
        "s3://my.bucket-1/a folder/key with %20, + and @",
        "s3://bucket//key",
        "s3://bucket/" + "k" * 1024,
        "ssm:///rules",
        "ssm:///mtls/rules/1,/mtls/rules/2:7,/mtls/rules/3:live",
        "ssm://" + ",".join(f"/{number}" for number in range(10)),
        "appconfig://application/environment/profile",
        "appconfig://My application/abc1234/rules.json",
    ],
)
def test_a_uri_that_names_a_document_is_accepted(uri: str) -> None:
    assert parse_uri(uri).scheme == uri.partition(":")[0]


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("file:///opt/with%20space%23/%E2%82%AC", (Scheme.FILE, ("/opt/with space#/€",))),
        ("s3://my.bucket-1/a folder/key with %20", (Scheme.S3, ("my.bucket-1", "a folder/key with %20"))),
        ("ssm:///rules/1:live,/rules/2", (Scheme.SSM, ("/rules/1:live", "/rules/2"))),
        ("appconfig://My application/abc1234/rules", (Scheme.APPCONFIG, ("My application", "abc1234", "rules"))),
    ],
)
def test_a_uri_is_parsed_into_what_its_store_needs(uri: str, location: tuple[Scheme, tuple[str, ...]]) -> None:
    assert parse_uri(uri) == location


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("", "is '': write file:///absolute/path, s3://bucket/key, ssm:///parameter or ssm:///part/1,/part/2, appc"),
        ("rules.json", "write file:///"),
        ("/opt/rules.json", "write file:///"),
        ("http://bucket/key", "is 'http://bucket/key': write file:///"),
        ("S3://bucket/key", "write file:///"),
        ("s3:/bucket/key", "write file:///"),
        ("file:/opt/rules.json", "write file:///"),
        ("file://opt/rules.json", "three slashes; write file:///absolute/path"),
        ("file://localhost/opt/rules.json", "without a host"),
        ("file://rules.json", "absolute"),
        ("file://", "absolute"),
        ("file:///", "names a folder"),
        ("file:///opt/", "names a folder"),
        ("file:///opt/../etc/passwd", "its path contains .."),
        ("file:///opt/%2e%2E/etc/passwd", "its path contains .."),
        ("file:///opt/x%2f../etc/passwd", "its path contains .."),
        ("file:///opt/rules.json#one", "no query or fragment"),
        ("file:///opt/rules.json?one", "no query or fragment"),
        ("file:///opt/100%", "write %25 for % itself"),
        ("file:///opt/%zz", "write %25 for % itself"),
        ("file:///opt/%00", "is not printable"),
        ("file:///opt/%0Arules", "is not printable"),
        ("file:///opt/%ff", "utf-8"),
        ("file:///opt/a\nb", "is not printable"),
        ("file:///opt/a\x9bb", "is not printable"),
        ("file:///opt/a\udcffb", "is not printable"),
        ("s3://bucket/a\u202eb", "is not printable"),
        ("s3://", "the name of a bucket"),
        ("s3:///key", "the name of a bucket"),
        ("s3://bucket:443/key", "the name of a bucket"),
        ("s3://.../key", "the name of a bucket"),
        ("s3://arn:aws:s3:eu-central-1:123456789012:accesspoint/name/key", "the name of a bucket"),
        ("s3://bucket", "it names no object; write s3://bucket/key"),
        ("s3://bucket/", "it names no object"),
        ("s3://bucket/folder/", "it names no object"),
        ("s3://bucket/key#one", "no query or fragment"),
        ("s3://bucket/key?versionId=one", "no query or fragment"),
        ("s3://bucket/../other/key", "a key must not contain . or .."),
        ("s3://bucket/a/./key", "a key must not contain . or .."),
        ("s3://bucket/" + "ä" * 513, "longer than 1024 bytes"),
        ("ssm://", "'' is not the name of a parameter"),
        ("ssm:///", "'/' is not the name of a parameter"),
        ("ssm://name", "'name' is not the name of a parameter"),
        ("ssm:///one,", "'' is not the name of a parameter"),
        ("ssm:///one,,/two", "'' is not the name of a parameter"),
        ("ssm:///one, /two", "' /two' is not the name of a parameter"),
        ("ssm:///one//two", "not the name of a parameter"),
        ("ssm:///one#two", "not the name of a parameter"),
        ("ssm:///one:", "not the name of a parameter"),
        ("ssm:///one,/two,/one", "names a parameter twice"),
        ("ssm:///one:1,/one:2", "names a parameter twice"),
        (
            "ssm://" + ",".join(f"/{number}" for number in range(11)),
            "11 parameters, but at most 10 can be read at once",
        ),
        ("appconfig://", "three names"),
        ("appconfig://application/environment", "three names"),
        ("appconfig://application/environment/profile/1", "three names"),
        ("appconfig://application//profile", "write its ID"),
        ("appconfig://application/environment/profile?1", "write its ID"),
    ],
)
def test_a_uri_that_names_no_document_is_rejected_with_the_correct_form(uri: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"^is '") as rejected:
        parse_uri(uri)
    assert told in str(rejected.value)
    assert str(rejected.value).isprintable()


@pytest.mark.parametrize("schemes", [(Scheme.S3, Scheme.FILE), {"s3", "file"}, ["file", "s3"]])
def test_a_scheme_that_is_not_for_this_kind_of_document_is_rejected(schemes: Collection[str]) -> None:
    parse_uri("s3://bucket/key", schemes)
    with pytest.raises(ValueError, match=r"^is 'ssm:///rules': write file:///absolute/path, s3://bucket/key$"):
        parse_uri("ssm:///rules", schemes)


@pytest.mark.parametrize(
    "uri",
    [
        "s3://AKIAEXAMPLE:topsecret@bucket/key",
        "s3://AKIAEXAMPLE:top/topsecret@bucket/key#",
        "https://user:topsecret@bucket.example/key",
        "user:topsecret@bucket",
        "https://bucket.example/key?X-Amz-Signature=topsecret",
        "file:///opt/rules.json?topsecret",
        "s3://bucket/key#topsecret",
        "x" * 80 + "topsecret",
    ],
)
def test_parts_of_a_uri_that_may_be_secret_are_not_repeated(uri: str) -> None:
    with pytest.raises(ValueError, match=r"^is '.*…': ") as rejected:
        parse_uri(uri)
    assert "topsecret" not in str(rejected.value)


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        (
            "",
            "is '': write file:///absolute/path, s3://bucket/key, ssm:///parameter or ssm:///part/1,/part/2, appconfig://",
        ),
        (
            "s3://bucket/a\u202eb",
            r"is 's3://bucket/a\u202eb': it contains a character that is not printable; write s3://bucket/key",
        ),
        ("s3://bucket/" + "k" * 1025, f"is 's3://bucket/{'k' * 68}…': its key is longer than 1024 bytes; write s3:"),
        ("user:topsecret@bucket", "is '…': write file:///"),
        ("https://user:topsecret@bucket", "is 'https://…': write file:///"),
    ],
)
def test_the_error_shows_the_permitted_part_of_a_uri_and_the_correct_form(uri: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"^is '") as rejected:
        parse_uri(uri)
    assert str(rejected.value).startswith(told)


@pytest.mark.parametrize(
    ("uri", "location"),
    [
        ("s3://bucket/crl/", (Scheme.S3, ("bucket", "crl/"))),
        ("s3://bucket/a/b c/", (Scheme.S3, ("bucket", "a/b c/"))),
        ("file:///crls/", (Scheme.FILE, ("/crls/",))),
        ("file:///a%20b/c/", (Scheme.FILE, ("/a b/c/",))),
    ],
)
def test_a_uri_that_ends_with_a_slash_names_a_folder(uri: str, location: tuple[Scheme, tuple[str, ...]]) -> None:
    assert is_prefix(uri)
    assert parse_prefix(uri) == location


@pytest.mark.parametrize(
    "uri", ["s3://bucket/", "s3:///crl/", "file:///", "s3://bucket/crl//", "s3://b/../c/", "ssm:///a/"]
)
def test_a_whole_bucket_and_anything_but_a_folder_are_rejected(uri: str) -> None:
    with pytest.raises(ValueError, match=r": .*write "):
        parse_prefix(uri)
    assert not names_document(uri)
