"""The command writes the index that the indexer writes, whole or not at all, and tells a person what went wrong."""

from __future__ import annotations

import io
import os
import pty
import runpy
import shutil
import signal
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.revocation.index.format import read_index
from mtls_authorizer_cli import crl_index as crl_index_command
from mtls_authorizer_cli.crl_index import Progress, main
from tests.certificate_authorities import DAY, CertificateAuthority, crl_number, crl_pem, entry

if TYPE_CHECKING:
    from collections.abc import Callable

# The command asks the clock.
TODAY = datetime.now(UTC).replace(microsecond=0)
CA = CertificateAuthority("CA", not_before=TODAY - 100 * DAY, not_after=TODAY + 100 * DAY)
STRANGER = CertificateAuthority("CA", not_before=TODAY - 100 * DAY, not_after=TODAY + 100 * DAY)
PROJECT = Path(__file__).parents[3]
MODULE = "mtls_authorizer_cli.crl_index"


def crl(*serial_numbers: int, number: int = 1, ca: CertificateAuthority = CA, days_left: int = 1) -> bytes:
    return ca.revoke(
        *map(entry, serial_numbers),
        this_update=TODAY - 50 * DAY + number * DAY / 10,
        next_update=TODAY + days_left * DAY,
        extensions=[crl_number(number)],
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bundle.pem").write_bytes(CA.pem)
    (tmp_path / "ca.crl").write_bytes(crl(5, 6))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("form", [bytes, crl_pem])
def test_the_index_is_written_beside_the_crl(
    form: Callable[[bytes], bytes], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "ca.crl").write_bytes(form(crl(5, 6, number=255)))
    assert main(["ca.crl", "--truststore", "bundle.pem"]) == 0
    index = (folder / "ca.crl.index").read_bytes()
    assert list(read_index(index).serial_numbers()) == [5, 6]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"ca.crl.index: {len(index)} bytes; number FF, of 20")
    assert files(folder) == {"bundle.pem", "ca.crl", "ca.crl.index"}


def test_the_index_may_be_written_elsewhere(folder: Path) -> None:
    assert main(["ca.crl", "--truststore", "bundle.pem", "--output", "there"]) == 0
    assert files(folder) == {"bundle.pem", "ca.crl", "there"}


def test_a_crl_needs_neither_number_nor_next_update(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ca.crl").write_bytes(CA.revoke(entry(5), this_update=TODAY, next_update=None))
    assert main(["ca.crl", "--truststore", "bundle.pem"]) == 0
    assert f" bytes; of {TODAY:%Y-%m-%d %H:%M:%S} UTC\n" in capsys.readouterr().err


def test_an_index_is_as_readable_as_any_new_file(folder: Path) -> None:
    before = os.umask(0o027)
    try:
        assert main(["ca.crl", "--truststore", "bundle.pem"]) == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "ca.crl.index").stat().st_mode) == 0o640


def test_the_same_crl_again_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["ca.crl", "--truststore", "bundle.pem"])
    before = (folder / "ca.crl.index").stat().st_mtime_ns
    assert main(["ca.crl", "--truststore", "bundle.pem"]) == 0
    assert (folder / "ca.crl.index").stat().st_mtime_ns == before
    assert "ca.crl.index is the index of this CRL already\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"garbage", "neither a CRL in DER nor exactly one in PEM"),
        (crl(5, number=9, ca=STRANGER), "isn't signed by the CA"),
        (crl(5, number=9, days_left=-1), "nextUpdate"),
        (crl(5, number=2), "is before that of the one in force"),
    ],
)
def test_a_crl_that_does_not_count_leaves_the_index_as_it_is(
    content: bytes, cause: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "ca.crl").write_bytes(crl(5, number=3))
    main(["ca.crl", "--truststore", "bundle.pem"])
    before = (folder / "ca.crl.index").read_bytes()
    capsys.readouterr()
    (folder / "ca.crl").write_bytes(content)
    assert main(["ca.crl", "--truststore", "bundle.pem"]) == 1
    message = capsys.readouterr().err
    assert message.startswith("ca.crl: not indexed: ")
    assert cause in message
    assert message.endswith(". ca.crl.index stays as it is.\n")
    assert (folder / "ca.crl.index").read_bytes() == before


def test_a_crl_that_does_not_count_gets_no_index(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "ca.crl").write_bytes(crl(ca=STRANGER))
    assert main(["ca.crl", "--truststore", "bundle.pem"]) == 1
    assert "stays as it is" not in capsys.readouterr().err
    assert files(folder) == {"bundle.pem", "ca.crl"}


def test_a_crl_past_its_next_update_counts_as_long_as_it_is_told_to(folder: Path) -> None:
    (folder / "ca.crl").write_bytes(crl(5, days_left=-1))
    assert main(["ca.crl", "--truststore", "bundle.pem", "--max-age", "172800"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.crl", "--truststore", "bundle.pem"], "missing.crl: No such file or directory\n"),
        ([".", "--truststore", "bundle.pem"], ".: Is a directory\n"),
        (["ca.crl", "--truststore", "missing.pem"], "missing.pem: No such file or directory\n"),
        (["ca.crl", "--truststore", "ca.crl"], "ca.crl: the truststore holds no certificate in PEM"),
        (["ca.crl", "--truststore", "bundle.pem", "--output", "no/where"], "no/where: No such file or directory\n"),
        (["ca.crl", "--truststore", "bundle.pem", "--output", "."], ".: Is a directory\n"),
    ],
)
def test_what_can_not_be_read_or_written_is_named(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(message)
    assert files(folder) == {"bundle.pem", "ca.crl"}


def test_a_file_that_is_too_large_is_not_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(crl_index_command, "MAX_CRL_BYTES", 1234)
    (folder / "ca.crl").write_bytes(crl(*range(100)))
    assert main(["ca.crl", "--truststore", "bundle.pem"]) == 2
    assert capsys.readouterr().err == "ca.crl has more than 1,234 bytes, which are the most\n"


HELP = """\
usage: crl_index_command [-h] --truststore BUNDLE [--output FILE] [--max-age SECONDS] FILE

Verify a certificate revocation list, and write its index beside it.

positional arguments:
  FILE                 the CRL, in PEM or DER

options:
  -h, --help           show this help message and exit
  --truststore BUNDLE  the CAs in PEM, as the custom domain has them
  --output FILE        where to write it (default: FILE.index)
  --max-age SECONDS    how long after its nextUpdate a CRL still counts (default: 0)
"""


def test_the_help_says_what_there_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit) as exit_:
        main(["--help"])
    assert exit_.value.code == 0
    assert capsys.readouterr().out == HELP


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: FILE, --truststore"),
        (["ca.crl"], "the following arguments are required: --truststore"),
        (["ca.crl", "--truststore", "bundle.pem", "--max-age", "-1"], "'-1' is not a whole number, 0 or more"),
        (["ca.crl", "--truststore", "bundle.pem", "--max-age", "²"], "'²' is not a whole number, 0 or more"),
    ],
)
def test_arguments_that_can_not_be_read_are_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_an_index_that_can_not_be_finished_leaves_no_trace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main(["ca.crl", "--truststore", "bundle.pem"])
    before = (folder / "ca.crl.index").read_bytes()
    (folder / "ca.crl").write_bytes(crl(7, number=2))

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["ca.crl", "--truststore", "bundle.pem"]) == 2
    assert (folder / "ca.crl.index").read_bytes() == before
    assert files(folder) == {"bundle.pem", "ca.crl", "ca.crl.index"}


def run_on_terminal(arguments: list[str]) -> tuple[int, str]:
    """Run the command with a terminal for its standard error, and return its exit status and what it wrote there."""
    ours, theirs = pty.openpty()
    written: list[bytes] = []

    def read() -> None:
        # At the end of a terminal Linux gives an error.
        try:
            while piece := os.read(ours, 65536):
                written.append(piece)
        except OSError:
            pass

    reader = threading.Thread(target=read)
    reader.start()
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    process = subprocess.Popen([sys.executable, "-m", MODULE, *arguments], stderr=theirs, env=environment)
    os.close(theirs)
    status = process.wait(timeout=60)
    reader.join()
    os.close(ours)
    return status, b"".join(written).decode()


@pytest.mark.parametrize("form", [bytes, crl_pem])
def test_a_terminal_shows_a_bar_that_goes_away(form: Callable[[bytes], bytes], folder: Path) -> None:
    (folder / "ca.crl").write_bytes(form(crl(*range(10_001))))
    status, written = run_on_terminal(["ca.crl", "--truststore", "bundle.pem"])
    assert status == 0
    steps = written.split("\r\x1b[K")
    assert steps[1:-1] == [
        f"[{'.' * 40}] verifying ca.crl",
        f"[{'.' * 40}] 0 of 10,001 serial numbers",
        f"[{'#' * 20}{'.' * 20}] 5,000 of 10,001 serial numbers",
        f"[{'#' * 40}] 10,000 of 10,001 serial numbers",
        f"[{'#' * 40}] writing",
    ]
    assert steps[-1].startswith("ca.crl.index: ")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("text", "replacement"), [(b"\n", b"\n\n"), (b"-----BEGIN", b"0\n-----BEGIN")])
def test_the_bar_counts_where_nobody_knows_how_many_there_are(
    text: bytes, replacement: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "ca.crl").write_bytes(crl_pem(crl(5)).replace(text, replacement))
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert main(["ca.crl", "--truststore", "bundle.pem"]) == 0
    assert f"[{'.' * 40}] 0 of 0 serial numbers" in terminal.getvalue()
    assert (folder / "ca.crl.index").exists()


@pytest.mark.parametrize("form", [bytes, crl_pem])
def test_the_bar_gives_way_to_what_came_of_it(
    form: Callable[[bytes], bytes], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [entry(2**2000 + step) for step in range(5)]
    (folder / "ca.crl").write_bytes(form(CA.revoke(*entries, this_update=TODAY, next_update=None)))
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert main(["ca.crl", "--truststore", "bundle.pem"]) == 0
    assert (folder / "ca.crl.index").stat().st_size == 1_410
    assert terminal.getvalue().split("\r\x1b[K") == [
        "",
        f"[{'.' * 40}] verifying ca.crl",
        f"[{'.' * 40}] 0 of 5 serial numbers",
        f"[{'#' * 40}] writing",
        f"ca.crl.index: 1,410 bytes; of {TODAY:%Y-%m-%d %H:%M:%S} UTC\n",
    ]


def test_the_bar_grows_with_every_five_thousand_serial_numbers() -> None:
    terminal = Terminal()
    numbers = range(10_001)
    assert list(Progress(terminal).watch(numbers, 10_001)) == list(numbers)
    assert terminal.getvalue().split("\r\x1b[K") == [
        "",
        f"[{'.' * 40}] 0 of 10,001 serial numbers",
        f"[{'#' * 20}{'.' * 20}] 5,000 of 10,001 serial numbers",
        f"[{'#' * 40}] 10,000 of 10,001 serial numbers",
        f"[{'#' * 40}] writing",
    ]


def test_the_bar_is_on_the_terminal_at_once_and_gone_at_once() -> None:
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    with os.fdopen(ours, "rb", buffering=0) as screen, os.fdopen(theirs, "w", buffering=1000) as terminal:
        progress = Progress(terminal)
        progress.show("step", 0.25)
        assert screen.read(1000) == b"\r\x1b[K[" + 10 * b"#" + 30 * b"." + b"] step"
        progress.clear()
        assert screen.read(1000) == b"\r\x1b[K"


def test_without_a_terminal_there_is_no_bar() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    assert list(progress.watch(range(3), 3)) == [0, 1, 2]
    progress.clear()
    assert stream.getvalue() == ""


def test_whoever_interrupts_it_gets_no_traceback(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_descriptor: int) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(os, "fsync", interrupt)
    # What runs in a shell's background begins with a SIGINT that is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(["ca.crl", "--truststore", "bundle.pem"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "interrupted\n"
    assert files(folder) == {"bundle.pem", "ca.crl"}


@pytest.mark.parametrize(("days_left", "status"), [(1, 0), (-1, 1)])
def test_it_runs_as_a_script(days_left: int, status: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "ca.crl").write_bytes(crl(5, days_left=days_left))
    monkeypatch.setattr(sys, "argv", [MODULE, "ca.crl", "--truststore", "bundle.pem"])
    monkeypatch.delitem(sys.modules, MODULE)
    with pytest.raises(SystemExit) as exit_:
        runpy.run_module(MODULE, run_name="__main__")
    assert exit_.value.code == status


IMPORTS = """
import sys, mtls_authorizer_cli.crl_index
print(sorted({"boto3", "botocore"} & set(sys.modules)))
"""


def test_the_command_and_the_reader_need_no_sdk() -> None:
    environment = {"PYTHONPATH": ":".join(sys.path)}
    run = subprocess.run([sys.executable, "-c", IMPORTS], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_make_runs_the_command(folder: Path) -> None:
    script = f"$(BIN)/python -m {MODULE}"
    assert script in (PROJECT / "Makefile").read_text(encoding="utf-8")
    make = shutil.which("make") or "make"
    # make takes this for nothing, and the shell for a name.
    odd = "a$(id)`id`.crl".replace("$", "$$")
    variables = [f"FILE={folder / odd}", f"TRUSTSTORE={folder / 'bundle.pem'}"]
    run = subprocess.run(
        [make, "--no-print-directory", "--dry-run", "crl-index", *variables],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    # What is in the environment doesn't become part of the command.
    assert f'-m {MODULE} "${{FILE}}" --truststore "${{TRUSTSTORE}}"' in run.stdout
