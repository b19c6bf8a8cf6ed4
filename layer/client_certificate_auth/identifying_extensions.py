"""The extensions that identify the client and its rights."""

from __future__ import annotations

from client_certificate_auth.alternative_names import read_subject_alt_names
from client_certificate_auth.x509.der import DerError
from client_certificate_auth.x509.extensions import (
    EXTENDED_KEY_USAGE,
    KEY_USAGE,
    SUBJECT_ALT_NAME,
    read_bits,
    read_extended_key_usage,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from client_certificate_auth.x509.certificate import Extension

    _T = TypeVar("_T")


class IdentifyingExtensions:
    """The extensions that identify the client and its rights, decoded when one of them is first asked for."""

    __slots__ = ("decodable", "extended_key_usage", "subject_alt_names")

    def __init__(self, extensions: dict[str, Extension]) -> None:
        self.decodable = True
        self.subject_alt_names = self._read(extensions, SUBJECT_ALT_NAME, read_subject_alt_names) or ()
        self.extended_key_usage = self._read(extensions, EXTENDED_KEY_USAGE, read_extended_key_usage)
        self._read(extensions, KEY_USAGE, read_bits)
        if self.extended_key_usage == ():
            # There must be a usage (RFC 5280 §4.2.1.12). Readers do not agree on what an empty list permits.
            self.decodable = False

    def _read(self, extensions: dict[str, Extension], oid: str, read: Callable[[bytes], _T]) -> _T | None:
        if oid not in extensions:
            return None
        try:
            return read(extensions[oid][1])
        except DerError:
            self.decodable = False
            return None
