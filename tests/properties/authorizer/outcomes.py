"""Limits of rules to some requests, and values from the certificate: random ones, and an oracle for each."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from hypothesis import strategies as st

from mtls_authorizer.rules.document.validation import LIMIT_KEYS

Rdns = list[list[tuple[str, str]]]

API_IDS = ["a1b2c3d4e5", "z9y8x7w6v5"]
DOMAIN_NAMES = ["one.example", "two.example"]
TIMES = [f"2026-11-2{day}T12:00:00Z" for day in range(3)]
ACME = "spiffe://acme.example/"


class Situation(NamedTuple):
    """The part of a request that limits are about."""

    api_id: str
    domain_name: str | None
    now: datetime

    def apply(self, event: dict[str, Any], own_api_id: str) -> dict[str, Any]:
        """Return the event of a request in this situation, given the API of the event."""
        key = "routeArn" if "routeArn" in event else "methodArn"
        domain = {} if self.domain_name is None else {"domainName": self.domain_name}
        context = {**event["requestContext"], **domain}
        return {**event, key: event[key].replace(own_api_id, self.api_id, 1), "requestContext": context}


moments = st.builds(
    lambda text, seconds: datetime.fromisoformat(text) + timedelta(seconds=seconds),
    st.sampled_from(TIMES),
    st.sampled_from([-1, -0.000001, 0, 0.000001, 1]),
)
situations = st.builds(
    Situation, st.sampled_from(API_IDS), st.sampled_from([*DOMAIN_NAMES, "TWO.example", "three.example", None]), moments
)


def one_or_several(values: list[str]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values) | st.lists(st.sampled_from(values), min_size=1, max_size=2)


_LIMITS: dict[str, st.SearchStrategy[Any]] = {
    "api_id": one_or_several(API_IDS),
    "domain_name": one_or_several([*DOMAIN_NAMES, "ONE.example"]),
    "not_before": st.sampled_from(TIMES[:2]),
    "not_after": st.sampled_from(TIMES[1:]),
}
assert _LIMITS.keys() == set(LIMIT_KEYS)
limits: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries({}, optional=_LIMITS)

sources = st.builds(
    lambda source, default: {**source, **({} if default is None else {"default": default})},
    st.sampled_from(
        [
            *({"from": f"subject.{kind}"} for kind in ("CN", "O", "OU", "UID", "2.5.4.10")),
            *({"from": f"issuer.{kind}"} for kind in ("CN", "O")),
            *({"from": f"subject_alt_name.{kind}"} for kind in ("dns", "uri", "email")),
            *({"from": "subject_alt_name.uri", "after": prefix} for prefix in (ACME, "spiffe://acme.example.evil/")),
        ]
    ),
    st.sampled_from([None, None, "", "none"]),
)


def as_list(value: Any) -> list[Any]:  # noqa: ANN401 -- JSON
    return value if isinstance(value, list) else [value]


def is_in_effect(rule: dict[str, Any], situation: Situation) -> bool:
    """Return whether a rule is in effect, by its limits."""
    domain_names = [name.lower() for name in as_list(rule.get("domain_name", []))]
    moment = situation.now.astimezone(UTC).isoformat(timespec="microseconds")
    begin, end = (rule.get(key, "")[:-1] for key in ("not_before", "not_after"))
    return (
        ("api_id" not in rule or situation.api_id in as_list(rule["api_id"]))
        and ("domain_name" not in rule or str(situation.domain_name).lower() in domain_names)
        # Times of the same form are ordered like text.
        and (not begin or moment >= f"{begin}.000000+00:00")
        and (not end or moment <= f"{end}.999999+00:00")
    )


def value_of(
    source: dict[str, str], subject: Rdns, issuer: Rdns, alternative_names: list[tuple[str, str]]
) -> str | None:
    """Return the value that a source stands for, None if it is missing."""
    field, _, kind = source["from"].partition(".")
    if field == "subject_alt_name":
        prefix = source.get("after", "")
        values = [text for each, text in alternative_names if each.lower() == kind and text.startswith(prefix)]
        values = [text[len(prefix) :] for text in values]
    else:
        kind = {"2.5.4.10": "O"}.get(kind, kind)
        values = [text for rdn in (subject if field == "subject" else issuer) for each, text in rdn if each == kind]
    usable = len(values) == 1 and re.fullmatch("[\x20-\x7e]+", values[0]) is not None
    usable = usable and not ("after" in source and ".." in values[0].split("/"))
    return values[0] if usable else source.get("default")


def usage_plan_key(value: str | None) -> str | None:
    return None if value is None else sha256(value.encode()).hexdigest()
