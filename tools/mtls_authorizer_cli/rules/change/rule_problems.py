"""The problems of one new rule, by the column or the option that they are about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtls_authorizer.rules.document.reader import RulesError, parse_rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLACE = "rules[0]."
_COLUMNS = {"name", "description", "allow", "context"}


def problems_of(rule: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the key of a rule that has a problem, such as ``allow`` or ``context.tenant``, and the problem."""
    try:
        parse_rules(json.dumps({"rules": [rule]}).encode())
    except RulesError as error:
        for problem in error.problems:
            place, _, text = problem.removeprefix(_PLACE).partition(" ")
            key = place.partition("[")[0]
            yield (key if key.partition(".")[0] in _COLUMNS else "certificate"), text
