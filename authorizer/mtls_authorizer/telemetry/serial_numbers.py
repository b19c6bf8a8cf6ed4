"""Detection of collisions: serial numbers that an issuer has given to more than one certificate.

RFC 5280 §4.1.2.2 forbids it, but CAs made with a script often do it. If API Gateway caches responses by issuer and
serial number, one client then receives the response for the other. A collision is reported, and changes no decision.
"""

from __future__ import annotations

from _thread import allocate_lock  # what threading.Lock() calls; importing threading takes 1 ms
from collections import OrderedDict

from client_certificate_auth.x509.sha256 import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from mtls_authorizer.request.assessment import Client

    _Key: TypeAlias = str | bytes
    _FirstSeen: TypeAlias = tuple[int | None, str] | None
    """Hash and fingerprint of the first certificate with a serial number; None after a collision was reported."""

MAX_REMEMBERED = 4096
"""The number of remembered serial numbers, which take about 2 MiB together."""

MAX_ISSUERS = 256

_LONGEST_KEY = 256
"""In characters. Longer names and serial numbers are replaced by their digest."""


class SerialNumberRegister:
    """The serial numbers that were seen most recently, by issuer. Thread-safe.

    Issuer and serial number are compared as strings, as API Gateway does when it caches by them. Each serial number is
    reported once, so that clients cannot fill the log.

    Memory is bounded, and no issuer displaces the serial numbers of one that has fewer. If there are too many serial
    numbers, the issuer with the most of them loses its least recently seen one. If there are too many issuers, the one
    with the fewest serial numbers is forgotten, except the latest.
    """

    def __init__(self, max_remembered: int = MAX_REMEMBERED, max_issuers: int = MAX_ISSUERS) -> None:
        self._max_remembered = max_remembered
        self._max_issuers = max_issuers
        self._remembered = 0
        self._issuers: dict[_Key, OrderedDict[_Key, _FirstSeen]] = {}
        self._lock = allocate_lock()

    def observe(self, client: Client) -> str | None:
        """Remember a client's certificate.

        Returns the fingerprint of another certificate with the same issuer and serial number that was seen before; None
        if there is none, or if it was reported before.
        """
        if client.issuer_dn is None or client.serial_number is None or client.fingerprint is None:
            return None
        issuer, serial_number = _key(client.issuer_dn), _key(client.serial_number)
        with self._lock:
            serial_numbers = self._issuers.setdefault(issuer, OrderedDict())
            if serial_number not in serial_numbers:
                serial_numbers[serial_number] = client.tbs_hash, client.fingerprint
                self._remembered += 1
                self._forget_surplus(issuer)
                return None
            serial_numbers.move_to_end(serial_number)
            seen = serial_numbers[serial_number]
            if seen is None or seen[0] == client.tbs_hash:
                return None
            serial_numbers[serial_number] = None
        return seen[1]

    def _forget_surplus(self, latest: _Key) -> None:
        if len(self._issuers) > self._max_issuers:
            # Among several with the fewest, the one that has been known for the longest time.
            others = (issuer for issuer in self._issuers if issuer != latest)
            fewest = min(others, key=lambda issuer: len(self._issuers[issuer]))
            self._remembered -= len(self._issuers.pop(fewest))
        if self._remembered > self._max_remembered:
            max(self._issuers.values(), key=len).popitem(last=False)
            self._remembered -= 1


def _key(text: str) -> _Key:
    return text if len(text) <= _LONGEST_KEY else sha256(text.encode())
