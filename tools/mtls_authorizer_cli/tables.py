"""Output in lines of at most 100 columns: paragraphs, tables and next steps. Tables also as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
import re
import textwrap
from typing import TYPE_CHECKING

from mtls_authorizer_cli.command_line import printable
from mtls_authorizer_cli.printed import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mtls_authorizer_cli.certificates.files import CertificateFile

WIDTH = 100
"""The width of a line, in columns."""

_INDENTATION, _GAP = "  ", "  "
_LABEL_WIDTH = 14
# The beginning of a formula. In many countries, spreadsheets take a semicolon for the end of a cell, and then leave out
# quotation marks at the start of the next one.
_FORMULA = re.compile('(^|;"*)(?=[=+@-])')


def columns(rows: Sequence[Sequence[str]], widest: Sequence[int]) -> Iterator[str]:
    """Return rows as indented lines with aligned columns. Each column is as wide as its longest cell needs.

    Cells longer than ``widest`` for their column are cut off, the last one where the line ends. All but printable ASCII
    is escaped.
    """
    cells = [[_beginning(plain(cell), most) for cell, most in zip(row, widest, strict=True)] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        line = _INDENTATION + _GAP.join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        yield _beginning(line.rstrip(), WIDTH)


def csv_text(header: Sequence[str], records: Iterable[Mapping[str, object]]) -> str:
    """Return CSV for spreadsheets and programs, in ASCII, with a row for each record. Lists are separated by commas.

    Clients choose some of the values, so text that a spreadsheet would take for a formula begins with an apostrophe,
    also after a semicolon.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, header, lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: _cell(value) for column, value in record.items()} for record in records)
    return stream.getvalue()


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, list):
        return _cell(", ".join(map(str, value)))
    if not isinstance(value, str):
        return value
    return _FORMULA.sub(r"\1'", plain(value))


def _beginning(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - len("...")] + "..."


# A value in quotes is not broken: its spaces matter. Shells have several in a word: 'O'"'"'Brien Ltd.pem'.
_QUOTED = r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
_NO_BREAK = "\0"
_TOKEN = re.compile(rf"\(?{_QUOTED}(?:{_QUOTED}|\S)*|\S+")
# At the end of a text, after a colon. No word of a command ends like one of a sentence.
_COMMAND = re.compile(
    rf"""(?<=: )(?:awk|curl|keytool|mtls-authorizer|openssl)(?: (?:{_QUOTED}|[^\s'"])*(?<![.,:;]))+$"""
)


def ends_with_command(text: str) -> bool:
    """Return whether text ends with a command to copy, after which there is no full stop."""
    return _COMMAND.search(text) is not None


def fold(text: str, *, first: str = "  ", others: str = "  ") -> Iterator[str]:
    """Return text in lines of at most 100 columns, with these indentations. A command at its end is on one line."""
    text = _COMMAND.sub(lambda command: command[0].replace(" ", _NO_BREAK), text)
    leading = re.match(" *", text)
    line, empty = first + (leading[0] if leading else ""), True
    position = 0
    for match in _TOKEN.finditer(text):
        gap = "" if empty else text[position : match.start()]
        if not empty and len(line) + len(gap) + len(match[0]) > WIDTH:
            yield line
            line, gap = others, ""
        line += gap + match[0].replace(_NO_BREAK, " ")
        empty, position = False, match.end()
    yield line


def row(label: str, text: str) -> Iterator[str]:
    """Return a label and a text in lines."""
    return fold(text, first=label.ljust(_LABEL_WIDTH), others=" " * _LABEL_WIDTH)


def notes(texts: Iterable[str]) -> Iterator[str]:
    """Return notes in lines."""
    for text in texts:
        yield from fold(f"note: {printable(text)}", first="", others=" " * len("note: "))


def next_step(text: str, command: str = "") -> Iterator[str]:
    """Return the last lines of a command's output. The command in the text has a line of its own, to be copied."""
    before, found, after = text.partition(command) if command else (text, "", "")
    first, others = "Next step: ", " " * len("Next step: ")
    for part in filter(None, (before.rstrip(), found.replace(" ", _NO_BREAK), after.lstrip())):
        yield from fold(part, first=first, others=others)
        first = others


def joined(lines: Iterable[str]) -> str:
    """Return lines as one text."""
    return "".join(f"{line}\n" for line in lines)


def files_without_certificate(files: Sequence[CertificateFile]) -> Iterator[str]:
    """Return files without a certificate in lines, each with the reason; nothing if there are none."""
    if files:
        yield from ["", "NO CERTIFICATE"]
        yield from columns([(file.name, file.reason) for file in files], (36, 100))


def wrap(text: str, *, first: str = "  ", others: str = "  ") -> list[str]:
    """Return text in lines of at most 100 columns, with these indentations: unlike ``fold``, it breaks long values."""
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=others, break_on_hyphens=False)
