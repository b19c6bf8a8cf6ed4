"""SHA-256 with Python's own implementation, and without it."""

from __future__ import annotations

import hashlib
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from typing import TYPE_CHECKING

import pytest

from client_certificate_auth.x509 import sha256 as module

if TYPE_CHECKING:
    from collections.abc import Callable

OWN = {"_sha2", "_sha256"}


def load(monkeypatch: pytest.MonkeyPatch, absent: set[str]) -> Callable[[bytes], bytes]:
    """Return the function of the module as it is without some of Python's modules."""
    for name in absent:
        monkeypatch.setitem(sys.modules, name, None)
    loader = SourceFileLoader("copy_of_sha256", str(module.__file__))
    specification = spec_from_loader(loader.name, loader)
    assert specification is not None
    copy = module_from_spec(specification)
    loader.exec_module(copy)
    function: Callable[[bytes], bytes] = copy.sha256
    return function


@pytest.mark.parametrize("absent", [set(), {"_sha2"}, OWN], ids=["built-in", "without _sha2", "without both"])
@pytest.mark.parametrize("length", [0, 1, 55, 56, 64, 4095, 4096, 4097, 100_000])
def test_the_digest_is_that_of_hashlib(monkeypatch: pytest.MonkeyPatch, absent: set[str], length: int) -> None:
    data = bytes(index % 251 for index in range(length))
    assert load(monkeypatch, absent)(data) == hashlib.sha256(data).digest()


def test_only_large_data_needs_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = load(monkeypatch, set())
    monkeypatch.setitem(sys.modules, "hashlib", None)
    assert len(sha256(bytes(4095))) == 32
    with pytest.raises(ImportError, match="hashlib"):
        sha256(bytes(4096))
