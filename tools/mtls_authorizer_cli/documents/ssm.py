"""Documents in parameters of AWS Systems Manager (SSM), which has no conditional write.

A write returns the version that it has made. If that is not the next one after the version that was read, another
writer was faster, and was overwritten. Its change is found in the history of the parameter, merged, and written again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.rules.document.reader import RulesError
from mtls_authorizer_cli.aws import aws_errors, make_client
from mtls_authorizer_cli.command_line import CommandError, printable
from mtls_authorizer_cli.documents.document import (
    MOST_ATTEMPTS,
    StoredDocument,
    Written,
    rules_of,
    too_many_conflicts,
    wait_seconds,
)
from mtls_authorizer_cli.documents.merge import merge, same_items
from mtls_authorizer_cli.documents.parameter import DENIED, Parameter, Version, begin_of_burst

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class _Part(NamedTuple):
    """A parameter that contains a part of the document."""

    name: str
    value: str
    version: int


class SsmDocument:
    """A document in one parameter, or split into several. A change must be within one of them."""

    def __init__(self, uri: str, names: Sequence[str], sleep: Callable[[float], None] = time.sleep) -> None:
        self._uri = uri
        self._names = list(names)
        for name in names:
            if ":" in name:
                message = (
                    f"{printable(uri)} names the fixed version or label {name.partition(':')[2]} of a parameter, which "
                    "cannot be changed: write a new version of the parameter, and move the label or change the URI"
                )
                raise CommandError(message)
        self._client = make_client("ssm")
        self._sleep = sleep

    def read(self) -> StoredDocument:
        """Return the document. Raises CommandError."""
        return self._stored(self._read())

    def update(self, read: StoredDocument, edit: Callable[[str], str]) -> Written:
        """Change the document. Raises CommandError."""
        parts = self._read()
        current = self._stored(parts)
        text = edit(current.text)
        if text == current.text:
            return Written(current, current.text, merged=current.version != read.version)
        change = _Change(parts, _changed_part(self._uri, parts, text))
        parameter = Parameter(self._client, change.part.name, self._sleep)
        known = change.part.version
        properties = parameter.history(known - 1, known)[-1].properties
        version = parameter.write(change.value_in(text), properties)
        if version == known + 1:
            document = StoredDocument(self._uri, text, change.version(version))
            return Written(document, current.text, merged=current.version != read.version)
        if version <= known:
            message = f"{parameter.name} was deleted and created again meanwhile: compare it with what you expect"
            raise CommandError(message)
        try:
            return self._merge(parameter, change, edit, known, version)
        except (CommandError, KeyboardInterrupt) as error:
            message = (
                f"{str(error) or 'interrupted'}. Versions of {parameter.name} between {known} and {version} were "
                "overwritten, and are not all merged: compare them with aws ssm get-parameter-history --name "
                f"{parameter.name} --with-decryption"
            )
            raise CommandError(message) from error

    def _merge(
        self, parameter: Parameter, change: _Change, edit: Callable[[str], str], known: int, version: int
    ) -> Written:
        """Write all changes that were overwritten by ``version``, our first one. Raises CommandError."""
        first, mine, begin = version, {version}, 0
        for attempt in range(MOST_ATTEMPTS):
            self._sleep(wait_seconds(attempt))  # another writer may be merging already
            history = parameter.history(known, version)
            known = history[-1].number
            begin = begin or begin_of_burst(history, first)
            texts = _valid(change, history, begin)
            before = [text for number, text in texts.items() if number < first]
            others = [text for number, text in texts.items() if number not in mine]
            text = edit(merge([*texts.values()], onto=others[-1]))
            if known in texts and same_items(text, texts[known]):
                text = texts[known]
            else:
                version = parameter.write(change.value_in(text), history[-1].properties)
                mine.add(version)
                if version != known + 1:
                    continue
                known = version
            document = StoredDocument(self._uri, text, change.version(known))
            return Written(document, merge(before, onto=before[-1]), merged=True)
        raise too_many_conflicts(self._uri)

    def _stored(self, parts: Sequence[_Part]) -> StoredDocument:
        return StoredDocument(self._uri, _text(parts), ",".join(str(part.version) for part in parts))

    def _read(self) -> list[_Part]:
        with aws_errors(self._uri, {}, DENIED):
            answer = self._client.get_parameters(Names=self._names, WithDecryption=True)
            found = {each["Name"]: _Part(each["Name"], each["Value"], each["Version"]) for each in answer["Parameters"]}
        for name in self._names:
            if name not in found:
                region = self._client.meta.region_name
                message = f"{printable(self._uri)}: there is no parameter {name} in {region}"
                raise CommandError(message)
        return [found[name] for name in self._names]


class _Change:
    """The parameter that a change is within, and the parts of the document before and after it."""

    def __init__(self, parts: Sequence[_Part], number: int) -> None:
        self.part = parts[number]
        self._parts = parts
        self._number = number
        self._before, self._after = _text(parts[:number]), _text(parts[number + 1 :])

    def text_with(self, value: str) -> str:
        """Return the document with another value of the parameter."""
        return self._before + value + self._after

    def value_in(self, text: str) -> str:
        """Return the value of the parameter for a document. Raises CommandError."""
        value = text[len(self._before) : len(text) - len(self._after)]
        if self.text_with(value) != text:
            raise _spread(self.part.name)
        return value

    def version(self, version: int) -> str:
        """Return the version of the document with a version of the parameter."""
        versions = [part.version for part in self._parts]
        versions[self._number] = version
        return ",".join(map(str, versions))


def _valid(change: _Change, versions: Sequence[Version], begin: int) -> dict[int, str]:
    """Return the documents of versions, by number, from a first one: those that are valid.

    Another writer may have written anything else.
    """
    texts: dict[int, str] = {}
    for version in versions:
        text = change.text_with(version.value)
        try:
            rules_of(text)
        except RulesError:
            continue
        if version.number >= begin:
            texts[version.number] = text
    return texts


def _text(parts: Sequence[_Part]) -> str:
    return "".join(part.value for part in parts)


def _changed_part(uri: str, parts: Sequence[_Part], text: str) -> int:
    """Return the number of the parameter that contains the whole change. Raises CommandError."""
    for number in reversed(range(len(parts))):
        before, after = _text(parts[:number]), _text(parts[number + 1 :])
        if text.startswith(before) and text.endswith(after) and len(before) + len(after) <= len(text):
            return number
    raise _spread(uri)


def _spread(name: str) -> CommandError:
    return CommandError(
        f"{printable(name)}: the change concerns several parameters, which cannot be written at once: a function could "
        "read a mixture. Move the document to S3, or to one parameter of the tier Advanced"
    )
