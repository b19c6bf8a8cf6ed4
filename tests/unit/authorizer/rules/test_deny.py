"""``deny`` in a rules document: it excludes clients from every rule, and from the lists in the environment."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.grant import Grant
from mtls_authorizer.rules.rule_set import RuleSet
from tests.aws.api_events import EVENTS, http_2_0_event, rest_event
from tests.aws.responses import checking, reason
from tests.pki import der
from tests.pki.certificates import attribute, certificate_der, client_pem, dns, email, name, pem, subject_alt_names, uri
from tests.rules_documents import rule

CLIENT = client_pem(("O", "Acme"), ("OU", "payments"), ("CN", "client"))
OTHER = client_pem(("O", "Acme"), ("OU", "payments"), ("CN", "other"))
TWO_NAMES = client_pem(("O", "Acme"), ("CN", "other"), ("CN", "client"))

RULES = [
    rule(name="acme", match={"organization": "Acme"}),
    rule(name="payments", match={"organizational_unit": "payments"}),
]
DENY = {"deny": {"common_name": "client"}}
LISTS = {"ALLOWED_COMMON_NAMES": "client,other"}
ANYONE = {"ALLOW_ANY_CLIENT_CERTIFICATE": "true"}


def variables(document: dict[str, Any], **others: str) -> dict[str, str]:
    return {"AUTHORIZER_RULES": json.dumps(document), **others}


CONFIGURATIONS = {
    "two rules": variables({"rules": RULES, **DENY}),
    "two rules and a list": variables({"rules": RULES, **DENY}, **LISTS),
    "a list alone": variables(DENY, **LISTS),
    "any certificate": variables(DENY, **ANYONE),
    "several entries": variables({"rules": RULES, "deny": [{"common_name": "nobody"}, DENY["deny"]]}, **LISTS),
    "two fields": variables({"rules": RULES, "deny": {"organization": "Acme", "common_name": ["client", "x"]}}),
    "a pattern": variables({"rules": RULES, "deny": {"common_name": {"prefix": "cli"}}}),
    "attributes": variables({"rules": RULES, "deny": {"subject": {"CN": "client", "O": "Acme"}}}),
    "one of several attributes, or of several sets of them": variables(
        {
            "rules": RULES,
            "deny": {"subject": [{"CN": "x"}, {"O": "x", "CN": "y"}, {"CN": "client", "O": "Acme"}]},
        }
    ),
}


@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
@pytest.mark.parametrize("environment", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_denied_client_is_denied_whatever_allows_it_and_others_are_allowed(
    environment: dict[str, str],
    make_event: Any,  # noqa: ANN401 -- one of the functions that make events
) -> None:
    authorize = checking(Authorizer(load_settings(environment)))
    # Also once both are in the cache.
    for _ in range(2):
        assert reason(authorize(make_event(CLIENT))) == "certificate_excluded"
        assert reason(authorize(make_event(OTHER))) is None


def test_a_simple_response_denies_it_as_well() -> None:
    settings = load_settings(variables({"rules": RULES, **DENY}, RESPONSE_FORMAT="simple"))
    authorize = checking(Authorizer(settings))
    assert authorize(http_2_0_event(CLIENT)) == {"isAuthorized": False, "context": {"reason": "certificate_excluded"}}
    assert authorize(http_2_0_event(OTHER))["isAuthorized"]


def test_each_of_several_common_names_can_be_denied() -> None:
    authorize = checking(Authorizer(load_settings(variables({"rules": RULES, **DENY}))))
    assert reason(authorize(rest_event(TWO_NAMES))) == "certificate_excluded"


def test_only_a_certificate_that_matches_all_fields_of_an_entry_is_denied() -> None:
    document = {"rules": RULES, "deny": {"common_name": "client", "organization": "Other"}}
    authorize = checking(Authorizer(load_settings(variables(document))))
    assert reason(authorize(rest_event(CLIENT))) is None


def test_without_lists_and_rules_no_client_is_allowed() -> None:
    authorize = checking(Authorizer(load_settings(variables(DENY))))
    assert reason(authorize(rest_event(OTHER))) == "no_allowlist_configured"


def test_shadow_rules_deny_only_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    settings = load_settings({**LISTS, "AUTHORIZER_SHADOW_RULES": json.dumps({"rules": RULES, **DENY})})
    with caplog.at_level("INFO", "mtls_authorizer"):
        assert reason(checking(Authorizer(settings))(rest_event(CLIENT))) is None
    assert vars(caplog.records[-1])["shadow_reason"] == "certificate_excluded"


@pytest.mark.parametrize("own", ["api.acme.example", "API.Acme.Example"])
@pytest.mark.parametrize(
    "entry",
    ["DNS:api.acme.example", "DNS:Api.acme.example", {"dns": {"suffix": ".ACME.example"}}, {"dns": "api.acme.example"}],
)
def test_a_dns_name_is_denied_and_excluded_in_any_case(own: str, entry: object) -> None:
    client = pem(certificate_der(name(("O", "Acme"), ("CN", "x")), extensions=[subject_alt_names(dns(own))]))
    entries = {"subject_alt_name": entry}
    for document in ({"rules": RULES, "deny": entries}, {"rules": [RULES[0] | {"not": entries}]}):
        authorize = checking(Authorizer(load_settings(variables(document))))
        assert reason(authorize(rest_event(client))) == "certificate_excluded"
        assert reason(authorize(rest_event(CLIENT))) is None


BAD_CA = [("O", "Bad, Ltd"), ("CN", "Bad CA 1")]


@pytest.mark.parametrize(
    "issuer",
    [
        name(*BAD_CA),
        name(("O", "BAD, LTD"), ("CN", "bad ca 1")),
        name(("O", "Bad,  Ltd"), ("CN", " Bad CA 1 ")),
        name(attribute("O", "bad, Ltd", der.BMP_STRING), ("CN", "Bad CA 1")),
        # OpenSSL ignores an empty relative distinguished name.
        name(BAD_CA[0], [], ("CN", "BAD CA 1")),
    ],
)
@pytest.mark.parametrize(
    ("entry", "applies"),
    [
        ("CN=Bad CA 1,O=Bad\\, Ltd", True),
        ("CN=BAD ca 1,O=bad\\, ltd", True),
        (["CN=Other CA", "CN=bad CA 1,O=Bad\\, Ltd"], True),
        ({"O": "Bad, Ltd"}, True),
        ({"CN": "BAD CA 1", "O": "bad, Ltd"}, True),
        ({"CN": {"prefix": "bad "}}, True),
        ({"CN": {"suffix": " ca  1"}}, True),
        ({"CN": {"prefix": "Bad CA 1 "}}, False),
        ({"CN": {"suffix": " Bad CA 1"}}, False),
        ({"CN": {"prefix": "ad"}}, False),
        ({"O": {"prefix": " "}}, False),
        ({"CN": "Bad CA", "O": "Bad, Ltd"}, False),
        ({"CN": "Bad CA1"}, False),
        ("O=Bad\\, Ltd,CN=Bad CA 1", False),
        ("CN=Bad CA 1+O=Bad\\, Ltd", False),
        ("CN=Bad CA 1", False),
    ],
)
def test_an_issuer_is_denied_and_excluded_in_each_spelling_that_its_ca_can_choose(
    issuer: bytes,
    entry: object,
    applies: bool,  # noqa: FBT001 -- a table's column
) -> None:
    client = pem(certificate_der(name(("O", "Acme")), issuer))
    for document in ({"rules": RULES, "deny": {"issuer": entry}}, {"rules": [RULES[0] | {"not": {"issuer": entry}}]}):
        authorize = checking(Authorizer(load_settings(variables(document))))
        # A space at the end of a name counts, if a pattern contains it and the name has it.
        assert reason(authorize(rest_event(client))) == ("certificate_excluded" if applies else None)


@pytest.mark.parametrize(
    ("common_name", "pattern"),
    [
        # The lower case of a sigma is another letter at the end of a word.
        ("acme \u03a3igma", {"prefix": "ACME \u03a3"}),
        ("acme\u03a3igma", {"prefix": "ACME\u03a3"}),
        ("acme\u03a3", {"suffix": "E\u03a3"}),
        ("acme\u03a3", {"suffix": "\u03a3"}),
        ("acme\u03a3", "ACME\u03a3"),
        ("acme\u03c2", "ACME\u03a3"),
        # Some letters have several upper or lower cases, or one of two letters.
        ("STRASSE", "stra\u00dfe"),
        ("Stra\u1e9ee CA", {"prefix": "STRASSE "}),
        ("\u017figma", {"prefix": "SIG"}),
        ("\u1fd3a", {"prefix": "\u0390"}),
        ("\u0131CA", "ICA"),
        ("ica", {"prefix": "\u0131"}),
    ],
)
def test_a_pattern_excludes_an_issuer_with_the_same_letters_in_another_case(common_name: str, pattern: object) -> None:
    client = pem(certificate_der(name(("O", "Acme")), name(("CN", common_name))))
    authorize = checking(Authorizer(load_settings(variables({"rules": RULES, "deny": {"issuer": {"CN": pattern}}}))))
    assert reason(authorize(rest_event(client))) == "certificate_excluded"
    assert reason(authorize(rest_event(OTHER))) is None


@pytest.mark.parametrize("written", ["CA@acme.example. ", " ca@Acme.example.", "ca@acme.example .", "ca@acme.example"])
@pytest.mark.parametrize(
    "entry",
    [
        {"emailAddress": "ca@acme.example"},
        {"emailAddress": "ca@acme.example. "},
        {"emailAddress": {"suffix": "@acme.example"}},
        {"emailAddress": {"suffix": "@Acme.example. "}},
        "1.2.840.113549.1.9.1=ca@acme.example",
        r"1.2.840.113549.1.9.1=ca@acme.example.\ ",
    ],
)
def test_spaces_and_a_final_dot_in_an_issuer_make_no_difference_to_an_exclusion_together(
    written: str, entry: object
) -> None:
    client = pem(certificate_der(name(("O", "Acme")), name(("emailAddress", written))))
    authorize = checking(Authorizer(load_settings(variables({"rules": RULES, "deny": {"issuer": entry}}))))
    assert reason(authorize(rest_event(client))) == "certificate_excluded"


def test_a_rule_matches_an_issuer_in_its_exact_spelling_only_also_if_others_exclude_each_spelling() -> None:
    other = rule(name="other", match={"organization": "Other"}, **{"not": {"issuer": "CN=CA"}})
    client = pem(certificate_der(name(("O", "Acme")), name(("CN", "CA"))))
    for written, expected in (("CN=CA", None), ("CN=ca", "no_rule_matched")):
        document = {"rules": [rule(name="own", match={"issuer": written}), other]}
        assert reason(checking(Authorizer(load_settings(variables(document))))(rest_event(client))) == expected


def test_each_rule_may_exclude_an_issuer_in_another_spelling() -> None:
    rules = [
        rule(name=written, match={"organization": "Acme"}, **{"not": {"issuer": f"CN={written}"}})
        for written in ("CA", "ca", "Ca")
    ]
    authorize = checking(Authorizer(load_settings(variables({"rules": rules}))))
    for own, expected in (("CA", "no_rule_matched"), ("cA", "no_rule_matched"), ("C A", None)):
        client = pem(certificate_der(name(("O", "Acme")), name(("CN", own))))
        assert reason(authorize(rest_event(client))) == expected


@pytest.mark.without_coverage
def test_thousands_of_denied_certificates_of_one_issuer_do_not_delay_each_decision() -> None:
    deny = [{"serial_number": f"{number:X}", "issuer": "CN=Test CA"} for number in range(1, 20_001)]
    rules = RuleSet(parse_rules(json.dumps({"rules": RULES, "deny": deny}).encode()))
    certificate = PeerCertificate.from_pem(OTHER)
    started = time.process_time()
    for _ in range(200):
        assert isinstance(rules.evaluate(certificate), Grant)
    # It is about 0.01 s, and was more than 0.7 s when each entry was looked at.
    assert time.process_time() - started < 0.3


def directory_name(*attributes: tuple[str, str]) -> bytes:
    """Return a name whose attributes form one relative distinguished name, in this order, which DER does not permit."""
    content = der.tlv(der.SET, *(attribute(*each) for each in attributes))
    return der.tagged(4, der.sequence(content), constructed=True)


UPN, XMPP_ADDRESS, REALM, MAILBOX = "1.3.6.1.4.1.311.20.2.3", *(f"1.3.6.1.5.5.7.8.{number}" for number in (5, 8, 9))


def other_name(oid: str, text: str) -> bytes:
    return der.tagged(0, der.oid(oid), der.tagged(0, der.text(text), constructed=True), constructed=True)


@pytest.mark.parametrize(
    ("own", "entries"),
    [
        (dns("mallory.acme.example."), ["DNS:mallory.acme.example", {"dns": {"suffix": ".acme.example"}}]),
        (dns("mallory.acme.example"), ["DNS:Mallory.acme.example."]),
        (email("Mallory@acme.example."), ["email:mallory@acme.example", {"email": {"suffix": "@ACME.example"}}]),
        (
            uri("SPIFFE://ACME.example/Mallory"),
            ["URI:spiffe://acme.example/Mallory", {"uri": {"prefix": "Spiffe://acme.example/M"}}],
        ),
        *(
            (
                uri(f"https://acme.example.{rest}"),
                [f"URI:https://acme.example{rest}", {"uri": f"https://acme.example.{rest}"}],
            )
            # In lower case, so that nothing but the final dot of the host differs.
            for rest in ("", "/mallory", "?mallory", "#mallory", ":8443/mallory")
        ),
        (
            uri("https://acme.example/Mallory"),
            ["URI:https://acme.example./Mallory", {"uri": {"prefix": "https://ACME.example./Mall"}}],
        ),
        (uri("URN:acme:Mallory"), ["URI:urn:acme:Mallory"]),
        (uri("urn:acme:mallory"), ["URI:urn:acme:mallory", "URI:URN:acme:mallory"]),
        (directory_name(("CN", "a"), ("OU", "b")), ["dirName:CN=a+OU=b", "dirName:OU=b+CN=a"]),
        (directory_name(("OU", "b"), ("CN", "a")), ["dirName:CN=a+OU=b", "dirName:OU=b+CN=a"]),
        (directory_name(("DC", "B"), ("DC", "a")), ["dirName:DC=a+DC=b", "dirName:DC=B+DC=A"]),
        (directory_name(("emailAddress", "M@a.example")), ["dirName:1.2.840.113549.1.9.1=m@A.example."]),
        (
            directory_name(("emailAddress", "m@a.example."), ("2.5.4.4", "a")),
            ["dirName:2.5.4.4=a+emailAddress=m@a.example"],
        ),
        (
            directory_name(("emailAddress", "\u03c3\u03b1\u03c2@a.example")),
            [f"dirName:emailAddress={each}@a.example" for each in ("\u03a3\u0391\u03a3", "\u03c3\u03b1\u03c3")],
        ),
        (directory_name(("DC", "M\u00dcNCHEN+")), ["dirName:DC=m\u00fcnchen\\+", "dirName:DC=M\\C3\\BCnchen\\+"]),
        *(
            (other_name(oid, own), [f"otherName:{oid};UTF8:Mallory@acme.example"])
            for oid in (UPN, XMPP_ADDRESS, REALM, MAILBOX)
            for own in ("mallory@acme.example", "Mallory@ACME.example", "MALLORY@acme.example.")
        ),
        # A UTF8String in hexadecimal is text as well.
        (other_name("1.2.3", "Mallory"), [f"otherName:1.2.3;DER:{der.text('Mallory').hex()}"]),
        (other_name(UPN, "M@acme.example"), [f"otherName:{UPN};DER:{der.text('m@acme.example').hex()}"]),
    ],
)
def test_another_spelling_of_an_alternative_name_is_denied_and_excluded(own: bytes, entries: list[object]) -> None:
    client = pem(certificate_der(name(("O", "Acme"), ("CN", "x")), extensions=[subject_alt_names(own)]))
    for entry in entries:
        for document in (
            {"rules": RULES, "deny": {"subject_alt_name": entry}},
            {"rules": [RULES[0] | {"not": {"subject_alt_name": entry}}]},
        ):
            authorize = checking(Authorizer(load_settings(variables(document))))
            assert reason(authorize(rest_event(client))) == "certificate_excluded", entry


@pytest.mark.parametrize(
    ("own", "entry"),
    [
        (uri("spiffe://acme.example/mallory"), "URI:spiffe://acme.example/Mallory"),
        (uri("urn:acme:mallory"), "URI:urn:acme:Mallory"),
        (uri("https://acme.example?Mallory"), "URI:https://acme.example?mallory"),
        (uri("mallory"), "URI:Mallory"),
        (directory_name(("CN", "Mallory")), "dirName:CN=mallory"),
        (other_name("1.2.3", "Mallory"), "otherName:1.2.3;UTF8:mallory"),
        (other_name(UPN, "mallory@acme.example"), f"otherName:{MAILBOX};UTF8:mallory@acme.example"),
    ],
)
def test_the_rest_of_a_name_has_its_own_case(own: bytes, entry: str) -> None:
    client = pem(certificate_der(name(("O", "Acme"), ("CN", "x")), extensions=[subject_alt_names(own)]))
    document = {"rules": RULES, "deny": {"subject_alt_name": entry}}
    assert reason(checking(Authorizer(load_settings(variables(document))))(rest_event(client))) is None


@pytest.mark.parametrize(
    ("attributes", "entry"),
    [
        ([("emailAddress", "Mallory@acme.example")], {"emailAddress": "mallory@acme.example"}),
        ([("emailAddress", "mallory@acme.example")], {"emailAddress": {"suffix": "@Acme.example"}, "O": "Acme"}),
        ([("DC", "EXAMPLE")], {"DC": "example"}),
        ([("1.3.6.1.4.1.250.1.57", "HTTPS://Acme.example/A")], {"1.3.6.1.4.1.250.1.57": "https://acme.example/A"}),
        ([("emailAddress", "\u03c3\u03b1\u03c3@acme.example")], {"emailAddress": "\u03a3\u0391\u03a3@acme.example"}),
        ([("emailAddress", "\u03c3\u03b1\u03c2@acme.example")], {"emailAddress": "\u03a3\u0391\u03a3@acme.example"}),
        ([("emailAddress", "ma\u017fk@acme.example")], {"emailAddress": "mask@acme.example"}),
        ([("DC", "EXAMPLE"), ("emailAddress", "M@acme.example")], {"DC": "example"}),
        ([("DC", "EXAMPLE"), ("emailAddress", "M@acme.example")], {"emailAddress": "m@acme.example"}),
        ([("DC", "EXAMPLE")], "DC=example,O=Acme"),
        ([("DC", "example")], "DC=Example,O=Acme"),
        (
            [("DC", "acme"), ("emailAddress", "Mallory@acme.example")],
            ["CN=x", "1.2.840.113549.1.9.1=mallory@acme.example.,DC=ACME,O=Acme"],
        ),
    ],
)
def test_an_address_or_a_domain_in_an_attribute_is_denied_in_any_case(
    attributes: list[tuple[str, str]], entry: object
) -> None:
    client = client_pem(("O", "Acme"), *attributes)
    authorize = checking(Authorizer(load_settings(variables({"rules": RULES, "deny": {"subject": entry}}))))
    assert reason(authorize(rest_event(client))) == "certificate_excluded"
    assert reason(authorize(rest_event(OTHER))) is None


def test_a_domain_in_the_subject_is_denied_in_any_case_and_the_rest_in_its_own() -> None:
    names = name(("DC", "EXAMPLE"), ("O", "Acme"), ("CN", "x")), name(("DC", "EXAMPLE"), ("CN", "CA"))
    client = pem(certificate_der(*names, serial_number=der.integer(7)))
    for entry, expected in (
        ({"subject": "CN=x,O=Acme,DC=example"}, "certificate_excluded"),
        ({"subject": "CN=X,O=Acme,DC=example"}, None),
        # The issuer is in any case: its CA writes it.
        ({"serial_number": "07", "issuer": "CN=CA,DC=example"}, "certificate_excluded"),
        ({"serial_number": "07", "issuer": "CN=ca,DC=example."}, "certificate_excluded"),
        ({"serial_number": "07", "issuer": "CN=ca,DC=other"}, None),
    ):
        document = {"rules": RULES, "deny": entry}
        assert reason(checking(Authorizer(load_settings(variables(document))))(rest_event(client))) == expected


def test_a_whole_name_matches_in_its_own_case_only() -> None:
    client = client_pem(("DC", "EXAMPLE"), ("CN", "x"))
    for written, expected in (("CN=x,DC=EXAMPLE", None), ("CN=x,DC=example", "subject_not_allowed")):
        authorize = checking(Authorizer(load_settings(variables({"rules": [rule(match={"subject": written})]}))))
        assert reason(authorize(rest_event(client))) == expected


def test_a_dns_name_matches_in_its_own_case_only() -> None:
    client = pem(certificate_der(name(("O", "Acme")), extensions=[subject_alt_names(dns("API.acme.example"))]))
    for value, expected in (("DNS:API.acme.example", None), ("DNS:api.acme.example", "subject_alt_name_not_allowed")):
        matching = rule(match={"subject_alt_name": value}, context={"host": {"from": "subject_alt_name.dns"}})
        answer = checking(Authorizer(load_settings(variables({"rules": [matching]}))))(rest_event(client))
        assert reason(answer) == expected
        assert answer["context"].get("host") == (None if expected else "API.acme.example")


def test_very_many_names_with_capitals_do_not_take_very_long() -> None:
    names = [dns(f"API-{number}.acme.example") for number in range(20_000)]
    client = pem(certificate_der(name(("O", "Acme")), extensions=[subject_alt_names(*names)]))
    denying = {"rules": RULES, "deny": {"subject_alt_name": "DNS:api-19999.acme.example"}}
    assert reason(Authorizer(load_settings(variables(denying))).authorize(rest_event(client))) == "certificate_excluded"


def test_a_rule_matches_a_user_principal_name_in_its_exact_spelling_only() -> None:
    names = [other_name(UPN, own) for own in ("Alice@acme.example", "bob@acme.example")]
    clients = [pem(certificate_der(name(("CN", "x")), extensions=[subject_alt_names(own)])) for own in names]
    allowed = [f"otherName:{UPN};UTF8:{own}" for own in ("alice@acme.example", "bob@acme.example")]
    authorize = checking(Authorizer(load_settings({"ALLOWED_SUBJECT_ALT_NAMES": ",".join(allowed)})))
    assert [reason(authorize(rest_event(each))) for each in clients] == ["subject_alt_name_not_allowed", None]
