from __future__ import annotations

import re

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.configuration import (
    VARIABLES,
    Configuration,
    ConfigurationError,
    PrincipalId,
    ResponseFormat,
    UnauthenticatedResponse,
    load_configuration,
)
from mtls_authorizer.key_usages import CLIENT_AUTH_IF_RESTRICTED
from mtls_authorizer.reasons import Reason
from mtls_authorizer.rules import Grant, Rule, RuleSet
from tests.certificates import client_pem


def refusal(environment: dict[str, str], *attributes: tuple[str, str]) -> Reason | None:
    """Return why the rules of an environment turn a certificate with this subject away."""
    judgement = load_configuration(environment).rules.judge(PeerCertificate.from_pem(client_pem(*attributes)))
    return judgement if isinstance(judgement, Reason) else None


def test_nothing_set_is_no_rule_and_the_defaults() -> None:
    nobody = RuleSet(())
    assert load_configuration({})._replace(rules=nobody, version=None) == Configuration(nobody)
    configuration = load_configuration({"PATH": "/bin", "AWS_REGION": "eu-central-1"})
    assert configuration.rules.rules == ()
    assert configuration._replace(rules=nobody, version=None) == Configuration(
        rules=nobody,
        shadow_rules=None,
        required_key_usages=CLIENT_AUTH_IF_RESTRICTED,
        rules_uri=None,
        shadow_rules_uri=None,
        rules_refresh_seconds=60,
        response_format=ResponseFormat.IAM,
        unauthenticated_response=UnauthenticatedResponse.UNAUTHORIZED,
        principal_id=PrincipalId.COMMON_NAME,
    )


def test_every_choice_can_be_read() -> None:
    configuration = load_configuration(
        {"RESPONSE_FORMAT": "simple", "UNAUTHENTICATED_RESPONSE": " deny ", "PRINCIPAL_ID": "serial_number"}
    )
    assert configuration.response_format is ResponseFormat.SIMPLE
    assert configuration.unauthenticated_response is UnauthenticatedResponse.DENY
    assert configuration.principal_id is PrincipalId.SERIAL_NUMBER


@pytest.mark.parametrize(
    ("value", "listed"),
    [
        ("one", ["one"]),
        (" one , two ", ["one", "two"]),
        ("one\n,\ttwo", ["one", "two"]),
        ('["one", "two, with a comma"]', ["one", "two, with a comma"]),
        (' [ " one " ] ', ["one"]),
        ('["\\u00e9"]', ["é"]),
        ("O=x", ["O=x"]),
        ("*", ["*"]),
    ],
)
def test_a_list_is_separated_by_commas_or_a_json_array(value: str, listed: list[str]) -> None:
    environment = {"ALLOWED_COMMON_NAMES": value}
    for common_name in listed:
        assert refusal(environment, ("CN", common_name)) is None
    for common_name in ("someone", value, "two", ""):
        if common_name not in listed:
            assert refusal(environment, ("CN", common_name)) is Reason.COMMON_NAME_NOT_ALLOWED


@pytest.mark.parametrize(
    ("attributes", "all_lists", "any_list"),
    [
        ([("CN", "one"), ("OU", "a")], None, None),
        ([("CN", "one"), ("OU", "b")], Reason.ORGANIZATIONAL_UNIT_NOT_ALLOWED, None),
        ([("CN", "two"), ("OU", "a")], Reason.COMMON_NAME_NOT_ALLOWED, None),
        ([("CN", "two"), ("OU", "b")], Reason.COMMON_NAME_NOT_ALLOWED, Reason.COMMON_NAME_NOT_ALLOWED),
        ([("CN", "a"), ("OU", "one")], Reason.COMMON_NAME_NOT_ALLOWED, Reason.COMMON_NAME_NOT_ALLOWED),
        ([], Reason.COMMON_NAME_NOT_ALLOWED, Reason.COMMON_NAME_NOT_ALLOWED),
    ],
)
def test_two_lists_are_joined_as_allowlist_match_says(
    attributes: list[tuple[str, str]], all_lists: Reason | None, any_list: Reason | None
) -> None:
    lists = {"ALLOWED_COMMON_NAMES": "one", "ALLOWED_ORGANIZATIONAL_UNITS": "a"}
    for environment, expected in (
        (lists, all_lists),
        ({**lists, "ALLOWLIST_MATCH": "all"}, all_lists),
        ({**lists, "ALLOWLIST_MATCH": "any"}, any_list),
    ):
        assert refusal(environment, *attributes) is expected


def test_any_client_certificate_must_be_asked_for_by_name() -> None:
    assert refusal({"ALLOW_ANY_CLIENT_CERTIFICATE": "true"}) is None
    assert refusal({"ALLOW_ANY_CLIENT_CERTIFICATE": "false"}) is Reason.NO_ALLOWLIST_CONFIGURED


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"ALLOWED_COMMON_NAMES": ""}, "ALLOWED_COMMON_NAMES is set but lists nothing"),
        ({"ALLOWED_COMMON_NAMES": " "}, "ALLOWED_COMMON_NAMES is set but lists nothing"),
        ({"ALLOWED_COMMON_NAMES": "[]"}, "ALLOWED_COMMON_NAMES is set but lists nothing"),
        ({"ALLOWED_COMMON_NAMES": ","}, "ALLOWED_COMMON_NAMES is set but lists nothing"),
        ({"ALLOWED_COMMON_NAMES": "one,,two"}, "ALLOWED_COMMON_NAMES has an empty item, number 2 of 3"),
        ({"ALLOWED_COMMON_NAMES": "one,"}, "ALLOWED_COMMON_NAMES has an empty item, number 2 of 2"),
        ({"ALLOWED_ORGANIZATIONAL_UNITS": '["a", " "]'}, "ALLOWED_ORGANIZATIONAL_UNITS has an empty item, number 2"),
        ({"ALLOWED_COMMON_NAMES": "[one"}, "ALLOWED_COMMON_NAMES begins with [ but is not a JSON array"),
        ({"ALLOWED_COMMON_NAMES": '["a"],b'}, "ALLOWED_COMMON_NAMES begins with [ but is not a JSON array"),
        ({"ALLOWED_COMMON_NAMES": "[1]"}, "ALLOWED_COMMON_NAMES must be a JSON array of strings"),
        ({"ALLOWED_COMMON_NAMES": '[["a"]]'}, "ALLOWED_COMMON_NAMES must be a JSON array of strings"),
        ({"ALLOWED_COMMON_NAMES": "[" * 100_000}, "ALLOWED_COMMON_NAMES begins with [ but is not a JSON array"),
        ({"ALLOWLIST_MATCH": "every"}, "ALLOWLIST_MATCH is 'every': write one of all, any"),
        ({"ALLOWLIST_MATCH": "ANY"}, "ALLOWLIST_MATCH is 'ANY': write one of all, any"),
        ({"ALLOWLIST_MATCH": ""}, "ALLOWLIST_MATCH is '': write one of all, any"),
        ({"ALLOW_ANY_CLIENT_CERTIFICATE": "yes"}, "ALLOW_ANY_CLIENT_CERTIFICATE is 'yes': write true or false"),
        ({"ALLOW_ANY_CLIENT_CERTIFICATE": "1"}, "ALLOW_ANY_CLIENT_CERTIFICATE is '1': write true or false"),
        ({"ALLOW_ANY_CLIENT_CERTIFICATE": "x" * 999}, f"ALLOW_ANY_CLIENT_CERTIFICATE is '{'x' * 80}…': write"),
        (
            {"ALLOW_ANY_CLIENT_CERTIFICATE": "true", "ALLOWED_COMMON_NAMES": "one"},
            "ALLOW_ANY_CLIENT_CERTIFICATE is true, and a list is set: choose one of them",
        ),
        (
            {"ALLOW_ANY_CLIENT_CERTIFICATE": "true", "ALLOWED_ORGANIZATIONAL_UNITS": ","},
            "ALLOW_ANY_CLIENT_CERTIFICATE is true, and a list is set: choose one of them",
        ),
        ({"RESPONSE_FORMAT": "json"}, "RESPONSE_FORMAT is 'json': write one of iam, simple"),
        ({"UNAUTHENTICATED_RESPONSE": "401"}, "UNAUTHENTICATED_RESPONSE is '401': write one of unauthorized, deny"),
        ({"PRINCIPAL_ID": "cn"}, "PRINCIPAL_ID is 'cn': write one of common_name, subject_dn, fingerprint, serial"),
        ({"ALLOWED_COMMON_NAME": "one"}, "ALLOWED_COMMON_NAME is not a variable of this authorizer; misspelt?"),
        ({"ALLOWLIST_MODE": "any"}, "ALLOWLIST_MODE is not a variable of this authorizer; misspelt?"),
        ({"ALLOW_ANY_CERTIFICATE": "true"}, "ALLOW_ANY_CERTIFICATE is not a variable of this authorizer; misspelt?"),
        ({"ALLOW_ORGANIZATIONAL_UNITS": "a"}, "ALLOW_ORGANIZATIONAL_UNITS is not a variable of this authorizer"),
        ({"ALLOWLISTED_OUS": "a"}, "ALLOWLISTED_OUS is not a variable of this authorizer; misspelt?"),
        ({"allowed_common_names": "a"}, "allowed_common_names is not a variable of this authorizer; misspelt?"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_says_what_would_be_right(
    environment: dict[str, str], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(problem)):
        load_configuration(environment)


def test_one_message_names_every_bad_variable() -> None:
    environment = dict.fromkeys(VARIABLES, "") | {"ALLOWED_CN": "x"}
    with pytest.raises(ConfigurationError) as error:
        load_configuration(environment)
    for name in environment:
        assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_a_rule_without_a_matcher_matches_nobody_unless_that_is_asked_for() -> None:
    client = PeerCertificate.from_pem(client_pem(("CN", "client")))
    assert RuleSet([Rule("nobody", ())]).judge(client) is Reason.NO_ALLOWLIST_CONFIGURED
    assert isinstance(RuleSet([Rule("anyone", (), anyone=True)]).judge(client), Grant)
