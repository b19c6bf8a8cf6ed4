"""Loaders: each creates the value of one document from stored objects, and determines whether they have changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from client_certificate_auth.records import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtls_authorizer.stores.store import Store

T = TypeVar("T")
V = TypeVar("V")


class Loaded(NamedTuple, Generic[T, V]):
    """A value, and the version of the stored objects that it was created from. They are replaced together.

    The version contains everything that the loader needs to determine whether the document has changed.
    ``str(version)`` is logged.
    """

    value: T
    version: V


class Loader(Protocol[T, V]):
    """Creates the value of one document. It may read several objects for it, such as an index and its CRL."""

    name: str
    """The kind of document, for the log."""

    uri: str
    """The URI of the document, for the log."""

    def load(self, current: Loaded[T, V] | None) -> Loaded[T, V]:
        """Load the document. ``current`` is the value in force with its version, None at first.

        Returns ``current`` itself if nothing has changed. If only the version has changed, the value may be the same.
        Raises StoreError if the document cannot be read, and ValueError, with a message that can be logged, if it must
        not be used. It is called in a thread of its own, may take long, and may run several times concurrently: all
        state between two loads belongs in the version.
        """

    def reset(self) -> None:
        """Forget everything that was remembered outside of versions: reset all stores."""


class StoreLoader(Generic[T]):
    """The loader of a document in one store. ``parse`` creates the value from its content, or raises ValueError."""

    def __init__(self, name: str, store: Store, parse: Callable[[bytes], T]) -> None:
        self.name = name
        self.uri = store.uri
        self._store = store
        self._parse = parse

    def load(self, current: Loaded[T, str] | None) -> Loaded[T, str]:
        """Fetch and parse the document."""
        fetched = self._store.fetch(None if current is None else current.version)
        if fetched is not None:
            return Loaded(self._parse(fetched.content), fetched.version)
        assert current is not None  # noqa: S101 -- None is returned only for a version
        return current

    def reset(self) -> None:
        """Reset the store."""
        self._store.reset()
