"""The interface of a store of a rules document, and the conflict between two writers."""

from __future__ import annotations

import random
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer_cli.command_line import CommandError, printable
from mtls_authorizer_cli.documents.json_text import items_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer.rules.rule import Rule

MOST_ATTEMPTS = 20
"""How often a change is retried because another process changed the document."""

CORRECT_IT = "correct it, or roll it back (docs/configuration.md#rolling-back)"
"""What to do about a stored document that is not valid. Functions keep the last valid one until they start again."""

_LONGEST_WAIT_SECONDS = 2.0


class StoredDocument(NamedTuple):
    """A document as it is stored: its location, its text, and the version, which may be logged."""

    location: str
    text: str
    version: str


class DocumentStore(Protocol):
    """The place where one document is stored."""

    def read(self) -> StoredDocument:
        """Return the document. Raises CommandError."""

    def update(self, read: StoredDocument, edit: Callable[[str], str]) -> Written:
        """Change the document. Raises CommandError.

        ``edit`` returns the changed text. If another process has changed the document since it was read, ``edit`` is
        called again with the newer text, so that both changes are kept. Nothing is written if it changes nothing.
        """


class Written(NamedTuple):
    """A document after a change, and its text before. ``merged`` is whether another writer changed it meanwhile."""

    document: StoredDocument
    before: str
    merged: bool


@lru_cache(maxsize=4)
def rules_of(text: str) -> tuple[Rule, ...]:
    """Return the rules of a document. Raises RulesError. Cached: several steps of a change need the same ones."""
    return parse_rules(text.encode())


def decode(content: bytes, location: str) -> str:
    """Return the text of a document. Raises CommandError."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        message = f"{printable(location)} is not UTF-8 (byte {error.start}), so first {CORRECT_IT}"
        raise CommandError(message) from error


def not_empty(text: str) -> str:
    """Return a changed document. Raises CommandError if it contains neither rules nor deny, which is not valid."""
    if not items_of(text, "rules") and not items_of(text, "deny"):
        message = (
            "the document would contain neither rules nor deny, which is not valid, so nothing was written: first add "
            'an entry that matches no client, such as {"deny": {"common_name": "nobody"}}'
        )
        raise CommandError(message)
    return text


def too_many_conflicts(location: str) -> CommandError:
    """Return the error after too many conflicts."""
    return CommandError(
        f"{printable(location)} was changed by others {MOST_ATTEMPTS} times in a row: run the command again"
    )


def wait_seconds(attempt: int) -> float:
    """Return how long to wait after a conflict: a random time, so that two writers do not meet again."""
    return random.uniform(0, min(_LONGEST_WAIT_SECONDS, 0.05 * 2**attempt))  # noqa: S311 -- no secret
