"""Changing documents in files: completely or not at all, and nothing of another writer is lost."""

from __future__ import annotations

import json
import resource
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT
from mtls_authorizer.rules.rule import ENVIRONMENT, Rule
from mtls_authorizer_cli.command_line import CommandError
from mtls_authorizer_cli.documents.document import MOST_ATTEMPTS
from mtls_authorizer_cli.documents.json_text import append_items
from mtls_authorizer_cli.documents.update import Change, update_document
from tests.rules_documents import document, rule

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DOCUMENT = document(rule()).decode()


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "rules.json"
    path.write_text(DOCUMENT)
    return path


def denying(common_name: str) -> Callable[[str], str]:
    return lambda text: append_items(text, "deny", [{"common_name": common_name}])


@pytest.mark.parametrize("form", [str, lambda path: path.as_uri()], ids=["a path", "a URI"])
def test_a_file_is_replaced_and_keeps_its_mode(form: Callable[[Path], str], rules: Path) -> None:
    rules.chmod(0o640)
    inode = rules.stat().st_ino
    result = update_document(form(rules), denying("a"))
    assert result.written
    assert not result.merged
    assert (result.before, result.document.text) == (DOCUMENT, rules.read_text())
    assert json.loads(rules.read_text())["deny"] == [{"common_name": "a"}]
    assert stat.S_IMODE(rules.stat().st_mode) == 0o640
    assert rules.stat().st_ino != inode
    assert [each.name for each in rules.parent.iterdir()] == ["rules.json"]


def test_a_link_stays_a_link(rules: Path) -> None:
    link = rules.with_name("link")
    link.symlink_to("rules.json")
    update_document(str(link), denying("a"))
    assert link.is_symlink()
    assert '"a"' in rules.read_text()


def test_nothing_is_written_if_nothing_changes_or_the_change_is_declined(rules: Path) -> None:
    inode = rules.stat().st_ino
    reviewed: list[Change] = []

    def decline(change: Change) -> bool:
        reviewed.append(change)
        return False

    assert not update_document(str(rules), lambda text: text, review=decline).written
    assert not reviewed
    assert not update_document(str(rules), denying("a"), review=decline).written
    assert reviewed[0].after == denying("a")(DOCUMENT)
    assert (rules.read_text(), rules.stat().st_ino) == (DOCUMENT, inode)


def test_an_interruption_while_the_change_is_written_says_how_to_see_whether_it_was(
    rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mtls_authorizer_cli.documents.files.FileDocument.update", interrupt)
    with pytest.raises(KeyboardInterrupt, match="may have been written: run the command again with --dry-run"):
        update_document(str(rules), denying("a"))


def test_changes_by_another_program_during_the_review_are_kept(rules: Path) -> None:
    def review(_change: Change) -> bool:
        rules.write_text(denying("other")(DOCUMENT))
        return True

    result = update_document(str(rules), denying("a"), review=review)
    assert result.merged
    assert result.before == denying("other")(DOCUMENT)
    assert json.loads(rules.read_text())["deny"] == [{"common_name": "other"}, {"common_name": "a"}]
    rules.write_text(DOCUMENT)
    inode = rules.stat().st_ino
    # The other program makes the same change.
    same = update_document(str(rules), lambda _text: denying("other")(DOCUMENT), review=review)
    assert (same.merged, rules.stat().st_ino) == (True, inode)


@pytest.mark.parametrize("writes", [1, 1000])
def test_changes_that_an_editor_saves_meanwhile_are_kept(writes: int, rules: Path) -> None:
    saved = rules.with_name("saved")
    edits = 0

    def edit(text: str) -> str:
        nonlocal edits
        edits += 1
        # The first call is for the review. Editors lock nothing, and replace the file.
        if 1 < edits <= writes + 1:
            saved.write_text(denying(f"editor-{edits}")(text))
            saved.replace(rules)
        return denying("a")(text)

    if writes == 1:
        result = update_document(str(rules), edit)
        assert (result.merged, result.before) == (True, denying("editor-2")(DOCUMENT))
        assert rules.read_text() == denying("a")(result.before)
    else:
        with pytest.raises(CommandError, match="was changed by others 20 times in a row"):
            update_document(str(rules), edit)
        assert len(json.loads(rules.read_text())["deny"]) == MOST_ATTEMPTS


def test_many_writers_at_once_lose_nothing(rules: Path) -> None:
    names = [f"client-{number}" for number in range(12)]
    threads = [threading.Thread(target=update_document, args=(str(rules), denying(name))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(item["common_name"] for item in json.loads(rules.read_text())["deny"]) == sorted(names)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'{"rules": []}',
            "is not valid as it is stored, so first correct it, .*: rules must be a list",
        ),
        (b"\xff", r"is not UTF-8 \(byte 0\), so first correct it, or roll it back \(docs/configuration\.md"),
        (b" " * (LARGEST_DOCUMENT + 1), "has more than 5,242,880 bytes: name a rules document"),
        (
            DOCUMENT.encode() + b"x",
            "is not valid as it is stored, so first .*: the document is not JSON",
        ),
    ],
)
def test_a_document_that_is_not_valid_is_not_changed(content: bytes, message: str, rules: Path) -> None:
    rules.write_bytes(content)
    with pytest.raises(CommandError, match=rf"rules\.json {message}"):
        update_document(str(rules), denying("a"))
    assert rules.read_bytes() == content


def test_a_change_that_is_not_valid_is_not_written(rules: Path) -> None:
    with pytest.raises(CommandError, match=r"would not be valid after the change: .*deny.common_nam"):
        update_document(str(rules), lambda text: text.replace("{", '{"deny": {"common_nam": "a"}, ', 1))
    anyone = [Rule(ENVIRONMENT, (), (), anyone=True)]
    with pytest.raises(CommandError, match="after the change: ALLOW_ANY_CLIENT_CERTIFICATE is true"):
        update_document(str(rules), denying("a"), other_rules=anyone)
    assert rules.read_text() == DOCUMENT


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("missing.json", r"missing\.json cannot be read: No such file or directory"),
        ("\0", r"\\x00 is not a file name: .*embedded null"),
        (".", r"\. is not a regular file: name the rules document"),
        ("https://rules", "the location is 'https://rules': write file:///absolute/path, s3:"),
        ("appconfig://a/b/c", "is a configuration in AppConfig, which is changed by a deployment: save it to a file"),
    ],
)
def test_locations_that_cannot_be_changed_are_rejected(location: str, message: str) -> None:
    with pytest.raises(CommandError, match=message):
        update_document(location, denying("a"))


def test_a_file_that_cannot_be_written_stays_as_it_is(rules: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        with pytest.raises(CommandError, match=r"rules\.json cannot be written: File too large"):
            update_document(str(rules), denying("a"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert rules.read_text() == DOCUMENT
    assert list(rules.parent.iterdir()) == [rules]
