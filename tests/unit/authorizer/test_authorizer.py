"""From event to answer, with the logs and the cache."""

from __future__ import annotations

import base64
import json
import logging
import sys
from datetime import timedelta
from itertools import count, takewhile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given

from client_certificate_auth import PeerCertificate
from mtls_authorizer import authorizer as authorizer_module
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.request.assessment import MAX_CACHED_CERTIFICATES, MAX_CACHED_PEM_LENGTH
from mtls_authorizer.request.event import UnsupportedEventError
from mtls_authorizer.request.response import Unauthorized
from mtls_authorizer.revocation.crl.reader import read_crl
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from mtls_authorizer.rules.rule_set import RuleSet
from tests.aws.api_events import EVENTS, STAGE_ARN, http_1_0_event, http_2_0_event, rest_event
from tests.aws.responses import checking, reason
from tests.pki import der
from tests.pki.certificate_authorities import NOW, CertificateAuthority
from tests.pki.certificates import NOT_AFTER, NOT_BEFORE, attribute, certificate_der, client_pem, extension, name, pem
from tests.strategies import broken_certificates, json_values

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from mtls_authorizer.revocation.chains import Chain

CLIENT = client_pem(("CN", "client"), ("OU", "payments"))
OTHER = client_pem(("CN", "other"))
LISTED = {"ALLOWED_COMMON_NAMES": "client"}
SIMPLE = LISTED | {"RESPONSE_FORMAT": "simple"}

every_event = pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)


def answer(event: object, **environment: str) -> dict[str, Any]:
    return checking(Authorizer(load_settings(environment or LISTED)))(event)


def policy(effect: str, resource: str = f"{STAGE_ARN}/*") -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}],
    }


@every_event
def test_a_listed_client_gets_an_allow_for_the_whole_stage(make_event: Callable[..., dict[str, Any]]) -> None:
    result = answer(make_event(CLIENT))
    assert result["policyDocument"] == policy("Allow")
    assert result["principalId"] == "client"
    assert result["context"]["clientCertCN"] == "client"
    assert all(isinstance(value, str) for value in result["context"].values())
    assert json.loads(json.dumps(result)) == result


@every_event
def test_the_header_of_the_certificate_is_in_the_context_only_on_request(
    make_event: Callable[..., dict[str, Any]],
) -> None:
    assert "clientCertHeader" not in answer(make_event(CLIENT))["context"]
    der = base64.b64encode(PeerCertificate.from_pem(CLIENT).raw).decode()
    limited = {"rules": [{"name": "a", "match": {"common_name": "client"}, "api_id": "a1b2c3d4e5"}]}
    for environment in (LISTED, {"AUTHORIZER_RULES": json.dumps(limited)}):
        context = answer(make_event(CLIENT), **environment, CLIENT_CERT_HEADER="true")["context"]
        assert context["clientCertHeader"] == f":{der}:"
        assert "clientCertHeader" not in answer(make_event(OTHER), **environment, CLIENT_CERT_HEADER="true")["context"]


@every_event
def test_another_client_gets_a_deny_with_a_reason(make_event: Callable[..., dict[str, Any]]) -> None:
    assert answer(make_event(OTHER)) == {
        "principalId": "other",
        "policyDocument": policy("Deny"),
        "context": {"reason": "common_name_not_allowed"},
    }


def test_simple_responses_are_for_payload_2_0_only() -> None:
    allowed = answer(http_2_0_event(CLIENT), **SIMPLE)
    assert set(allowed) == {"isAuthorized", "context"}
    assert allowed["isAuthorized"] is True
    assert allowed["context"]["clientCertCN"] == "client"
    assert answer(http_2_0_event(OTHER), **SIMPLE) == {
        "isAuthorized": False,
        "context": {"reason": "common_name_not_allowed"},
    }
    for event in (rest_event(CLIENT), http_1_0_event(CLIENT)):
        assert answer(event, **SIMPLE)["policyDocument"] == policy("Allow")


def test_a_simple_response_of_a_client_with_limited_routes_that_may_be_cached_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def warnings(authorizer: Authorizer, *events: dict[str, Any]) -> int:
        caplog.clear()
        for event in events:
            authorizer.authorize(event)
        return [record.message for record in caplog.records].count("simple response may be cached for other routes")

    limited = json.dumps(
        {
            "rules": [
                {"name": "limited", "match": {"common_name": "client"}, "allow": ["GET /hello"]},
                {"name": "unlimited", "match": {"common_name": "other"}},
            ]
        }
    )
    settings = load_settings({"AUTHORIZER_RULES": limited, "RESPONSE_FORMAT": "simple"})
    may_be_cached, uncached = http_2_0_event(CLIENT, identitySource=[CLIENT]), http_2_0_event(CLIENT)
    simple = Authorizer(settings)
    others = [http_2_0_event(OTHER, identitySource=[OTHER]), http_2_0_event(None, identitySource=["a"])]
    assert warnings(simple, uncached, *others, rest_event(CLIENT), http_1_0_event(CLIENT, identitySource=CLIENT)) == 0
    assert warnings(simple, may_be_cached, may_be_cached) == 1
    assert warnings(simple, may_be_cached) == 0
    # Also if the requested route is denied: the Deny would be cached, too.
    assert warnings(Authorizer(settings), http_2_0_event(CLIENT, path="/other", identitySource=[CLIENT])) == 1
    assert warnings(Authorizer(load_settings({"AUTHORIZER_RULES": limited})), may_be_cached) == 0


@pytest.mark.parametrize(
    ("certificate", "reason"),
    [(None, "lambda_event_missing_clientcert"), ("garbage", "lambda_event_clientcert_malformed")],
)
def test_without_a_certificate_a_rest_api_answers_401_and_the_others_deny(certificate: str | None, reason: str) -> None:
    with pytest.raises(Unauthorized, match=r"\AUnauthorized\Z"):
        answer(rest_event(certificate))
    denied = {"principalId": "unauthenticated", "policyDocument": policy("Deny"), "context": {"reason": reason}}
    for event in (http_1_0_event(certificate), http_2_0_event(certificate)):
        assert answer(event) == denied
    assert answer(http_2_0_event(certificate), **SIMPLE) == {"isAuthorized": False, "context": {"reason": reason}}
    for make_event in EVENTS.values():
        assert answer(make_event(certificate), **LISTED, UNAUTHENTICATED_RESPONSE="deny") == denied


@pytest.mark.parametrize("certificate", [None, "garbage"])
@pytest.mark.parametrize("response_format", ["iam", "simple"])
@pytest.mark.parametrize("make_event", [http_1_0_event, http_2_0_event])
def test_an_http_api_responds_with_401_only_if_that_is_set_and_there_is_no_identity_source(
    make_event: Callable[..., dict[str, Any]], response_format: str, certificate: str | None
) -> None:
    explicit = {**LISTED, "RESPONSE_FORMAT": response_format, "UNAUTHENTICATED_RESPONSE": "unauthorized"}
    empty: list[dict[str, Any]] = [{}, {"identitySource": None}, {"identitySource": []}, {"identitySource": ""}]
    for sources in empty:
        assert answer(make_event(certificate, **sources), **explicit) == {"errorMessage": "Unauthorized"}
        for environment in ({**explicit, "UNAUTHENTICATED_RESPONSE": "deny"}, {**LISTED}):
            assert "reason" in answer(make_event(certificate, **sources), **environment)["context"]
    for identity in (["GET /hello"], "GET /hello"):
        assert "reason" in answer(make_event(certificate, identitySource=identity), **explicit)["context"]
    # A readable certificate is never answered with 401.
    assert answer(make_event(OTHER), **explicit)["context"] == {"reason": "common_name_not_allowed"}
    assert "reason" not in answer(make_event(CLIENT), **explicit)["context"]


@every_event
def test_with_nothing_configured_every_client_is_denied(make_event: Callable[..., dict[str, Any]]) -> None:
    result = checking(Authorizer(load_settings({})))(make_event(CLIENT))
    assert result["policyDocument"] == policy("Deny")
    assert result["context"] == {"reason": "no_allowlist_configured"}


@every_event
def test_the_names_that_the_gateway_sends_along_are_not_read(make_event: Callable[..., dict[str, Any]]) -> None:
    # The events' subjectDN is CN=admin for every certificate.
    assert answer(make_event(CLIENT), ALLOWED_COMMON_NAMES="admin")["policyDocument"] == policy("Deny")


@every_event
def test_headers_that_look_like_a_certificate_are_not_read(make_event: Callable[..., dict[str, Any]]) -> None:
    headers = {"x-amzn-mtls-clientcert-leaf": CLIENT, "x-forwarded-client-cert": CLIENT, "ssl-client-cert": CLIENT}
    event = make_event(OTHER, headers=headers, multiValueHeaders={key: [value] for key, value in headers.items()})
    assert answer(event)["policyDocument"] == policy("Deny")


def test_a_broken_certificate_on_the_path_of_2_0_is_not_made_good_by_the_other() -> None:
    event = http_2_0_event("garbage")
    event["requestContext"]["identity"] = rest_event(CLIENT)["requestContext"]["identity"]
    assert answer(event)["context"] == {"reason": "lambda_event_clientcert_malformed"}


@given(json_values)
def test_an_event_of_no_kind_is_an_error_and_nothing_else(event: object) -> None:
    with pytest.raises(UnsupportedEventError):
        answer(event, ALLOW_ANY_CLIENT_CERTIFICATE="true")


def outcome(event: object, **environment: str) -> str:
    """Return what the client would get: Allow, Deny or 401. Anything else fails the test."""
    try:
        result = answer(event, **environment)
    except Unauthorized:
        return "401"
    (statement,) = result["policyDocument"]["Statement"]
    assert statement["Effect"] in {"Allow", "Deny"}
    return str(statement["Effect"])


@every_event
@given(value=json_values)
def test_any_value_instead_of_a_pem_is_a_deny_or_a_401(
    make_event: Callable[..., dict[str, Any]], value: object
) -> None:
    assert outcome(make_event(value), ALLOW_ANY_CLIENT_CERTIFICATE="true") in {"Deny", "401"}


@every_event
@given(certificate=broken_certificates())
def test_a_certificate_of_broken_parts_is_allowed_denied_or_a_401_and_nothing_else(
    make_event: Callable[..., dict[str, Any]], certificate: bytes
) -> None:
    event = make_event(pem(certificate))
    assert outcome(event, ALLOWED_COMMON_NAMES="nobody has this name") in {"Deny", "401"}
    assert outcome(event, ALLOWED_COMMON_NAMES="client") in {"Allow", "Deny", "401"}


@pytest.mark.parametrize("oid", ["2.5.29.15", "2.5.29.17", "2.5.29.37"])
def test_undecodable_extensions_deny_a_client_that_is_listed_by_name(oid: str) -> None:
    # Who can say that the extension isn't the one that would exclude it?
    certificate = pem(certificate_der(name(("CN", "client")), extensions=[extension(oid, b"garbage")]))
    assert outcome(rest_event(certificate)) == "Deny"


def test_the_validity_is_checked_for_every_request_although_the_certificate_is_cached() -> None:
    moment = timedelta(microseconds=1)
    times = [NOT_BEFORE - moment, NOT_BEFORE, NOT_AFTER, NOT_AFTER + moment, NOT_AFTER]
    authorize = Authorizer(load_settings(LISTED), clock=iter(times).__next__).authorize
    reasons = []
    for _ in times:
        context = authorize(rest_event(CLIENT))["context"]
        assert isinstance(context, dict)
        reasons.append(context.get("reason"))
    assert reasons == ["certificate_not_yet_valid", None, None, "certificate_expired", None]


def test_a_policy_that_changes_while_crls_are_loaded_also_assesses_the_certificate() -> None:
    authority = CertificateAuthority()
    truststore = read_truststore(authority.pem)
    lists = RevocationLists([read_crl(authority.revoke(), truststore, NOW)], truststore)
    before, after = (
        AccessPolicy(RuleSet(load_settings({"ALLOWED_COMMON_NAMES": each}).rules), revocation=lists)
        for each in ("client", "other")
    )

    class Changing(CurrentPolicy):
        def get(self) -> AccessPolicy:
            return before

        def load_crls(self, chains: tuple[Chain, ...]) -> AccessPolicy:
            assert chains
            return after

    settings = load_settings(LISTED)
    authorizer = Authorizer(settings, Changing(settings), clock=lambda: NOW)
    for _ in range(2):
        assert authorizer.authorize(rest_event(pem(authority.issue())))["context"] == {
            "reason": "common_name_not_allowed"
        }


def test_the_logged_duration_is_that_of_the_timer_in_microseconds(log: pytest.LogCaptureFixture) -> None:
    nanoseconds = iter([5_000_000_999, 5_000_124_000])
    checking(Authorizer(load_settings(LISTED), timer=nanoseconds.__next__))(rest_event(CLIENT))
    [record] = records(log)
    assert record["duration_us"] == 123


def test_a_certificate_is_assessed_once_while_it_is_cached(log: pytest.LogCaptureFixture) -> None:
    authorize = checking(Authorizer(load_settings(LISTED)))

    def is_cached(event: object) -> bool:
        log.clear()
        authorize(event)
        return bool(records(log)[0]["cached"])

    assert [is_cached(make_event(CLIENT)) for make_event in EVENTS.values()] == [False, True, True]
    assert is_cached(rest_event(CLIENT, "POST", "/other"))
    too_long = CLIENT + " " * MAX_CACHED_PEM_LENGTH
    assert [is_cached(http_2_0_event(too_long)) for _ in range(2)] == [False, False]
    for number in range(MAX_CACHED_CERTIFICATES - 1):
        assert not is_cached(http_2_0_event(f"garbage {number}"))
    assert is_cached(rest_event(CLIENT))
    assert not is_cached(http_2_0_event("one more"))
    # The least recently used one was evicted, not the oldest one.
    assert is_cached(rest_event(CLIENT))
    assert not is_cached(http_2_0_event("garbage 0"))


@pytest.mark.parametrize(("letters", "expected"), [(1_000, True), (2_000, False)])
def test_certificates_that_take_much_memory_are_not_cached(
    letters: int,
    expected: bool,  # noqa: FBT001 -- a parameter of pytest's
    log: pytest.LogCaptureFixture,
) -> None:
    # An é takes one octet in the certificate, six characters in the DN and six more in the JSON of the context.
    certificate = client_pem(("CN", "client"), attribute("OU", "é" * letters, der.T61_STRING))
    assert len(certificate) < MAX_CACHED_PEM_LENGTH
    authorize = Authorizer(load_settings(LISTED)).authorize
    responses = [authorize(rest_event(certificate)) for _ in range(2)]
    assert responses[0] == responses[1]
    assert [vars(record)["cached"] for record in log.records] == [False, expected]


def test_the_cache_is_keyed_by_the_whole_pem() -> None:
    authorize = checking(Authorizer(load_settings(LISTED)))
    allowed, denied = authorize(rest_event(CLIENT)), authorize(rest_event(OTHER))
    assert allowed != denied
    # An allowed certificate and another one, alike in all but the last character before the end line.
    same_start = CLIENT.replace("=\n-----END", "X\n-----END")
    assert same_start != CLIENT
    with pytest.raises(Unauthorized):
        authorize(rest_event(same_start))
    assert authorize(rest_event(CLIENT)) == allowed
    # A letter of the signature, which the authorizer does not verify.
    other_case = CLIENT.replace("A\nAA", "a\nAA")
    assert other_case != CLIENT
    assert authorize(rest_event(other_case)) != allowed


LIMITED = {
    "AUTHORIZER_RULES": json.dumps(
        {"rules": [{"name": "a", "match": {"common_name": "client"}, "allow": ["GET /hello"], "context": {"a": "b"}}]}
    )
}


@pytest.mark.parametrize(
    ("event", "environment"),
    [
        pytest.param(rest_event(CLIENT), LISTED, id="all routes"),
        pytest.param(rest_event(CLIENT), LIMITED, id="limited routes"),
        pytest.param(rest_event(OTHER), LISTED, id="deny"),
        pytest.param(http_2_0_event(CLIENT), SIMPLE, id="simple"),
        pytest.param(http_2_0_event(OTHER), SIMPLE, id="simple deny"),
        pytest.param(http_2_0_event(), {**LISTED, "UNAUTHENTICATED_RESPONSE": "unauthorized"}, id="401 of an HTTP API"),
    ],
)
def test_an_answer_can_be_changed_without_changing_the_next_one(
    event: dict[str, Any], environment: dict[str, str]
) -> None:
    """As code around the handler may change it."""
    authorize = checking(Authorizer(load_settings(environment)))
    first = authorize(event)
    before = json.dumps(first)
    _clear(first)
    assert not first
    assert json.dumps(authorize(event)) == before


def _clear(value: object) -> None:
    """Empty all objects and lists in a JSON value."""
    if isinstance(value, dict | list):
        for each in list(value.values() if isinstance(value, dict) else value):
            _clear(each)
        value.clear()


@pytest.mark.without_coverage
def test_another_request_at_any_line_of_a_request_changes_no_answer() -> None:
    """Another thread may still have the previous access policy."""
    policy_now, policy_before = (
        AccessPolicy(RuleSet(load_settings({"ALLOWED_COMMON_NAMES": each}).rules)) for each in ("other", "client")
    )

    class Given(CurrentPolicy):
        policy = policy_now

        def get(self) -> AccessPolicy:
            return self.policy

    def reasons(line: int) -> list[str | None]:
        """Return the deny reasons of the other request, if this one executes so many lines, and of this one."""
        found: list[str | None] = []
        current = Given(load_settings(LISTED))
        authorize = checking(Authorizer(current.settings, current))
        lines_left = iter(range(line, -1, -1))

        def ask(policy: AccessPolicy) -> None:
            current.policy = policy
            found.append(reason(authorize(rest_event(CLIENT))))
            current.policy = policy_now

        def before_line(frame: FrameType, event: str, _argument: object) -> Any:  # noqa: ANN401 -- as in typeshed
            if frame.f_code.co_filename != authorizer_module.__file__:
                return None
            if event == "line" and next(lines_left, None) == 0:
                ask(policy_before)
            return before_line

        tracing = sys.gettrace()
        sys.settrace(before_line)
        try:
            ask(policy_now)
        finally:
            sys.settrace(tracing)
        return found

    answers = list(takewhile(lambda each: len(each) == 2, map(reasons, count())))
    assert len(answers) > 10
    assert all(each == [None, "common_name_not_allowed"] for each in answers)


def records(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records]


def test_a_decision_is_logged_once_with_its_fields(log: pytest.LogCaptureFixture) -> None:
    answer(rest_event(CLIENT))
    answer(http_2_0_event(OTHER))
    with pytest.raises(Unauthorized):
        answer(rest_event())
    allowed, denied, missing = records(log)
    assert (
        allowed.items()
        >= {
            "levelname": "INFO",
            "decision": "allow",
            "reason": None,
            "principal": "client",
            "serial_number": "0102030405",
            "fingerprint": PeerCertificate.from_pem(CLIENT).fingerprint256,
            "issuer_dn": "CN=Test CA",
            "request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "route": "GET /hello",
        }.items()
    )
    assert denied.items() >= {"levelname": "WARNING", "decision": "deny", "reason": "common_name_not_allowed"}.items()
    assert (
        missing.items()
        >= {
            "decision": "deny",
            "reason": "lambda_event_missing_clientcert",
            "principal": "unauthenticated",
            "serial_number": None,
            "fingerprint": None,
            "issuer_dn": None,
        }.items()
    )
    assert [record.getMessage() for record in log.records] == [
        "allow",
        "deny: common_name_not_allowed",
        "deny: lambda_event_missing_clientcert",
    ]


@every_event
def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture, make_event: Callable[..., dict[str, Any]]) -> None:
    caplog.set_level(logging.DEBUG)
    private = "what-the-client-sent"
    sent = {"headers": {"authorization": private}, "queryStringParameters": {"q": private}, "rawQueryString": private}
    answer(make_event(CLIENT, path=f"/hello/{private}", **sent))
    logged = "".join(map(str, records(caplog)))
    assert private not in logged
    assert "BEGIN CERTIFICATE" not in logged
    assert CLIENT.splitlines()[1] not in logged
