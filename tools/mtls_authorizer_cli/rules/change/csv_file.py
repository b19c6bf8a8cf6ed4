"""The CSV file of ``rules import``: one client in each row, below a row with the names of the columns.

Spreadsheets write commas, semicolons or tabs between the cells, in UTF-8 with a byte order mark or in UTF-16. A line
above the names of the columns may name the character: ``sep=;``.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer_cli.command_line import named_delimiter, read_file, shown_file, text_encoding
from mtls_authorizer_cli.printed import counted, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAME, CERTIFICATE, ALLOW, DESCRIPTION = "name", "certificate", "allow", "description"
REQUIRED_COLUMNS = (NAME, CERTIFICATE, ALLOW)
CONTEXT_PREFIX = "context."
"""The beginning of the names of columns with values for the integration: ``context.tenant``."""

ROUTE_SEPARATOR = "|"
"""Between the routes in a cell. No route can contain it."""

ALL_ROUTES_CELL = "all routes"

_DELIMITERS = ",;\t"
_LARGEST_FILE = 5 * 1024 * 1024
_MOST_PROBLEMS = 50
_LONGEST_COLUMN = 24
"""In characters, of an unknown column in a message: a file that is not CSV may be a private key on one line."""


class CsvError(Exception):
    """A file that cannot be imported. ``problems`` contains a message for each line and column."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Row(NamedTuple):
    """A client: the line on which its row starts, from 1, and its cells by column, without surrounding spaces."""

    line: int
    cells: Mapping[str, str]

    @property
    def missing(self) -> list[str]:
        """The required columns whose cells are empty."""
        return [column for column in REQUIRED_COLUMNS if not self.cells[column]]

    @property
    def routes(self) -> list[str]:
        """The routes in the cell ``allow``."""
        return [route.strip() for route in self.cells[ALLOW].split(ROUTE_SEPARATOR) if route.strip()]

    @property
    def context(self) -> dict[str, str]:
        """The values for the integration, by key. Empty cells are left out."""
        return {
            column.removeprefix(CONTEXT_PREFIX): text
            for column, text in self.cells.items()
            if column.startswith(CONTEXT_PREFIX) and text
        }


class Problems:
    """Collects the problems of a file."""

    def __init__(self, file: str) -> None:
        self._file = shown_file(file)
        self._found: list[tuple[int, str]] = []

    def add(self, line: int, column: str | None, problem: str) -> None:
        """Add a problem on a line, in a column unless it is about the whole line."""
        place = f"column {column}: " if column else ""
        self._found.append((line, f"{self._file}:{line}: {place}{problem}"))

    def check(self) -> None:
        """Raise CsvError if there are any problems."""
        if self._found:
            raise self.error()

    def error(self) -> CsvError:
        """Return the error about all problems."""
        messages = [message for _, message in sorted(self._found)]
        more = len(messages) - _MOST_PROBLEMS
        return CsvError([*messages[:_MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else [])])


def read_rows(file: str, problems: Problems) -> list[Row]:
    """Return the rows of a file, or of the standard input for ``-``. Their cells may be empty.

    The problems of rows are only collected, so that others can be found, too. Raises CommandError, and CsvError if no
    row can be read.
    """
    records = _records(_text(file, problems), problems)
    header_line, header = records[0] if records else (1, [])
    columns = [column.strip() for column in header]
    # Spreadsheets also write empty columns, if their cells are formatted, for example.
    while columns and not columns[-1]:
        columns.pop()
    _check_columns(header_line, columns, problems)
    problems.check()
    rows = [row for line, cells in records[1:] if (row := _row(line, cells, columns, problems)) is not None]
    if len(records) == 1:
        problems.add(header_line, None, "there are no rows below the names of the columns")
        problems.check()
    return rows


def _text(file: str, problems: Problems) -> str:
    content = read_file(file, largest=_LARGEST_FILE, expected="a CSV file with one client in each row")
    if content.startswith(b"PK\x03\x04"):
        problems.add(1, None, "is a workbook (.xlsx) or another ZIP file: save it as CSV in UTF-8")
        raise problems.error()
    try:
        return content.decode(text_encoding(content))
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problems.add(line, None, "is not UTF-8: save the file as CSV in UTF-8")
        raise problems.error() from error


def _records(text: str, problems: Problems) -> list[tuple[int, list[str]]]:
    """Return the records that are not empty, each with the line on which it starts."""
    first_line = text.lstrip().partition("\n")[0].partition("\r")[0]
    named = named_delimiter(first_line)
    delimiter = named or max(_DELIMITERS, key=first_line.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records, line = [], 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                records.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        problems.add(line, None, f"is not CSV: {error}")
        raise problems.error() from error
    return records if named is None else records[1:]


def _check_columns(line: int, columns: Sequence[str], problems: Problems) -> None:
    for column in REQUIRED_COLUMNS:
        if column not in columns:
            problems.add(line, column, "is missing: the first row must contain the names of the columns")
    for column in dict.fromkeys(columns):
        known = column in {*REQUIRED_COLUMNS, DESCRIPTION} or (
            column.startswith(CONTEXT_PREFIX) and column != CONTEXT_PREFIX
        )
        if not known:
            names = ", ".join([*REQUIRED_COLUMNS, DESCRIPTION])
            shown = quoted(column, _LONGEST_COLUMN)
            problems.add(line, shown, f"is unknown: the columns are {names} and context.KEY")
        elif columns.count(column) > 1:
            problems.add(line, column, "occurs twice: remove one of them")


def _row(line: int, cells: Sequence[str], columns: Sequence[str], problems: Problems) -> Row | None:
    if not any(map(str.strip, cells[len(columns) :])):
        cells = cells[: len(columns)]
    if len(cells) != len(columns):
        problems.add(line, None, f"has {counted(len(cells), 'cell')}, and the first row has {len(columns)}")
        return None
    row = Row(line, dict(zip(columns, map(str.strip, cells), strict=True)))
    for column in row.missing:
        problems.add(line, column, "is empty")
    return row
