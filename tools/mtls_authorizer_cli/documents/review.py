"""Showing a change to the user, and asking before it is written: the options --yes, --dry-run and --json."""

from __future__ import annotations

import difflib
import itertools
import json
import sys
from typing import TYPE_CHECKING

from mtls_authorizer_cli.command_line import (
    CommandError,
    is_terminal,
    lines_of,
    printable,
    write_error,
    write_output,
)
from mtls_authorizer_cli.tables import WIDTH, joined

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from mtls_authorizer_cli.command_line import Parser
    from mtls_authorizer_cli.documents.update import Change

_CONTEXT_LINES = 2


def add_options(parser: Parser) -> None:
    """Add the options for reviewing a change, and for the output."""
    parser.add_argument("--yes", action="store_true", help="write without asking")
    parser.add_argument("--dry-run", action="store_true", help="show the change, and write nothing")
    parser.add_argument("--json", action="store_true", help="print JSON, for a program")


def review(options: argparse.Namespace, change: Change, notes: Iterable[str] = ()) -> bool:
    """Return whether to write a change. On a terminal, show it and the lines of the notes, and ask.

    Raises CommandError without an answer, and KeyboardInterrupt, which says that nothing was written.
    """
    if options.dry_run or options.yes:
        return bool(options.yes and not options.dry_run)
    if not is_terminal(sys.stdin):
        message = (
            "nothing was written: the standard input is not a terminal on which to ask. Show the change with "
            "--dry-run, and write it with --yes"
        )
        raise CommandError(message)
    shown = f"{diff(change.document.text, change.after)}{joined(notes)}"
    write_error(f"{shown}Write this to {printable(change.document.location)}? [y/N] ")
    try:
        answer = sys.stdin.readline()
    except (OSError, UnicodeDecodeError):
        answer = ""  # the terminal was closed, or has another encoding
    except KeyboardInterrupt:
        write_error("\n")
        message = "nothing was written"
        raise KeyboardInterrupt(message) from None
    if not answer.endswith("\n"):
        write_error("\n")
    return answer.strip().lower() in {"y", "yes"}


def write_result(text: str, *, written: bool) -> None:
    """Print the result of a change. Raises CommandError, which says whether the change was written nevertheless."""
    try:
        write_output(text)
    except CommandError as error:
        message = f"{error}; the change to the document was{'' if written else ' not'} written"
        raise CommandError(message) from error


def diff(before: str, after: str) -> str:
    """Return the difference of two JSON documents for a terminal: printable, and at most 100 columns wide.

    Documents with longer lines are compared in a form with one value on each line, whose numbers are not the file's.
    """
    reformatted = any(len(line) > WIDTH for text in (before, after) for line in lines_of(text))
    old, new = (_lines(text, reformatted=reformatted) for text in (before, after))
    start = _count_equal(old, new)
    rest = min(len(old), len(new)) - start
    end = min(rest, _count_equal(reversed(old), reversed(new)))
    # Comparing only what is between them: difflib takes long for long documents.
    first = max(0, start - _CONTEXT_LINES)
    old, new = (
        lines[first : len(lines) - end + _CONTEXT_LINES if end > _CONTEXT_LINES else None] for lines in (old, new)
    )
    return joined(_hunks(old, new, first, " with one value on each line" if reformatted else ""))


def _hunks(old: Sequence[str], new: Sequence[str], first: int, form: str) -> Iterator[str]:
    matcher = difflib.SequenceMatcher(None, old, new)
    for group in matcher.get_grouped_opcodes(_CONTEXT_LINES):
        yield f"@@ line {first + group[0][1] + 1}{form} @@"
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                yield from (_cut(f"  {line}") for line in old[old_start:old_end])
                continue
            for sign, lines in (("-", old[old_start:old_end]), ("+", new[new_start:new_end])):
                for line in lines:
                    yield from _wrap(f"{sign} {line}")


def _lines(text: str, *, reformatted: bool) -> list[str]:
    if reformatted:
        text = json.dumps(json.loads(text), indent=1)
    return [printable(line) for line in lines_of(text)]


def _count_equal(first: Iterable[str], second: Iterable[str]) -> int:
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _cut(line: str) -> str:
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def _wrap(line: str) -> list[str]:
    return [line[place : place + WIDTH] for place in range(0, len(line), WIDTH)]
