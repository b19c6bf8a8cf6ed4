"""The blocks of a PEM file (RFC 7468 §2)."""

from __future__ import annotations

import re

from client_certificate_auth.records import NamedTuple

_BOUNDARY = re.compile(rb"-----(BEGIN|END) ([^\r\n-]*)-----")


class PemBlock(NamedTuple):
    """A block: its label, and its base64 without whitespace."""

    label: bytes
    body: bytes


def read_blocks(content: bytes) -> list[PemBlock]:
    """Return the blocks of a file; text around them is ignored.

    Raises ValueError if a block has no END line, or an END line no block: such a file is incomplete.
    """
    blocks: list[PemBlock] = []
    begin: re.Match[bytes] | None = None
    for boundary in _BOUNDARY.finditer(content):
        if (boundary[1] == b"BEGIN") is (begin is not None):
            raise _incomplete(len(blocks) + 1)
        if begin is None:
            begin = boundary
            continue
        if boundary[2] != begin[2]:
            raise _incomplete(len(blocks) + 1)
        blocks.append(PemBlock(begin[2], content[begin.end() : boundary.start()].translate(None, b" \t\r\n")))
        begin = None
    if begin is not None or content.count(b"-----BEGIN") != len(blocks):
        raise _incomplete(len(blocks) + 1)
    return blocks


def _incomplete(position: int) -> ValueError:
    return ValueError(
        f"PEM block {position} is incomplete: its BEGIN and END lines do not match. Was the file truncated?"
    )
