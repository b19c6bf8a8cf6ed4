"""All commands; the result of one: its exit status, and what it printed; and a terminal for its input or output."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import redirect_stdout, suppress
from typing import Any, NamedTuple

from mtls_authorizer_cli.main import main


def subcommands(*group: str) -> list[list[str]]:
    """Return the words of each subcommand, as the help lists them."""
    with redirect_stdout(io.StringIO()) as output, suppress(SystemExit):
        main([*group, "--help"], {})
    listed = re.findall("^    ([a-z-]+) ", output.getvalue().partition("  SUBCOMMAND\n")[2], re.MULTILINE)
    return [words for name in listed for words in subcommands(*group, name)] or [list(group)]


class Result(NamedTuple):
    """What a command returned and printed."""

    status: int
    output: str
    errors: str

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object on the standard output."""
        value: dict[str, Any] = json.loads(self.output)
        return value

    @property
    def rows(self) -> list[dict[str, str]]:
        """The rows of CSV on the standard output."""
        return list(csv.DictReader(io.StringIO(self.output)))

    @property
    def words(self) -> str:
        """The standard output without its line breaks."""
        return " ".join(self.output.split())


class Terminal(io.StringIO):
    """A stream that commands take for a terminal."""

    def isatty(self) -> bool:
        return True
