from __future__ import annotations

import re

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.settings import (
    VARIABLES,
    Settings,
    SettingsError,
    load_settings,
)
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.revocation.settings import CrlCheck, CrlFailureMode, RevocationSettings
from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH_IF_RESTRICTED
from mtls_authorizer.rules.grant import Grant
from mtls_authorizer.rules.routes import ALL_ROUTES
from mtls_authorizer.rules.rule import ENVIRONMENT, Rule
from mtls_authorizer.rules.rule_set import RuleSet
from tests.pki.certificates import certificate_der, client_pem, dns, ip, name, pem, subject_alt_names, uri

RULES = '{"rules": [{"name": "a", "match": {"common_name": "ruled"}, "allow": ["GET /a"]}]}'


def deny_reason(environment: dict[str, str], *attributes: tuple[str, str]) -> DenyReason | None:
    """Return why the rules of an environment turn a certificate with this subject away."""
    judgement = RuleSet(load_settings(environment).rules).evaluate(PeerCertificate.from_pem(client_pem(*attributes)))
    return judgement if isinstance(judgement, DenyReason) else None


def test_without_variables_there_is_no_rule_and_all_values_are_defaults() -> None:
    assert load_settings({})._replace(version=None) == Settings()
    configuration = load_settings({"PATH": "/bin", "AWS_REGION": "eu-central-1"})
    assert configuration._replace(version=None) == Settings(
        rules=(),
        shadow_rules=(),
        required_usages=CLIENT_AUTH_IF_RESTRICTED,
        rules_uri=None,
        shadow_rules_uri=None,
        rules_refresh_seconds=60,
        response_format="iam",
        unauthenticated_response=None,
        principal_id="common_name",
    )


def test_every_choice_can_be_read() -> None:
    configuration = load_settings(
        {"RESPONSE_FORMAT": "simple", "UNAUTHENTICATED_RESPONSE": " deny ", "PRINCIPAL_ID": "serial_number"}
    )
    assert configuration.response_format == "simple"
    assert configuration.unauthenticated_response == "deny"
    assert configuration.principal_id == "serial_number"
    explicit = load_settings({"UNAUTHENTICATED_RESPONSE": "unauthorized"})
    assert explicit.unauthenticated_response == "unauthorized"


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
        assert deny_reason(environment, ("CN", common_name)) is None
    for common_name in ("someone", value, "two", ""):
        if common_name not in listed:
            assert deny_reason(environment, ("CN", common_name)) is DenyReason.COMMON_NAME_NOT_ALLOWED


@pytest.mark.parametrize(
    ("attributes", "all_lists", "any_list"),
    [
        ([("CN", "one"), ("OU", "a")], None, None),
        ([("CN", "one"), ("OU", "b")], DenyReason.ORGANIZATIONAL_UNIT_NOT_ALLOWED, None),
        ([("CN", "two"), ("OU", "a")], DenyReason.COMMON_NAME_NOT_ALLOWED, None),
        ([("CN", "two"), ("OU", "b")], DenyReason.COMMON_NAME_NOT_ALLOWED, DenyReason.COMMON_NAME_NOT_ALLOWED),
        ([("CN", "a"), ("OU", "one")], DenyReason.COMMON_NAME_NOT_ALLOWED, DenyReason.COMMON_NAME_NOT_ALLOWED),
        ([], DenyReason.COMMON_NAME_NOT_ALLOWED, DenyReason.COMMON_NAME_NOT_ALLOWED),
    ],
)
def test_two_lists_are_joined_as_allowlist_match_says(
    attributes: list[tuple[str, str]], all_lists: DenyReason | None, any_list: DenyReason | None
) -> None:
    lists = {"ALLOWED_COMMON_NAMES": "one", "ALLOWED_ORGANIZATIONAL_UNITS": "a"}
    for environment, expected in (
        (lists, all_lists),
        ({**lists, "ALLOWLIST_MATCH": "all"}, all_lists),
        ({**lists, "ALLOWLIST_MATCH": "any"}, any_list),
    ):
        assert deny_reason(environment, *attributes) is expected


CERTIFICATE = PeerCertificate.from_pem(
    pem(
        certificate_der(
            name(("O", "Acme, Inc."), ("CN", "client")),
            name(("O", "Acme"), ("CN", "Acme CA")),
            extensions=[subject_alt_names(dns("a.example"), uri("spiffe://a.example/b"), ip(bytes([192, 0, 2, 1])))],
        )
    )
)


@pytest.mark.parametrize(
    ("lists", "reason"),
    [
        ({"ALLOWED_ORGANIZATIONS": '["Acme, Inc."]'}, None),
        ({"ALLOWED_ORGANIZATIONS": "Acme, Inc."}, DenyReason.ORGANIZATION_NOT_ALLOWED),
        ({"ALLOWED_SUBJECT_ALT_NAMES": "DNS:b.example, DNS:a.example"}, None),
        ({"ALLOWED_SUBJECT_ALT_NAMES": "URI:spiffe://a.example/b"}, None),
        ({"ALLOWED_SUBJECT_ALT_NAMES": "IP:192.0.2.1"}, None),
        ({"ALLOWED_SUBJECT_ALT_NAMES": "email:a.example"}, DenyReason.SUBJECT_ALT_NAME_NOT_ALLOWED),
        ({"ALLOWED_SUBJECT_ALT_NAMES": "URI:a.example"}, DenyReason.SUBJECT_ALT_NAME_NOT_ALLOWED),
        ({"ALLOWED_SUBJECT_ALT_NAMES": "DNS:*.example"}, DenyReason.SUBJECT_ALT_NAME_NOT_ALLOWED),
        ({"ALLOWED_ISSUERS": "CN=Acme CA,O=Acme"}, None),
        ({"ALLOWED_ISSUERS": '["CN=Other CA", "CN=Acme CA,O=Acme"]'}, None),
        ({"ALLOWED_ISSUERS": "O=Acme,CN=Acme CA"}, DenyReason.ISSUER_NOT_ALLOWED),
        ({"ALLOWED_ISSUERS": "CN=Acme CA"}, DenyReason.ISSUER_NOT_ALLOWED),
        ({"ALLOWED_FINGERPRINTS": CERTIFICATE.fingerprint256}, None),
        ({"ALLOWED_FINGERPRINTS": f"{'ab' * 32},{CERTIFICATE.fingerprint256.replace(':', '').lower()}"}, None),
        ({"ALLOWED_FINGERPRINTS": "ab" * 32}, DenyReason.FINGERPRINT_NOT_ALLOWED),
        ({"ALLOWED_SERIAL_NUMBERS": "1:02030405", "ALLOWED_ISSUERS": "CN=Acme CA,O=Acme"}, None),
        (
            {"ALLOWED_SERIAL_NUMBERS": "02", "ALLOWED_ISSUERS": "CN=Acme CA,O=Acme"},
            DenyReason.SERIAL_NUMBER_NOT_ALLOWED,
        ),
        ({"ALLOWED_SERIAL_NUMBERS": "0102030405", "ALLOWED_ISSUERS": "CN=Other CA"}, DenyReason.ISSUER_NOT_ALLOWED),
    ],
)
def test_each_list_is_compared_with_its_own_field(lists: dict[str, str], reason: DenyReason | None) -> None:
    judgement = RuleSet(load_settings(lists).rules).evaluate(CERTIFICATE)
    assert (judgement if isinstance(judgement, DenyReason) else None) is reason
    # Another list, that doesn't match, counts or not as ALLOWLIST_MATCH says.
    if "ALLOWED_SERIAL_NUMBERS" not in lists:
        both = lists | {"ALLOWED_ORGANIZATIONAL_UNITS": "nobody"}
        assert isinstance(RuleSet(load_settings(both).rules).evaluate(CERTIFICATE), DenyReason)
        either = RuleSet(load_settings(both | {"ALLOWLIST_MATCH": "any"}).rules).evaluate(CERTIFICATE)
        assert isinstance(either, DenyReason) is (reason is not None)


def test_stored_rules_follow_the_lists_and_shadow_rules_are_separate() -> None:
    configuration = load_settings(
        {
            "ALLOWED_COMMON_NAMES": "client",
            "AUTHORIZER_RULES": f" {RULES}\n",
            "AUTHORIZER_SHADOW_RULES": RULES.replace("ruled", "shadowed"),
            "AUTHORIZER_RULES_REFRESH_SECONDS": "86400",
        }
    )
    assert [rule.name for rule in configuration.rules] == ["environment", "a"]
    assert [rule.name for rule in configuration.shadow_rules] == ["a"]
    assert configuration.rules_refresh_seconds == 86400
    # Every client may be allowed while rules are tried.
    assert load_settings({"ALLOW_ANY_CLIENT_CERTIFICATE": "true", "AUTHORIZER_SHADOW_RULES": RULES}).shadow_rules


def test_any_client_certificate_must_be_asked_for_by_name() -> None:
    assert deny_reason({"ALLOW_ANY_CLIENT_CERTIFICATE": "true"}) is None
    assert deny_reason({"ALLOW_ANY_CLIENT_CERTIFICATE": "false"}) is DenyReason.NO_ALLOWLIST_CONFIGURED


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"ALLOWED_COMMON_NAMES": ""}, "ALLOWED_COMMON_NAMES is set but contains nothing"),
        ({"ALLOWED_COMMON_NAMES": " "}, "ALLOWED_COMMON_NAMES is set but contains nothing"),
        ({"ALLOWED_COMMON_NAMES": "[]"}, "ALLOWED_COMMON_NAMES is set but contains nothing"),
        ({"ALLOWED_COMMON_NAMES": ","}, "ALLOWED_COMMON_NAMES is set but contains nothing"),
        ({"ALLOWED_COMMON_NAMES": "one,,two"}, "ALLOWED_COMMON_NAMES has an empty item (number 2 of 3)"),
        ({"ALLOWED_COMMON_NAMES": "one,"}, "ALLOWED_COMMON_NAMES has an empty item (number 2 of 2)"),
        ({"ALLOWED_ORGANIZATIONAL_UNITS": '["a", " "]'}, "ALLOWED_ORGANIZATIONAL_UNITS has an empty item (number 2"),
        ({"ALLOWED_COMMON_NAMES": "one\ntwo"}, "ALLOWED_COMMON_NAMES has the item 'one\\ntwo', with a line break"),
        (
            {"ALLOWED_COMMON_NAMES": "one, two\udcff"},
            "ALLOWED_COMMON_NAMES has the item 'two\\udcff', with a line break",
        ),
        (
            {"ALLOWED_ISSUERS": '["C=DE,CN=\\ud800"]'},
            "ALLOWED_ISSUERS has the item 'C=DE,CN=\\ud800', with a line break",
        ),
        ({"ALLOWED_COMMON_NAMES": "one, two\x9f"}, "ALLOWED_COMMON_NAMES has the item 'two\\x9f', with a line break"),
        (
            {"ALLOWED_ISSUERS": '["CN=a", "CN=b\\r\\nc"]'},
            "ALLOWED_ISSUERS has the item 'CN=b\\r\\nc', with a line break",
        ),
        ({"ALLOWED_COMMON_NAMES": "[one"}, "ALLOWED_COMMON_NAMES starts with [ but is not a JSON array"),
        ({"ALLOWED_COMMON_NAMES": '["a"],b'}, "ALLOWED_COMMON_NAMES starts with [ but is not a JSON array"),
        ({"ALLOWED_COMMON_NAMES": "[1]"}, "ALLOWED_COMMON_NAMES must be a JSON array of strings"),
        ({"ALLOWED_COMMON_NAMES": '[["a"]]'}, "ALLOWED_COMMON_NAMES must be a JSON array of strings"),
        ({"ALLOWED_COMMON_NAMES": "[" * 100_000}, "ALLOWED_COMMON_NAMES starts with [ but is not a JSON array"),
        ({"ALLOWLIST_MATCH": "every"}, "ALLOWLIST_MATCH is 'every': write one of all, any"),
        ({"ALLOWLIST_MATCH": "ANY"}, "ALLOWLIST_MATCH is 'ANY': write one of all, any"),
        ({"ALLOWLIST_MATCH": ""}, "ALLOWLIST_MATCH is '': write one of all, any"),
        ({"ALLOW_ANY_CLIENT_CERTIFICATE": "yes"}, "ALLOW_ANY_CLIENT_CERTIFICATE is 'yes': write true or false"),
        ({"ALLOW_ANY_CLIENT_CERTIFICATE": "1"}, "ALLOW_ANY_CLIENT_CERTIFICATE is '1': write true or false"),
        ({"ALLOW_ANY_CLIENT_CERTIFICATE": "x" * 999}, f"ALLOW_ANY_CLIENT_CERTIFICATE is '{'x' * 80}…': write"),
        (
            {"ALLOW_ANY_CLIENT_CERTIFICATE": "true", "ALLOWED_COMMON_NAMES": "one"},
            "ALLOW_ANY_CLIENT_CERTIFICATE is true and an allowlist is set",
        ),
        (
            {"ALLOW_ANY_CLIENT_CERTIFICATE": "true", "ALLOWED_ORGANIZATIONAL_UNITS": ","},
            "ALLOW_ANY_CLIENT_CERTIFICATE is true and an allowlist is set",
        ),
        (
            {"ALLOW_ANY_CLIENT_CERTIFICATE": "true", "AUTHORIZER_RULES": RULES},
            "ALLOW_ANY_CLIENT_CERTIFICATE is true and a rules document contains rules",
        ),
        (
            {"ALLOW_ANY_CLIENT_CERTIFICATE": "true", "AUTHORIZER_RULES": ""},
            "AUTHORIZER_RULES rules rejected: the document is empty",
        ),
        ({"ALLOWED_ORGANIZATIONS": "Acme,"}, "ALLOWED_ORGANIZATIONS has an empty item (number 2 of 2)"),
        ({"ALLOWED_SUBJECT_ALT_NAMES": "a.example"}, "ALLOWED_SUBJECT_ALT_NAMES 'a.example' is not a type and a value"),
        (
            {"ALLOWED_SUBJECT_ALT_NAMES": "IP:10.0.0.0/8"},
            "ALLOWED_SUBJECT_ALT_NAMES '10.0.0.0/8' does not appear to be",
        ),
        ({"ALLOWED_ISSUERS": "Acme"}, "ALLOWED_ISSUERS 'Acme' is not a distinguished name in RFC 4514 form"),
        ({"ALLOWED_ISSUERS": "CN=a, O=b"}, "write 'CN=a,O=b'"),
        (
            {"ALLOWED_ISSUERS": "CN=#0C0161"},
            "ALLOWED_ISSUERS 'CN=#0C0161' is not a distinguished name",
        ),
        ({"ALLOWED_ISSUERS": '["CN=a", ""]'}, "ALLOWED_ISSUERS has an empty item (number 2 of 2)"),
        ({"ALLOWED_ISSUERS": '{"CN": "a"}'}, 'ALLOWED_ISSUERS \'{"CN": "a"}\' is not a distinguished name'),
        (
            {"ALLOWED_FINGERPRINTS": "ab" * 20},
            "is not a SHA-256 in hexadecimal (64 digits, colons allowed; a SHA-1 has 40)",
        ),
        ({"ALLOWED_FINGERPRINTS": "ab" * 64}, "is a SHA-512: write the SHA-256"),
        ({"ALLOWED_SERIAL_NUMBERS": "01"}, "ALLOWED_SERIAL_NUMBERS requires exactly one issuer in ALLOWED_ISSUERS"),
        ({"ALLOWED_SERIAL_NUMBERS": "0x1G", "ALLOWED_ISSUERS": "CN=a"}, "'0x1G' is not a serial number in hexadecimal"),
        (
            {"ALLOWED_SERIAL_NUMBERS": "01", "ALLOWED_ISSUERS": '["CN=a", "CN=b"]'},
            "ALLOWED_SERIAL_NUMBERS requires exactly one issuer in ALLOWED_ISSUERS",
        ),
        (
            {"ALLOWED_SERIAL_NUMBERS": "01", "ALLOWED_ISSUERS": "CN=a", "ALLOWLIST_MATCH": "any"},
            "ALLOWED_SERIAL_NUMBERS requires exactly one issuer in ALLOWED_ISSUERS and ALLOWLIST_MATCH=all",
        ),
        ({"AUTHORIZER_RULES": ""}, "AUTHORIZER_RULES rules rejected: the document is empty"),
        ({"AUTHORIZER_RULES": "{}"}, "AUTHORIZER_RULES rules rejected: rules must be a list with at least one rule"),
        ({"AUTHORIZER_SHADOW_RULES": "[]"}, "AUTHORIZER_SHADOW_RULES rules rejected: the document must be an object"),
        (
            {"AUTHORIZER_RULES": '{"\udcff": 1}'},
            "AUTHORIZER_RULES rules rejected: the document is not UTF-8 (byte 2): save it in UTF-8",
        ),
        ({"AUTHORIZER_RULE": RULES}, "AUTHORIZER_RULE is not a variable of this authorizer"),
        ({"REQUIRED_EXTENDED_KEY_USAGES": "none"}, "REQUIRED_EXTENDED_KEY_USAGES is not a variable of this authorizer"),
        *(
            (
                {"AUTHORIZER_RULES_REFRESH_SECONDS": seconds},
                f"AUTHORIZER_RULES_REFRESH_SECONDS is {seconds!r}: write a number from 1 to 86400",
            )
            for seconds in ("", "0", "-1", "86401", "1.5", "1e3", "60s", "\u0661", "9" * 10)
        ),
        *(
            (
                {"S3_BUCKET_OWNER": owner},
                f"S3_BUCKET_OWNER is {owner!r}: write the 12 digits of the AWS account that owns the buckets",
            )
            for owner in ("", "12345678901", "1234567890123", "\u0661" * 12, "²" * 12, "-12345678901", "acme")
        ),
        ({"S3_BUCKET_OWNERS": "123456789012"}, "S3_BUCKET_OWNERS is not a variable of this authorizer"),
        ({"RESPONSE_FORMAT": "json"}, "RESPONSE_FORMAT is 'json': write one of iam, simple"),
        ({"UNAUTHENTICATED_RESPONSE": "401"}, "UNAUTHENTICATED_RESPONSE is '401': write one of unauthorized, deny"),
        (
            {"PRINCIPAL_ID": "subject.O"},
            'serial_number, or an object such as {"from": "subject.O"}',
        ),
        ({"ALLOWED_COMMON_NAME": "one"}, "ALLOWED_COMMON_NAME is not a variable of this authorizer"),
        ({"ALLOWLIST_MODE": "any"}, "ALLOWLIST_MODE is not a variable of this authorizer"),
        ({"ALLOW_ANY_CERTIFICATE": "true"}, "ALLOW_ANY_CERTIFICATE is not a variable of this authorizer"),
        ({"ALLOW_ORGANIZATIONAL_UNITS": "a"}, "ALLOW_ORGANIZATIONAL_UNITS is not a variable of this authorizer"),
        ({"ALLOWLISTED_OUS": "a"}, "ALLOWLISTED_OUS is not a variable of this authorizer"),
        ({"allowed_common_names": "a"}, "allowed_common_names is not a variable of this authorizer"),
        *(
            ({name: "a", "ALLOWED_COMMON_NAMES": "a"}, f"{name} is not a variable of this authorizer")
            for name in (
                *("ALOWED_ISSUERS", "LLOWED_ISSUERS", "LALOWED_ISSUERS", "_ALLOWED_ISSUERS", "alloewd_issuers"),
                *("AUTHORISER_RULES", "AUTORIZER_RULES_URI", "REQUIRE_EXTENDED_KEY_USAGE", "TRUSTORE_URI"),
                *("TRUST_STORE_URI", "CLR_URIS", "RCL_CHECK", "S3BUCKET_OWNER", "S3_BUCKET_ONWER"),
            )
        ),
    ],
)
def test_the_error_for_an_invalid_value_contains_the_fix(environment: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(problem)):
        load_settings(environment)


NOT_DECIDING = {
    *("RESPONSE_FORMAT", "UNAUTHENTICATED_RESPONSE", "PRINCIPAL_ID", "CLIENT_CERT_HEADER"),
    *("EXPIRY_WARNING_DAYS", "LOG_DECISIONS", "METRICS_NAMESPACE"),
}
"""The variables that do not affect which clients are allowed: it is safe to ignore a misspelt one."""


@pytest.mark.parametrize("variable", [name for name in VARIABLES if name not in NOT_DECIDING])
def test_a_mistake_of_up_to_two_characters_is_found_at_any_place(variable: str) -> None:
    mistakes = {
        variable[:place] + written + variable[place + length :]
        for place in range(len(variable) + 1)
        for length in range(3)
        for written in ("", "X", "XY", variable[place : place + 2][::-1])
    }.difference(VARIABLES)
    with pytest.raises(SettingsError) as raised:
        load_settings(dict.fromkeys(mistakes, "a"))
    assert set(re.findall(r"(?:: |; )(\w+) is not a variable", str(raised.value))) == mistakes


def test_a_list_is_named_once() -> None:
    uris = {
        "CRL_URIS": "s3://bucket/a.crl, s3://bucket/b.crl,s3://bucket/a.crl",
        "TRUSTSTORE_URI": "s3://bucket/ca.pem",
    }
    with pytest.raises(SettingsError, match="CRL_URIS names the same CRL twice: remove one"):
        load_settings(uris)


def test_one_message_names_every_bad_variable() -> None:
    environment = dict.fromkeys(VARIABLES, "") | {"ALLOWED_CN": "x"}
    with pytest.raises(SettingsError) as error:
        load_settings(environment)
    for variable in environment:
        assert variable in str(error.value)
    assert "\n" not in str(error.value)


def test_a_rule_without_a_matcher_matches_no_client_unless_it_is_for_anyone() -> None:
    client = PeerCertificate.from_pem(client_pem(("CN", "client")))
    assert RuleSet([Rule("nobody", (), ALL_ROUTES)]).evaluate(client) is DenyReason.NO_ALLOWLIST_CONFIGURED
    assert isinstance(RuleSet([Rule("anyone", (), ALL_ROUTES, anyone=True)]).evaluate(client), Grant)


CRLS = {"CRL_URIS": "s3://bucket/a.crl, file:///b.crl", "TRUSTSTORE_URI": "s3://bucket/ca.pem"}


def test_revocation_lists_are_read_with_their_defaults() -> None:
    uris = ("s3://bucket/a.crl", "file:///b.crl")
    settings = load_settings(CRLS)
    assert settings.revocation_settings == RevocationSettings(uris, CrlFailureMode.DENY, 0)
    assert (settings.truststore_uri, settings.crl_refresh_seconds) == ("s3://bucket/ca.pem", 300)
    changed = {"CRL_REFRESH_SECONDS": "60", "CRL_FAILURE_MODE": "allow", "CRL_MAX_AGE_SECONDS": "3600"}
    settings = load_settings(CRLS | changed)
    assert settings.revocation_settings == RevocationSettings(uris, CrlFailureMode.ALLOW, 3600)
    assert settings.crl_refresh_seconds == 60
    key, other_key = "0123456789abcdef" * 4, "f" * 64
    fingerprints = f"{bytes.fromhex(key).hex(':').upper()}, {other_key}"
    changed = {"CRL_CHECK": "chain", "CRL_ASSUME_COMPLETE": "file:///b.crl", "CRL_EXEMPT_ISSUERS": fingerprints}
    revocation = load_settings(CRLS | changed).revocation_settings
    assert revocation is not None
    assert (revocation.check, revocation.assume_complete) == (CrlCheck.CHAIN, frozenset({"file:///b.crl"}))
    assert revocation.exempt_issuers == {key, other_key}


NUMBERS = {
    "AUTHORIZER_RULES_REFRESH_SECONDS": (1, 86_400),
    "EXPIRY_WARNING_DAYS": (0, 3650),
    "CRL_REFRESH_SECONDS": (1, 86_400),
    "CRL_MAX_AGE_SECONDS": (0, 31_536_000),
}


def test_the_limits_of_every_number_are_tested() -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(CRLS | dict.fromkeys(VARIABLES, "?"))
    assert set(re.findall(r"(\w+) is '\?': write a number", str(error.value))) == NUMBERS.keys()


@pytest.mark.parametrize(("variable", "least", "most"), [(name, *limits) for name, limits in NUMBERS.items()])
def test_a_number_may_be_as_small_and_as_large_as_its_error_says(variable: str, least: int, most: int) -> None:
    for number in (least, most):
        assert load_settings(CRLS | {variable: str(number)})
    for number in (least - 1, most + 1):
        with pytest.raises(SettingsError, match=f"{variable} is '{number}': write a number from {least} to {most}$"):
            load_settings(CRLS | {variable: str(number)})


SERIAL_NUMBERS = {"ALLOWED_SERIAL_NUMBERS": "0A", "ALLOWED_ISSUERS": "CN=CA"}
RULES_BY_KEY = '{"rules": [{"name": "a", "match": {"issuer_key": "' + "ab" * 32 + '"}}]}'
LISTS = {"ALLOWED_COMMON_NAMES": "a"}
TRUSTSTORE = {"TRUSTSTORE_URI": "s3://lists/ca.pem"}


DEPENDENT = [
    SERIAL_NUMBERS,
    LISTS | CRLS | {"CRL_CHECK": "chain", "CRL_REFRESH_SECONDS": "60", "CRL_EXEMPT_ISSUERS": "ab" * 32},
    TRUSTSTORE | {"ALLOWED_ISSUER_KEYS": "ab" * 32, "CRL_REFRESH_SECONDS": "60"},
    TRUSTSTORE | {"AUTHORIZER_RULES": RULES_BY_KEY},
    TRUSTSTORE | LISTS | {"AUTHORIZER_SHADOW_RULES": RULES_BY_KEY},
    TRUSTSTORE | {"AUTHORIZER_RULES_URI": "s3://bucket/rules.json", "AUTHORIZER_RULES_REFRESH_SECONDS": "5"},
    TRUSTSTORE | LISTS | {"AUTHORIZER_SHADOW_RULES_URI": "s3://bucket/rules.json"},
]
"""Valid variables that depend on each other."""


@pytest.mark.parametrize("value", ["", "[1]"])
@pytest.mark.parametrize(("environment", "invalid"), [(each, variable) for each in DEPENDENT for variable in each])
def test_an_invalid_variable_is_the_only_one_that_the_error_names(
    environment: dict[str, str], invalid: str, value: str
) -> None:
    load_settings(environment)
    with pytest.raises(SettingsError) as raised:
        load_settings(environment | {invalid: value})
    assert [each for each in environment if re.search(rf"(: |; ){each} ", str(raised.value))] == [invalid]


@pytest.mark.parametrize(
    ("environment", "problems"),
    [
        (
            {"CRL_URIS": "file:///b.crl"},
            "CRL_URIS requires TRUSTSTORE_URI: a CRL is only used if a CA of the truststore signed it",
        ),
        (
            {"TRUSTSTORE_URI": "file:///ca.pem", "CRL_FAILURE_MODE": "allow"},
            (
                "CRL_FAILURE_MODE is set without CRL_URIS, so no certificate would be checked: set both; "
                "TRUSTSTORE_URI is set without CRL_URIS, so no certificate would be checked: set both. "
                "Only issuer_key needs no CRL_URIS"
            ),
        ),
        (
            CRLS | {"CRL_ASSUME_COMPLETE": "s3://bucket/c.crl"},
            "CRL_ASSUME_COMPLETE names 's3://bucket/c.crl', which is not one of CRL_URIS: add it there",
        ),
        (CRLS | {"CRL_CHECK": "all"}, "CRL_CHECK is 'all': write one of client, chain"),
        (
            CRLS | {"CRL_EXEMPT_ISSUERS": "CN=CA"},
            (
                "CRL_EXEMPT_ISSUERS has 'CN=CA': write the SHA-256 of a CA's public key, 64 hexadecimal digits, "
                "with or without colons"
            ),
        ),
        (
            {"AUTHORIZER_RULES": RULES, "AUTHORIZER_RULES_URI": "file:///rules.json"},
            "AUTHORIZER_RULES and AUTHORIZER_RULES_URI are both set: remove one of them",
        ),
        (
            {"METRICS_NAMESPACE": "AWS/Lambda"},
            "METRICS_NAMESPACE is 'AWS/Lambda': write 1 to 255 letters, digits and .-_/#, not starting with AWS/",
        ),
        ({"RESPONSE_FORMAT": "x" * 80}, f"RESPONSE_FORMAT is '{'x' * 80}': write one of iam, simple"),
    ],
)
def test_the_message_contains_only_the_problems(environment: dict[str, str], problems: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(environment)
    assert str(error.value) == f"invalid configuration: {problems}"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALLOWED_COMMON_NAMES", "x"),
        ("PRINCIPAL_ID", "fingerprint"),
        ("EXPIRY_WARNING_DAYS", "7"),
        ("LOG_DECISIONS", "none"),
        ("METRICS_NAMESPACE", "x"),
        ("CRL_MAX_AGE_SECONDS", "1"),
        ("RESPONSE_FORMAT", "simple"),
    ],
)
def test_each_variable_makes_another_version_and_others_do_not(variable: str, value: str) -> None:
    version = load_settings(CRLS).version
    assert load_settings(CRLS | {variable: value}).version != version
    assert load_settings(CRLS | {"PATH": value}).version == version


def test_the_owner_of_the_buckets_is_an_account() -> None:
    assert load_settings({"S3_BUCKET_OWNER": " 012345678901 "}).s3_bucket_owner == "012345678901"
    assert load_settings({"S3_BUCKET_NAME": "of another module"}).s3_bucket_owner is None


CRLS_IN_FILES = {"CRL_URIS": "file:///ca.crl", "TRUSTSTORE_URI": "file:///truststore.pem"}


@pytest.mark.parametrize(
    ("variables", "in_s3"),
    [
        ({}, False),
        ({"AUTHORIZER_RULES_URI": "ssm:///rules", "AUTHORIZER_SHADOW_RULES_URI": "file:///s3:/rules"}, False),
        ({"AUTHORIZER_RULES_URI": "s3://bucket/rules"}, True),
        ({"AUTHORIZER_SHADOW_RULES_URI": "s3://bucket/rules"}, True),
        (CRLS_IN_FILES, False),
        ({**CRLS_IN_FILES, "CRL_URIS": "file:///ca.crl, s3://bucket/ca.crl"}, True),
        ({**CRLS_IN_FILES, "TRUSTSTORE_URI": "s3://bucket/truststore.pem"}, True),
    ],
)
def test_any_bucket_owner_is_trusted_only_where_a_document_is_in_s3_and_no_owner_is_set(
    variables: dict[str, str],
    in_s3: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    assert load_settings(variables).trusts_any_bucket_owner is in_s3
    assert not load_settings({**variables, "S3_BUCKET_OWNER": "123456789012"}).trusts_any_bucket_owner


@pytest.mark.parametrize("uri", ["s3://bucket/", "file:///", "ssm:///crl/", "s3://bucket/../crl/"])
def test_a_prefix_names_a_folder_in_s3_or_files(uri: str) -> None:
    with pytest.raises(SettingsError, match="CRL_URIS is "):
        load_settings({**CRLS, "CRL_URIS": uri})


def test_crls_and_prefixes_can_be_combined_but_only_crls_can_be_complete() -> None:
    uris = ("s3://bucket/a.crl", "s3://bucket/crl/", "file:///crls/")
    settings = load_settings({**CRLS, "CRL_URIS": ", ".join(uris)}).revocation_settings
    assert settings is not None
    assert settings.uris == uris
    for variable in ("CRL_ASSUME_COMPLETE", "TRUSTSTORE_URI"):
        with pytest.raises(SettingsError, match=f"{variable} is 's3://bucket/crl/'"):
            load_settings({**CRLS, "CRL_URIS": ", ".join(uris), variable: "s3://bucket/crl/"})


def test_any_client_certificate_is_allowed_on_all_routes_by_a_rule_of_the_environment() -> None:
    assert load_settings({"ALLOW_ANY_CLIENT_CERTIFICATE": "true"}).rules == (
        Rule(ENVIRONMENT, (), ALL_ROUTES, anyone=True),
    )
