"""Values that rules and the principal take from the certificate, also with a warm cache."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.settings import Settings, load_settings
from mtls_authorizer.rules.certificate_values import CertificateValue
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH, CLIENT_AUTH_IF_RESTRICTED, SERVER_AUTH
from mtls_authorizer.rules.request_limits import RequestLimits
from mtls_authorizer.rules.rule_set import RuleSet
from tests.aws.api_events import EVENTS, rest_event
from tests.aws.responses import checking
from tests.decisions import decision_on
from tests.pki import der
from tests.pki.certificates import (
    EXTENDED_KEY_USAGE,
    certificate_der,
    client_pem,
    dns,
    email,
    extension,
    ip,
    name,
    pem,
    subject_alt_names,
    uri,
)
from tests.rules_documents import document, rule

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ACME = "spiffe://acme.example/"


def certificate(*subject: tuple[str, str], names: tuple[bytes, ...] = (), **fields: bytes) -> str:
    extensions = [subject_alt_names(*names)] if names else []
    return pem(
        certificate_der(name(*subject), name(("O", "Acme"), ("CN", "CA")), extensions=extensions, **fields)  # type: ignore[arg-type]
    )


def read(source: dict[str, Any], *subject: tuple[str, str], names: tuple[bytes, ...] = ()) -> str | None:
    """Return the value that a rule takes from a certificate."""
    (parsed,) = parse_rules(document(rule(context={"value": source})))
    return parsed.certificate_context["value"].read(PeerCertificate.from_pem(certificate(*subject, names=names)))


@pytest.mark.parametrize(
    ("source", "subject", "names", "value"),
    [
        ("subject.O", [("O", "Acme")], [], "Acme"),
        ("subject.O", [("CN", "Acme")], [], None),
        ("subject.O", [("O", "Acme"), ("O", "Other")], [], None),
        ("subject.O", [("O", "Acme"), ("O", "Acme")], [], None),
        ("subject.O", [("O", "")], [], None),
        ("subject.O", [("O", "Acm\u00e9")], [], None),
        ("subject.O", [("O", "x" * 256)], [], "x" * 256),
        ("subject.O", [("O", "x" * 257)], [], None),
        ("subject.O", [("O", "a\"'$\\{}<>")], [], "a\"'$\\{}<>"),
        ("subject.2.5.4.10", [("O", "Acme")], [], "Acme"),
        ("subject.2.5.4.97", [("2.5.4.97", "PSDDE-BAFIN-123456")], [], "PSDDE-BAFIN-123456"),
        ("subject.organizationIdentifier", [("2.5.4.97", "PSDDE-BAFIN-123456")], [], "PSDDE-BAFIN-123456"),
        ("subject.1.2.3.4", [("1.2.3.4", "a")], [], "a"),
        ("subject.CN", [("CN", "a"), ("CN", "b")], [], None),
        ("issuer.CN", [("CN", "a")], [], "CA"),
        ("issuer.OU", [("OU", "a")], [], None),
        ("subject_alt_name.dns", [], [dns("a.example"), uri("urn:a"), email("a@b")], "a.example"),
        ("subject_alt_name.dns", [], [dns("a.example"), dns("b.example")], None),
        # A name that matches no rule, because of its control character, is still a second name.
        ("subject_alt_name.dns", [], [dns("a.example"), dns("b.example\0")], None),
        ("subject_alt_name.uri", [], [uri("urn:a\x85"), uri("urn:b")], None),
        ("subject_alt_name.dns", [], [dns("A.example.")], "A.example."),
        ("subject_alt_name.email", [], [dns("a.example"), email("a@b.example")], "a@b.example"),
        ("subject_alt_name.uri", [], [dns("a.example"), uri("urn:a")], "urn:a"),
        # The whole URI is what it is.
        ("subject_alt_name.uri", [], [uri("https://a/../b")], "https://a/../b"),
        ("subject_alt_name.uri", [], [dns("a.example")], None),
        ("subject_alt_name.uri", [("CN", "urn:a")], [], None),
        ("subject_alt_name.ip", [], [ip(bytes([192, 0, 2, 1]))], "192.0.2.1"),
    ],
)
def test_a_value_is_the_only_one_of_its_kind(
    source: str, subject: list[tuple[str, str]], names: list[bytes], value: str | None
) -> None:
    assert read({"from": source}, *subject, names=tuple(names)) == value
    with_default = read({"from": source, "default": ""}, *subject, names=tuple(names))
    assert with_default == ("" if value is None else value)


@pytest.mark.parametrize(
    ("uris", "value"),
    [
        ([f"{ACME}payments"], "payments"),
        ([f"{ACME}payments/a b"], "payments/a b"),
        # Other URIs do not count.
        ([f"{ACME}payments", "spiffe://acme.example.evil.example/admin", "urn:a"], "payments"),
        ([f"{ACME}payments", f"{ACME}admin"], None),
        ([f"{ACME}payments", f"{ACME}payments"], None),
        ([f"{ACME}payments", ACME], None),
        ([f"{ACME}payments", f"{ACME}\n"], None),
        ([ACME], None),
        (["spiffe://acme.example"], None),
        (["SPIFFE://acme.example/payments"], None),
        ([f"x{ACME}payments"], None),
        (["spiffe://acme.example.evil.example/payments"], None),
        ([ACME + "x" * 256], "x" * 256),
        ([ACME + "x" * 257], None),
        ([f"{ACME}\u00e9"], None),
        ([f"{ACME}a\r\nX-Admin: true"], None),
        # The URI of another path, once its dot segments are removed.
        ([f"{ACME}../admin"], None),
        ([f"{ACME}payments/%2E%2e/admin"], None),
        ([f"{ACME}.. "], None),
        ([f"{ACME}%09../admin"], None),
        ([f"{ACME}../admin", f"{ACME}payments"], None),
        ([f"{ACME}..payments/.../a"], "..payments/.../a"),
    ],
)
def test_a_value_after_a_prefix_is_the_rest_of_the_only_uri_that_begins_with_it(
    uris: list[str], value: str | None
) -> None:
    names = (dns(f"{ACME}dns"), *map(uri, uris))
    assert read({"from": "subject_alt_name.uri", "after": ACME}, names=names) == value


def authorizing(*rules: dict[str, Any], **environment: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return checking(Authorizer(load_settings({"AUTHORIZER_RULES": document(*rules).decode(), **environment})))


every_event = pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
WITH_UNIT = client_pem(("CN", "client"), ("OU", "payments"))
WITHOUT_UNIT = client_pem(("CN", "client"))
TENANT = {"tenant": {"from": "subject.OU"}, "tier": "gold"}


@every_event
def test_a_value_reaches_the_integration_with_a_cold_and_a_warm_cache(
    make_event: Callable[..., dict[str, Any]],
) -> None:
    authorize = authorizing(rule(context=TENANT))
    for _ in range(2):
        context = authorize(make_event(WITH_UNIT))["context"]
        assert (context["tenant"], context["tier"], context["clientCertCN"]) == ("payments", "gold", "client")
        assert authorize(make_event(WITHOUT_UNIT))["context"] == {"reason": "certificate_value_missing"}


def test_the_next_rule_applies_if_a_value_is_missing_and_the_first_if_it_has_a_default() -> None:
    own, others = rule(name="own", context=TENANT), rule(name="others", context={"tenant": "none"}, allow=["GET /a"])
    assert authorizing(own, others)(rest_event(WITHOUT_UNIT))["context"]["tenant"] == "none"
    default = rule(context={"tenant": {"from": "subject.OU", "default": "unknown"}})
    assert authorizing(default, others)(rest_event(WITHOUT_UNIT))["context"]["tenant"] == "unknown"
    assert authorizing(default, others)(rest_event(WITH_UNIT))["context"]["tenant"] == "payments"


def test_a_rule_that_does_not_match_has_its_own_reason_whatever_its_values() -> None:
    for others in ([], [rule(name="b", match={"common_name": "b"}, context=TENANT)]):
        reason = authorizing(rule(match={"common_name": "a"}, context=TENANT), *others)(rest_event(WITHOUT_UNIT))
        assert reason["context"]["reason"] == ("no_rule_matched" if others else "common_name_not_allowed")


def test_limits_and_values_are_combined() -> None:
    limited = rule(name="limited", context=TENANT, api_id="z9y8x7w6v5")
    authorize = authorizing(limited, rule(name="b", context={"tenant": "b"}))
    for pem_ in (WITH_UNIT, WITHOUT_UNIT):
        assert authorize(rest_event(pem_))["context"]["tenant"] == "b"
    alone = authorizing(limited)
    assert alone(rest_event(WITH_UNIT))["context"]["reason"] == "rule_not_in_effect"
    assert alone(rest_event(WITHOUT_UNIT))["context"]["reason"] == "certificate_value_missing"


def test_a_usage_plan_key_is_a_digest_that_survives_a_renewal() -> None:
    authorize = authorizing(rule(usage_plan_key={"from": "subject.O"}))
    renewed = client_pem(("CN", "client"), ("O", "Acme"), serial_number=der.integer(7))
    keys = {
        authorize(rest_event(each))["usageIdentifierKey"]
        for each in (client_pem(("CN", "client"), ("O", "Acme")), renewed)
    }
    assert keys == {sha256(b"Acme").hexdigest()}
    # Without the value, the client would not be throttled, so the rule does not match.
    assert authorize(rest_event(WITH_UNIT))["context"] == {"reason": "certificate_value_missing"}
    default = authorizing(rule(usage_plan_key={"from": "subject.O", "default": "others"}))
    assert default(rest_event(WITH_UNIT))["usageIdentifierKey"] == sha256(b"others").hexdigest()


@every_event
def test_the_principal_can_be_a_value_of_the_certificate(make_event: Callable[..., dict[str, Any]]) -> None:
    principal = '{"from": "subject_alt_name.uri", "after": "spiffe://acme.example/"}'
    authorize = authorizing(rule(), PRINCIPAL_ID=principal)
    workload = certificate(("CN", "client"), names=(uri(f"{ACME}payments"),))
    for _ in range(2):
        assert authorize(make_event(workload))["principalId"] == "payments"
        # Without the value: the fingerprint, as for the other parts of the certificate.
        fingerprint = PeerCertificate.from_pem(WITH_UNIT).fingerprint256
        assert authorize(make_event(WITH_UNIT))["principalId"] == fingerprint
    assert load_settings({"PRINCIPAL_ID": ' {"from": "subject.O"} '}).principal_id == CertificateValue("subject", "O")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "is not a JSON object"),
        ("{" * 100_000, "is not a JSON object"),
        ('{"from": "subject.O", "from": "subject.OU"}', "a key occurs twice"),
        ("{}", "from must be"),
        ('{"from": "subject"}', "from must be"),
        ('{"from": "public_key.O"}', "from must be"),
        ('{"from": 7}', "from must be .*, not a number"),
        ('{"from": -7.5}', "from must be .*, not a number"),
        ('{"from": ["subject.O"]}', "from must be .*, not a list"),
        ('{"from": "subject.O", "default": "a"}', "default is unknown: write one of from, after"),
        ('{"from": "subject_alt_name.uri", "after": "spiffe://acme.example"}', "must continue after the authority"),
    ],
)
def test_an_invalid_value_for_the_principal_is_rejected(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as raised:
        load_settings({"PRINCIPAL_ID": text})
    assert "PRINCIPAL_ID" in str(raised.value)


def test_a_value_cannot_replace_another_one_of_the_certificate() -> None:
    # Such a document is rejected.
    (parsed,) = parse_rules(document(rule(context=TENANT)))
    forged = parsed._replace(certificate_context={"clientCertCN": parsed.certificate_context["tenant"]})
    for limits in (None, RequestLimits(frozenset(["a1b2c3d4e5"]), None, None, None)):
        policy = AccessPolicy(RuleSet([forged._replace(limits=limits)]))
        decision = decision_on(PeerCertificate.from_pem(WITH_UNIT), Settings(), NOW, policy=policy)
        assert decision.context["clientCertCN"] == "client"


def test_a_rule_set_finds_the_rules_that_match_with_their_values_and_usages() -> None:
    tenant = rule(name="tenant", context={"tenant": {"from": "subject.OU"}})
    match = {"issuer": "CN=Test CA", "common_name": "client"}
    server = tenant | {"name": "server", "match": match, "extended_key_usage": ["serverAuth"]}
    rules = RuleSet(parse_rules(document(tenant, server)))
    usages = extension(EXTENDED_KEY_USAGE, der.sequence(der.oid(CLIENT_AUTH), der.oid(SERVER_AUTH)))

    def parsed(*subject: tuple[str, str]) -> PeerCertificate:
        return PeerCertificate.from_der(certificate_der(name(*subject), extensions=[usages]))

    with_unit, without_unit = parsed(("CN", "client"), ("OU", "a")), parsed(("CN", "client"))
    assert [each.name for each in rules.matching(with_unit)] == ["tenant", "server"]
    assert rules.matching(without_unit) == []
    # The rule for servers matches without clientAuth as well.
    assert not rules.needs_client_auth(with_unit, CLIENT_AUTH_IF_RESTRICTED)
    assert RuleSet(parse_rules(document(tenant))).needs_client_auth(with_unit, CLIENT_AUTH_IF_RESTRICTED)
