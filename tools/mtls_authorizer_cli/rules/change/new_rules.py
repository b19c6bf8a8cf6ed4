"""New rules, and adding them to the document where it is stored."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.policy.access_policy import rules_with_issuer_keys
from mtls_authorizer.rules.document.reader import RulesError, parse_rules
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer.stores.uri import Scheme
from mtls_authorizer_cli.atomic_files import draft_of
from mtls_authorizer_cli.command_line import CommandError, command_errors, file_exists, printable
from mtls_authorizer_cli.configuration.loading import parse_location
from mtls_authorizer_cli.documents.document import StoredDocument, rules_of
from mtls_authorizer_cli.documents.json_text import append_items, items_of
from mtls_authorizer_cli.documents.update import Change, Update, check_valid, writing
from mtls_authorizer_cli.printed import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from client_certificate_auth import PeerCertificate
    from mtls_authorizer_cli.rules.change.target import Target


_PLACE = "rules[0]."
_COLUMNS = {"name", "description", "allow", "context"}
"""The keys of a rule that are columns and options. The others are made from the certificate."""


class NewRule(NamedTuple):
    """A rule to add, as JSON, and the certificate that it was made for.

    ``place`` is where its name was given, for messages: ``partners.csv:3: column name``.
    """

    rule: Mapping[str, object]
    place: str
    certificate: PeerCertificate

    @property
    def name(self) -> str:
        """The name of the rule."""
        return str(self.rule["name"])


def problems_of(rule: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the key of a rule that has a problem, such as ``allow`` or ``context.tenant``, and the problem."""
    try:
        parse_rules(json.dumps({"rules": [rule]}).encode())
    except RulesError as error:
        for problem in error.problems:
            place, _, text = problem.removeprefix(_PLACE).partition(" ")
            key = place.partition("[")[0]
            yield (key if key.partition(".")[0] in _COLUMNS else "certificate"), text


class Result(NamedTuple):
    """The rules that were added, or would be, and those that the document contained already.

    ``warnings`` are about other rules and entries of deny for the same clients.
    """

    added: tuple[NewRule, ...]
    present: tuple[NewRule, ...]
    update: Update
    warnings: tuple[str, ...] = ()


def add_rules(target: Target, rules: Sequence[NewRule], review: Callable[[Change, Iterable[str]], bool]) -> Result:
    """Add rules at the end of the document, all of them or none. Raises CommandError.

    A file that does not exist is created. A rule that the document contains already is left as it is; another rule with
    the same name is an error. ``review`` gets the change and the warnings of the result.
    """
    location = target.rules.location
    scheme, parts = parse_location(location)
    if scheme is Scheme.FILE and not file_exists(Path(parts[0])):
        created = _create(parts[0], rules, lambda change: review(change, ()), target)
        if created is not None:
            return Result(tuple(rules), (), created)
    present: set[str] = set()

    def edit(text: str) -> str:
        present.clear()
        return append_items(text, "rules", _missing(text, rules, present))

    def added() -> tuple[NewRule, ...]:
        return tuple(rule for rule in rules if rule.name not in present)

    update = target.rules.update(edit, lambda change: review(change, _warnings(change.document.text, added(), target)))
    known = tuple(rule for rule in rules if rule.name in present)
    return Result(added(), known, update, tuple(_warnings(update.before, added(), target)))


def _warnings(text: str, added: Sequence[NewRule], target: Target) -> Iterator[str]:
    """Yield warnings about other rules and entries of deny for the clients of new rules."""
    known = RuleSet(rules_of(text))
    if target.trust is not None:
        known = rules_with_issuer_keys(known, target.trust.authorities)
    for new in added:
        denials = known.denying(known.satisfied_by(new.certificate))
        if denials:
            yield f"the client of rule {new.name} stays blocked by {denials[0].name}: see mtls-authorizer unblock"
        matching = [rule.name for rule in known.matching(new.certificate)]
        if matching:
            yield (
                f"the client of rule {new.name} also matches {listing(matching)}, and may call the routes of all of "
                "them"
            )


def _missing(text: str, rules: Sequence[NewRule], present: set[str]) -> list[Mapping[str, object]]:
    """Return the rules that a document does not contain; the names of the others are added to ``present``."""
    known = {rule["name"]: rule for rule in (item.value for item in items_of(text, "rules")) if isinstance(rule, dict)}
    missing = []
    for new in rules:
        if new.name not in known:
            missing.append(new.rule)
        elif known[new.name] == new.rule:
            present.add(new.name)
        else:
            message = f"{new.place}: {new.name!r} is the name of another rule in the document: choose another name"
            raise CommandError(message)
    return missing


def _create(location: str, rules: Sequence[NewRule], review: Callable[[Change], bool], target: Target) -> Update | None:
    """Create a file with rules; None if another process has created it meanwhile."""
    text = json.dumps({"rules": [rule.rule for rule in rules]}, indent=2) + "\n"
    check_valid(text, f"{printable(location)} would not be valid", target.settings.rules)
    missing = StoredDocument(location, "{}", "")
    if not review(Change(missing, text)):
        return Update(missing, missing.text, text, written=False)
    path = Path(location)
    cannot_be_written = command_errors(f"{printable(location)} cannot be written: ", OSError, ValueError)
    with writing(), cannot_be_written, suppress(FileExistsError), draft_of(path, text.encode()) as draft:
        # Unlike a renaming, this fails if the file exists.
        path.hardlink_to(draft)
        return Update(StoredDocument(location, text, ""), missing.text, text, written=True)
    return None
