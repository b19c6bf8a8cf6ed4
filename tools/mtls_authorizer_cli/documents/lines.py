"""The lines that commands print about a change: a label and a text, in at most 100 columns."""

from __future__ import annotations

from mtls_authorizer_cli.tables import fold

_LABEL_WIDTH = 14


def answer(text: str) -> str:
    """Return the first lines of a command's output."""
    return _fold(text, "", "  ")


def row(label: str, text: str) -> str:
    """Return a label and a text, folded at spaces. A longer word, such as a URI, and a quoted value are not broken."""
    return _fold(text, label.ljust(_LABEL_WIDTH))


def next_step(text: str) -> str:
    """Return the last lines of a command's output."""
    return _fold(text, "Next step: ", "  ")


def _fold(text: str, first: str, others: str = " " * _LABEL_WIDTH) -> str:
    return "".join(f"{line}\n" for line in fold(text, first=first, others=others))
