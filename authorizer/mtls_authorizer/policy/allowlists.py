"""The allowlists in the environment, such as ``ALLOWED_COMMON_NAMES``: each one is a matcher of exact values."""

from __future__ import annotations

from mtls_authorizer.policy.variables import parse_items
from mtls_authorizer.rules.conditions import make_matcher
from mtls_authorizer.rules.fields import FIELDS, FieldKind, parse_exact
from mtls_authorizer.rules.limits import check_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.rules.conditions import Matcher

ALLOWLISTS = {definition.variable: name for name, definition in FIELDS.items() if definition.variable}
"""Variable to field, in the order in which a certificate's fields are matched."""


def parse_allowlist(field: str, text: str) -> Matcher:
    """Return the matcher of a list: values separated by commas or a JSON array. Raises ValueError.

    A distinguished name contains commas of its own, so several of them must be a JSON array.
    """
    separated = FIELDS[field].kind is not FieldKind.DISTINGUISHED_NAME
    items = parse_items(text, separated_by_commas=separated)
    check_list(field, items)
    return make_matcher(field, [frozenset([parse_exact(field, item)]) for item in items])
