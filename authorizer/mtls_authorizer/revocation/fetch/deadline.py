"""A limit of the time that a whole download takes, however slowly its parts arrive."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from threading import Timer

from mtls_authorizer.revocation.fetch.errors import DownloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Self


class Deadline:
    """The end of a download. At that moment, its sockets are shut down, so that reading from them returns.

    A timeout of a socket is for each part: a server that sends one byte a second would never reach it.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._timers: list[Timer] = []

    def __enter__(self) -> Self:
        """Return the deadline. At the end of the block it watches no socket any more."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop watching."""
        for timer in self._timers:
            timer.cancel()

    def left(self) -> float:
        """Return the seconds that are left, more than 0. Raises DownloadError if there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            message = f"timed out after {self._seconds:g} s"
            raise DownloadError(message)
        return left

    def watch(self, connected: socket.socket) -> None:
        """Shut a socket down at the end. Raises DownloadError if that has passed."""
        timer = Timer(self.left(), _shut_down, [connected])
        timer.daemon = True
        timer.start()
        self._timers.append(timer)


def _shut_down(connected: socket.socket) -> None:
    with suppress(OSError):  # closed in the meantime
        # Not the method of a TLS socket, after which it would return encrypted data.
        socket.socket.shutdown(connected, socket.SHUT_RDWR)
