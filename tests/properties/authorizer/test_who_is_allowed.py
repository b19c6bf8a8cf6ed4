"""Only listed clients are allowed: random subjects and lists against an oracle that never sees a certificate."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import event, given
from hypothesis import strategies as st

from local_gateway.api_gateway.policy import Effect, evaluate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.request.response import Unauthorized
from tests.aws.api_events import EVENTS, STAGE_ARN
from tests.aws.responses import checking
from tests.pki.certificates import attribute, certificate_der, name, pem
from tests.pki.der import BMP_STRING, UNIVERSAL_STRING, UTF8_STRING

if TYPE_CHECKING:
    from collections.abc import Callable

# Few values, so that lists and subjects meet, and among them all that has ever fooled a matcher.
VALUES = [
    *("admin", "Admin", "ADMIN", "admi", "admin ", " admin", "payments", "nobody", "*", "?", "[a-z]*", "", "x" * 65),
    *("x,CN=admin", "CN=admin", "/CN=admin", "admin,nobody", "admin+OU=payments", "admin\\", '"admin"', "[]", "null"),
    *("admin\0", "\x7f", "admin\n", "\x85admin", "\u0430dmin"),
    *("\ufeffadmin", "admin\u200b", "\u202eadmin", "ä", "a\u0308"),
]
values = st.sampled_from(VALUES) | st.text(max_size=3)
kinds = st.sampled_from(["CN", "CN", "OU", "OU", "O", "UID", "serialNumber", "1.2.3.4"])
subjects = st.lists(st.tuples(kinds, values), max_size=4)
REQUEST = f"{STAGE_ARN}/GET/hello"


def has_control_characters(value: str) -> bool:
    return any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in value)


def oracle(subject: list[tuple[str, str]], names: list[str] | None, units: list[str] | None, *, either: bool) -> bool:
    if any(has_control_characters(value) for _, value in subject):
        return False
    common_names = [value for kind, value in subject if kind == "CN"]
    by_name = names is not None and len(common_names) == 1 and common_names[0] in names
    by_unit = units is not None and any(kind == "OU" and value in units for kind, value in subject)
    return by_name or by_unit if either or None in (names, units) else by_name and by_unit


@st.composite
def lists(draw: st.DrawFn, subject: list[tuple[str, str]]) -> list[str] | None:
    """Lists with the subject's own values in them and others, or no list."""
    # Whitespace around an item is dropped, and an empty item or one with control characters is an error.
    own = [value for _, value in subject if value.strip() == value != "" and not has_control_characters(value)]
    others = ["admin", "payments", "nobody", "*", "x,CN=admin"]
    return draw(st.none() | st.lists(st.sampled_from(own * 3 + others), min_size=1, max_size=3))


@st.composite
def relative_distinguished_names(draw: st.DrawFn, subject: list[tuple[str, str]]) -> list[list[bytes]]:
    """Encode a subject with any string types, some neighbours in one relative distinguished name."""
    groups: list[list[tuple[str, str]]] = []
    for item in subject:
        # The same attribute twice in one set is no set, and the certificate malformed.
        if groups and item not in groups[-1] and draw(st.booleans()):
            groups[-1].append(item)
        else:
            groups.append([item])
    return [[attribute(kind, value, draw(string_types(value))) for kind, value in group] for group in groups]


def string_types(value: str) -> st.SearchStrategy[int]:
    # A BMPString has no characters beyond the Basic Multilingual Plane: such a certificate is malformed.
    in_plane = all(character <= "\uffff" for character in value)
    return st.sampled_from([UTF8_STRING, UNIVERSAL_STRING, BMP_STRING] if in_plane else [UTF8_STRING, UNIVERSAL_STRING])


@given(
    data=st.data(),
    subject=subjects,
    either=st.booleans(),
    as_json=st.booleans(),
    make_event=st.sampled_from(list(EVENTS.values())),
)
def test_the_answer_is_that_of_the_oracle(
    data: st.DataObject,
    subject: list[tuple[str, str]],
    *,
    either: bool,
    as_json: bool,
    make_event: Callable[..., dict[str, Any]],
) -> None:
    names, units = data.draw(lists(subject)), data.draw(lists(subject))
    rdns = data.draw(relative_distinguished_names(subject))
    certificate = pem(certificate_der(name(*rdns)))
    environment = {"ALLOWLIST_MATCH": "any" if either else "all"}
    for variable, items in (("ALLOWED_COMMON_NAMES", names), ("ALLOWED_ORGANIZATIONAL_UNITS", units)):
        if items is not None:
            plain = not as_json and not any("," in item or item.startswith("[") for item in items)
            environment[variable] = ",".join(items) if plain else json.dumps(items)
    expected = oracle(subject, names, units, either=either)
    event(f"allowed: {expected}")
    assert is_allowed(make_event(certificate), environment) is expected


def is_allowed(event: dict[str, Any], environment: dict[str, str]) -> bool:
    try:
        answer = checking(Authorizer(load_settings(environment)))(event)
    except Unauthorized:
        return False
    return evaluate(answer["policyDocument"], REQUEST) is Effect.ALLOW
