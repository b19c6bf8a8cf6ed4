"""``spiffe_trust_domain``: exactly one URI name, which is a SPIFFE ID in the trust domain."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.rules.names.spiffe import read_trust_domain
from mtls_authorizer_cli.explanation.explanation import Report, explain
from mtls_authorizer_cli.explanation.report.text import as_text
from tests.aws.api_events import EVENTS, rest_event
from tests.aws.responses import checking, reason
from tests.pki.certificates import certificate_der, dns, pem, subject_alt_names, uri
from tests.questions import question
from tests.rules_documents import rule

MATCH = {"spiffe_trust_domain": ["other.example", "acme.example"]}


def client(*uris: str | bytes, others: list[bytes] | None = None) -> str:
    names = [*(others or []), *map(uri, uris)]
    return pem(certificate_der(extensions=[subject_alt_names(*names)] if names else []))


def authorize(**changes: Any) -> Any:  # noqa: ANN401 -- the function that ``checking`` returns
    document = {"rules": [rule(**({"match": MATCH} | changes))]}
    return checking(Authorizer(load_settings({"AUTHORIZER_RULES": json.dumps(document)})))


LONGEST = "spiffe://acme.example/" + "a" * (2048 - len("spiffe://acme.example/"))

VALID = [
    "spiffe://acme.example/billing",
    "spiffe://acme.example/a/b/c",
    "spiffe://acme.example/a.b_c-D9/...",
    "spiffe://other.example/x",
    LONGEST,
]
INVALID = [
    "spiffe://acme.example",
    "spiffe://acme.example/",
    "spiffe://acme.example/a/",
    "spiffe://acme.example//a",
    "spiffe://acme.example/a//b",
    "spiffe://acme.example/.",
    "spiffe://acme.example/a/../b",
    "spiffe://acme.example/a%2Fb",
    "spiffe://acme.example/a b",
    "spiffe://acme.example/\u00e4",
    "spiffe://acme.example/a?b",
    "spiffe://acme.example/a#b",
    "spiffe://acme.example/a\n",
    "spiffe://acme.example:443/a",
    "spiffe://user@acme.example/a",
    "spiffe://ACME.example/a",
    "SPIFFE://acme.example/a",
    "Spiffe://acme.example/a",
    "spiffe:/acme.example/a",
    "spiffe:acme.example/a",
    # WHATWG URL parsers remove spaces and control characters at the start, and TAB, CR and LF everywhere.
    " spiffe://acme.example/a",
    "\0spiffe://acme.example/a",
    "spi\tffe://acme.\r\nexample/a",
    LONGEST + "a",
]
OTHERS = [
    "spiffe://acme.example.evil/a",
    "spiffe://evil/acme.example/a",
    "spiffe://evil-acme.example/a",
    "https://acme.example/a",
    "urn:spiffe://acme.example/a",
    "spiffe:///acme.example",
    "",
]


@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
def test_a_workload_of_a_trust_domain_is_allowed_and_no_other(make_event: Any) -> None:  # noqa: ANN401
    answer = authorize()
    # Also once they are in the cache.
    for _ in range(2):
        for each in VALID:
            assert reason(answer(make_event(client(each)))) is None, each
            assert reason(answer(make_event(client(each, others=[dns("a.example")])))) is None, each
        for each in (*INVALID, *OTHERS):
            assert reason(answer(make_event(client(each)))) == "spiffe_trust_domain_not_allowed", each
        for several in (VALID[:2], [VALID[0], "https://a.example"], [VALID[0], VALID[0]], []):
            assert reason(answer(make_event(client(*several)))) == "spiffe_trust_domain_not_allowed", several
        assert reason(answer(make_event(client(others=[dns(VALID[0])])))) == "spiffe_trust_domain_not_allowed"


@pytest.mark.parametrize(
    ("uris", "excluded"),
    [
        *(([each], True) for each in VALID if "acme" in each),
        *(([each], True) for each in INVALID),
        (["https://a.example", VALID[0]], True),
        (["spiffe://third.example/a", VALID[0]], True),
        *(([each], False) for each in OTHERS if each != "spiffe:///acme.example"),
        # Some would remove the third slash.
        (["spiffe:///acme.example"], True),
        # A dot at the end of a domain name.
        (["spiffe://acme.example./a"], True),
        (["spiffe://ACME.example.:443/a"], True),
        # Some decode the authority, and some take a backslash for a slash.
        *(([f"spiffe:{rest}"], True) for rest in ("//acme%2eexample/a", "//%61CME.example%2Fa", r"\\acme.example\a")),
        *(
            ([f"spiffe://{rest}/a"], True)
            for rest in (r"acme.example\@evil", r"evil\@acme.example", "acme.example%2f@evil")
        ),
        *(
            ([f"spiffe://{rest}/a"], True)
            for rest in ("evil%40acme.example", "acme.example%3A443", "acme.example%5c@evil")
        ),
        *(
            ([f"spiffe://{rest}/a"], False)
            for rest in ("evil%2facme.example", r"evil\acme.example", "acme%2Eexample.evil")
        ),
        (["spiffe://acme.example..evil/a"], False),
        ([], False),
    ],
)
def test_any_name_that_resembles_a_workload_of_the_trust_domain_is_excluded(uris: list[str], excluded: bool) -> None:  # noqa: FBT001 -- a table's column
    expected = "certificate_excluded" if excluded else None
    for written in ("acme.example", "acme.example."):
        answer = authorize(match={"issuer": "CN=Test CA"}, **{"not": {"spiffe_trust_domain": written}})
        assert reason(answer(rest_event(client(*uris)))) == expected, written


def test_an_exclusion_applies_to_a_trust_domain_that_is_equal_without_regard_to_case() -> None:
    answer = authorize(match={"issuer": "CN=Test CA"}, **{"not": {"spiffe_trust_domain": "gross.example"}})
    assert (
        reason(answer(rest_event(client("spiffe://gro\u00df.example/a".encode("latin-1"))))) == "certificate_excluded"
    )


def test_explain_says_what_a_certificate_without_a_trust_domain_lacks() -> None:
    rules = json.dumps({"rules": [rule(match=MATCH)]}).encode()
    text = " ".join(as_text(Report(explain(question(client(*VALID[:2]), rules)))).split())
    remark = "no trust domain: its only URI name must be a SPIFFE ID with a path"
    assert f"found {remark}" in text
    # The first lines say it, too.
    assert f"the certificate has {remark}." in text
    text = " ".join(as_text(Report(explain(question(client(), rules)))).split())
    assert "found none" in text
    assert remark not in text
    text = " ".join(as_text(Report(explain(question(client("spiffe://third.example/a"), rules)))).split())
    assert "spiffe_trust_domain: requires one of 'acme.example', 'other.example'; found 'third.example'" in text


def test_a_trust_domain_is_not_a_pattern() -> None:
    assert read_trust_domain("a" * 255) == "a" * 255
    assert reason(authorize(match={"spiffe_trust_domain": "acme.exampl."})(rest_event(client(VALID[0])))) is not None
