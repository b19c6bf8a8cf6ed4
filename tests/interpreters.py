"""The Python interpreters of this machine that tests run: looking for them starts a process for each candidate."""

from __future__ import annotations

from distribution.layer_builder.interpreters import find_interpreters

INTERPRETERS = find_interpreters()
