"""The attached function, with a list of the layer's files that Python opens, writes and compiles.

The list comes from Python's audit events (PEP 578), which include every write to a file. LAYER is the layer's folder.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

LAYER = os.environ["LAYER"] + os.sep
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {
    f"os.{name}" for name in ("chmod", "chown", "link", "mkdir", "remove", "rename", "rmdir", "symlink", "utime")
}

seen: dict[str, set[str]] = {"opened": set(), "written": set(), "compiled": set()}


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        path, _mode, flags = arguments
        note("written" if flags & _WRITING else "opened", path)
    elif event in _CHANGES:
        note("written", arguments[0])
    elif event == "compile":
        note("compiled", arguments[1])


def note(what: str, path: object) -> None:
    text = path.decode() if isinstance(path, bytes) else str(path)
    if text.startswith(LAYER):
        seen[what].add(text.removeprefix(LAYER))


sys.addaudithook(watch)

# Imported here, so that the hook sees its imports.
attached_function = import_module("attached_function")


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {**attached_function.handler(event, context), **{what: sorted(paths) for what, paths in seen.items()}}
