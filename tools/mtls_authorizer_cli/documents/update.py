"""Reading and changing a rules document where it is stored: a file, Amazon S3 or SSM parameters.

``update_document`` is the only way in which commands change a document: it checks the result as the authorizer does,
lets the user review the change, and keeps the changes that others made meanwhile.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.policy.settings import check_together
from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT
from mtls_authorizer.stores.uri import Scheme
from mtls_authorizer_cli.command_line import CommandError, command_errors, printable
from mtls_authorizer_cli.configuration.loading import parse_location
from mtls_authorizer_cli.documents.document import CORRECT_IT, rules_of
from mtls_authorizer_cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mtls_authorizer.rules.rule import Rule
    from mtls_authorizer_cli.documents.document import DocumentStore, StoredDocument


_CHECKING, _WRITING = 0.3, 0.6
"""The progress when these steps begin."""


class Change(NamedTuple):
    """A change to a document, with the text before and after it."""

    document: StoredDocument
    after: str


class Update(NamedTuple):
    """The result of ``update_document``: the document, its text before, and the text ``planned``.

    The planned text is the text of the document, unless nothing was written, because there was nothing to change or the
    change was not confirmed. ``merged`` is whether another writer changed the document meanwhile; then ``before``
    includes that writer's change.
    """

    document: StoredDocument
    before: str
    planned: str
    written: bool
    merged: bool = False


def update_document(
    location: str,
    edit: Callable[[str], str],
    bucket_owner: str | None = None,
    review: Callable[[Change], bool] = lambda _change: True,
    *,
    other_rules: Sequence[Rule] = (),
) -> Update:
    """Change the rules document at a location. Raises CommandError; then nothing was written, unless it says so.

    ``edit`` returns the changed text, and is called again with the newer text if another writer was faster: it must
    describe the change, not its result, and change nothing if the text has the change already. ``review`` shows the
    change, and returns whether to write it. It is called once, and not if nothing changes. ``bucket_owner`` is the
    account that must own the bucket, None for any. The document must be valid together with the ``other_rules`` in the
    function's environment.
    """

    def checked_edit(text: str) -> str:
        check_valid(text, f"{printable(location)} is not valid as it is stored, so first {CORRECT_IT}", ())
        after = edit(text)
        check_valid(after, f"{printable(location)} would not be valid after the change", other_rules)
        return after

    with Progress() as progress:
        progress.show(f"reading {printable(location)}", 0)
        store = _open(location, bucket_owner)
        read = store.read()
        if len(read.text.encode()) > LARGEST_DOCUMENT:
            message = f"{printable(location)} has more than {LARGEST_DOCUMENT:,} bytes: name a rules document"
            raise CommandError(message)
        progress.show("checking the change", _CHECKING)
        after = checked_edit(read.text)
    if after == read.text or not review(Change(read, after)):
        return Update(read, read.text, after, written=False)
    with Progress() as progress:
        progress.show("writing", _WRITING)
        with writing():
            document, before, merged = store.update(read, checked_edit)
    return Update(document, before, document.text, written=document.text != before or merged, merged=merged)


@contextmanager
def writing() -> Iterator[None]:
    """Let a KeyboardInterrupt say that a change may have been written."""
    try:
        yield
    except KeyboardInterrupt:
        message = "the change may have been written: run the command again with --dry-run to see whether it was"
        raise KeyboardInterrupt(message) from None


def _open(location: str, bucket_owner: str | None) -> DocumentStore:
    scheme, parts = parse_location(location)
    if scheme is Scheme.FILE:
        from mtls_authorizer_cli.documents.files import FileDocument  # noqa: PLC0415 -- imports fcntl

        return FileDocument(parts[0])
    if scheme is Scheme.S3:
        from mtls_authorizer_cli.documents.s3 import S3Document  # noqa: PLC0415 -- imports boto3

        return S3Document(location, parts, bucket_owner)
    if scheme is Scheme.SSM:
        from mtls_authorizer_cli.documents.ssm import SsmDocument  # noqa: PLC0415 -- imports boto3

        return SsmDocument(location, parts)
    message = (
        f"{printable(location)} is a configuration in AppConfig, which is changed by a deployment: save it to a "
        "file, run the command with --rules FILE, and deploy the file as the next version (aws appconfig "
        "create-hosted-configuration-version, start-deployment)"
    )
    raise CommandError(message)


def check_valid(text: str, problem: str, other_rules: Sequence[Rule]) -> None:
    """Raise CommandError, which begins with a problem, for a document that is not valid together with other rules."""
    with command_errors(f"{problem}: ", ValueError):
        rules = rules_of(text)
        check_together([*other_rules, *rules])
