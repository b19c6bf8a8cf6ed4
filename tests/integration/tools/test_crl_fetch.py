"""``mtls-authorizer crl fetch`` stores what the fetcher would store, completely or not at all."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer_cli.main import main
from tests.command_results import Terminal
from tests.pki import todays_crls
from tests.pki.certificate_authorities import DAY, crl_pem, entry
from tests.pki.todays_crls import CA, TODAY
from tests.servers.crl_server import byte_by_byte, crl_server, ok, until_closed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.crl_server import CrlServer

PROGRAM = "mtls-authorizer crl fetch"

crl = partial(todays_crls.crl, number=5)


@pytest.fixture
def server() -> Iterator[CrlServer]:
    with crl_server() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bundle.pem").write_bytes(CA.pem)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fetch(server: CrlServer, *options: str) -> int:
    return main(["crl", "fetch", server.url("/ca.crl"), "ca.crl", "--truststore", "bundle.pem", *options], {})


def test_a_crl_is_stored_and_kept_until_there_is_a_newer_one(
    server: CrlServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = crl(5, number=255), crl(5, 6, number=256)
    for served, message in [
        (first, "ca.crl: number FF, issued 20"),
        (first, "ca.crl is current\n"),
        (second, "ca.crl: number 100, issued 20"),
    ]:
        server.answers["/ca.crl"] = ok(served)
        assert fetch(server, "--private") == 0
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith(message)
        assert (folder / "ca.crl").read_bytes() == served
    server.answers["/ca.crl"] = ok(first)
    assert fetch(server, "--private") == 1
    assert capsys.readouterr().err.endswith(
        ", is before that of the one in force, " + f"{TODAY - 24.4 * DAY:%Y-%m-%dT%H:%M:%SZ}. ca.crl is unchanged.\n"
    )
    assert {path.name for path in folder.iterdir()} == {"bundle.pem", "ca.crl"}


def test_a_crl_needs_no_number(server: CrlServer, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers["/ca.crl"] = ok(CA.revoke(entry(5), this_update=TODAY, next_update=None))
    assert fetch(server, "--private") == 0
    assert capsys.readouterr().err == f"ca.crl: issued {TODAY:%Y-%m-%dT%H:%M:%SZ}\n"
    assert (folder / "ca.crl").exists()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("body", "options", "message"),
    [
        (b"<html>", ["--private"], "not fetched: neither a CRL in DER nor exactly one in PEM"),
        (crl(5, days_left=-1), ["--private"], "not fetched: the CRL's nextUpdate"),
        (crl(5), [], "not fetched: 127.0.0.1 has the address 127.0.0.1, which is not public"),
    ],
)
def test_nothing_is_stored_without_a_usable_crl(
    body: bytes, options: list[str], message: str, server: CrlServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers["/ca.crl"] = ok(body)
    assert fetch(server, *options) == 1
    printed = capsys.readouterr().err
    assert printed.startswith(f"{server.url('/ca.crl')}: {message}")
    assert "is unchanged" not in printed
    assert not Path("ca.crl").exists()


def test_a_crl_past_its_next_update_is_accepted_on_request(server: CrlServer, folder: Path) -> None:
    server.answers["/ca.crl"] = ok(crl(5, days_left=-1))
    assert fetch(server, "--private", "--max-age", "172800") == 0
    assert (folder / "ca.crl").exists()


@pytest.mark.parametrize(
    "stored", [b"", b"<html>503</html>", crl_pem(crl(*range(1, 9000)))[:-20], crl(*range(1, 9000)), crl_pem(crl(4))]
)
def test_older_crls_and_the_remains_of_other_downloads_are_replaced(
    stored: bytes, server: CrlServer, folder: Path
) -> None:
    newer = crl(5, number=9)
    server.answers["/ca.crl"] = ok(newer)
    (folder / "real.crl").write_bytes(stored)
    (folder / "ca.crl").symlink_to("real.crl")
    assert fetch(server, "--private") == 0
    assert (folder / "real.crl").read_bytes() == newer
    assert (folder / "ca.crl").is_symlink()


def test_a_slow_download_is_given_up(server: CrlServer, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers["/ca.crl"] = byte_by_byte(b"0" * 1000, 0.05)
    assert fetch(server, "--private", "--timeout", "1") == 1
    assert "not fetched: timed out after 1 s.\n" in capsys.readouterr().err
    assert not (folder / "ca.crl").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["ldap:///CN=CA", "ca.crl"],
            "argument URL: 'ldap:///CN=CA' is not the URL of a CRL: write http:// or https://",
        ),
        (["http://a/"], "the following arguments are required: FILE"),
        (["http://a/", "ca.crl", "--timeout", "-1"], "argument --timeout: '-1' is not a whole number"),
    ],
)
def test_arguments_that_cannot_be_read_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["crl", "fetch", *arguments, "--truststore", "bundle.pem"], {})
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_files_that_cannot_be_read_or_written_are_named(
    server: CrlServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers["/ca.crl"] = ok(crl(5))
    url = server.url("/ca.crl")
    for arguments, message in [
        (["ca.crl", "--truststore", "missing.pem"], "missing.pem cannot be read: No such file or directory\n"),
        (["ca.crl", "--truststore", "text"], "text: it is text, but not PEM. Name the truststore"),
        (["no/where", "--truststore", "bundle.pem"], "no/where cannot be written: No such file or directory\n"),
        ([".", "--truststore", "bundle.pem"], "the output . is not a regular file"),
        (["copy.pem", "--truststore", "bundle.pem"], "the output copy.pem is a certificate, which is not replaced"),
        (
            ["bundle.pem", "--truststore", "bundle.pem"],
            "the output bundle.pem is the same file as the input bundle.pem",
        ),
    ]:
        (folder / "text").write_text("text")
        (folder / "copy.pem").write_bytes((folder / "bundle.pem").read_bytes())
        assert main(["crl", "fetch", url, *arguments, "--private"], {}) == 2
        assert capsys.readouterr().err.startswith(f"{PROGRAM}: {message}")


@pytest.mark.usefixtures("folder")
def test_a_bar_shows_the_progress_on_a_terminal(server: CrlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    content = crl(*range(10_000))
    for answer, of_total in ((ok(content), f" of {len(content):,}"), (until_closed(content), "")):
        server.answers["/ca.crl"] = answer
        monkeypatch.setattr(sys, "stderr", terminal := Terminal())
        assert fetch(server, "--private") == 0
        steps = [step.partition("] ")[2] for step in terminal.getvalue().split("\r\x1b[K")]
        assert steps[:2] == ["", "connecting to 127.0.0.1"]
        assert steps[-2] == f"{len(content):,}{of_total} bytes"
        assert len(steps) > 4
