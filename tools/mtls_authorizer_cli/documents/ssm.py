"""Documents in parameters of AWS Systems Manager (SSM), which has no conditional write.

A write returns the version that it has made. If that is not the next one after the version that was read, another
writer was faster, and was overwritten. Its change is found in the history of the parameter, merged, and written again.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from mtls_authorizer.rules.document.reader import RulesError, parse_rules
from mtls_authorizer_cli.command_line import CommandError, printable
from mtls_authorizer_cli.documents.aws import aws_errors, make_client
from mtls_authorizer_cli.documents.document import (
    MOST_ATTEMPTS,
    StoredDocument,
    Written,
    too_many_conflicts,
    wait_seconds,
)
from mtls_authorizer_cli.documents.merge import merge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

_DENIED = (
    "you lack ssm:GetParameters, ssm:GetParameterHistory or ssm:PutParameter for the parameter, or kms:Decrypt and "
    "kms:Encrypt (kms:GenerateDataKey for the tier Advanced) for the key of a SecureString"
)
_HINTS = {
    "ParameterMaxVersionLimitExceeded": "the oldest of its 100 versions has a label: move the label to a newer version",
    "ParameterPatternMismatchException": "the changed document does not match the parameter's AllowedPattern",
    "TooManyUpdates": "others are changing the parameter at the same time: run the command again",
}
_KEPT = ("AllowedPattern", "DataType", "Description", "KeyId", "Tier", "Type")
"""The properties of a parameter that are written again, above all the key: the default is another one."""
_LARGEST = {"Standard": 4096, "Advanced": 8192}
"""The largest values of the tiers, in bytes."""


class _Part(NamedTuple):
    """A parameter that contains a part of the document."""

    name: str
    value: str
    version: int


class SsmDocument:
    """A document in one parameter, or split into several. A change must be within one of them."""

    def __init__(
        self,
        uri: str,
        names: Sequence[str],
        *,
        region: str | None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._uri = uri
        self._names = list(names)
        for name in names:
            if ":" in name:
                message = (
                    f"{printable(uri)} names the fixed version or label {name.partition(':')[2]} of a parameter, which "
                    "cannot be changed: write a new version of the parameter, and move the label or change the URI"
                )
                raise CommandError(message)
        self._client = make_client("ssm", region)
        self._sleep = sleep

    def read(self) -> StoredDocument:
        """Return the document. Raises CommandError."""
        return self._stored(self._read())

    def update(self, read: StoredDocument, edit: Callable[[str], str]) -> Written:
        """Change the document. Raises CommandError."""
        parts = self._read()
        current = self._stored(parts)
        merged = current.version != read.version
        text = edit(current.text)
        if text == current.text:
            return Written(current, current.text, merged)
        change = _Change(parts, _changed_part(self._uri, parts, text))
        properties = _properties(self._history(change.part, change.part.version)[-1])
        known, before = change.part.version, current.text
        for attempt in range(MOST_ATTEMPTS):
            version = self._write(change.part.name, change.value_in(text), properties)
            if version == known + 1:
                return Written(StoredDocument(self._uri, text, change.version(version)), before, merged)
            history = self._history(change.part, version)
            properties = _properties(history[-1])
            # The last version is ours: it adds nothing to what we have merged and edited.
            before = merge([current.text, *_valid(change.text_with(each["Value"]) for each in history[1:-1])])
            written, text = text, edit(before)
            known, merged = version, True
            if text == written:
                return Written(StoredDocument(self._uri, text, change.version(version)), before, merged)
            self._sleep(wait_seconds(attempt))
        raise too_many_conflicts(self._uri)

    def _stored(self, parts: Sequence[_Part]) -> StoredDocument:
        return StoredDocument(self._uri, _text(parts), ",".join(str(part.version) for part in parts))

    def _read(self) -> list[_Part]:
        with aws_errors(self._uri, _HINTS, _DENIED):
            answer = self._client.get_parameters(Names=self._names, WithDecryption=True)
        found = {each["Name"]: _Part(each["Name"], each["Value"], each["Version"]) for each in answer["Parameters"]}
        for name in self._names:
            if name not in found:
                message = f"{printable(self._uri)}: there is no parameter {name}"
                raise CommandError(message)
        return [found[name] for name in self._names]

    def _write(self, name: str, value: str, properties: Mapping[str, Any]) -> int:
        size, largest = len(value.encode()), _LARGEST.get(properties.get("Tier", ""), _LARGEST["Advanced"])
        if size > largest:
            message = (
                f"{name} would have {size} bytes, and its limit is {largest}: "
                + ("use the tier Advanced, with 8,192 bytes, or " if largest < _LARGEST["Advanced"] else "")
                + "move the document to S3"
            )
            raise CommandError(message)
        with aws_errors(self._uri, _HINTS, _DENIED):
            version: int = self._client.put_parameter(Name=name, Value=value, Overwrite=True, **properties)["Version"]
        return version

    def _history(self, part: _Part, last: int) -> list[Any]:
        """Return the versions of a parameter from the one that was read to the ``last``."""
        if last < part.version:
            message = f"{part.name} was deleted and created again meanwhile: compare it with what you expect"
            raise CommandError(message)
        for attempt in range(MOST_ATTEMPTS):
            with aws_errors(self._uri, _HINTS, _DENIED):
                found = {each["Version"]: each for each in self._pages(part.name)}
            versions = range(part.version, last + 1)
            if all(version in found for version in versions):
                return [found[version] for version in versions]
            self._sleep(wait_seconds(attempt))  # the newest versions may be missing at first
        message = (
            f"{part.name}: version {last} is not in the history, or one before it. Compare the versions from "
            f"{part.version}: aws ssm get-parameter-history --name {part.name} --with-decryption"
        )
        raise CommandError(message)

    def _pages(self, name: str) -> list[Any]:
        found: list[Any] = []
        token: dict[str, str] = {}
        while True:
            page = self._client.get_parameter_history(Name=name, WithDecryption=True, **token)
            found += page["Parameters"]
            if not page.get("NextToken"):
                return found
            token = {"NextToken": page["NextToken"]}


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


def _properties(version: Mapping[str, Any]) -> dict[str, Any]:
    return {name: version[name] for name in _KEPT if version.get(name)}


def _valid(texts: Iterable[str]) -> Iterator[str]:
    """Yield the texts that are rules documents: another writer may have written anything else."""
    for text in texts:
        try:
            parse_rules(text.encode())
        except RulesError:
            continue
        yield text


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
