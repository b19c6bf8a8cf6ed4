"""The output of ``rules add`` and ``rules import``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer_cli.documents.review import write_result
from mtls_authorizer_cli.printed import counted, json_text, plain
from mtls_authorizer_cli.tables import joined, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtls_authorizer_cli.documents.location import RulesLocation
    from mtls_authorizer_cli.rules.change.new_rules import NewRule, Result

_MOST_NAMES = 10


class Summary(NamedTuple):
    """The rules that were or would be added to a document. ``difference`` is shown for a dry run.

    ``option`` names the truststore in a further command, where the function does not.
    """

    document: RulesLocation
    rules: tuple[NewRule, ...]
    result: Result
    warnings: tuple[str, ...]
    dry_run: bool
    difference: str = ""
    option: tuple[str, ...] = ()


def print_summary(summary: Summary, *, as_json: bool) -> None:
    """Print a summary. Raises CommandError."""
    text = _json(summary) if as_json else joined(_lines(summary))
    write_result(text, written=summary.result.written)


def _json(summary: Summary) -> str:
    result = summary.result
    document = {
        "rules": summary.document.location,
        "written": result.written,
        "dry_run": summary.dry_run,
        "added": [new.rule for new in summary.rules if new.name in result.added],
        "already_present": result.present,
        "warnings": summary.warnings,
    }
    return json_text(document)


def _lines(summary: Summary) -> Iterator[str]:
    yield from wrap(f"{_answer(summary)}.", first="")
    for warning in summary.warnings:
        yield from wrap(f"warning: {plain(warning)}.", first="")
    if summary.difference:
        yield summary.difference.rstrip("\n")
    yield from _next_step(summary)


def _answer(summary: Summary) -> str:
    result, location = summary.result, plain(summary.document.location)
    present = f"; already in the document: {_names(result.present)}" if result.present else ""
    if not result.added:
        return f"Nothing to add to {location}{present}"
    if result.written:
        return f"Added {_names(result.added)} to {location}{present}"
    if summary.dry_run:
        return f"Dry run, nothing was written. Would add {_names(result.added)} to {location}{present}"
    return f"Not confirmed, nothing was written to {location}"


def _names(names: tuple[str, ...]) -> str:
    listed = ", ".join(names[:_MOST_NAMES])
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{counted(len(names), 'rule')} ({listed}{more})"


def _next_step(summary: Summary) -> Iterator[str]:
    if not summary.result.written and summary.result.added:
        yield "Next step: run the command again with --yes to write the change."
        return
    if "://" in summary.document.location:
        seconds = summary.document.refresh_seconds
        yield f"Next step: the rules take effect when they are reloaded, after {seconds} s. Check a client:"
    else:
        yield "Next step: check a client, and upload the document:"
    yield f"  mtls-authorizer explain CERT {plain(shlex.join((*summary.document.option, *summary.option)))}"
