"""``mtls-authorizer rules import``: a rule for each row of a CSV file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mtls_authorizer_cli.command_line import (
    STANDARD_INPUT,
    CommandError,
    ExitStatus,
    printable,
    shown_file,
    write_error,
)
from mtls_authorizer_cli.documents.review import add_options as add_review_options
from mtls_authorizer_cli.printed import listing
from mtls_authorizer_cli.progress import Progress
from mtls_authorizer_cli.rules.change.client_rule import client_rule_of
from mtls_authorizer_cli.rules.change.csv_file import (
    ALL_ROUTES_CELL,
    ALLOW,
    CERTIFICATE,
    DESCRIPTION,
    NAME,
    ROUTE_SEPARATOR,
    CsvError,
    Problems,
    read_rows,
)
from mtls_authorizer_cli.rules.change.new_rules import NewRule, problems_of
from mtls_authorizer_cli.rules.change.target import add_options, read_target
from mtls_authorizer_cli.rules.change.writing import EXIT_STATUSES, write

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

    from mtls_authorizer_cli.command_line import Parser, Subparsers
    from mtls_authorizer_cli.rules.change.client_rule import ClientRule
    from mtls_authorizer_cli.rules.change.csv_file import Row
    from mtls_authorizer_cli.rules.change.target import Target

_MOST_LINES = 10


def add_parser(subparsers: Subparsers) -> Parser:
    """Add the subcommand and its options."""
    parser = subparsers.add_parser(
        "import",
        help="add a rule for each row of a CSV file",
        description="Add a rule for the client of each row of a CSV file, as rules add does. If anything is wrong with "
        "any row, every problem is printed with its line and column, and nothing is written.",
        epilog=EXIT_STATUSES,
    )
    parser.add_argument("file", metavar="FILE.csv", help="the CSV file; - for the standard input")
    parser.add_argument(
        "--allow-all-routes",
        action="store_true",
        help=f"accept '{ALL_ROUTES_CELL}' in the column {ALLOW}: the client may call all routes",
    )
    add_options(parser)
    add_review_options(parser)
    return parser


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Add the rules and return the exit status. Raises CommandError."""
    target = read_target(options, environment)
    importer = _Importer(options.file, target, allow_all_routes=options.allow_all_routes)
    try:
        rules = importer.rules()
    except CsvError as error:
        for problem in error.problems:
            write_error(f"{printable(problem)}\n")
        write_error(f"{options.program}: nothing was written: correct the lines above\n")
        return ExitStatus.BAD_INPUT
    return write(target, rules, importer.warnings(), options)


class _Importer:
    """Makes the rules of a CSV file."""

    def __init__(self, file: str, target: Target, *, allow_all_routes: bool) -> None:
        self._lines_by_warning: dict[str, list[str]] = {}
        self._file = file
        self._folder = Path(file).parent  # the working directory for the standard input
        self._target = target
        self._allow_all_routes = allow_all_routes
        self._now = datetime.now(UTC)
        self._problems = Problems(file)
        self._line_by_name: dict[str, int] = {}
        self._line_by_match: dict[str, int] = {}

    def rules(self) -> list[NewRule]:
        """Return the rules of all rows. Raises CommandError and CsvError."""
        rows = read_rows(self._file, self._problems)
        with Progress() as progress:
            rules = [self._rule(row) for row in progress.watch(rows, "rows", len(rows), every=10)]
        self._problems.check()
        return [rule for rule in rules if rule is not None]

    def warnings(self) -> Iterator[str]:
        """Return the warnings about the certificates, each once, with the lines that it is about."""
        for warning, lines in self._lines_by_warning.items():
            yield f"{warning} ({'line' if len(lines) == 1 else 'lines'} {listing(lines, most=_MOST_LINES)})"

    def _rule(self, row: Row) -> NewRule | None:
        """Return the rule of a row, None if its certificate has a problem."""
        cells, missing = row.cells, row.missing
        client = None if CERTIFICATE in missing else self._client(row)
        rule = {
            "name": cells[NAME],
            **({"description": cells[DESCRIPTION]} if cells.get(DESCRIPTION) else {}),
            # The other cells are checked even without the certificate.
            **({"match": {"common_name": "-"}} if client is None else client.keys),
            **self._routes(row),
            **({"context": row.context} if row.context else {}),
        }
        for column, problem in problems_of(rule):
            if column not in missing:
                is_separated = column == ALLOW and not set(cells[ALLOW]).isdisjoint(",;\n")
                hint = f"; separate routes with {ROUTE_SEPARATOR}" if is_separated else ""
                self._problems.add(row.line, column, f"{problem}{hint}")
        if NAME not in missing:
            self._check_repetition(row, NAME, cells[NAME], self._line_by_name, "is also the name")
        place = f"{shown_file(self._file)}:{row.line}: column {NAME}"
        return None if client is None else NewRule(rule, place, client.certificate)

    def _routes(self, row: Row) -> dict[str, object]:
        if row.cells[ALLOW].lower() != ALL_ROUTES_CELL:
            return {"allow": row.routes}
        if not self._allow_all_routes:
            self._problems.add(row.line, ALLOW, f"is {ALL_ROUTES_CELL!r}: write routes, or use --allow-all-routes")
        return {}

    def _client(self, row: Row) -> ClientRule | None:
        file = str(self._folder / row.cells[CERTIFICATE])
        if file == STANDARD_INPUT:
            file = f"./{file}"  # a name in a cell is always a file's
        try:
            client = client_rule_of(file, self._target.trust, self._target.settings, self._now)
        except CommandError as error:
            self._problems.add(row.line, CERTIFICATE, str(error))
            return None
        for warning in client.warnings:
            self._lines_by_warning.setdefault(warning, []).append(str(row.line))
        match = json.dumps(client.keys["match"])
        self._check_repetition(
            row, CERTIFICATE, match, self._line_by_match, "belongs to the same client as the certificate"
        )
        return client

    def _check_repetition(self, row: Row, column: str, value: str, lines: dict[str, int], wording: str) -> None:
        if value in lines:
            self._problems.add(row.line, column, f"{wording} on line {lines[value]}: write one row for each client")
        else:
            lines[value] = row.line
