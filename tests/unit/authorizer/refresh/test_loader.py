"""The loader of a document in one store."""

from __future__ import annotations

import pytest

from mtls_authorizer.refresh.loader import Loaded, StoreLoader
from mtls_authorizer.stores.store import StoreError
from tests.pki.kept_lists import Memory


def load(storage: Memory) -> StoreLoader[str]:
    return StoreLoader("rules", storage.open(storage.uri("rules.json"), max_bytes=100), bytes.decode)


def test_a_document_is_parsed_once_for_each_version() -> None:
    storage = Memory()
    loader = load(storage)
    assert (loader.name, loader.uri) == ("rules", storage.uri("rules.json"))
    storage.put("rules.json", b"one")
    first = loader.load(None)
    assert first == Loaded("one", "v1")
    assert loader.load(first) is first
    storage.put("rules.json", b"two")
    assert loader.load(first) == Loaded("two", "v2")


def test_errors_of_the_store_and_of_the_parser_are_raised() -> None:
    storage = Memory()
    loader = load(storage)
    with pytest.raises(StoreError, match="No such file"):
        loader.load(None)
    storage.put("rules.json", b"\xff")
    with pytest.raises(ValueError, match="invalid start byte"):
        loader.load(None)


def test_a_reset_resets_the_store() -> None:
    storage = Memory()
    load(storage).reset()
    assert storage.resets == [storage.uri("rules.json")]
