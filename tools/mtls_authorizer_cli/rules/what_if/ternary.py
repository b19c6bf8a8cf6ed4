"""Statements about a request that are true, false, or cannot be determined from the known facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Statement(NamedTuple):
    """A statement: ``value`` is None if it cannot be determined, and ``missing`` then says which facts are missing."""

    value: bool | None
    missing: frozenset[str] = frozenset()


TRUE, FALSE = Statement(value=True), Statement(value=False)


def known(value: bool) -> Statement:  # noqa: FBT001 -- the statement itself
    """Return a statement that is known to be true or false."""
    return TRUE if value else FALSE


def unknown(*missing: str) -> Statement:
    """Return a statement that cannot be determined without these facts."""
    return Statement(None, frozenset(missing))


def all_of(statements: Iterable[Statement]) -> Statement:
    """Return whether all statements are true: false if one of them is, whatever the others are."""
    return _combined(statements, decisive=False)


def any_of(statements: Iterable[Statement]) -> Statement:
    """Return whether a statement is true: true if one of them is, whatever the others are."""
    return _combined(statements, decisive=True)


def negated(statement: Statement) -> Statement:
    """Return the opposite of a statement."""
    return statement if statement.value is None else known(not statement.value)


def _combined(statements: Iterable[Statement], *, decisive: bool) -> Statement:
    missing: frozenset[str] = frozenset()
    undetermined = False
    for statement in statements:
        if statement.value is decisive:
            return statement
        if statement.value is None:
            undetermined = True
            missing |= statement.missing
    return Statement(None, missing) if undetermined else known(not decisive)
