"""``extended_key_usage`` of a rule: it replaces the required usages for this rule only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local_gateway.api_gateway.policy import Effect, evaluate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer_cli.explanation.explanation import Report, explain
from mtls_authorizer_cli.explanation.report.json_document import as_json
from mtls_authorizer_cli.explanation.report.text import as_text
from tests.aws.api_events import STAGE_ARN, http_1_0_event, http_2_0_event, rest_event
from tests.aws.responses import checking, reason
from tests.pki import der
from tests.pki.certificates import EXTENDED_KEY_USAGE, certificate_der, dns, extension, name, pem, subject_alt_names
from tests.questions import question
from tests.rules_documents import rule

if TYPE_CHECKING:
    from collections.abc import Callable

SERVER, CLIENT, CODE = "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.3"


def certificate(*usages: str, common_name: str = "client") -> str:
    extensions = [subject_alt_names(dns("a.acme.example"))]
    extensions += [extension(EXTENDED_KEY_USAGE, der.sequence(*map(der.oid, usages)))] * bool(usages)
    return pem(certificate_der(name(("O", "Acme"), ("CN", common_name)), extensions=extensions))


MATCH = {"issuer": "CN=Test CA", "common_name": "client"}
PARTNER = rule(name="partner", match=MATCH, extended_key_usage=["serverAuth", "clientAuth"], allow=["GET /orders/*"])
EVERYBODY = rule(name="everybody", match={"organization": "Acme"}, allow=["GET /reports/*"])
BOTH = {"AUTHORIZER_RULES": json.dumps({"rules": [EVERYBODY, PARTNER]})}


def variables(usages: object, **others: str) -> dict[str, str]:
    return {"AUTHORIZER_RULES": json.dumps({"rules": [rule(match=MATCH, extended_key_usage=usages)]}), **others}


@pytest.mark.parametrize("make_event", [rest_event, http_1_0_event, http_2_0_event])
@pytest.mark.parametrize(
    ("usages", "orders", "reports"),
    [((SERVER,), True, False), ((SERVER, CLIENT), True, True), ((), False, True), ((CODE,), False, False)],
    ids=["server", "server and client", "no extension", "code signing"],
)
def test_a_certificate_for_servers_gets_the_routes_of_the_rule_with_usages_only(
    make_event: Callable[..., dict[str, Any]],
    usages: tuple[str, ...],
    orders: bool,  # noqa: FBT001 -- a table's column
    reports: bool,  # noqa: FBT001 -- a table's column
) -> None:
    client = certificate(*usages)
    authorize = checking(Authorizer(load_settings(BOTH)))
    simply = checking(Authorizer(load_settings(BOTH | {"RESPONSE_FORMAT": "simple"})))
    # Also from the cache.
    for _ in range(2):
        policy = authorize(make_event(client))["policyDocument"]
        for path, expected in (("/orders/1", orders), ("/reports/1", reports), ("/other", False)):
            assert (evaluate(policy, f"{STAGE_ARN}/GET{path}") is Effect.ALLOW) is expected
            assert simply(http_2_0_event(client, "GET", path))["isAuthorized"] is expected
    assert reason(authorize(make_event(certificate(SERVER, common_name="other")))) == "extended_key_usage_not_allowed"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([PARTNER], "common_name_not_allowed"),
        ([PARTNER, rule(name="b", match={"organization": "Other"})], "no_rule_matched"),
        ([PARTNER, EVERYBODY], "extended_key_usage_not_allowed"),
        ([rule(name="partner", match=MATCH)], "extended_key_usage_not_allowed"),
    ],
    ids=["its rule", "several rules", "a rule without usages", "no rule with usages"],
)
def test_the_reason_is_the_field_that_differs_if_a_rule_accepts_the_usages(rules: list[object], expected: str) -> None:
    variables = {"AUTHORIZER_RULES": json.dumps({"rules": rules})}
    client = certificate(SERVER, common_name="other")
    assert reason(Authorizer(load_settings(variables)).authorize(rest_event(client))) == expected
    explanation = explain(question(client, variables["AUTHORIZER_RULES"].encode()))
    assert explanation.decision is not None
    assert explanation.decision.reason == expected
    has_usage_advice = "Have the certificate issued for that usage" in as_text(Report(explanation))
    assert has_usage_advice is (expected == "extended_key_usage_not_allowed")


@pytest.mark.parametrize(
    ("own", "required", "those", "others"),
    [
        (["serverAuth"], None, [(SERVER,), (SERVER, CODE)], [(), (CLIENT,), (CODE,)]),
        (["clientAuth"], "none", [(CLIENT,), (CLIENT, SERVER)], [(), (SERVER,)]),
        (["clientAuth", "serverAuth"], "codeSigning", [(CLIENT,), (SERVER,)], [(), (CODE,)]),
        ("none", None, [(), (SERVER,), (CODE,)], []),
        ("none", "clientAuth", [(), (SERVER,), (CODE,)], []),
        (["2.5.29.37.0"], None, [("2.5.29.37.0",)], [(CLIENT,), ()]),
    ],
)
def test_one_of_the_rules_usages_is_enough_whatever_the_settings_require(
    own: object, required: str | None, those: list[tuple[str, ...]], others: list[tuple[str, ...]]
) -> None:
    given = {} if required is None else {"REQUIRED_EXTENDED_KEY_USAGE": required}
    authorize = checking(Authorizer(load_settings(variables(own, **given))))
    for usages in those:
        assert reason(authorize(rest_event(certificate(*usages)))) is None
    for usages in others:
        assert reason(authorize(rest_event(certificate(*usages)))) == "extended_key_usage_not_allowed"


def test_a_certificate_that_lacks_the_usages_of_one_of_several_rules_matches_the_others() -> None:
    rules = [rule(name="code", match=MATCH, extended_key_usage=["codeSigning"]), EVERYBODY]
    authorize = checking(Authorizer(load_settings({"AUTHORIZER_RULES": json.dumps({"rules": rules})})))
    assert reason(authorize(rest_event(certificate(CLIENT)))) is None
    assert reason(authorize(rest_event(certificate(CLIENT, common_name="other")))) is None


def test_deny_and_exclusions_apply_to_certificates_for_servers() -> None:
    denied = {"rules": [PARTNER], "deny": {"common_name": "client"}}
    excluded = {"rules": [PARTNER | {"not": {"organization": "Acme"}}]}
    for document, expected in ((denied, "certificate_excluded"), (excluded, "certificate_excluded")):
        authorize = checking(Authorizer(load_settings({"AUTHORIZER_RULES": json.dumps(document)})))
        assert reason(authorize(rest_event(certificate(SERVER)))) == expected


def test_a_rule_can_be_tried_as_a_shadow_rule(log: pytest.LogCaptureFixture) -> None:
    document = json.dumps({"rules": [PARTNER | {"allow": ["GET /hello"]}]})
    settings = load_settings({"ALLOWED_ORGANIZATIONS": "Acme", "AUTHORIZER_SHADOW_RULES": document})
    authorize = checking(Authorizer(settings))
    assert reason(authorize(rest_event(certificate(SERVER)))) == "extended_key_usage_not_allowed"
    record = vars(log.records[-1])
    assert (record["reason"], record["shadow_decision"]) == ("extended_key_usage_not_allowed", "allow")


@pytest.mark.parametrize(
    ("usages", "environment", "loses"),
    [
        ((SERVER, CLIENT), {"ALLOWED_ORGANIZATIONS": "Acme"}, True),
        ((CLIENT,), {"ALLOWED_ORGANIZATIONS": "Acme"}, False),
        ((), {"ALLOWED_ORGANIZATIONS": "Acme"}, False),
        ((SERVER, CLIENT), {"ALLOWED_ORGANIZATIONS": "Acme", "REQUIRED_EXTENDED_KEY_USAGE": "none"}, False),
        ((SERVER, CLIENT), {"ALLOWED_ORGANIZATIONS": "Acme", "REQUIRED_EXTENDED_KEY_USAGE": "serverAuth"}, False),
        ((SERVER, CLIENT), variables(["clientAuth"]), True),
        ((SERVER, CLIENT), variables(["clientAuth", "serverAuth"]), False),
        ((SERVER, CLIENT), BOTH, False),
        ((SERVER, CLIENT), {"ALLOWED_ORGANIZATIONS": "Other"}, None),
    ],
)
def test_clients_that_lose_client_auth_are_logged_and_counted(
    usages: tuple[str, ...],
    environment: dict[str, str],
    loses: bool | None,  # noqa: FBT001 -- a table's column
    log: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    authorizer = Authorizer(load_settings(environment | {"METRICS_NAMESPACE": "n"}))
    for cached in (False, True):
        authorizer.authorize(rest_event(certificate(*usages), "GET", "/orders/1"))
        record = vars(log.records[-1])
        assert record["cached"] is cached
        assert record.get("loses_client_auth") == (True if loses else None)
        names = {SERVER: "serverAuth", CLIENT: "clientAuth"}
        assert record["extended_key_usage"] == ([names[usage] for usage in usages] or None)
        assert json.loads(capsys.readouterr().out).get("LosingClientAuth") == (1 if loses else None)


def test_a_request_without_a_certificate_has_no_usages(log: pytest.LogCaptureFixture) -> None:
    Authorizer(load_settings(BOTH)).authorize(http_2_0_event())
    assert vars(log.records[-1])["extended_key_usage"] is None


def test_explain_shows_the_usages_of_a_rule() -> None:
    document = BOTH["AUTHORIZER_RULES"].encode()
    allowed = Report(explain(question(certificate(SERVER), document, route="GET /orders/1")))
    text = " ".join(as_text(allowed).split())
    assert text.startswith("ALLOWED")
    assert "or those of a rule with extended_key_usage; found serverAuth" in text
    assert "rules requires a rule that matches; found 1 of 2" in text
    assert "NO 'everybody': extended_key_usage_not_allowed" in text
    assert "ok extended_key_usage: requires one of serverAuth, clientAuth; found serverAuth" in text
    (matching,) = json.loads(as_json(allowed))["rules"]["matching"]
    (usages,) = matching["values"]
    assert usages == {
        "key": "extended_key_usage",
        "met": True,
        "wanted": "one of serverAuth, clientAuth",
        "has": "serverAuth",
    }
    denied = Report(explain(question(certificate(), variables(["serverAuth"])["AUTHORIZER_RULES"].encode())))
    text = " ".join(as_text(denied).split())
    assert text.startswith("DENIED")
    assert "NO extended_key_usage: requires serverAuth; found no such extension" in text
    assert "NO rules requires a rule that matches; found 0 of 1" in text
    everything = Report(explain(question(certificate(CODE), variables("none")["AUTHORIZER_RULES"].encode())))
    assert "ok extended_key_usage: requires nothing; found codeSigning" in " ".join(as_text(everything).split())
