"""Commands of the AWS CLI, complete with the IDs and quoted for a shell: values from AWS can contain anything."""

from __future__ import annotations

import shlex
from typing import NamedTuple


class Variable(NamedTuple):
    """A word that ends with a variable of the shell, for a value that is not known yet."""

    name: str
    prefix: str = ""


def command(region: str, *words: str | Variable) -> str:
    """Return a command."""
    return " ".join(["aws", *map(_quote, words), "--region", region])


def _quote(word: str | Variable) -> str:
    if isinstance(word, Variable):
        return (shlex.quote(word.prefix) if word.prefix else "") + f'"${word.name}"'
    return shlex.quote(word)
