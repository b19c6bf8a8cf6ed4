"""``public_key``: a client's certificates, by the key that they have in common."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from tests import der
from tests.api_events import EVENTS, rest_event
from tests.certificates import ED25519_KEY, certificate_der, name, pem
from tests.responses import checking
from tests.rules_documents import rule

OTHER_KEY = der.sequence(der.sequence(der.oid("1.3.101.112")), der.bits(b"\x01" * 32))
KEY = sha256(ED25519_KEY).hexdigest()

CLIENT = pem(certificate_der())
RENEWED = pem(certificate_der(name(("CN", "renewed")), serial_number=der.integer(99)))
OTHER = pem(certificate_der(public_key=OTHER_KEY))


def authorize(document: dict[str, Any]) -> Any:  # noqa: ANN401 -- the function that ``checking`` returns
    return checking(Authorizer(load_settings({"AUTHORIZER_RULES": json.dumps(document)})))


def reason(answer: dict[str, Any]) -> str | None:
    reason: str | None = answer["context"].get("reason")
    return reason


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        KEY.upper(),
        f"SHA256:{KEY}",
        ":".join(KEY[index : index + 2] for index in range(0, 64, 2)),
        ["ab" * 32, KEY],
        {"exact": KEY},
    ],
    ids=str,
)
@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
def test_every_certificate_with_the_key_matches_and_no_other(written: object, make_event: Any) -> None:  # noqa: ANN401
    answer = authorize({"rules": [rule(match={"public_key": written})]})
    # Also once they are in the cache.
    for _ in range(2):
        assert reason(answer(make_event(CLIENT))) is None
        assert reason(answer(make_event(RENEWED))) is None
        assert reason(answer(make_event(OTHER))) == "public_key_not_allowed"


def test_a_key_is_excluded_whatever_certificate_it_is_in() -> None:
    match = {"issuer": "CN=Test CA"}
    for document in (
        {"rules": [rule(match=match, **{"not": {"public_key": KEY}})]},
        {"rules": [rule(match=match)], "deny": {"public_key": [KEY]}},
    ):
        answer = authorize(document)
        assert reason(answer(rest_event(CLIENT))) == reason(answer(rest_event(RENEWED))) == "certificate_excluded"
        assert reason(answer(rest_event(OTHER))) is None
