"""``mtls-authorizer crl index`` writes the same index as the indexer, completely or not at all."""

from __future__ import annotations

import fcntl
import io
import os
import signal
import stat
import struct
import sys
import termios
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from mtls_authorizer_cli.certificates.files import LARGEST_FILE
from mtls_authorizer_cli.crl import options as crl_options
from mtls_authorizer_cli.main import main
from mtls_authorizer_cli.progress import Progress
from tests.command_results import Terminal
from tests.pki.certificate_authorities import crl_pem, entry
from tests.pki.certificates import pem
from tests.pki.crl_indexes import indexed_serial_numbers
from tests.pki.todays_crls import CA, STRANGER, TODAY, crl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRAM = "mtls-authorizer crl index"


def run(*arguments: str) -> int:
    return main(["crl", "index", *arguments], {})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bundle.pem").write_bytes(CA.pem)
    (tmp_path / "ca.crl").write_bytes(crl(5, 6))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("form", [bytes, crl_pem])
def test_the_index_is_written_next_to_the_crl(
    form: Callable[[bytes], bytes], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "ca.crl").write_bytes(form(crl(5, 6, number=255)))
    assert run("ca.crl", "--truststore", "bundle.pem") == 0
    index = (folder / "ca.crl.index").read_bytes()
    assert indexed_serial_numbers(index) == [5, 6]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"ca.crl.index: {len(index)} bytes; number FF, issued 20")
    assert files(folder) == {"bundle.pem", "ca.crl", "ca.crl.index"}


def test_the_index_may_be_written_elsewhere(folder: Path) -> None:
    assert run("ca.crl", "--truststore", "bundle.pem", "--output", "there") == 0
    assert files(folder) == {"bundle.pem", "ca.crl", "there"}


def test_a_crl_needs_neither_number_nor_next_update(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ca.crl").write_bytes(CA.revoke(entry(5), this_update=TODAY, next_update=None))
    assert run("ca.crl", "--truststore", "bundle.pem") == 0
    assert f" bytes; issued {TODAY:%Y-%m-%dT%H:%M:%SZ}\n" in capsys.readouterr().err


def test_an_index_is_as_readable_as_any_new_file(folder: Path) -> None:
    before = os.umask(0o027)
    try:
        assert run("ca.crl", "--truststore", "bundle.pem") == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "ca.crl.index").stat().st_mode) == 0o640


def test_a_link_stays_one_and_its_target_keeps_its_mode(folder: Path) -> None:
    target, link = folder / "target", folder / "link"
    target.touch()
    target.chmod(0o600)
    link.symlink_to("target")
    assert run("ca.crl", "--truststore", "bundle.pem", "--output", "link") == 0
    assert link.is_symlink()
    assert indexed_serial_numbers(target.read_bytes()) == [5, 6]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert files(folder) == {"bundle.pem", "ca.crl", "link", "target"}


def test_a_link_to_nothing_creates_its_target(folder: Path) -> None:
    (folder / "link").symlink_to("target")
    assert run("ca.crl", "--truststore", "bundle.pem", "--output", "link") == 0
    assert (folder / "link").is_symlink()
    assert (folder / "target").stat().st_size > 0


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (crl(9), "a certificate revocation list"),
        (crl(*range(1, 9000)), "a certificate revocation list"),
        (STRANGER.pem, "a certificate"),
        (b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "a private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAA==\n", "a private key"),
        (b'{"rules": []}', "JSON"),
    ],
)
def test_a_file_with_something_else_is_not_replaced(
    content: bytes, kind: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "there").write_bytes(content)
    assert run("ca.crl", "--truststore", "bundle.pem", "--output", "there") == 2
    assert f"the output there is {kind}, which is not replaced" in capsys.readouterr().err
    assert (folder / "there").read_bytes() == content


def test_a_pipe_is_neither_read_nor_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(folder / "pipe")
    assert run("ca.crl", "--truststore", "bundle.pem", "--output", "pipe") == 2
    assert "the output pipe is not a regular file" in capsys.readouterr().err
    assert (folder / "pipe").is_fifo()


def test_links_in_a_circle_are_no_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "link").symlink_to("link")
    assert run("ca.crl", "--truststore", "bundle.pem", "--output", "link") == 2
    assert "link cannot be written: " in capsys.readouterr().err
    assert (folder / "link").is_symlink()


def test_the_same_crl_again_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("ca.crl", "--truststore", "bundle.pem")
    before = (folder / "ca.crl.index").stat().st_mtime_ns
    assert run("ca.crl", "--truststore", "bundle.pem") == 0
    assert (folder / "ca.crl.index").stat().st_mtime_ns == before
    assert "ca.crl.index is the index of this CRL already\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"garbage", "neither a CRL in DER nor exactly one in PEM"),
        (crl(5, number=9, ca=STRANGER), "is not signed by"),
        (crl(5, number=9, days_left=-1), "nextUpdate"),
        (crl(5, number=2), "is before that of the one in force"),
    ],
)
def test_a_rejected_crl_does_not_change_the_index(
    content: bytes, cause: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "ca.crl").write_bytes(crl(5, number=3))
    run("ca.crl", "--truststore", "bundle.pem")
    before = (folder / "ca.crl.index").read_bytes()
    capsys.readouterr()
    (folder / "ca.crl").write_bytes(content)
    assert run("ca.crl", "--truststore", "bundle.pem") == 1
    message = capsys.readouterr().err
    assert message.startswith("ca.crl: not indexed: ")
    assert cause in message
    assert message.endswith(". ca.crl.index is unchanged.\n")
    assert (folder / "ca.crl.index").read_bytes() == before


def test_a_rejected_crl_gets_no_index(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ca.crl").write_bytes(crl(ca=STRANGER))
    assert run("ca.crl", "--truststore", "bundle.pem") == 1
    assert "is unchanged" not in capsys.readouterr().err
    assert files(folder) == {"bundle.pem", "ca.crl"}


BUNDLE = pkcs7.serialize_certificates([x509.load_pem_x509_certificate(CA.pem)], Encoding.DER)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (CA.pem, "it is a certificate. Name the CRL, in PEM or DER."),
        (CA.certificate, "it is a certificate. Name the CRL, in PEM or DER."),
        (
            BUNDLE,
            "it is a PKCS #7 bundle (DER). If it contains one, extract it: openssl pkcs7 -inform DER -in FILE",
        ),
        (b"no CRL", "neither a CRL in DER nor exactly one in PEM"),
        (CA.pem + crl_pem(crl()), "neither a CRL in DER nor exactly one in PEM"),
        # Only the beginning is read.
        (b"[%s]" % (b" " * LARGEST_FILE), "neither a CRL in DER nor exactly one in PEM"),
    ],
)
def test_a_file_of_another_kind_is_named(
    content: bytes, problem: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "ca.crl").write_bytes(content)
    assert run("ca.crl", "--truststore", "bundle.pem") == 1
    assert capsys.readouterr().err.startswith(f"ca.crl: not indexed: {problem}")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            BUNDLE,
            "it is a PKCS #7 bundle (DER). Convert it: openssl pkcs7 -inform DER -in FILE -print_certs",
        ),
        (b" " * LARGEST_FILE + b"[]", "the truststore has 6,291,458 bytes; API Gateway accepts at most 1,000,000"),
        (pem(b"broken").encode(), "no PEM block of the truststore (1 in all) is a usable CA certificate"),
    ],
)
def test_a_file_that_is_no_truststore_is_named(
    content: bytes, problem: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bundle.pem").write_bytes(content)
    assert run("ca.crl", "--truststore", "bundle.pem") == 2
    assert capsys.readouterr().err.startswith(f"{PROGRAM}: bundle.pem: {problem}")


def test_a_crl_past_its_next_update_is_accepted_on_request(folder: Path) -> None:
    (folder / "ca.crl").write_bytes(crl(5, days_left=-1))
    assert run("ca.crl", "--truststore", "bundle.pem", "--max-age", "172800") == 0


def test_the_standard_input_is_named_in_words(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"no CRL")))
    assert run("-", "--truststore", "bundle.pem", "--output", "index") == 1
    assert capsys.readouterr().err.startswith("the standard input: not indexed: ")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"no certificate")))
    assert run("ca.crl", "--truststore", "-") == 2
    assert capsys.readouterr().err.startswith(f"{PROGRAM}: the standard input: it is text, but not PEM. Name the ")
    assert files(folder) == {"bundle.pem", "ca.crl"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.crl", "--truststore", "bundle.pem"], "missing.crl cannot be read: No such file or directory\n"),
        ([".", "--truststore", "bundle.pem"], ". cannot be read: Is a directory\n"),
        (["ca.crl", "--truststore", "missing.pem"], "missing.pem cannot be read: No such file or directory\n"),
        (["ca.crl", "--truststore", "ca.crl"], "ca.crl: it is a certificate revocation list. Name the truststore"),
        (
            ["ca.crl", "--truststore", "bundle.pem", "--output", "no/where"],
            "no/where cannot be written: No such file or directory\n",
        ),
        (
            ["ca.crl", "--truststore", "bundle.pem", "--output", "x" * 300],
            f"{'x' * 300} cannot be written: File name too long\n",
        ),
        (
            ["ca.crl", "--truststore", "bundle.pem", "--output", "./bundle.pem"],
            "the output bundle.pem is the same file as the input bundle.pem: name another output\n",
        ),
        (
            ["ca.crl", "--truststore", "bundle.pem", "--output", "ca.crl"],
            "the output ca.crl is the same file as the input ca.crl: name another output\n",
        ),
        (["ca.crl", "--truststore", "bundle.pem", "--output", "."], "the output . is not a regular file"),
        (
            ["-", "--truststore", "bundle.pem"],
            "the CRL is the standard input: name the file for the index with --output",
        ),
    ],
)
def test_a_file_that_cannot_be_read_or_written_is_named(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert capsys.readouterr().err.startswith(f"{PROGRAM}: {message}")
    assert files(folder) == {"bundle.pem", "ca.crl"}


def test_a_file_that_is_too_large_is_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(crl_options, "MAX_CRL_BYTES", 1234)
    (folder / "ca.crl").write_bytes(crl(*range(100)))
    assert run("ca.crl", "--truststore", "bundle.pem") == 2
    assert capsys.readouterr().err == f"{PROGRAM}: ca.crl has more than 1,234 bytes: name a smaller file\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: FILE, --truststore"),
        (["ca.crl"], "the following arguments are required: --truststore"),
        (["ca.crl", "--truststore", "bundle.pem", "--max-age", "-1"], "'-1' is not a whole number from 0 to"),
        (["ca.crl", "--truststore", "bundle.pem", "--max-age", "²"], r"'\xb2' is not a whole number from 0 to"),
        (
            ["ca.crl", "--truststore", "bundle.pem", "--max-age", "31536001"],
            "'31536001' is not a whole number from 0 to 31536000",
        ),
        (
            ["ca.crl", "--truststore", "bundle.pem", "--max-age", "9" * 5000],
            f"'{'9' * 40}'... is not a whole number from 0 to 31536000",
        ),
    ],
)
def test_arguments_that_can_not_be_read_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        run(*arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_an_index_that_can_not_be_finished_leaves_no_trace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("ca.crl", "--truststore", "bundle.pem")
    before = (folder / "ca.crl.index").read_bytes()
    (folder / "ca.crl").write_bytes(crl(7, number=2))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run("ca.crl", "--truststore", "bundle.pem") == 2
    assert (folder / "ca.crl.index").read_bytes() == before
    assert files(folder) == {"bundle.pem", "ca.crl", "ca.crl.index"}


@pytest.mark.parametrize(("text", "replacement"), [(b"\n", b"\n\n"), (b"-----BEGIN", b"0\n-----BEGIN")])
def test_the_bar_shows_how_many_entries_were_read_if_their_number_is_unknown(
    text: bytes, replacement: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "ca.crl").write_bytes(crl_pem(crl(5)).replace(text, replacement))
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert run("ca.crl", "--truststore", "bundle.pem") == 0
    assert f"[{'.' * 40}] 0 of 0 serial numbers" in terminal.getvalue()
    assert (folder / "ca.crl.index").exists()


@pytest.mark.parametrize("form", [bytes, crl_pem])
def test_the_bar_is_removed_before_the_result_is_printed(
    form: Callable[[bytes], bytes], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [entry(2**2000 + step) for step in range(5)]
    (folder / "ca.crl").write_bytes(form(CA.revoke(*entries, this_update=TODAY, next_update=None)))
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert run("ca.crl", "--truststore", "bundle.pem") == 0
    assert (folder / "ca.crl.index").stat().st_size == 1_422
    assert terminal.getvalue().split("\r\x1b[K") == [
        "",
        f"[{'.' * 40}] verifying ca.crl",
        f"[{'.' * 40}] 0 of 5 serial numbers",
        f"[{'#' * 40}] writing",
        f"ca.crl.index: 1,422 bytes; issued {TODAY:%Y-%m-%dT%H:%M:%SZ}\n",
    ]


def test_the_bar_grows_with_every_few_thousand_items() -> None:
    terminal = Terminal()
    numbers = range(10_001)
    assert list(Progress(terminal).watch(numbers, "serial numbers", 10_001, every=5000)) == list(numbers)
    assert terminal.getvalue().split("\r\x1b[K") == [
        "",
        f"[{'.' * 40}] 0 of 10,001 serial numbers",
        f"[{'#' * 20}{'.' * 20}] 5,000 of 10,001 serial numbers",
        f"[{'#' * 40}] 10,000 of 10,001 serial numbers",
    ]


def test_items_of_an_unknown_number_are_counted_until_the_bar_is_removed() -> None:
    terminal = Terminal()
    with Progress(terminal) as progress:
        assert list(progress.watch(range(3), "decisions", every=2)) == [0, 1, 2]
    empty = "." * 40
    assert terminal.getvalue().split("\r\x1b[K") == ["", f"[{empty}] 0 decisions", f"[{empty}] 2 decisions", ""]


@pytest.mark.parametrize(("columns", "length"), [(30, 29), (1, 53), (0, 53), (200, 53)])
def test_the_bar_does_not_wrap_on_a_narrow_terminal(columns: int, length: int) -> None:
    master, slave = os.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        with open(slave, "w", closefd=False) as stream:
            Progress(stream).show("reading it", 0)
        assert len(os.read(master, 1000).decode().removeprefix("\r\x1b[K")) == length
    finally:
        os.close(master)
        os.close(slave)


def test_without_a_terminal_there_is_no_bar() -> None:
    stream = io.StringIO()
    with Progress(stream) as progress:
        assert list(progress.watch(range(3), "items", 3)) == [0, 1, 2]
    assert stream.getvalue() == ""


def test_an_interrupt_gives_no_traceback(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_descriptor: int) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(os, "fsync", interrupt)
    # What runs in a shell's background begins with a SIGINT that is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert run("ca.crl", "--truststore", "bundle.pem") == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == f"{PROGRAM}: interrupted\n"
    assert files(folder) == {"bundle.pem", "ca.crl"}
