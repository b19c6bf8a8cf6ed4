from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.stores.store import Scheme, StoreError, check_uri, open_dated_store, open_store

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from tests.faulty_proxy import FaultyProxy

LARGEST = 1000


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
    check_uri(uri)


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
        ("file://opt/rules.json", "that makes three slashes; write file:///absolute/path"),
        ("file://localhost/opt/rules.json", "no host"),
        ("file://rules.json", "absolute"),
        ("file://", "absolute"),
        ("file:///", "names a folder"),
        ("file:///opt/", "names a folder"),
        ("file:///opt/../etc/passwd", "its path has .. in it"),
        ("file:///opt/%2e%2E/etc/passwd", "its path has .. in it"),
        ("file:///opt/x%2f../etc/passwd", "its path has .. in it"),
        ("file:///opt/rules.json#one", "no query or fragment"),
        ("file:///opt/rules.json?one", "no query or fragment"),
        ("file:///opt/100%", "write %25 for % itself"),
        ("file:///opt/%zz", "write %25 for % itself"),
        ("file:///opt/%00", "can't be printed"),
        ("file:///opt/%0Arules", "can't be printed"),
        ("file:///opt/%ff", "utf-8"),
        ("file:///opt/a\nb", "can't be printed"),
        ("file:///opt/a\x9bb", "can't be printed"),
        ("file:///opt/a\udcffb", "can't be printed"),
        ("s3://bucket/a\u202eb", "can't be printed"),
        ("s3://", "a bucket's name"),
        ("s3:///key", "a bucket's name"),
        ("s3://bucket:443/key", "a bucket's name"),
        ("s3://.../key", "a bucket's name"),
        ("s3://arn:aws:s3:eu-central-1:123456789012:accesspoint/name/key", "a bucket's name"),
        ("s3://bucket", "it names no object; write s3://bucket/key"),
        ("s3://bucket/", "it names no object"),
        ("s3://bucket/folder/", "it names no object"),
        ("s3://bucket/key#one", "no query or fragment"),
        ("s3://bucket/key?versionId=one", "no query or fragment"),
        ("s3://bucket/../other/key", "a key with . or .."),
        ("s3://bucket/a/./key", "a key with . or .."),
        ("s3://bucket/" + "ä" * 513, "longer than 1024 bytes"),
        ("ssm://", "'' is not a parameter's name"),
        ("ssm:///", "'/' is not a parameter's name"),
        ("ssm://name", "'name' is not a parameter's name"),
        ("ssm:///one,", "'' is not a parameter's name"),
        ("ssm:///one,,/two", "'' is not a parameter's name"),
        ("ssm:///one, /two", "' /two' is not a parameter's name"),
        ("ssm:///one//two", "not a parameter's name"),
        ("ssm:///one#two", "not a parameter's name"),
        ("ssm:///one:", "not a parameter's name"),
        ("ssm:///one,/two,/one", "names a parameter twice"),
        ("ssm:///one:1,/one:2", "names a parameter twice"),
        ("ssm://" + ",".join(f"/{number}" for number in range(11)), "11 parameters, and 10 can be read at once"),
        ("appconfig://", "three names"),
        ("appconfig://application/environment", "three names"),
        ("appconfig://application/environment/profile/1", "three names"),
        ("appconfig://application//profile", "write its ID"),
        ("appconfig://application/environment/profile?1", "write its ID"),
    ],
)
def test_a_uri_that_names_none_is_refused_with_what_would_be_right(uri: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"^is '") as refused:
        check_uri(uri)
    assert told in str(refused.value)
    assert str(refused.value).isprintable()
    with pytest.raises(ValueError, match=r"^is '"):
        open_store(uri, max_bytes=LARGEST)


@pytest.mark.parametrize("schemes", [(Scheme.S3, Scheme.FILE), {"s3", "file"}, ["file", "s3"]])
def test_a_scheme_that_is_not_for_this_kind_of_document_is_refused(schemes: Collection[str]) -> None:
    check_uri("s3://bucket/key", schemes)
    with pytest.raises(ValueError, match=r"^is 'ssm:///rules': write file:///absolute/path, s3://bucket/key$"):
        check_uri("ssm:///rules", schemes)


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
def test_what_may_be_secret_in_a_uri_is_not_repeated(uri: str) -> None:
    with pytest.raises(ValueError, match=r"^is '.*…': ") as refused:
        check_uri(uri)
    assert "topsecret" not in str(refused.value)


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        (
            "",
            "is '': write file:///absolute/path, s3://bucket/key, ssm:///parameter or ssm:///part/1,/part/2, appconfig://",
        ),
        (
            "s3://bucket/a\u202eb",
            r"is 's3://bucket/a\u202eb': it has a character that can't be printed; write s3://bucket/key",
        ),
        ("s3://bucket/" + "k" * 1025, f"is 's3://bucket/{'k' * 68}…': its key is longer than 1024 bytes; write s3:"),
        ("user:topsecret@bucket", "is '…': write file:///"),
        ("https://user:topsecret@bucket", "is 'https://…': write file:///"),
    ],
)
def test_a_uri_is_shown_as_far_as_it_may_be_with_what_would_be_right(uri: str, told: str) -> None:
    with pytest.raises(ValueError, match=r"^is '") as refused:
        check_uri(uri)
    assert str(refused.value).startswith(told)


def put(path: Path, content: bytes) -> None:
    """Replace a file at once, as a deployment does."""
    new = path.with_name("new")
    new.write_bytes(content)
    new.replace(path)


def test_a_file_is_fetched_once_for_each_version(tmp_path: Path) -> None:
    path = tmp_path / "a rule #1"
    put(path, b"first")
    store = open_store(f"file://{tmp_path}/a%20rule%20%231", max_bytes=LARGEST)
    first = store.fetch(None)
    assert first
    assert first.content == b"first"
    assert store.fetch(first.version) is None
    put(path, b"other")
    second = store.fetch(first.version)
    assert second
    assert second.content == b"other"
    assert store.fetch(second.version) is None
    assert store.fetch(first.version) == second


def test_a_file_is_fetched_only_if_it_is_newer_than_a_time(tmp_path: Path) -> None:
    path = tmp_path / "ca.crl"
    put(path, b"first")
    store = open_dated_store(path.as_uri(), max_bytes=LARGEST)
    first = store.fetch(None)
    assert first
    assert first.modified
    assert store.fetch(None, first.modified) is None
    earlier = first.modified - timedelta(seconds=1)
    assert store.fetch(None, earlier) == first
    # The version says more.
    assert store.fetch(first.version, earlier) is None
    assert store.fetch("another", first.modified) == first
    # A copy may have an older file's time: what counts is when it came here.
    time.sleep(0.05)
    put(path, b"second")
    os.utime(path, (0, 0))
    second = store.fetch(None, first.modified)
    assert second
    assert second.content == b"second"


@pytest.mark.parametrize("uri", ["ssm:///parameter", "appconfig://a/b/c", "ca.crl"])
def test_only_files_and_objects_have_dates(uri: str) -> None:
    with pytest.raises(ValueError, match=r"write file:///absolute/path, s3://bucket/key$"):
        open_dated_store(uri, max_bytes=LARGEST)


def test_a_copy_that_has_the_times_of_the_file_it_replaces_is_a_new_version(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_bytes(b"first")
    store = open_store(path.as_uri(), max_bytes=LARGEST)
    first = store.fetch(None)
    assert first
    before = path.stat()
    # The kernel's clock for files goes in steps of some milliseconds.
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        path.write_bytes(b"other")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    second = store.fetch(first.version)
    assert second
    assert second.content == b"other"


@pytest.mark.parametrize("size", [0, 1, LARGEST])
def test_a_file_may_be_as_large_as_allowed(tmp_path: Path, size: int) -> None:
    (tmp_path / "file").write_bytes(b"x" * size)
    fetched = open_store(f"file://{tmp_path}/file", max_bytes=LARGEST).fetch(None)
    assert fetched
    assert fetched.content == b"x" * size


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("missing", "No such file or directory"),
        ("file/below", "Not a directory"),
        ("folder", "Is a directory"),
        ("pipe", "not a regular file"),
        ("device", "not a regular file"),
        ("loop", "Too many levels of symbolic links"),
        ("large", "larger than 1,000 bytes"),
        ("sparse", "larger than 1,000 bytes"),
    ],
)
def test_what_is_no_regular_file_of_that_size_is_an_error_that_names_it(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "large").write_bytes(b"x" * (LARGEST + 1))
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 40)
    uri = f"file://{tmp_path}/{name}"
    with pytest.raises(StoreError) as failure:
        open_store(uri, max_bytes=LARGEST).fetch(None)
    assert str(failure.value) == f"{uri}: {told}"


def test_a_file_whose_size_is_not_what_it_holds_is_an_error() -> None:
    with pytest.raises(StoreError, match="changed while it was read, twice"):
        open_store("file:///proc/self/status", max_bytes=LARGEST).fetch(None)


@pytest.mark.parametrize("content", [b"one", b"two longer"])
@pytest.mark.parametrize("writes", [1, 2])
def test_a_file_that_is_written_while_it_is_read_is_read_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int, content: bytes
) -> None:
    """Also where its size stays and the write is too soon after the one before to change its times."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    left = [content] * writes
    fstat = os.fstat

    def write_behind_its_back(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        if left:
            path.write_bytes(left.pop())
        return status

    monkeypatch.setattr(os, "fstat", write_behind_its_back)
    fetched = open_store(path.as_uri(), max_bytes=LARGEST).fetch(None)
    assert fetched
    assert fetched.content == content


def test_a_file_that_is_written_each_time_it_is_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    fstat = os.fstat
    writes: list[int] = []

    def write_behind_its_back(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        writes.append(path.write_bytes(b"%d" % (len(writes) % 10)))
        return status

    monkeypatch.setattr(os, "fstat", write_behind_its_back)
    with pytest.raises(StoreError, match="it changed while it was read, twice"):
        open_store(path.as_uri(), max_bytes=LARGEST).fetch(None)


def test_a_file_that_is_written_twice_while_it_is_read_is_not_read_a_third_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    fstat = os.fstat
    # What happens after the file was looked at, before and after it is read.
    writes = [b"longer", None, b"longer again", None]

    def write_behind_its_back(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        if writes and (content := writes.pop(0)):
            path.write_bytes(content)
        return status

    monkeypatch.setattr(os, "fstat", write_behind_its_back)
    with pytest.raises(StoreError, match="it changed while it was read, twice"):
        open_store(path.as_uri(), max_bytes=LARGEST).fetch(None)


@pytest.mark.parametrize(
    ("nanoseconds", "settled"),
    [(-1, True), (0, False), (1, False), (19_999_999, False), (20_000_000, True), (20_000_001, True)],
)
def test_a_file_is_taken_once_its_times_would_tell_of_another_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, nanoseconds: int, settled: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    now = path.stat().st_ctime_ns + nanoseconds
    monkeypatch.setattr(time, "time_ns", lambda: now)
    store = open_store(path.as_uri(), max_bytes=LARGEST)
    if settled:
        fetched = store.fetch(None)
        assert fetched
        assert fetched.content == b"content"
    else:
        with pytest.raises(StoreError, match="it changed while it was read, twice"):
            store.fetch(None)


def test_a_file_is_opened_without_waiting_for_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As opening a named pipe would, for ever."""
    path = tmp_path / "file"
    put(path, b"content")
    flags: list[int] = []
    really_open = os.open

    def record(name: str, asked: int) -> int:
        flags.append(asked)
        return really_open(name, asked)

    monkeypatch.setattr(os, "open", record)
    open_store(path.as_uri(), max_bytes=LARGEST).fetch(None)
    assert flags
    assert all(each & os.O_NONBLOCK for each in flags)


def run_in_a_fresh_interpreter(code: str) -> list[str]:
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return process.stdout.splitlines()


IMPORTED = "print(*sorted(name for name in sys.modules if name in {'boto3', 'botocore', 'mtls_authorizer.stores.aws'}))"


@pytest.mark.usefixtures("aws")
def test_boto3_is_imported_for_a_store_in_aws_and_for_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_bytes(b"{}")
    lines = run_in_a_fresh_interpreter(
        f"""
import sys
import time
from datetime import timedelta
sys.path[:0] = {sys.path!r}
from mtls_authorizer.refresh.refresher import Refreshed, Refresher
from mtls_authorizer.stores.store import check_uri, open_store
check_uri("s3://bucket/key")
store = open_store({(tmp_path / "rules.json").as_uri()!r}, max_bytes=10)
document = Refreshed("rules", store, lambda content, _value: content)
refresher = Refresher([document], 0)
refresher.start()
refresher.refresh_if_due()
print(document.value)
{IMPORTED}
open_store("s3://bucket/key", max_bytes=10)
{IMPORTED}
"""
    )
    assert lines == ["b'{}'", "", "boto3 botocore mtls_authorizer.stores.aws"]


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "no region to ask in; Lambda sets AWS_REGION"),
        ({"AWS_REGION": "eu-central-1", "AWS_PROFILE": "nobody"}, "there is no such profile"),
        ({"AWS_REGION": "no region"}, "no answer that can be read (InvalidRegionError)"),
    ],
)
def test_a_store_in_aws_that_can_not_be_opened_is_told_in_one_line(
    aws: object, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], told: str
) -> None:
    assert aws
    monkeypatch.delenv("AWS_REGION")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (line,) = run_in_a_fresh_interpreter(
        f"""
import sys
import time
from datetime import timedelta
sys.path[:0] = {sys.path!r}
from mtls_authorizer.stores.store import StoreError, open_store
try:
    open_store("s3://bucket/key", max_bytes=10)
except StoreError as error:
    print(error)
"""
    )
    assert line.startswith(f"s3://bucket/key: {told}")


def test_without_boto3_a_store_in_aws_can_not_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "mtls_authorizer.stores.aws", raising=False)
    with pytest.raises(StoreError) as failure:
        open_store("s3://bucket/key", max_bytes=LARGEST)
    told = "s3://bucket/key: there is no module boto3. Lambda's runtimes have it; elsewhere, install boto3"
    assert str(failure.value) == told


def test_nothing_is_asked_of_aws_when_a_store_is_opened(proxy: FaultyProxy) -> None:
    for uri in ("s3://bucket/key", "ssm:///rules", "appconfig://a/e/p"):
        assert open_store(uri, max_bytes=LARGEST).uri == uri
    assert proxy.statuses() == []
