"""Documents in files: changed under a lock, and replaced by renaming, so that no reader sees half of one."""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT
from mtls_authorizer_cli.atomic_files import draft_of
from mtls_authorizer_cli.command_line import CommandError, command_errors, printable
from mtls_authorizer_cli.documents.document import MOST_ATTEMPTS, StoredDocument, Written, decode, too_many_conflicts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class FileDocument:
    """A document in a file. A symbolic link stays one: the file that it refers to is replaced.

    Writers that use this class wait for each other. Another program's change is noticed up to the moment before the
    file is renamed.
    """

    def __init__(self, path: str) -> None:
        self._name = path
        with command_errors(f"{printable(path)} is not a file name: ", OSError, ValueError, RuntimeError):
            self._path = Path(path).resolve()

    def read(self) -> StoredDocument:
        """Return the document. Raises CommandError."""
        with command_errors(f"{printable(self._name)} cannot be read: ", OSError):
            descriptor = self._open()
            try:
                return self._read(descriptor)
            finally:
                os.close(descriptor)

    def update(self, read: StoredDocument, edit: Callable[[str], str]) -> Written:
        """Change the document as it is now. Raises CommandError."""
        with command_errors(f"{printable(self._name)} cannot be written: ", OSError):
            for _ in range(MOST_ATTEMPTS):
                with self._locked() as descriptor:
                    current = self._read(descriptor)
                    text = edit(current.text)
                    if text == current.text or self._replace(descriptor, current, text.encode()):
                        document = StoredDocument(self._name, text, _version(text.encode()))
                        return Written(document, current.text, merged=current.text != read.text)
        raise too_many_conflicts(self._name)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Lock the file. A writer before us may have replaced it: then the new one is locked."""
        while True:
            descriptor = self._open()
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.path.samestat(os.fstat(descriptor), self._path.stat()):
                    yield descriptor
                    return
            finally:
                os.close(descriptor)

    def _open(self) -> int:
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            message = f"{printable(self._name)} is not a regular file: name the rules document"
            raise CommandError(message)
        return descriptor

    def _read(self, descriptor: int) -> StoredDocument:
        with os.fdopen(os.dup(descriptor), "rb") as file:
            content = file.read(LARGEST_DOCUMENT + 1)
        return StoredDocument(self._name, decode(content, self._name), _version(content))

    def _replace(self, descriptor: int, current: StoredDocument, content: bytes) -> bool:
        """Replace the file. Returns False, without doing it, if it is not the current document any more."""
        with draft_of(self._path, content, os.fstat(descriptor)) as draft:
            if self.read() != current:
                return False
            draft.replace(self._path)
            return True


def _version(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()[:12]}"
