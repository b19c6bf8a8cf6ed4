"""The allowlists in the environment, such as ``ALLOWED_COMMON_NAMES``, and the rules that they form."""

from __future__ import annotations

from functools import partial

from mtls_authorizer.rules.conditions import make_matcher
from mtls_authorizer.rules.fields import FIELDS, FieldKind, parse_exact
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule import ENVIRONMENT, Rule
from mtls_authorizer.rules.work_limits import check_list
from mtls_authorizer.variables import parse_boolean, parse_items

TYPE_CHECKING = False
if TYPE_CHECKING:
    from mtls_authorizer.rules.conditions import Matcher
    from mtls_authorizer.variables import VariableReader

ALLOWLISTS = {definition.variable: name for name, definition in FIELDS.items() if definition.variable}
"""Variable to field, in the order in which a certificate's fields are matched."""


def read_allowlists(reader: VariableReader) -> tuple[Rule, ...]:
    """Return the rule that the allowlists form together; one for each list if any of them is sufficient."""
    lists = {
        name: reader.read(name, partial(_parse_allowlist, field), default=None) for name, field in ALLOWLISTS.items()
    }
    match = reader.choice("ALLOWLIST_MATCH", "all", "any")
    if reader.read("ALLOW_ANY_CLIENT_CERTIFICATE", parse_boolean, default=False):
        # An allowlist would restrict nothing: every client could still call everything.
        if any(name in reader for name in ALLOWLISTS):
            reader.reject("ALLOW_ANY_CLIENT_CERTIFICATE", "is true and an allowlist is set: remove one of them")
        return (Rule(ENVIRONMENT, (), ALL_ROUTES, anyone=True),)
    if "ALLOWED_SERIAL_NUMBERS" in reader and not reader.has_rejected("ALLOWED_ISSUERS"):
        issuers = lists["ALLOWED_ISSUERS"]
        if match == "any" or issuers is None or len(issuers.alternatives) != 1:
            reader.reject(
                "ALLOWED_SERIAL_NUMBERS",
                "requires exactly one issuer in ALLOWED_ISSUERS and ALLOWLIST_MATCH=all, because a serial number is"
                " unique only within its issuer: write rules for several issuers",
            )
    matchers = tuple(matcher for matcher in lists.values() if matcher)
    if match == "any":
        return tuple(Rule(ENVIRONMENT, (matcher,), ALL_ROUTES) for matcher in matchers)
    return (Rule(ENVIRONMENT, matchers, ALL_ROUTES),) if matchers else ()


def _parse_allowlist(field: str, text: str) -> Matcher:
    """Return the matcher of a list: values separated by commas or a JSON array. Raises ValueError.

    A distinguished name contains commas of its own, so several of them must be a JSON array.
    """
    separated = FIELDS[field].kind is not FieldKind.DISTINGUISHED_NAME
    items = parse_items(text, separated_by_commas=separated)
    check_list(field, items)
    return make_matcher(field, [frozenset([parse_exact(field, item)]) for item in items])
