"""The common parts of ``block`` and ``unblock``: options, writing the change, and flushing caches."""

from __future__ import annotations

import shlex
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer_cli.block.client import add_options as add_client_options
from mtls_authorizer_cli.block.entries import Entry, blocking
from mtls_authorizer_cli.block.flush import Flushed, flush, wait_for_reload
from mtls_authorizer_cli.block.flush import add_options as add_flush_options
from mtls_authorizer_cli.command_line import shell_file
from mtls_authorizer_cli.documents.location import add_options as add_location_options
from mtls_authorizer_cli.documents.location import find_rules
from mtls_authorizer_cli.documents.review import add_options as add_review_options
from mtls_authorizer_cli.documents.review import review
from mtls_authorizer_cli.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from mtls_authorizer_cli.block.client import Client
    from mtls_authorizer_cli.command_line import Parser
    from mtls_authorizer_cli.documents.location import RulesLocation
    from mtls_authorizer_cli.documents.update import Update


class Outcome(NamedTuple):
    """The result of a change to ``deny``. ``declined`` is whether it was not confirmed."""

    client: Client
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
    options: argparse.Namespace, environment: Mapping[str, str], client: Client, edit: Callable[[str], str]
) -> Outcome:
    """Change the rules document. Raises CommandError."""
    rules = find_rules(options, environment)
    update = rules.update(edit, partial(review, options))
    changes = update.written or update.planned != update.before
    asked = changes and not (options.yes or options.dry_run)
    declined = asked and not update.written
    entries = blocking(update.before if declined else update.planned, client)
    return Outcome(client, rules, update, declined, asked, entries)


def flush_caches(
    options: argparse.Namespace, rules: RulesLocation, sleep: Callable[[float], None] = time.sleep
) -> list[Flushed]:
    """Flush the caches that the options name, after the reload. Raises nothing. If interrupted, it flushes none."""
    if not options.stages:
        return []
    try:
        if not options.no_wait:
            with Progress(sys.stderr) as progress:
                wait_for_reload(rules.refresh_seconds, progress, sleep)
    except KeyboardInterrupt:
        return [Flushed(stage, "interrupted before it was flushed") for stage in options.stages]
    return [flush(stage) for stage in options.stages]


def explain_command(outcome: Outcome) -> str:
    """Return the command that explains the decision about the client under the changed rules."""
    file = "CERT" if outcome.client.file is None else shell_file(outcome.client.file)
    return f"mtls-authorizer explain {file} {shlex.join(outcome.rules.option)}"
