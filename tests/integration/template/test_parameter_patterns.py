"""The patterns of the parameters: which values each accepts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_authorizer.policy.settings import VARIABLES, SettingsError, load_settings
from mtls_authorizer.stores.uri import Scheme
from tests.integration.template.stacks import (
    AUTHORIZER,
    AUTHORIZER_ARN,
    CA_ARNS,
    CA_IDS,
    MONITORING,
    PUBLISHER_ARNS,
    REVOCATION,
    RULES,
    SAMPLE_API,
    TOPIC,
    parameter_of,
)

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from tests.integration.template.templates import Template


@pytest.mark.parametrize("variable", ["ALLOWED_COMMON_NAMES", "ALLOWED_ORGANIZATIONAL_UNITS", "ALLOWED_ORGANIZATIONS"])
@given(value=st.text('ab ,[]"\n', min_size=1))
def test_a_list_is_rejected_if_the_authorizer_would_reject_it(variable: str, value: str) -> None:
    accepted = is_accepted(AUTHORIZER, parameter_of(variable), value)
    # A pattern cannot decide whether JSON is valid.
    assert accepted is authorizer_accepts(variable, value) or (accepted and value.strip().startswith("["))


@pytest.mark.parametrize(
    ("variable", "start"), [("ALLOWED_ISSUERS", "CN="), ("ALLOWED_SUBJECT_ALT_NAMES", "dirName:CN=")]
)
@given(before=st.text(" \n\xa0"), value=st.text('AO=+, #"\\;<\n\xa0'))
def test_every_name_that_the_authorizer_accepts_is_accepted(variable: str, start: str, before: str, value: str) -> None:
    text = before + start + value
    if authorizer_accepts(variable, text):
        assert is_accepted(AUTHORIZER, parameter_of(variable), text)


@given(address=st.ip_addresses())
def test_every_ip_address_is_accepted(address: IPv4Address | IPv6Address) -> None:
    for text in (str(address), address.exploded.upper()):
        assert is_accepted(AUTHORIZER, "AllowedSubjectAltNames", f"IP:{text}, DNS:a,IP:{text}")


SHA256 = "AB" * 32
WRITTEN: dict[str, list[str]] = {
    "ALLOWED_COMMON_NAMES": ["alpha", " Bücher & Co ", "", " ", "alpha\nbeta", "alpha\n", "a\x85b"],
    "ALLOWED_SUBJECT_ALT_NAMES": [
        *("DNS:a.example", "a.example", "dns:a", "DNS:", "DNS: ", "DNS: a", "URI:a\nDNS:b", "DNS:*.a.example"),
        *("IP:10.0.0.1", "IP:::1", "IP:2001:DB8::ffff:192.0.2.1"),
        *("IP:*", "IP:10.0.0.0/8", "IP: 10.0.0.1", "IP:a", "IP:1"),
        *("dirName:CN=a", "dirName:CN=", "dirName:a", "RID:1.2.3", "RID:a", "RID:1"),
        *(",DNS:a.example", " ,DNS:a.example", "\xa0DNS:a.example", "IP:10.0.0.1\xa0", "RID:1.2.3\xa0\n"),
        *("otherName:1.2.3;UTF8:a b", "otherName:1.2.3;UTF8:", "otherName:1.2.3", "otherName:a@b.example"),
    ],
    "ALLOWED_ISSUERS": [
        *("CN=Issuing CA,O=Acme", "Issuing CA", "", "=A", "CN=A\nCN=B", " CN=A\n", "CN=A\\, Inc.+2.5.4.10=B=C", "CN="),
        *("\xa0CN=A", "CN=A\xa0", "CN=\xa0A", "CN= ", "CN= \xa0", "CN=,O=", "CN=A\\20", "CN=\\ A\\ ,O=\\#B=#\\\\,C=DE"),
        *("CN= A", "CN=A,O= B", "CN=A+O=#13", "CN=A,", "CN=A+", ",CN=A", "CN=A,,O=B", "CN=A\\"),
        # As OpenSSL prints names, in its old form, too, with a comma that is not escaped, and as in RFC 1779.
        *("CN = A, O = B", "CN=A, O=B", "/CN=A/O=B", "CN=Acme, Inc."),
        *("CN=Acme,Inc.", 'CN="A",O=B', "CN=A;O=B", "CN=#13"),
    ],
    "ALLOWED_FINGERPRINTS": [SHA256, f"SHA256:{SHA256}", ":".join(["0f"] * 32), "AB" * 20, "AB" * 64, f"={SHA256}"],
    "ALLOWED_SERIAL_NUMBERS": ["0a:1B", "-1F", "0x1F", "1F 2A", ":", "№1"],
    "ALLOWED_ISSUER_KEYS": [SHA256, "AB" * 20, f"{SHA256}\n{SHA256}"],
    "REQUIRED_EXTENDED_KEY_USAGE": ["clientAuth", "1.2.3", "none", "clientauth", "client auth", "any", "1"],
}
"""Items of lists, as people write them: what openssl prints, one below the other, of another kind."""


@pytest.mark.parametrize("variable", WRITTEN)
def test_an_item_is_rejected_if_the_authorizer_would_reject_it(variable: str) -> None:
    # An issuer is no item: it contains commas.
    several = [] if variable == "ALLOWED_ISSUERS" else [",".join(WRITTEN[variable][:1] * 2), WRITTEN[variable][0] + ","]
    for value in [*WRITTEN[variable], *several]:
        accepted = value != "" and is_accepted(AUTHORIZER, parameter_of(variable), value)
        assert accepted is authorizer_accepts(variable, value), value


@pytest.mark.parametrize("variable", WRITTEN)
def test_a_pattern_needs_no_stack_for_each_item(variable: str) -> None:
    # CloudFormation's patterns are Java's. It calls itself for each repetition of a group that is not possessive: 40
    # fingerprints overflowed a stack of 1 MB.
    assert re.findall(r"\)[*+](?!\+)", AUTHORIZER.pattern(parameter_of(variable))) == []


def is_accepted(template: Template, parameter: str, value: str) -> bool:
    # In Java's patterns, whitespace is in ASCII.
    return re.fullmatch(template.pattern(parameter), value, re.ASCII) is not None


def authorizer_accepts(variable: str, value: str) -> bool:
    return problem_with(variable, value) is None


def problem_with(variable: str, value: str) -> str | None:
    others = {"CRL_URIS": "file:///opt/a.crl", "TRUSTSTORE_URI": "file:///opt/t.pem"}
    if variable == "ALLOWED_SERIAL_NUMBERS":
        others["ALLOWED_ISSUERS"] = "CN=A"
    try:
        load_settings({**others, variable: value})
    except SettingsError as error:
        return str(error)
    return None


NUMBERS = {
    variable: {int(found["least"]), int(found["most"])}
    for variable in VARIABLES
    if (found := re.search(r"write a number from (?P<least>\d+) to (?P<most>\d+)$", problem_with(variable, "?") or ""))
}
"""The variables whose values are numbers, with the least and the greatest one."""


def test_the_variables_with_a_number_are_the_parameters_that_accept_only_numbers() -> None:
    parameters = AUTHORIZER.source["Parameters"]
    limited = [each for each in VARIABLES if "AllowedPattern" in parameters.get(parameter_of(each), {})]
    one, letter = ({each for each in limited if is_accepted(AUTHORIZER, parameter_of(each), text)} for text in "1a")
    assert one - letter == set(NUMBERS)


@pytest.mark.parametrize("variable", NUMBERS)
@given(
    number=st.one_of(
        *(st.integers(limit - 1, limit + 1) for limit in sorted(set().union(*NUMBERS.values()))), st.integers(0)
    )
)
def test_a_number_is_rejected_if_the_authorizer_would_reject_it(variable: str, number: int) -> None:
    templates = (AUTHORIZER, REVOCATION) if variable == "CRL_MAX_AGE_SECONDS" else (AUTHORIZER,)
    for template in templates:
        for text in (f"{number}", f"0{number}"):
            accepted = is_accepted(template, parameter_of(variable), text)
            assert accepted is authorizer_accepts(variable, text), text


S3_URI = "s3://lists/truststore.pem"
NOT_A_TRUSTSTORE = ("s3://lists/a,s3://lists/b", "s3://lists/", "s3://lists/s3://a")
OPTIONAL: list[tuple[Template, str, list[str], list[str]]] = [
    (
        AUTHORIZER,
        "AllowedSubjectAltNames",
        ["DNS:a.example", '["URI:spiffe://a/b,c"]', "IP:::1, IP:10.0.0.1"],
        [",", "a,,b"],
    ),
    (AUTHORIZER, "AllowedIssuers", ["CN=Issuing CA,O=Acme", '["CN=A,O=B", "CN=C"]'], [" ", "["]),
    (AUTHORIZER, "AllowedFingerprints", ["AB" * 32, "AB:" * 31 + "AB", '["' + "ab" * 32 + '"]'], [",", "AB,"]),
    (AUTHORIZER, "AllowedSerialNumbers", ["0A1B", "1, 2"], [",1", "1,,2"]),
    (AUTHORIZER, "AllowedIssuerKeys", ["AB" * 32, f'["{"ab" * 32}"]'], [",", "AB,"]),
    (
        AUTHORIZER,
        "RequiredExtendedKeyUsage",
        ["none", "clientAuth", "clientAuth, 1.3.6.1"],
        ["client auth", "a,,b", "a;b"],
    ),
    (
        AUTHORIZER,
        "PrincipalId",
        [
            *("common_name", "subject_dn", "fingerprint", "serial_number"),
            '{"from": "subject.O"}',
            '{\n  "from": "subject.O"\n}\n',
            ' {"from": "subject_alt_name.uri", "after": "spiffe://a/"} ',
        ],
        ["CN", "common_name,subject_dn", "[]", "{"],
    ),
    (AUTHORIZER, "AuthorizerRules", [RULES, f" {RULES}\n"], ["[]", "rules"]),
    (AUTHORIZER, "AuthorizerShadowRules", [RULES], ["[]", "rules"]),
    *(
        (
            AUTHORIZER,
            parameter,
            [
                "s3://bucket.with.dots/a/b+c",
                "s3://bucket/key=1&2.json",
                "ssm:///a/b.c_d-e,/f",
                "ssm:///a:1,/b:live",
                "ssm://" + ",".join(f"/{number}" for number in range(10)),
                "appconfig://my application/production/rules",
                "file:///opt/rules.json",
            ],
            [
                "https://bucket.s3.amazonaws.com/key",
                "s3://bucket/",
                "s3://bucket/*",
                "s3://bucket/a?c",
                "s3://bucket/${aws:username}",
                "s3://bucket/a,s3://bucket/b",
                "s3://bucket/s3://other/a",
                "s3://*/a",
                "s3://bucket/folder/",
                "ssm://a",
                "ssm:///a,b",
                "ssm:///a*",
                "ssm://" + ",".join(f"/{number}" for number in range(11)),
                "appconfig://a/b",
                "file://rules.json",
            ],
        )
        for parameter in ("AuthorizerRulesUri", "AuthorizerShadowRulesUri")
    ),
    (
        AUTHORIZER,
        "CrlUris",
        [
            *("s3://lists/a.crl", "s3://lists/a.crl,s3://other/b/c", "file:///opt/a.crl,file:///opt/b.crl"),
            *("s3://lists/a,s3://lists/a.crl", "s3://lists/crl/"),
            *("s3://lists/a.crl,s3://other/b/crl/", "file:///opt/crl/,file:///opt/b.crl"),
        ],
        [
            "s3://lists/",
            "file:///",
            "s3://lists/a.crl, s3://lists/b.crl",
            "s3://lists/*.crl",
            "s3://lists/a.crl,file:///opt/a",
            "s3://lists/a.crl,s3://lists/s3://b/",
            *("s3://lists/a.crl,s3://lists/b.crl,s3://lists/a.crl", "file:///a,file:///a"),
            "ssm:///a",
        ],
    ),
    (
        AUTHORIZER,
        "CrlAssumeComplete",
        ["s3://lists/a.crl", "s3://lists/a.crl,s3://other/b/c", "file:///opt/a.crl,file:///opt/b.crl"],
        [
            *("s3://lists/a.crl, s3://lists/b.crl", "s3://lists/*.crl", "s3://lists/a.crl,file:///opt/a", "ssm:///a"),
            "s3://lists/crl/",
        ],
    ),
    (
        AUTHORIZER,
        "CrlExemptIssuers",
        ["0a" * 32, f"{'0A' * 32},{'ff' * 32}"],
        ["0a" * 31, "0g" * 32, f"{'0a' * 32}, {'0b' * 32}", "CN=CA"],
    ),
    (AUTHORIZER, "TruststoreUri", [S3_URI, "file:///opt/a"], [*NOT_A_TRUSTSTORE]),
    (AUTHORIZER, "AuthorizerRulesRefreshSeconds", ["1", "86400"], ["-1", "1.5", "1e3", "100000"]),
    (AUTHORIZER, "CrlRefreshSeconds", ["1", "86400"], ["-1", "1.5", "1e3", "100000"]),
    (AUTHORIZER, "CrlMaxAgeSeconds", ["0", "31536000"], ["-1", "1.5", "1e3", "100000000"]),
    (AUTHORIZER, "S3BucketOwner", ["123456789012"], ["12345678901", "1234567890123", "acme", "arn:aws:iam::1:root"]),
    (AUTHORIZER, "ExpiryWarningDays", ["0", "3650"], ["-1", "1.5", "1e3", "10000"]),
    (
        AUTHORIZER,
        "MetricsNamespace",
        ["Partners/Authorizer", "a.b_c-d#e"],
        ["AWS/Lambda", 'a"b', "a b", "a" * 256],
    ),
    (AUTHORIZER, "CrlBucketName", ["lists", "a-1"], ["Lists", "a", "-lists", "lists-", "*", "a.b"]),
    *(
        (
            template,
            parameter,
            ["arn:aws:iam::123456789012:policy/a/b", "arn:aws-cn:iam::aws:policy/b"],
            ["arn:aws:iam::123456789012:role/a", "policy"],
        )
        for template, parameter in (
            (AUTHORIZER, "AuthorizerPolicyArn"),
            *((each, "PermissionsBoundaryArn") for each in (AUTHORIZER, REVOCATION, SAMPLE_API)),
        )
    ),
    (REVOCATION, "CrlMaxAgeSeconds", ["0", "31536000"], ["-1", "1.5", "1e3", "100000000"]),
    (
        REVOCATION,
        "PrivateCaArns",
        [CA_ARNS[0], ",".join(CA_ARNS)],
        [f"{CA_ARNS[0]},", ", ".join(CA_ARNS[:2]), f"{CA_ARNS[0]}*", ",".join([*CA_ARNS, CA_ARNS[0]]), "*", CA_IDS[0]],
    ),
    (
        REVOCATION,
        "PublisherRoleArns",
        [PUBLISHER_ARNS[0], ",".join(PUBLISHER_ARNS), f"{PUBLISHER_ARNS[0]},{PUBLISHER_ARNS[0]}-2"],
        [
            *(f"{PUBLISHER_ARNS[0]},", f"{PUBLISHER_ARNS[0]}*", "*", "arn:aws:iam::123456789012:role/a/b", "role/a"),
            # Their folders would be the same.
            ",".join(PUBLISHER_ARNS[0].replace("123456789012", account) for account in ("123456789012", "2" * 12)),
        ],
    ),
    (
        REVOCATION,
        "CrlSources",
        [
            '{"http://a/b.crl": "b.crl"}',
            '{"https://a/b?c,d=e":"b/c.crl","http://b":"d.crl"}',
            '{ "http://a/b.crl": "b.crl" }',
            '{\n  "http://a/b.crl": "b.crl",\n  "http://c/d.crl": "d.crl"\n}\n',
        ],
        ["{}", "http://a/b.crl", '{"ldap:///a": "b.crl"}', '{"http://a": "b"}', '["http://a", "b.crl"]'],
    ),
    (
        REVOCATION,
        "FetcherSubnetIds",
        ["subnet-0a", "subnet-0a,subnet-1b"],
        ["subnet-0a,", "sg-0a", "subnet-0a, subnet-1b"],
    ),
    (REVOCATION, "FetcherSecurityGroupIds", ["sg-0a", "sg-0a,sg-1b"], ["sg-0a,", "subnet-0a", "sg-0a, sg-1b"]),
    (REVOCATION, "CrlSourcePrivateHosts", ["a", "a.internal,10.0.0.1"], ["a, b", "http://a/", "*"]),
    (REVOCATION, "MetricsNamespace", ["Partners/Authorizer"], ["AWS/Lambda", 'a"b', "a b", "a" * 256]),
    (REVOCATION, "AlarmTopicArn", [TOPIC], [f"{TOPIC}.fifo", "on-call"]),
    (MONITORING, "AlarmTopicArn", [TOPIC], [f"{TOPIC}.fifo", "on-call"]),
    (MONITORING, "CrlIndexerFunctionName", ["stack-CrlIndexer-1a2B"], [AUTHORIZER_ARN, 'a"b', "a" * 65]),
    (MONITORING, "CrlFetcherFunctionName", ["stack-CrlFetcher-1a2B"], [AUTHORIZER_ARN, 'a"b', "a" * 65]),
    (MONITORING, "CrlIndexerFailuresName", ["stack-CrlIndexerFailures-1a2B"], ["https://sqs/a", 'a"b', "a" * 81]),
]
NEVER_EMPTY: list[tuple[Template, str, list[str], list[str]]] = [
    (REVOCATION, "CrlFetchSchedule", ["rate(1 hour)", "cron(0 * * * ? *)"], ["1 hour", "hourly", "at(2026-01-01)"]),
]
REQUIRED: list[tuple[Template, str, list[str], list[str]]] = [
    (REVOCATION, "CrlBucketName", ["lists", "a-1"], ["Lists", "a", "-lists", "lists-", "*", "a.b"]),
    (REVOCATION, "TruststoreUri", [S3_URI, "file:///opt/a"], [*NOT_A_TRUSTSTORE]),
    (MONITORING, "AuthorizerFunctionName", ["stack-Authorizer-1a2B"], [AUTHORIZER_ARN, 'a"b', "a b", "a" * 65]),
    (MONITORING, "AuthorizerLogGroup", ["/aws/lambda/stack-authorizer"], ["a'b", 'a"b', "a b", "a" * 513]),
    (
        MONITORING,
        "MetricsNamespace",
        ["Partners/Authorizer", "a.b_c-d#e"],
        ["AWS/Lambda", 'a"b', "a b", "a" * 256],
    ),
    (SAMPLE_API, "AuthorizerArn", [AUTHORIZER_ARN, f"{AUTHORIZER_ARN}:live"], ["authorizer", f"{AUTHORIZER_ARN}:a:b"]),
    (
        SAMPLE_API,
        "DomainName",
        ["api.example.com", "api.xn--bcher-kva.xn--p1ai"],
        ["API.example.com", "example", "*.example.com", "-a.example.com", "a.example.com-", "a.1", "a.example.com\n"],
    ),
    (
        SAMPLE_API,
        "CertificateArn",
        ["arn:aws:acm:eu-central-1:123456789012:certificate/1234-abcd"],
        ["arn:aws:iam::123456789012:server-certificate/a", "certificate"],
    ),
    (SAMPLE_API, "TruststoreUri", [S3_URI], ["https://lists/truststore.pem", "s3://lists/"]),
]


@pytest.mark.parametrize(
    ("template", "parameter", "accepted", "rejected"),
    [
        *((template, name, ["", *accepted], rejected) for template, name, accepted, rejected in OPTIONAL),
        *(
            (template, name, accepted, ["", *rejected])
            for template, name, accepted, rejected in [*NEVER_EMPTY, *REQUIRED]
        ),
    ],
    ids=[f"{template.name}-{name}" for template, name, _, _ in [*OPTIONAL, *NEVER_EMPTY, *REQUIRED]],
)
def test_a_pattern_accepts_valid_values_only(
    template: Template, parameter: str, accepted: list[str], rejected: list[str]
) -> None:
    pattern = template.pattern(parameter)
    assert [value for value in accepted if not re.fullmatch(pattern, value)] == []
    assert [value for value in rejected if re.fullmatch(pattern, value)] == []


def test_rules_may_be_in_every_kind_of_store() -> None:
    for variable in ("AuthorizerRulesUri", "AuthorizerShadowRulesUri"):
        (accepted,) = (accepted for _, name, accepted, _ in OPTIONAL if name == variable)
        assert {uri.partition(":")[0] for uri in accepted} == set(Scheme)


def test_a_required_parameter_has_no_default() -> None:
    for template, name, _, _ in REQUIRED:
        assert "Default" not in template.source["Parameters"][name], name
