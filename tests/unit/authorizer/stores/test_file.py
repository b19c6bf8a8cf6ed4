"""Documents in files: their versions and dates, and files that change while they are read."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from mtls_authorizer.refresh.document import Document
from mtls_authorizer.refresh.loader import StoreLoader
from mtls_authorizer.refresh.refresher import Refresher
from mtls_authorizer.stores.file import FileStore
from mtls_authorizer.stores.opener import open_prefix
from mtls_authorizer.stores.store import StoreError
from tests.clocks import LONG, Clock
from tests.refreshing import has_changed

LARGEST = 1000


def file_store(path: Path) -> FileStore:
    """Return a store for which every file was written long ago, and waiting takes no time."""
    return FileStore(path.as_uri(), (str(path),), LARGEST, time_ns=lambda: 2**63, sleep=lambda _seconds: None)


def put(path: Path, content: bytes) -> None:
    """Replace a file at once, as a deployment does."""
    new = path.with_name("new")
    new.write_bytes(content)
    new.replace(path)


def test_a_file_is_fetched_once_for_each_version(tmp_path: Path) -> None:
    path = tmp_path / "a rule #1"
    put(path, b"first")
    store = file_store(path)
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


def test_a_copy_that_has_the_times_of_the_file_it_replaces_is_a_new_version(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_bytes(b"first")
    store = file_store(path)
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
    fetched = file_store(tmp_path / "file").fetch(None)
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
def test_anything_but_a_regular_file_within_the_limit_is_an_error_that_names_it(
    tmp_path: Path, name: str, told: str
) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "large").write_bytes(b"x" * (LARGEST + 1))
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 40)
    with pytest.raises(StoreError) as failure:
        file_store(tmp_path / name).fetch(None)
    assert str(failure.value) == f"{(tmp_path / name).as_uri()}: {told}"


def test_a_file_with_another_size_than_its_content_is_an_error() -> None:
    with pytest.raises(StoreError, match="changed while it was read, twice"):
        file_store(Path("/proc/self/status")).fetch(None)


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

    def write_meanwhile(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        if left:
            path.write_bytes(left.pop())
        return status

    monkeypatch.setattr(os, "fstat", write_meanwhile)
    fetched = file_store(path).fetch(None)
    assert fetched
    assert fetched.content == content


def test_a_file_that_is_written_each_time_it_is_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    fstat = os.fstat
    writes: list[int] = []

    def write_meanwhile(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        writes.append(path.write_bytes(b"%d" % (len(writes) % 10)))
        return status

    monkeypatch.setattr(os, "fstat", write_meanwhile)
    with pytest.raises(StoreError, match="it changed while it was read, twice"):
        file_store(path).fetch(None)


def test_a_file_that_is_written_twice_while_it_is_read_is_not_read_a_third_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    fstat = os.fstat
    # What happens after the file was looked at, before and after it is read.
    writes = [b"longer", None, b"longer again", None]

    def write_meanwhile(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        if writes and (content := writes.pop(0)):
            path.write_bytes(content)
        return status

    monkeypatch.setattr(os, "fstat", write_meanwhile)
    with pytest.raises(StoreError, match="it changed while it was read, twice"):
        file_store(path).fetch(None)


@pytest.mark.parametrize(
    ("nanoseconds", "settled"),
    [(-1, True), (0, False), (1, False), (19_999_999, False), (20_000_000, True), (20_000_001, True)],
)
def test_a_file_is_accepted_once_its_times_would_show_another_write(
    tmp_path: Path, *, nanoseconds: int, settled: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    now = path.stat().st_ctime_ns + nanoseconds
    waits: list[float] = []
    store = FileStore(path.as_uri(), (str(path),), LARGEST, time_ns=lambda: now, sleep=waits.append)
    if settled:
        fetched = store.fetch(None)
        assert fetched
        assert fetched.content == b"content"
    else:
        with pytest.raises(StoreError, match="it changed while it was read, twice"):
            store.fetch(None)
    assert waits == ([] if settled else [0.02] * 2)


def test_a_reset_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    store = file_store(path)
    first = store.fetch(None)
    assert first
    path.unlink()
    put(path, b"two")
    store.reset()
    second = store.fetch(first.version)
    assert second
    assert second.content == b"two"


def test_a_reset_of_a_folder_changes_nothing(tmp_path: Path) -> None:
    folder = open_prefix(tmp_path.as_uri() + "/", bucket_owner=None)
    put(tmp_path / "a.crl", b"content")
    before = folder.documents((".crl",))
    folder.reset()
    assert folder.documents((".crl",)) == before != {}


@pytest.mark.parametrize("written", ["folder", "/folder", "./folder", "%66older"])
def test_the_uris_of_files_begin_with_that_of_their_folder_however_it_is_written(tmp_path: Path, written: str) -> None:
    (tmp_path / "folder").mkdir()
    put(tmp_path / "folder" / "a.crl", b"content")
    folder = open_prefix(f"{tmp_path.as_uri()}/{written}/", bucket_owner=None)
    assert [*folder.documents((".crl",))] == [f"{folder.uri}a.crl"]
    assert open_prefix("file:///./", bucket_owner=None).uri == "file:///"


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
    file_store(path).fetch(None)
    assert flags
    assert all(each & os.O_NONBLOCK for each in flags)


def test_a_restore_loads_a_new_file_though_the_clock_has_stopped(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    put(path, b"one")
    document = Document(StoreLoader("rules", file_store(path), bytes.decode))
    refresher = Refresher([document], 60, start_seconds=LONG, wait_seconds=LONG, clock=Clock())
    refresher.start()
    put(path, b"two")
    assert not has_changed(refresher)
    refresher.restore()
    assert (document.value, document.failures) == ("two", 0)


def test_a_folder_is_listed_with_its_subfolders(tmp_path: Path) -> None:
    for name in ("a.crl", "b.crl.index", "notes.txt", "sub/deep/c d.crl", "un\nprintable.crl"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "folder.crl").mkdir()
    os.mkfifo(tmp_path / "pipe.crl")
    (tmp_path / "gone.crl").symlink_to(tmp_path / "nothing")
    (tmp_path / "link.crl").symlink_to(tmp_path / "a.crl")
    (tmp_path / "sub" / "parent").symlink_to(tmp_path)
    folder = open_prefix(f"{tmp_path.as_uri()}/", bucket_owner=None)
    found = folder.documents((".crl", ".index"))
    assert {uri: (listed.name, listed.size) for uri, listed in found.items()} == {
        (tmp_path / "a.crl").as_uri(): ("a.crl", 5),
        (tmp_path / "b.crl.index").as_uri(): ("b.crl.index", 11),
        (tmp_path / "sub/deep/c d.crl").as_uri(): ("c d.crl", 16),
        (tmp_path / "link.crl").as_uri(): ("link.crl", 5),
        # Its content is not listed.
        f"{tmp_path.as_uri()}/sub/parent/": ("parent", 0),
    }
    del found[f"{tmp_path.as_uri()}/sub/parent/"]
    for uri, listed in found.items():
        fetched = file_store(Path(unquote(urlsplit(uri).path))).fetch(None)
        assert fetched
        assert fetched.version == listed.version


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreError, match="missing/: No such file or directory"):
        open_prefix(f"{tmp_path.as_uri()}/missing/", bucket_owner=None).documents((".crl",))
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).touch()
    monkeypatch.setattr("mtls_authorizer.stores.file.MAX_LISTED", 2)
    assert open_prefix(f"{tmp_path.as_uri()}/", bucket_owner=None).documents((".crl",)) == {}
    monkeypatch.setattr("mtls_authorizer.stores.file.MAX_LISTED", 1)
    with pytest.raises(StoreError, match="choose a longer prefix"):
        open_prefix(f"{tmp_path.as_uri()}/", bucket_owner=None).documents((".crl",))
