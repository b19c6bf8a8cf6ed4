"""Warnings about rules documents are logged when a document is loaded, and only then."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.allowlist_warnings import MOST_LOGGED, NOT_ALL, QUOTED_ITEM, reversed_name
from mtls_authorizer.policy.rule_warnings import MESSAGES, NOT_EXAMINED, RuleWarningKind, log_rule_warnings
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.reasons import DenyReason
from tests.clocks import Clock
from tests.pki.certificate_authorities import CertificateAuthority
from tests.pki.certificates import client_pem
from tests.pki.kept_lists import Memory, make_live

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtls_authorizer.rules.grant import Evaluation

REVERSED, SPLIT = {"issuer": "C=DE,O=Acme,CN=CA"}, {"organization": ["Acme", "Inc."]}
OPEN, SPACE = {"common_name": {"prefix": "api.acme.example"}}, {"common_name": "a "}
DECIMAL = {"serial_number": "1" * 20, "issuer": "CN=a"}
DECOMPOSED = {"common_name": "Mu\u0308ller"}
MALFORMED = {"subject_alt_name": {"dns": "acme.example:443"}}
INVISIBLE, NOT_ASCII = {"common_name": "a\u200bb"}, {"subject_alt_name": {"dns": "\u00e4.example"}}
ORDINARY = {"common_name": "client"}
KEY = {"issuer_key": "ab" * 32}


def document(*matches: object, **keys: object) -> bytes:
    rules = [{"name": f"rule-{number}", "match": match} for number, match in enumerate(matches)]
    return json.dumps({"rules": rules, **keys}).encode()


class Loading:
    """The policy of settings with stored rules and shadow rules, and what loading them has logged."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._caplog = caplog
        self._clock = Clock()
        self.storage = Memory()
        self.storage.put("rules.json", document(ORDINARY))
        self.storage.put("next.json", document(ORDINARY))
        caplog.set_level(logging.WARNING, "mtls_authorizer")

    def start(self, **variables: str) -> None:
        uris = {
            **variables,
            "AUTHORIZER_RULES_URI": self.storage.uri("rules.json"),
            "AUTHORIZER_SHADOW_RULES_URI": self.storage.uri("next.json"),
        }
        self._policy = make_live(self.storage, load_settings(uris), clock=self._clock)

    def reload(self) -> None:
        self._clock.advance(61)
        self._policy.get()

    def evaluate(self, pem: str) -> Evaluation:
        return self._policy.get().rules.evaluate(PeerCertificate.from_pem(pem))

    def logged(self, *fields: str) -> Sequence[Any]:
        records = [(record.getMessage(), *(vars(record)[field] for field in fields)) for record in self._caplog.records]
        self._caplog.clear()
        return records


@pytest.fixture
def loading(caplog: pytest.LogCaptureFixture) -> Loading:
    return Loading(caplog)


def test_each_kind_of_warning_is_logged_with_its_place(loading: Loading) -> None:
    loading.storage.put(
        "rules.json",
        document(
            *(ORDINARY, REVERSED, SPLIT, OPEN, SPACE, INVISIBLE, NOT_ASCII, MALFORMED, DECIMAL, DECOMPOSED),
            deny=[ORDINARY, REVERSED],
        ),
    )
    loading.start()
    rows = loading.logged("document", "uri", "rule", "place", "explanation")
    rules = ("rules", loading.storage.uri("rules.json"))
    assert [row[:5] for row in rows] == [
        ("name looks reversed", *rules, None, "deny[1].issuer"),
        ("name looks reversed", *rules, "rule-1", "rules[1].match.issuer"),
        ("list item looks like part of a name", *rules, "rule-2", "rules[2].match.organization"),
        ("pattern also matches other domains", *rules, "rule-3", "rules[3].match.common_name.prefix"),
        ("value starts or ends with whitespace", *rules, "rule-4", "rules[4].match.common_name"),
        ("value contains an invisible character", *rules, "rule-5", "rules[5].match.common_name"),
        ("domain name is not in ASCII", *rules, "rule-6", "rules[6].match.subject_alt_name.dns"),
        ("alternative name is malformed", *rules, "rule-7", "rules[7].match.subject_alt_name.dns"),
        ("serial number looks decimal", *rules, "rule-8", "rules[8].match.serial_number"),
        ("value is not in Unicode NFC", *rules, "rule-9", "rules[9].match.common_name"),
    ]
    assert {row[0] for row in rows} == set(MESSAGES.values()) - {
        MESSAGES[QUOTED_ITEM],
        MESSAGES[RuleWarningKind.NO_TRUSTSTORE],
        MESSAGES[RuleWarningKind.ROUTE_NEVER_ALLOWED],
    }
    assert all(row[5].startswith(f"{row[4]} ") for row in rows)
    assert rows[0][5].endswith("write the same attributes in reverse order: 'CN=CA,O=Acme,C=DE'")


def test_a_divided_name_is_also_logged_in_a_list_with_patterns(loading: Loading) -> None:
    loading.storage.put("rules.json", document({"organization": ["Acme", "Inc.", {"prefix": "Example "}]}))
    loading.start()
    assert ("list item looks like part of a name", "rules[0].match.organization") in loading.logged("place")


def test_a_route_that_is_never_allowed_is_logged_with_its_place(loading: Loading) -> None:
    rules = [{"name": "a", "match": ORDINARY, "allow": ["GET /a", "GET /..a"]}]
    loading.storage.put("rules.json", json.dumps({"rules": rules}).encode())
    loading.start()
    assert loading.logged("rule", "place") == [("route is never allowed", "a", "rules[0].allow[1]")]


def test_the_warnings_are_logged_once_for_each_version_of_a_document(loading: Loading) -> None:
    loading.storage.put("rules.json", document(REVERSED))
    loading.start()
    assert loading.logged("rule") == [("name looks reversed", "rule-0")]
    loading.reload()
    assert loading.logged() == []
    loading.storage.put("rules.json", document(ORDINARY, REVERSED))
    loading.storage.put("next.json", document(SPACE))
    loading.reload()
    assert sorted(loading.logged("document", "rule")) == [
        ("name looks reversed", "rules", "rule-1"),
        ("value starts or ends with whitespace", "shadow_rules", "rule-0"),
    ]
    loading.reload()
    assert loading.logged() == []


def test_issuer_keys_without_a_truststore_are_a_warning_and_deny_applies(loading: Loading) -> None:
    loading.storage.put("rules.json", document(ORDINARY, KEY, KEY, deny=ORDINARY))
    loading.storage.put("next.json", document(KEY))
    loading.start()
    assert sorted(loading.logged("document", "rule", "place")) == [
        ("no truststore for issuer keys", "rules", "rule-1", "rules[1].match.issuer_key"),
        ("no truststore for issuer keys", "shadow_rules", "rule-0", "rules[0].match.issuer_key"),
    ]
    assert loading.evaluate(client_pem(("CN", "client"))) is DenyReason.CERTIFICATE_EXCLUDED
    loading.reload()
    assert loading.logged() == []
    loading.storage.put("rules.json", document(ORDINARY, deny=ORDINARY))
    loading.reload()
    assert loading.logged() == []


def test_issuer_keys_with_a_truststore_are_no_warning(loading: Loading) -> None:
    loading.storage.put("rules.json", document(KEY))
    loading.storage.put("truststore.pem", CertificateAuthority().pem)
    loading.start(TRUSTSTORE_URI=loading.storage.uri("truststore.pem"))
    assert loading.logged() == []


def test_a_rejected_document_has_only_its_error(loading: Loading) -> None:
    loading.start()
    loading.storage.put("rules.json", document(REVERSED, {}))
    loading.reload()
    assert loading.logged() == [("document refresh failed",)]


def test_few_of_many_warnings_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    for count, more in ((MOST_LOGGED, []), (MOST_LOGGED + 1, [NOT_ALL]), (MOST_LOGGED + 1000, [NOT_ALL])):
        caplog.clear()
        log_rule_warnings(json.loads(document(*[SPACE] * count)), {"variable": "AUTHORIZER_RULES"})
        messages = [record.getMessage() for record in caplog.records]
        assert messages == ["value starts or ends with whitespace"] * MOST_LOGGED + more
        assert all(vars(record)["variable"] == "AUTHORIZER_RULES" for record in caplog.records)


def test_a_name_that_many_rules_repeat_is_examined_once() -> None:
    reversed_name.cache_clear()
    issuer = {"issuer": f"C=DE,O={1:0300},OU=unit"}
    log_rule_warnings(json.loads(document(*[issuer] * 100)), {"variable": "AUTHORIZER_RULES"})
    assert reversed_name.cache_info().misses == 1


def test_an_error_in_the_warnings_is_logged_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    # A document that validation would reject stands for a mistake in the code that makes the warnings.
    log_rule_warnings({"rules": [{"name": "a"}]}, {"variable": "AUTHORIZER_RULES"})
    (record,) = map(vars, caplog.records)
    assert (record["msg"], record["levelname"]) == (NOT_EXAMINED, "WARNING")
    assert (record["variable"], record["error"]) == ("AUTHORIZER_RULES", "KeyError: 'match'")
