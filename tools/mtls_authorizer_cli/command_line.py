"""The parts that all subcommands share: parsers, errors, exit statuses, and output that is safe on a terminal."""

from __future__ import annotations

import argparse
import codecs
import io
import os
import re
import shlex
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

STANDARD_INPUT = "-"
"""The name of the standard input, where a file is expected."""


_EMPTY = "is empty: give it a value; is a variable of the shell not set?"


class ExitStatus(IntEnum):
    """The exit statuses of all subcommands. Each subcommand says in its help what its negative result is."""

    SUCCESS = 0
    NEGATIVE = 1
    BAD_INPUT = 2
    """An input cannot be used, or an option is wrong. argparse uses the same status."""
    INTERRUPTED = 130
    """The status that shells report for SIGINT."""


class CommandError(Exception):
    """A command cannot do its work. The message names the input, the value and the fix."""


@contextmanager
def command_errors(beginning: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turn exceptions of these kinds into CommandErrors, whose messages have this beginning."""
    try:
        yield
    except kinds as error:
        problem = getattr(error, "strerror", None) or error
        # Of JSON. Python's message is about its decoder.
        message = f"{beginning}{'it is nested too deeply' if isinstance(error, RecursionError) else problem}"
        raise CommandError(message) from error


class Parser(argparse.ArgumentParser):
    """A parser of one (sub)command. Options cannot be abbreviated, so that new ones never change a script's meaning."""

    def __init__(self, **arguments: object) -> None:
        super().__init__(**{"allow_abbrev": False, **arguments})  # type: ignore[arg-type]

    def parse_known_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> tuple[Any, list[str]]:  # type: ignore[override]  # noqa: ANN401 -- argparse's own
        """Parse arguments. Those of a subcommand are rejected by its own parser, which prints its own usage."""
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        self._check_values(namespace)
        return namespace, unknown

    def _check_values(self, namespace: object) -> None:
        """Reject empty values, and the standard input for two files, which can be read only once."""
        values = {
            action.dest: (action, value if isinstance(value, list) else [value])
            for action in self._actions
            if (value := getattr(namespace, action.dest, None)) is not None
        }
        for action, given in values.values():
            if "" in given:
                # Otherwise, a shell's variable that is not set would select another function or document.
                name = action.option_strings[0] if action.option_strings else action.metavar
                self.error(f"{name} {_EMPTY}")
        if sum(given.count(STANDARD_INPUT) for _, given in values.values()) > 1:
            self.error("the standard input (-) is named twice: name files for the other inputs")

    def print_help(self, file: object = None) -> None:
        """Print the help to the standard output. Raises SystemExit if it cannot be written, where argparse does not."""
        assert file is None  # noqa: S101 -- argparse passes none
        try:
            write_output(self.format_help())
        except CommandError as error:
            write_error(f"{self.prog}: {error}\n")
            sys.exit(ExitStatus.BAD_INPUT)

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and exit. Raises SystemExit."""
        # argparse would print to the standard output if the standard error is closed.
        write_error(f"{self.format_usage()}{self.prog}: {printable(message)}\n")
        sys.exit(ExitStatus.BAD_INPUT)


def named_path(text: str) -> Path:
    """Return a path, as a type of argparse: an empty one would be the working directory."""
    if not text:
        message = f"it {_EMPTY}"
        raise argparse.ArgumentTypeError(message)
    return Path(text)


def written_file(text: str) -> str:
    """Return the name of a file to write, as a type of argparse: not the standard input, nor a file with its name."""
    if text == STANDARD_INPUT:
        message = f"{text} is the standard input: name a file"
        raise argparse.ArgumentTypeError(message)
    return text


class Subparsers(Protocol):
    """What argparse's ``add_subparsers`` returns, which has no public name."""

    def add_parser(self, name: str, *, help: str, description: str, epilog: str = "") -> Parser:  # noqa: A002 -- argparse's name
        """Add a subcommand and return its parser."""


def exit_statuses(success: str, negative: str) -> str:
    """Return the description of a subcommand's exit statuses, for the end of its help."""
    return (
        f"Exit status: 0 {success}; 1 {negative}; 2 if an input cannot be used or an option is wrong, with a message "
        "on the standard error."
    )


def read_time(text: str) -> datetime:
    """Return the time in the option ``--at``, which is in ISO 8601 with an offset, in UTC. Raises CommandError."""
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    message = f"--at {text!r}: write a time with its UTC offset, such as 2026-12-01T00:00:00Z"
    raise CommandError(message)


def read_file(file: str, *, largest: int, expected: str) -> bytes:
    """Return the content of a file, or of the standard input for ``-``.

    Raises CommandError if it cannot be read, or has more than ``largest`` bytes; the message then says what was
    ``expected``.
    """
    content = read_beginning(file, largest + 1)
    if len(content) > largest:
        message = f"{shown_file(file)} has more than {largest:,} bytes: name {expected}"
        raise CommandError(message)
    return content


def read_beginning(file: str, size: int) -> bytes:
    """Return at most ``size`` bytes of a file, or of the standard input for ``-``. Raises CommandError."""
    try:
        if file == STANDARD_INPUT:
            return standard_input().buffer.read(size)
        with command_errors(f"{shown_file(file)} is not a file name: ", ValueError), Path(file).open("rb") as stream:
            return stream.read(size)
    except OSError as error:
        raise cannot_be_read(file, error) from error


def cannot_be_read(file: str, error: OSError) -> CommandError:
    """Return the error for a file that cannot be opened or read."""
    files_only = ". Here, only files can be named, not URIs" if "://" in file else ""
    return CommandError(f"{shown_file(file)} cannot be read: {error.strerror or error}{files_only}")


def text_encoding(beginning: bytes) -> str:
    """Return the encoding of a text by its beginning: UTF-8, or UTF-16 as PowerShell and Excel write it."""
    utf_16 = beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return "utf-16" if utf_16 else "utf-8-sig"


def lines_of(text: str) -> list[str]:
    """Return the lines of text. Unlike with ``splitlines``, U+0085, U+2028 and similar characters end none."""
    return [line.removesuffix("\n") for line in io.StringIO(text, newline=None)]


def is_binary(text: str) -> bool:
    """Return whether decoded content is no text."""
    return re.search(r"[\x00-\x08]", text) is not None


def named_delimiter(line: str) -> str | None:
    """Return the delimiter that the first line of a CSV file names, as Excel reads it: ``sep=;``. None if it does not.

    The names of the columns are then on the next line.
    """
    named = re.fullmatch(r"""("?)sep=([^"\r\n])\1""", line.strip("\r\n"), re.IGNORECASE)
    return None if named is None else named[2]


def file_exists(file: Path) -> bool:
    """Return whether a file exists. Unlike the method of paths, it raises nothing, also without permission to look."""
    return os.path.exists(file)  # noqa: PTH110 -- see above


def standard_input() -> TextIO:
    """Return the standard input. Raises CommandError if the process was started without one."""
    stream: TextIO | None = sys.stdin
    if stream is None:
        message = "the standard input cannot be read: it is closed"
        raise CommandError(message)
    return stream


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a standard stream is a terminal. It is None if the process was started without it."""
    return stream is not None and stream.isatty()


def shown_file(file: str) -> str:
    """Return the name of an input for a message."""
    return "the standard input" if file == STANDARD_INPUT else printable(file)


def shell_file(file: str) -> str:
    """Return the name of an input as a word of a command to copy, in which it is no option."""
    if file == STANDARD_INPUT:
        return "FILE"
    return shlex.quote(printable(f"./{file}" if file.startswith("-") else file))


def repeated(options: argparse.Namespace, *names: str) -> str:
    """Return options for a further command to copy, each after a space, without those that were not given."""
    values = {name.replace("_", "-"): getattr(options, name) for name in names}
    return "".join(f" --{name} {shlex.quote(value)}" for name, value in values.items() if value)


_PRIVATE_KEY = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----).*?(?=-----END|\Z)", re.DOTALL)


def printable(text: str) -> str:
    """Return text on one line, without characters that a terminal obeys or that cannot be encoded.

    Private keys are left out: a user may have written the content of a file in place of its name.
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in _PRIVATE_KEY.sub(r"\1...", text)
    )


def write_output(text: str) -> None:
    """Write text to the standard output. It is no error if the reader stops reading. Raises CommandError."""
    stream: TextIO | None = sys.stdout
    if stream is None:
        message = "the output cannot be written: the standard output is closed"
        raise CommandError(message)
    try:
        _write(stream, text)
    except BrokenPipeError:
        _discard(stream)
    except OSError as error:
        _discard(stream)
        message = f"the output cannot be written: {error.strerror or error}"
        raise CommandError(message) from error


def write_error(text: str) -> None:
    """Write text to the standard error. Never raises: there is no other place to report to."""
    stream: TextIO | None = sys.stderr
    if stream is None:
        return
    try:
        _write(stream, text)
    except OSError:
        _discard(stream)


def _write(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _discard(stream: TextIO) -> None:
    # Python flushes the stream again when it exits.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
