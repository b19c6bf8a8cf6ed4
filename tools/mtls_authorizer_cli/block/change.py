"""The common parts of ``block`` and ``unblock``: options, writing the change, flushing caches, and the output."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer_cli.block.client import add_options as add_client_options
from mtls_authorizer_cli.block.entries import Entry, blocking
from mtls_authorizer_cli.block.flush import Flushed, flush, wait_for_reload
from mtls_authorizer_cli.block.flush import add_options as add_flush_options
from mtls_authorizer_cli.command_line import CommandError, ExitStatus, printable, shell_file
from mtls_authorizer_cli.documents.location import add_options as add_location_options
from mtls_authorizer_cli.documents.location import find_rules
from mtls_authorizer_cli.documents.review import add_options as add_review_options
from mtls_authorizer_cli.documents.review import diff, review, write_result
from mtls_authorizer_cli.printed import json_text, plain
from mtls_authorizer_cli.progress import Progress
from mtls_authorizer_cli.tables import fold, joined, next_step, row

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mtls_authorizer_cli.block.client import BlockTarget
    from mtls_authorizer_cli.command_line import Parser
    from mtls_authorizer_cli.documents.location import RulesLocation
    from mtls_authorizer_cli.documents.update import Update


class DenyChange(NamedTuple):
    """The result of a change to ``deny``. ``declined`` is whether it was not confirmed."""

    client: BlockTarget
    rules: RulesLocation
    update: Update
    declined: bool
    shown: bool
    """Whether the change was already shown, to ask for confirmation."""

    entries: list[Entry]
    """The entries of ``deny`` that block the client after the change or, if it was declined, as before."""

    @property
    def is_pending(self) -> bool:
        """Whether there is a change that was not written."""
        return self.update.planned != self.update.before and not self.update.written


def add_options(parser: Parser) -> None:
    """Add the options of both subcommands."""
    add_client_options(parser)
    add_location_options(parser)
    add_flush_options(parser)
    add_review_options(parser)


def change(
    options: argparse.Namespace, environment: Mapping[str, str], client: BlockTarget, edit: Callable[[str], str]
) -> DenyChange:
    """Change the rules document. Raises CommandError."""
    rules = find_rules(options, environment)
    update = rules.update(edit, partial(review, options, notes=list(_notes(client))))
    changes = update.written or update.planned != update.before
    asked = changes and not (options.yes or options.dry_run)
    declined = asked and not update.written
    entries = blocking(update.before if declined else update.planned, client)
    return DenyChange(client, rules, update, declined, asked, entries)


def flush_caches(
    options: argparse.Namespace, rules: RulesLocation, sleep: Callable[[float], None] = time.sleep
) -> list[Flushed]:
    """Flush the caches that the options name, after the reload. Raises nothing. If interrupted, it flushes no more."""
    if not options.stages:
        return []
    flushed: list[Flushed] = []
    try:
        if not options.no_wait:
            with Progress() as progress:
                wait_for_reload(rules.refresh_seconds, progress, sleep)
        for stage in options.stages:
            flushed.append(flush(stage))  # noqa: PERF401 -- keeps those before an interruption
    except KeyboardInterrupt:
        flushed += [
            Flushed(stage, "interrupted before the flush was confirmed") for stage in options.stages[len(flushed) :]
        ]
    return flushed


def explain_command(outcome: DenyChange) -> str:
    """Return the command that explains the decision about the client under the changed rules."""
    file = "CERT" if outcome.client.file is None else shell_file(outcome.client.file)
    # Which CA signed the certificate only matters if no entry blocks the client.
    truststore = () if outcome.entries else outcome.rules.truststore_option(outcome.update.planned)
    return outcome.rules.explain_command(file, truststore)


_RELOAD = (
    "each execution environment reloads the rules with its first request that arrives at least {} s "
    "(AUTHORIZER_RULES_REFRESH_SECONDS) after its last reload; new environments load them when they start"
)
_NOT_FLUSHED = (
    "not flushed: if the API's authorizer has a TTL, cached responses stay valid until it ends. To flush them, run "
    "mtls-authorizer {1} again after {0} s, with the same options and --flush-rest-api ID/STAGE or --flush-http-api "
    "ID/STAGE"
)


class Answer(NamedTuple):
    """The answer of ``block`` or ``unblock``, whose name is the ``command``: the result as in JSON and in words."""

    command: str
    result: str
    text: str
    next_step: str


def flush_and_print(options: argparse.Namespace, outcome: DenyChange, answer: Answer) -> ExitStatus:
    """Print the answer, flush caches after a change, print the rest, return the exit status. Raises CommandError."""
    written = outcome.update.written
    to_flush = not outcome.declined and not options.dry_run
    if not options.json:
        try:
            write_result(joined(_beginning(answer, outcome)), written=written)
        except CommandError:
            if to_flush:
                flush_caches(options, outcome.rules)
            raise
    flushed = flush_caches(options, outcome.rules) if to_flush else []
    answer = answer._replace(next_step=_flush_first(options, outcome, answer, flushed))
    ending = _as_json(answer, outcome, flushed) if options.json else joined(_ending(answer, outcome, flushed))
    write_result(ending, written=written)
    failed = outcome.declined or any(each.problem for each in flushed)
    return ExitStatus.NEGATIVE if failed else ExitStatus.SUCCESS


def _flush_first(options: argparse.Namespace, outcome: DenyChange, answer: Answer, flushed: Sequence[Flushed]) -> str:
    """Return the next step. Cached responses stay valid until the TTL ends, whatever ``explain`` prints."""
    again = f"run mtls-authorizer {answer.command} again"
    if any(each.problem for each in flushed):
        again = f"{again}, because API Gateway can still send responses from the cache that was not flushed"
    elif flushed and options.no_wait and outcome.update.written:
        seconds = outcome.rules.refresh_seconds
        again = f"{again} after {seconds} s, because environments with the old rules can fill the cache until then"
    else:
        return answer.next_step
    return f"{again}. Then {answer.next_step}"


def _beginning(answer: Answer, outcome: DenyChange) -> Iterator[str]:
    """Return the first lines of the output, which are known before caches are flushed."""
    rules, update = outcome.rules, outcome.update
    yield from fold(answer.text, first="")
    yield from row("rules", plain(f"{rules.location}, version {update.document.version}"))
    yield from row("entry", json.dumps(outcome.client.entry))
    if outcome.entries:
        when = " once the change is written" if outcome.is_pending and not outcome.declined else ""
        yield from row("blocked by", f"{', '.join(map(str, outcome.entries))}{when}")
    if update.written:
        yield from row("takes effect", _RELOAD.format(rules.refresh_seconds))
    if update.merged:
        yield from row("note", "another writer changed the document meanwhile: both changes are in it")
    if not outcome.shown:
        yield from _notes(outcome.client)
    if update.planned != update.before and not outcome.shown:
        yield from ["", diff(update.before, update.planned)]


def _notes(client: BlockTarget) -> Iterator[str]:
    for note in client.notes:
        yield from row("note", note)


def _ending(answer: Answer, outcome: DenyChange, flushed: Sequence[Flushed]) -> Iterator[str]:
    """Return the rest of the output: what was flushed, and the next step."""
    for each in flushed:
        yield from row("cache", plain(f"{each.stage}: {each.problem or 'flushed'}"))
    if not flushed and outcome.update.written:
        yield from row("cache", _NOT_FLUSHED.format(outcome.rules.refresh_seconds, answer.command))
    yield from next_step(printable(answer.next_step), printable(explain_command(outcome)))


def _as_json(answer: Answer, outcome: DenyChange, flushed: Sequence[Flushed]) -> str:
    """Return the output as one JSON object."""
    update = outcome.update
    document = {
        "result": answer.result,
        "rules": outcome.rules.location,
        "rules_version": update.document.version,
        "entry": dict(outcome.client.entry),
        "client": outcome.client.name,
        "written": update.written,
        "merged": update.merged,
        "blocked_by": [{"place": entry.place, "fields": list(entry.fields)} for entry in outcome.entries],
        "refresh_seconds": outcome.rules.refresh_seconds,
        "flushed": [
            {
                "api_type": "REST" if each.stage.is_rest else "HTTP",
                "api_id": each.stage.api_id,
                "stage": each.stage.name,
                "problem": each.problem,
            }
            for each in flushed
        ],
        "diff": diff(update.before, update.planned),
        "notes": list(outcome.client.notes),
        "next_step": answer.next_step,
        "verify": explain_command(outcome),
    }
    return json_text(document)
