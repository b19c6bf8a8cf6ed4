"""What ``rules check`` warns about, and what it does not."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from client_certificate_auth import PeerCertificate
from mtls_authorizer.policy.rule_warnings import RuleWarning, rule_warnings
from mtls_authorizer.policy.rule_warnings import RuleWarningKind as ValueKind
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.request.decision import outcome_for
from mtls_authorizer.request.event import ApiRequest
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.document.validation import RULE_KEYS
from mtls_authorizer.rules.grant import Grant
from mtls_authorizer.rules.routes import permits
from mtls_authorizer.rules.rule import Rule
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer_cli.rules.check.contradictions import contradictions
from mtls_authorizer_cli.rules.check.coverage import covered_rules
from mtls_authorizer_cli.rules.check.kinds import WarningKind
from tests.pki.certificates import certificate_der, dns, email, name, pem, subject_alt_names, uri
from tests.pki.psd2_statements import psd2_statement
from tests.rules_documents import OTHER_VALUES, VALID, document, rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from enum import StrEnum

    from mtls_authorizer.rules.conditions import Matcher

Match = dict[str, Any]

NAME_AND_TRUST_DOMAIN = "subject_alt_name and spiffe_trust_domain"


def never(match: Match, exclusions: object = None) -> list[tuple[StrEnum, str]]:
    others = {} if exclusions is None else {"not": exclusions}
    (only,) = parse_rules(document(rule(match=match, **others)))
    return [(finding.kind, finding.message) for finding in contradictions(only, "rules[0]")]


@pytest.mark.parametrize(
    ("match", "fields"),
    [
        ({"common_name": "a", "subject": {"CN": "b"}}, "common_name and subject"),
        ({"common_name": "a", "subject": {"2.5.4.3": "b"}}, "common_name and subject"),
        ({"common_name": ["a", "b"], "subject": {"CN": ["c", "d"][0]}}, "common_name and subject"),
        ({"common_name": "a", "subject": "CN=b"}, "common_name and subject"),
        ({"common_name": "a", "subject": "O=b"}, "common_name and subject"),
        ({"common_name": "a", "subject": "CN=a,CN=a"}, "common_name and subject"),
        ({"organization": "a", "subject": "CN=b,O=c"}, "organization and subject"),
        ({"organizational_unit": ["a", "b"], "subject": ["CN=b,OU=c", "CN=b"]}, "organizational_unit and subject"),
        ({"common_name": {"prefix": "a"}, "subject": {"CN": "b"}}, "common_name and subject"),
        ({"common_name": {"prefix": "a"}, "subject": {"CN": "ba"}}, "common_name and subject"),
        ({"common_name": "b", "subject": {"CN": {"suffix": "a"}}}, "common_name and subject"),
        ({"common_name": {"prefix": "ab"}, "subject": {"CN": {"prefix": "ac"}}}, "common_name and subject"),
        ({"common_name": {"suffix": "ba"}, "subject": {"CN": {"suffix": "ca"}}}, "common_name and subject"),
        ({"common_name": {"suffix": "ba"}, "subject": "CN=ca"}, "common_name and subject"),
        ({"organization_identifier": "a", "subject": {"2.5.4.97": "b"}}, "subject and organization_identifier"),
        (
            {"organization_identifier": {"prefix": "ab"}, "subject": "CN=a,2.5.4.97=b"},
            "subject and organization_identifier",
        ),
        ({"organization_identifier": "a", "subject": "CN=a,O=b"}, "subject and organization_identifier"),
        ({"spiffe_trust_domain": "a", "subject_alt_name": "URI:spiffe://b/a"}, NAME_AND_TRUST_DOMAIN),
        ({"spiffe_trust_domain": ["a", "b"], "subject_alt_name": "URI:https://a/b"}, NAME_AND_TRUST_DOMAIN),
        ({"spiffe_trust_domain": "a", "subject_alt_name": {"uri": {"prefix": "spiffe://b/"}}}, NAME_AND_TRUST_DOMAIN),
    ],
)
def test_fields_that_contradict_each_other_are_found(match: Match, fields: str) -> None:
    assert never(match) == [
        (WarningKind.NEVER_MATCHES, f"can match no certificate, because {fields} contradict each other")
    ]


@pytest.mark.parametrize(
    "match",
    [
        {"common_name": "a", "subject": {"CN": "a"}},
        {"common_name": ["a", "b"], "subject": [{"CN": "c"}, {"CN": "b"}]},
        {"common_name": "a", "subject": {"CN": {"prefix": "a"}}},
        {"common_name": {"prefix": "a"}, "subject": {"CN": {"suffix": "b"}}},
        {"common_name": {"prefix": "a"}, "subject": {"CN": {"prefix": "ab"}}},
        {"common_name": {"prefix": "ab"}, "subject": {"CN": {"prefix": "a"}}},
        {"common_name": {"prefix": "a"}, "subject": "CN=ab"},
        {"common_name": "a", "subject": {"O": "b"}},
        {"common_name": "a", "subject": "CN=a,O=b"},
        {"common_name": "a", "issuer": "CN=b"},
        {"common_name": "a", "issuer": {"CN": "b"}},
        # A subject may have several units and organizations.
        {"organization": "a", "subject": {"O": "b"}},
        {"organizational_unit": "a", "subject": "CN=b,OU=c,OU=a"},
        {
            "common_name": [f"a{number}" for number in range(400)],
            "subject": [{"CN": f"b{number}"} for number in range(400)],
        },
        {"serial_number": ["1", "2"], "issuer": "CN=a"},
        {"subject_alt_name": ["DNS:a", "DNS:b"], "fingerprint": ["AB" * 32, "CD" * 32]},
        {"organization_identifier": {"prefix": "a"}, "subject": [{"2.5.4.97": "ab"}, "CN=a,2.5.4.97=b"]},
        {"spiffe_trust_domain": "a", "subject_alt_name": ["URI:spiffe://b/a", "URI:spiffe://a/b"]},
        {"spiffe_trust_domain": "a", "subject_alt_name": {"uri": {"prefix": "spiffe://a/b/"}}},
        {"spiffe_trust_domain": "a", "subject_alt_name": "DNS:b"},
    ],
)
def test_fields_that_do_not_contradict_each_other_are_not_reported(match: Match) -> None:
    assert not never(match)


@pytest.mark.parametrize(
    ("exclusion", "fields"),
    [
        ({"common_name": "a", "subject": "CN=b"}, "common_name and subject"),
        ({"common_name": "a", "subject": "O=b"}, "common_name and subject"),
        ({"common_name": {"prefix": "a"}, "subject": ["CN=b", "CN=c,CN=d"]}, "common_name and subject"),
        ({"organization": "a", "subject": "CN=b,O=c"}, "organization and subject"),
        ({"organizational_unit": ["a", "b"], "subject": "CN=b,OU=c"}, "organizational_unit and subject"),
        ({"organization_identifier": "a", "subject": "CN=a,2.5.4.97=b"}, "subject and organization_identifier"),
    ],
)
def test_an_exclusion_that_excludes_nothing_is_found(exclusion: Match, fields: str) -> None:
    message = f"can match no certificate, because {fields} contradict each other"
    assert places_of_exclusions(exclusion) == [("deny", message), ("rules[0].not", message)]
    other = {"common_name": "c"}
    assert places_of_exclusions([other, exclusion]) == [("deny[1]", message), ("rules[0].not[1]", message)]


@pytest.mark.parametrize(
    "exclusion",
    [
        # A name with several common names or organization identifiers is excluded by any of them.
        {"common_name": "a", "subject": {"CN": "b"}},
        {"common_name": "a", "subject": "CN=a,CN=b"},
        {"common_name": "a", "subject": ["CN=b", {"O": "c"}]},
        {"common_name": {"prefix": "a"}, "subject": {"CN": {"prefix": "b"}}},
        {"organization_identifier": "a", "subject": {"2.5.4.97": "b"}},
        {"organization_identifier": "a", "subject": "CN=a,2.5.4.97=a,2.5.4.97=b"},
        {"spiffe_trust_domain": "a", "subject_alt_name": "URI:spiffe://b/a"},
        {"common_name": "a", "subject": "CN=a,emailAddress=A@b.example"},
        {"serial_number": "1", "issuer": "CN=a", "common_name": "a"},
    ],
)
def test_an_exclusion_that_may_exclude_somebody_is_not_reported(exclusion: Match) -> None:
    assert not places_of_exclusions(exclusion)


def places_of_exclusions(exclusions: object) -> list[tuple[str, str]]:
    content = json.dumps({"deny": exclusions, "rules": [rule(match={"issuer": "CN=a"}, **{"not": exclusions})]})
    return [
        (finding.place, finding.message)
        for each in reversed(parse_rules(content.encode()))
        for finding in contradictions(each, each.name if each.denies else "rules[0]")
        if finding.kind is WarningKind.NEVER_MATCHES
    ]


@pytest.mark.parametrize(
    ("match", "keys", "is_found"),
    [
        ({"subject": "CN=a"}, {"context": {"k": {"from": "subject.O"}}}, True),
        ({"subject": ["CN=a", "CN=b,O=a,O=a"]}, {"context": {"k": {"from": "subject.O"}}}, True),
        ({"issuer": "CN=a", "common_name": "b"}, {"usage_plan_key": {"from": "issuer.O"}}, True),
        ({"subject": "CN=a"}, {"context": {"k": {"from": "subject.O", "default": "b"}}}, False),
        ({"subject": ["CN=a", "CN=a,O=b"]}, {"context": {"k": {"from": "subject.O"}}}, False),
        ({"subject": ["CN=a", {"CN": "b"}]}, {"context": {"k": {"from": "subject.O"}}}, False),
        ({"subject": "CN=a"}, {"context": {"k": {"from": "issuer.O"}}}, False),
    ],
)
def test_a_required_value_that_no_matching_name_has_is_found(
    match: Match,
    keys: dict[str, Any],
    is_found: bool,  # noqa: FBT001 -- a table's column
) -> None:
    (only,) = parse_rules(document(rule(match=match, **keys)))
    found = [(each.kind, " requires a single " in each.message) for each in contradictions(only, "rules[0]")]
    assert found == ([(WarningKind.NEVER_MATCHES, True)] if is_found else [])


@pytest.mark.parametrize(
    ("match", "exclusions", "where"),
    [
        ({"common_name": "a"}, {"common_name": "a"}, "rules[0].not"),
        ({"common_name": "a"}, [{"common_name": "b"}, {"subject": {"CN": "a"}}], "rules[0].not[1]"),
        ({"common_name": ["a", "ab"]}, {"common_name": {"prefix": "a"}}, "rules[0].not"),
        ({"common_name": {"prefix": "ab"}}, {"common_name": {"prefix": "a"}}, "rules[0].not"),
        ({"common_name": {"suffix": "ba"}}, {"common_name": ["x", {"suffix": "a"}]}, "rules[0].not"),
        ({"subject": "CN=a,O=b"}, {"organization": "b"}, "rules[0].not"),
        ({"subject": "CN=a,CN=b"}, {"common_name": "b"}, "rules[0].not"),
        ({"subject": {"O": "b", "CN": "a"}}, {"subject": {"O": "b"}}, "rules[0].not"),
        ({"common_name": "a", "issuer": "CN=b"}, {"issuer": {"CN": "b"}, "common_name": "a"}, "rules[0].not"),
        ({"serial_number": "1", "issuer": "CN=b"}, {"serial_number": "01", "issuer": "CN=b"}, "rules[0].not"),
        ({"subject_alt_name": "DNS:b/.a"}, {"subject_alt_name": {"dns": {"suffix": ".a"}}}, "rules[0].not"),
        ({"organization_identifier": "a"}, {"subject": {"2.5.4.97": "a"}}, "rules[0].not"),
        ({"subject": {"2.5.4.97": "a"}}, {"organization_identifier": "a"}, "rules[0].not"),
        ({"spiffe_trust_domain": "a"}, {"subject_alt_name": {"uri": {"prefix": "spiffe://a/"}}}, "rules[0].not"),
    ],
)
def test_an_exclusion_of_all_that_a_rule_matches_is_found(match: Match, exclusions: object, where: str) -> None:
    assert never(match, exclusions) == [
        (
            WarningKind.NEVER_MATCHES,
            f"can match no certificate, because {where} excludes everything that the rule matches",
        )
    ]


@pytest.mark.parametrize(
    ("match", "exclusions", "values"),
    [
        ({"common_name": ["a", "b"]}, {"common_name": "a"}, "'a'"),
        ({"common_name": ["a", "b", "c"]}, [{"common_name": "a"}, {"subject": {"CN": "c"}}], "'a', 'c'"),
        ({"common_name": ["a", "b"], "organization": "o"}, {"common_name": "a", "organization": "o"}, "'a'"),
        ({"common_name": ["x", {"prefix": "ab"}]}, {"common_name": {"prefix": "a"}}, "starting with 'ab'"),
        # Exclusions apply to each of several common names.
        ({"subject": ["CN=a,CN=b", "CN=c"]}, {"common_name": "a"}, "'CN=a,CN=b'"),
        ({"common_name": [f"a{n}" for n in range(8)] + ["b"]}, {"common_name": {"prefix": "a"}},
         "'a0', 'a1', 'a2', 'a3', 'a4' and 3 more"),
    ],
)  # fmt: skip
def test_a_value_that_is_matched_and_excluded_is_found(match: Match, exclusions: object, values: str) -> None:
    assert never(match, exclusions) == [
        (WarningKind.VALUE_NEVER_MATCHES, f"contains values that 'not' excludes: {values}")
    ]


def test_names_among_excluded_values_are_shown_as_they_are_written() -> None:
    assert never({"issuer": ["CN=a,O=b+OU=c", "CN=x", {"CN": "q", "O": "b"}]}, {"issuer": {"O": "b"}}) == [
        (WarningKind.VALUE_NEVER_MATCHES, "contains values that 'not' excludes: 'CN=a,O=b+OU=c', CN 'q' and O 'b'")
    ]


ALTERNATIVE_NAMES = {"dns": dns, "email": email, "uri": uri}
ADDRESS, DOT_SEGMENT = "a@b.example,c@d.example", "https://a/b/../c"


@pytest.mark.parametrize(
    ("wanted", "ignored"),
    [
        ({"email": ADDRESS}, ADDRESS),
        ({"email": {"exact": "a@b.example "}}, "a@b.example "),
        ({"email": {"suffix": "@b.example,c@d.example"}}, ADDRESS),
        ({"email": {"suffix": "@d.example"}}, None),
        ({"uri": DOT_SEGMENT}, DOT_SEGMENT),
        ({"uri": "https://a/b/.."}, "https://a/b/.."),
        ({"uri": {"prefix": "https://a/b/../"}}, DOT_SEGMENT),
        ({"uri": {"prefix": "https://a/b/.."}}, None),  # which https://a/b/..c begins with
        ({"dns": "b/.a.example"}, None),
        ({"dns": {"suffix": "./a.example"}}, "b./a.example"),
        ({"dns": {"suffix": ".a.example"}}, None),
    ],
)
def test_a_value_that_others_may_read_differently_is_reported_if_no_certificate_matches_it(
    wanted: dict[str, Any], ignored: str | None
) -> None:
    ((kind, value),) = wanted.items()
    comparison, text = next(iter(value.items())) if isinstance(value, dict) else ("exact", value)
    end = {"prefix": f"{text}c", "suffix": f"b{text}", "exact": text}[comparison]
    certificate = PeerCertificate.from_pem(
        pem(certificate_der(extensions=[subject_alt_names(ALTERNATIVE_NAMES[kind](ignored or end))]))
    )
    match = {"subject_alt_name": [wanted, "DNS:x"]}
    assert bool(RuleSet(parse_rules(document(rule(match=match)))).matching(certificate)) is (ignored is None)
    shown = f"{'DNS' if kind == 'dns' else kind.upper() if kind == 'uri' else kind} "
    shown += {"exact": "", "prefix": "starting with ", "suffix": "ending with "}[comparison] + repr(text)
    problem = f"contains values that match no certificate, because others may read them differently: {shown}"
    assert never(match) == ([] if ignored is None else [(WarningKind.VALUE_NEVER_MATCHES, problem)])
    # An exclusion has an effect.
    assert not never({"common_name": "a"}, match)


@pytest.mark.parametrize(
    ("match", "values"),
    [
        ({"subject": {"emailAddress": ADDRESS, "CN": "a"}}, f"CN 'a' and emailAddress {ADDRESS!r}"),
        ({"issuer": ["CN=a", r"CN=a\00b"]}, r"'CN=a\x00b'"),
        ({"subject_alt_name": [r"dirName:CN=a\7F", "dirName:CN=a"]}, r"dirName 'CN=a\\7F'"),
        (
            {"subject_alt_name": [f"URI:https://a/{number}/../b" for number in range(7)]},
            ", ".join(f"URI 'https://a/{number}/../b'" for number in range(5)) + " and 2 more",
        ),
    ],
)
def test_a_name_that_others_may_read_differently_is_reported(match: Match, values: str) -> None:
    assert never(match) == [
        (
            WarningKind.VALUE_NEVER_MATCHES,
            f"contains values that match no certificate, because others may read them differently: {values}",
        )
    ]


def test_a_whole_name_with_an_address_that_others_may_read_differently_matches() -> None:
    match = {"subject": r"emailAddress=a@b.example\,c@d.example"}
    certificate = PeerCertificate.from_pem(pem(certificate_der(name(("emailAddress", ADDRESS)))))
    assert RuleSet(parse_rules(document(rule(match=match)))).matching(certificate)
    assert not never(match)


@pytest.mark.without_coverage
def test_long_lists_and_many_similar_rules_are_examined_in_seconds() -> None:
    listed = [f"a{number}" for number in range(4_000)]
    excluded = [{"common_name": f"a{number}"} for number in range(3_999, 7_999)]
    patterns = [{"common_name": {"prefix": f"b{number}"}} for number in range(100)]
    before = time.process_time()
    (finding,) = never({"common_name": listed}, [*excluded, *patterns])
    assert finding[1] == "contains values that 'not' excludes: 'a3999'"
    rules = [named(f"r{number}", ACME, allow=[f"GET /{number}"]) for number in range(400)]
    assert not covered(*rules)
    # Without the indexes and limits it takes minutes.
    assert time.process_time() - before < 15


def test_a_rule_whose_exclusions_leave_nothing_is_found() -> None:
    assert never({"common_name": ["a", "b"]}, [{"common_name": "a"}, {"common_name": "b"}]) == [
        (WarningKind.NEVER_MATCHES, "can match no certificate, because 'not' excludes every value of common_name")
    ]


@pytest.mark.parametrize(
    ("match", "exclusions"),
    [
        ({"common_name": "a"}, {"common_name": "b"}),
        ({"common_name": {"prefix": "a"}}, {"common_name": "ab"}),
        ({"common_name": {"prefix": "a"}}, {"common_name": {"suffix": "a"}}),
        ({"common_name": "a"}, {"common_name": "a", "organization": "b"}),
        ({"common_name": "a"}, {"subject": "CN=a"}),
        ({"organization": "a"}, {"organizational_unit": "a"}),
        ({"organization": "a"}, {"serial_number": "1", "issuer": "CN=a"}),
        ({"issuer": "CN=a"}, {"subject": {"CN": "a"}}),
    ],
)
def test_useful_exclusions_are_not_reported(match: Match, exclusions: object) -> None:
    assert not never(match, exclusions)


def covered(*rules: dict[str, Any]) -> list[tuple[str, StrEnum, str]]:
    findings = covered_rules(parse_rules(document(*rules)))
    return [(finding.place, finding.kind, finding.message) for finding in findings]


def named(name: str, match: Match, **keys: object) -> dict[str, Any]:
    return rule(name=name, match=match, **keys)


ACME = {"organization": "Acme"}
BY_WIDE = "adds nothing: rule 'wide' (rules[0]) matches all of its certificates and allows all of its routes"


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        (ACME, ACME | {"common_name": "a"}),
        (ACME, {"subject": {"O": "Acme", "CN": "a"}}),
        (ACME, {"subject": "CN=a,O=Acme"}),
        ({"organization": ["Acme", "Other"]}, ACME),
        ({"organization": ["Acme", {"prefix": "Ot"}]}, {"organization": ["Acme", "Other"]}),
        ({"common_name": {"prefix": "a"}}, {"common_name": {"prefix": "ab"}}),
        ({"common_name": {"suffix": "a"}}, {"common_name": {"suffix": "ba"}}),
        ({"common_name": {"suffix": "a"}}, {"common_name": ["ba", "ca"]}),
        ({"issuer": {"O": "Acme"}}, {"issuer": "CN=a,O=Acme", "common_name": "b"}),
        ({"issuer": {"O": "Acme"}}, {"issuer": {"O": "Acme", "CN": "b"}}),
        ({"issuer": {"O": "Acme", "CN": {"prefix": "b"}}}, {"issuer": {"O": "Acme", "CN": "b"}}),
        ({"subject_alt_name": {"dns": {"suffix": ".acme.example"}}}, {"subject_alt_name": "DNS:a.acme.example"}),
        ({"common_name": "a", "organization": "Acme"}, {"subject": "CN=a,O=Acme"}),
        ({"organization_identifier": "b"}, {"subject": "CN=a,2.5.4.97=b"}),
        ({"subject": {"2.5.4.97": "a"}}, {"organization_identifier": "a", "common_name": "b"}),
        ({"subject_alt_name": {"uri": {"prefix": "spiffe://a/"}}}, {"spiffe_trust_domain": "a", "common_name": "b"}),
    ],
)
def test_a_rule_that_an_earlier_one_covers_is_found(wide: Match, narrow: Match) -> None:
    assert covered(named("wide", wide), named("narrow", narrow)) == [("rules[1]", WarningKind.COVERED, BY_WIDE)]
    # Its own context has no effect there.
    (finding,) = covered(named("wide", wide), named("narrow", narrow, context={"a": "b"}))
    assert finding[2] == f"{BY_WIDE}, and comes first, so that its own context and usage_plan_key have no effect"
    # In front of the wide rule it decides the context.
    assert covered(named("narrow", narrow), named("wide", wide)) == [
        ("rules[0]", WarningKind.COVERED, BY_WIDE.replace("[0]", "[1]"))
    ]
    assert not covered(named("narrow", narrow, context={"a": "b"}), named("wide", wide))
    assert not covered(named("narrow", narrow), named("wide", wide, allow=["GET /*"]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ACME, {"organization": "Other"}),
        (ACME, {"organizational_unit": "Acme"}),
        (ACME, {"organization": ["Acme", "Other"], "common_name": "a"}),
        (ACME | {"common_name": "a"}, ACME | {"common_name": "b"}),
        ({"issuer": {"O": "Acme"}}, {"subject": {"O": "Acme"}}),
        ({"common_name": "a"}, {"subject": "CN=a,CN=a"}),
        ({"issuer": {"O": "Acme", "CN": "a"}}, {"issuer": ["CN=a,O=Acme", "CN=b,O=Acme"]}),
        ({"common_name": {"prefix": "ab"}}, {"common_name": {"suffix": "ab"}}),
        ({"common_name": {"prefix": "ab"}}, {"common_name": "a"}),
        # The certificate may have several.
        ({"organization_identifier": "a"}, {"subject": {"2.5.4.97": "a"}, "common_name": "b"}),
        ({"organization_identifier": "a"}, {"subject": "2.5.4.97=a,2.5.4.97=a"}),
        ({"organization_identifier": "a"}, {"subject": "CN=a,2.5.4.97=b"}),
        ({"spiffe_trust_domain": "a"}, {"subject_alt_name": "URI:spiffe://a/b", "common_name": "b"}),
        # Which matches no suffix.
        ({"subject_alt_name": {"dns": {"suffix": ".a"}}}, {"subject_alt_name": "DNS:b/.a"}),
    ],
)
def test_rules_with_clients_of_their_own_are_not_reported(one: Match, other: Match) -> None:
    assert not covered(named("one", one), named("other", other))
    assert not covered(named("other", other), named("one", one)) or len(str(one)) > len(str(other))


@pytest.mark.parametrize(
    ("wide", "narrow", "included"),
    [
        (None, ["GET /a"], True),
        (["GET /a"], None, False),
        (["GET /a", "GET /b"], ["GET /b"], True),
        (["GET /a"], ["GET /a", "GET /b"], False),
        (["GET /a/*"], ["GET /a/b", "GET /a/b/*", "GET /a/*", "GET /a/b/"], True),
        (["GET /a/*"], ["GET /a"], False),
        (["GET /a/*"], ["GET /a/"], False),
        (["GET /a/*"], ["GET /ab"], False),
        (["GET /a/*"], ["POST /a/b"], False),
        (["GET /a/b/*"], ["GET /a/*"], False),
        (["GET /*"], ["GET /", "GET /a", "GET /a/*"], True),
        (["* /a"], ["GET /a"], True),
        (["GET /a"], ["* /a"], False),
    ],
)
def test_a_rule_is_covered_only_with_all_of_its_routes(
    wide: list[str] | None,
    narrow: list[str] | None,
    included: bool,  # noqa: FBT001 -- a table's column
) -> None:
    findings = covered(named("wide", ACME, allow=wide), named("narrow", ACME | {"common_name": "a"}, allow=narrow))
    assert bool(findings) is included


@pytest.mark.parametrize(
    ("wide", "narrow", "reported"),
    [
        # A rule with a required value does not match every certificate.
        ({"context": {"a": {"from": "subject.O"}}}, {}, False),
        ({"context": {"a": {"from": "subject.O"}}}, {"context": {"b": {"from": "subject.O"}}}, True),
        ({"context": {"a": {"from": "subject.O"}}}, {"usage_plan_key": {"from": "subject.O"}}, True),
        ({"context": {"a": {"from": "subject.O", "default": ""}}}, {}, True),
        ({"usage_plan_key": {"from": "subject.O"}}, {}, False),
        ({}, {"context": {"a": {"from": "subject.O"}}}, True),
        ({}, {"api_id": "a"}, True),
        ({"api_id": "a"}, {"api_id": "a"}, True),
        ({"api_id": "a"}, {}, False),
        ({"api_id": "a"}, {"api_id": "b"}, False),
        ({"api_id": ["a", "b"]}, {"api_id": "b"}, True),
        ({"api_id": "b"}, {"api_id": ["a", "b"]}, False),
        ({"api_id": "b", "domain_name": "b.example"}, {"api_id": "b"}, False),
        ({"domain_name": ["a.example", "b.example"]}, {"domain_name": "b.example", "api_id": "a"}, True),
        ({"not_after": "2027-01-01T00:00:00Z"}, {"not_after": "2026-01-01T00:00:00Z"}, True),
        ({"not_after": "2027-01-01T00:00:00Z"}, {"not_after": "2027-01-01T00:00:00Z"}, True),
        ({"not_after": "2026-01-01T00:00:00Z"}, {"not_after": "2027-01-01T00:00:00Z"}, False),
        ({"not_after": "2026-01-01T00:00:00Z"}, {"not_before": "2025-01-01T00:00:00Z"}, False),
        ({"not_before": "2026-01-01T00:00:00Z"}, {"not_before": "2027-01-01T00:00:00Z"}, True),
        ({"not_before": "2026-01-01T00:00:00Z"}, {"not_before": "2026-01-01T00:00:00Z"}, True),
        ({"not_before": "2027-01-01T00:00:00Z"}, {"not_before": "2026-01-01T00:00:00Z"}, False),
        ({"not_before": "2027-01-01T00:00:00Z"}, {"not_after": "2028-01-01T00:00:00Z"}, False),
    ],
)
def test_a_rule_is_covered_only_by_one_whose_limits_and_required_values_it_meets(
    wide: dict[str, Any],
    narrow: dict[str, Any],
    reported: bool,  # noqa: FBT001 -- a table's column
) -> None:
    assert (
        bool(covered(named("wide", ACME, **wide), named("narrow", ACME | {"common_name": "a"}, **narrow))) is reported
    )


@pytest.mark.parametrize("key", [key for key in RULE_KEYS if key not in {"name", "description"}])
def test_rules_that_differ_in_any_key_are_no_duplicates(key: str) -> None:
    pair = [rule(name="a"), rule(name="b") | {key: OTHER_VALUES[key]}]
    findings = [*covered(*pair), *covered(*reversed(pair))]
    assert WarningKind.DUPLICATE not in [kind for _, kind, _ in findings]


@pytest.mark.parametrize(
    ("wide", "narrow", "reported"),
    [
        (None, {"common_name": "x"}, True),
        ({"common_name": "x"}, {"common_name": "x"}, True),
        ([{"common_name": "x"}], [{"common_name": "y"}, {"common_name": "x"}], True),
        ({"common_name": "x"}, None, False),
        ({"common_name": "x"}, {"common_name": "y"}, False),
    ],
)
def test_a_rule_is_not_covered_by_one_that_excludes_more(wide: object, narrow: object, reported: bool) -> None:  # noqa: FBT001 -- a table's column
    rules = [
        named("wide", ACME, **{"not": wide}),
        named("narrow", ACME | {"organizational_unit": "a"}, **{"not": narrow}),
    ]
    assert bool(covered(*rules)) is reported


def test_of_duplicates_each_later_one_is_reported_once() -> None:
    assert covered(
        *(named(each, {"common_name": ["a", "b"]}, allow=["GET /a", "GET /b"], context={"t": "u"}) for each in "xyz"),
        named("w", {"common_name": ["b", {"exact": "a"}]}, allow=["GET /b", "GET /a"], context={"t": "u"}),
    ) == [(f"rules[{number}]", WarningKind.DUPLICATE, "is a duplicate of rule 'x' (rules[0])") for number in (1, 2, 3)]


def test_a_duplicate_may_be_written_differently() -> None:
    assert covered(named("a", ACME), named("b", {"subject": {"2.5.4.10": "Acme"}})) == [
        ("rules[1]", WarningKind.DUPLICATE, "is a duplicate of rule 'a' (rules[0])")
    ]


def test_of_equal_rules_with_other_constants_the_later_one_is_reported() -> None:
    (finding,) = covered(named("a", ACME, context={"t": "a"}), named("b", ACME, context={"t": "b"}))
    assert finding[:2] == ("rules[1]", WarningKind.COVERED)


def test_a_rule_has_an_effect_if_it_decides_the_constants_before_a_rule_between_it_and_one_that_covers_it() -> None:
    narrow, wide = named("narrow", ACME | {"common_name": "a"}), named("wide", ACME)
    for constants in ({"context": {"tenant": "b"}}, {"usage_plan_key": "fingerprint"}):
        assert not covered(narrow, named("between", {"common_name": ["a", "b"]}, **constants), wide)
    (finding,) = covered(narrow, named("between", {"common_name": ["b", "c"]}), wide)
    assert finding[:2] == ("rules[0]", WarningKind.COVERED)


@pytest.mark.parametrize(
    "narrow", [{"match": ACME | {"psd2_role": "PSP_AI"}}, {"match": ACME, "not": {"psd2_role": "PSP_AI"}}]
)
def test_the_only_rule_about_roles_has_an_effect(narrow: dict[str, Any]) -> None:
    rules = named("wide", ACME), named("narrow", **narrow)
    assert not covered(*rules)
    # Without it, the wide rule would allow this certificate.
    client = PeerCertificate.from_pem(pem(certificate_der(name(("O", "Acme")), extensions=[psd2_statement()])))
    assert RuleSet(parse_rules(document(*rules))).evaluate(client) is DenyReason.QC_STATEMENTS_MALFORMED
    (finding,) = covered(named("other", **narrow), named("narrow", **narrow))
    assert finding[1] is WarningKind.DUPLICATE


def values(**keys: object) -> list[RuleWarning]:
    content = document(rule(**keys))
    parse_rules(content)
    return list(rule_warnings(json.loads(content)))


@pytest.mark.parametrize(
    ("keys", "place", "kind", "text"),
    [
        ({"match": {"common_name": " a"}}, "match.common_name", ValueKind.SURROUNDING_WHITESPACE, "' a'"),
        (
            {"match": {"common_name": ["b", "a "]}},
            "match.common_name[1]",
            ValueKind.SURROUNDING_WHITESPACE,
            "'a '",
        ),
        (
            {"match": {"common_name": {"exact": "a\u00a0"}}},
            *("match.common_name.exact", ValueKind.SURROUNDING_WHITESPACE, r"'a\xa0'"),
        ),
        (
            {"match": {"common_name": {"prefix": " a"}}},
            "match.common_name.prefix",
            ValueKind.SURROUNDING_WHITESPACE,
            "' a'",
        ),
        (
            {"match": {"common_name": {"suffix": "a "}}},
            "match.common_name.suffix",
            ValueKind.SURROUNDING_WHITESPACE,
            "'a '",
        ),
        (
            {"match": {"subject": {"1.2.3": " a"}}},
            "match.subject.'1.2.3'",
            ValueKind.SURROUNDING_WHITESPACE,
            "' a'",
        ),
        (
            {"match": {"subject_alt_name": {"dns": {"suffix": ".a "}}}},
            *("match.subject_alt_name.dns.suffix", ValueKind.SURROUNDING_WHITESPACE, "'.a '"),
        ),
        ({"not": [{"common_name": " a"}]}, "not[0].common_name", ValueKind.SURROUNDING_WHITESPACE, "' a'"),
        (
            {"match": {"common_name": ["b", "a\u200bb"]}},
            *("match.common_name[1]", ValueKind.INVISIBLE_CHARACTER, r"'a\u200bb'"),
        ),
        (
            {"match": {"subject": "CN=a\u00a0b"}},
            *("match.subject", ValueKind.INVISIBLE_CHARACTER, r"'CN=a\xa0b'"),
        ),
        (
            {"not": {"subject_alt_name": {"dns": {"suffix": ".a\ufeff"}}}},
            *("not.subject_alt_name.dns.suffix", ValueKind.INVISIBLE_CHARACTER, r"'.a\ufeff'"),
        ),
        (
            {"not": {"subject_alt_name": "DNS:acme.example:443"}},
            *("not.subject_alt_name", ValueKind.MALFORMED_NAME, "write 'DNS:acme.example'"),
        ),
        (
            {"not": [{"subject_alt_name": ["DNS:a.example", "DNS: acme.example"]}]},
            *("not[0].subject_alt_name[1]", ValueKind.MALFORMED_NAME, "write 'DNS:acme.example'"),
        ),
        (
            {"not": {"subject_alt_name": {"dns": {"suffix": ".acme.example:443"}}}},
            *("not.subject_alt_name.dns.suffix", ValueKind.MALFORMED_NAME, "write '.acme.example'"),
        ),
        (
            {"not": {"subject_alt_name": [{"uri": "a:b"}, {"dns": {"exact": "https://acme.example"}}]}},
            *("not.subject_alt_name[1].dns.exact", ValueKind.MALFORMED_NAME, "write 'acme.example'"),
        ),
        (
            {"match": {"subject_alt_name": "DNS:spiffe://acme.example/a"}},
            *("match.subject_alt_name", ValueKind.MALFORMED_NAME, "write it as certificates contain it"),
        ),
        (
            {"not": {"subject_alt_name": {"email": "mallory"}}},
            *("not.subject_alt_name.email", ValueKind.MALFORMED_NAME, "email addresses have an @"),
        ),
        (
            {"not": {"subject_alt_name": {"exact": "URI:acme.example"}}},
            *("not.subject_alt_name.exact", ValueKind.MALFORMED_NAME, "URIs have a scheme"),
        ),
        (
            {"not": {"subject_alt_name": {"dns": " acme.example"}}},
            *("not.subject_alt_name.dns", ValueKind.SURROUNDING_WHITESPACE, "' acme.example'"),
        ),
        (
            {"not": {"serial_number": "662316662316662316662316", "issuer": "CN=a"}},
            *("not.serial_number", ValueKind.DECIMAL_NUMBER, "write '8C404219E8EF1B64FE2C'"),
        ),
        (
            {"match": {"serial_number": ["AB", {"exact": "10000000000000000000"}], "issuer": "CN=a"}},
            *("match.serial_number[1].exact", ValueKind.DECIMAL_NUMBER, "write '8AC7230489E80000'"),
        ),
        (
            {"match": {"serial_number": ["AB", "1" * 49], "issuer": "CN=a"}},
            *("match.serial_number[1]", ValueKind.DECIMAL_NUMBER, f"write '{int('1' * 49):X}'"),
        ),
        (
            {"not": {"organization": ["b", "Mu\u0308ller"]}},
            *("not.organization[1]", ValueKind.NOT_NFC, r"is 'Mu\u0308ller', and certificates"),
        ),
        (
            {"not": {"subject": {"CN": {"prefix": "\u0438\u0306"}}}},
            *("not.subject.CN.prefix", ValueKind.NOT_NFC, r"write '\u0439'"),
        ),
        (
            {"match": {"issuer": "CN=Mu\u0308ller,O=a"}},
            *("match.issuer", ValueKind.NOT_NFC, r"write 'CN=M\xfcller,O=a'"),
        ),
        (
            {"match": {"organization": ["b", "a\u3164"]}},
            *("match.organization[1]", ValueKind.INVISIBLE_CHARACTER, r"'a\u3164'"),
        ),
        (
            {"not": {"subject": {"O": "\u043f\U000e0100"}}},
            *("not.subject.O", ValueKind.INVISIBLE_CHARACTER, r"'\u043f\U000e0100'"),
        ),
        (
            {"match": {"subject_alt_name": ["DNS:a.example", "DNS:\u00e4.example"]}},
            *("match.subject_alt_name[1]", ValueKind.NOT_ASCII, "write 'DNS:xn--4ca.example'"),
        ),
        (
            {"not": {"subject_alt_name": {"dns": {"suffix": ".\u00e4.example"}}}},
            *("not.subject_alt_name.dns.suffix", ValueKind.NOT_ASCII, "write '.xn--4ca.example'"),
        ),
        (
            {"not": {"subject_alt_name": {"email": {"suffix": "@\u00e4.example"}}}},
            *("not.subject_alt_name.email.suffix", ValueKind.NOT_ASCII, "write '@xn--4ca.example'"),
        ),
        (
            {"not": {"subject_alt_name": ["DNS:b.example", {"dns": "\u00e4.example"}]}},
            *("not.subject_alt_name[1].dns", ValueKind.NOT_ASCII, "write 'xn--4ca.example'"),
        ),
        (
            {"match": {"subject_alt_name": "DNS:stra\u00dfe.example"}},
            *("match.subject_alt_name", ValueKind.NOT_ASCII, "write it with A-labels"),
        ),
        ({"context": {"tenant": "a "}}, "context.tenant", ValueKind.SURROUNDING_WHITESPACE, "'a '"),
        (
            {"match": {"issuer": "C=DE,O=Acme,CN=CA"}},
            "match.issuer",
            ValueKind.REVERSED_NAME,
            "write the same attributes in reverse order: 'CN=CA,O=Acme,C=DE'",
        ),
        ({"not": {"subject": ["CN=b", "DC=a,CN=b"]}}, "not.subject[1]", ValueKind.REVERSED_NAME, "'CN=b,DC=a'"),
        (
            {"match": {"issuer": {"exact": "C=DE,CN=CA"}}},
            "match.issuer.exact",
            ValueKind.REVERSED_NAME,
            "'CN=CA,C=DE'",
        ),
        (
            {"match": {"organization": ["Example", "Inc."]}},
            *("match.organization", ValueKind.SPLIT_NAME, "look like one name: write 'Example, Inc.'"),
        ),
        (
            {"match": {"common_name": {"prefix": "api.acme.example"}}},
            *("match.common_name.prefix", ValueKind.OPEN_DOMAIN, "'api.acme.example'"),
        ),
        (
            {"match": {"common_name": {"suffix": "acme.example"}}},
            *("match.common_name.suffix", ValueKind.OPEN_DOMAIN, "a suffix that starts with a dot or an @"),
        ),
        (
            {"not": {"subject": {"CN": {"prefix": "admin@acme.example"}}}},
            *("not.subject.CN.prefix", ValueKind.OPEN_DOMAIN, "'admin@acme.example'"),
        ),
        (
            {"match": {"subject": {"unstructuredName": {"suffix": "acme.example"}}}},
            *("match.subject.unstructuredName.suffix", ValueKind.OPEN_DOMAIN, "'acme.example'"),
        ),
        ({"allow": ["GET /a", "GET /..a"]}, "allow[1]", ValueKind.ROUTE_NEVER_ALLOWED, "'GET /..a'"),
        ({"allow": ["* /a/;b/*"]}, "allow[0]", ValueKind.ROUTE_NEVER_ALLOWED, "'* /a/;b/*'"),
    ],
)
def test_a_doubtful_value_is_found(keys: dict[str, Any], place: str, kind: ValueKind, text: str) -> None:
    (finding,) = values(**keys)
    assert finding[:2] == (kind, f"rules[0].{place}")
    assert text in finding.message


ORDINARY = ["Acme", "client 1", "a.b", "ag", "Ä", "\u0645\u06cc\u200c\u062e", "\u845b\U000e0100", "\u043f"]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("a ", ValueKind.SURROUNDING_WHITESPACE),
        ("\u2003a", ValueKind.SURROUNDING_WHITESPACE),
        ("Inc.", ValueKind.SPLIT_NAME),
        ("Sp. z o.o.", ValueKind.SPLIT_NAME),
        ("GmbH & Co. KG", ValueKind.SPLIT_NAME),
        ({"prefix": "api.acme.example"}, ValueKind.OPEN_DOMAIN),
        ({"suffix": "acme.example"}, ValueKind.OPEN_DOMAIN),
        ({"exact": " a"}, ValueKind.SURROUNDING_WHITESPACE),
        ("\u200ba", ValueKind.INVISIBLE_CHARACTER),
        ({"prefix": "a\u200b"}, ValueKind.INVISIBLE_CHARACTER),
        ("a\u2800b", ValueKind.INVISIBLE_CHARACTER),
        ("cafe\u0301", ValueKind.NOT_NFC),
    ],
)
def test_a_doubtful_value_is_found_among_ordinary_ones(value: object, kind: ValueKind) -> None:
    for position in range(1, 4):
        items = [*ORDINARY[:position], value, *ORDINARY[position:]]
        assert [finding.kind for finding in values(match={"organization": items})] == [kind], position


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("C=DE,CN=CA", ValueKind.REVERSED_NAME),
        ({"exact": "DC=example,CN=CA"}, ValueKind.REVERSED_NAME),
        ({"CN": "a "}, ValueKind.SURROUNDING_WHITESPACE),
        ({"CN": "a\u200b"}, ValueKind.INVISIBLE_CHARACTER),
        ("CN=a\u200b,C=DE", ValueKind.INVISIBLE_CHARACTER),
        ("CN=a\u200c,C=DE", ValueKind.INVISIBLE_CHARACTER),
        ({"O": "Acme", "CN": {"prefix": "a.acme.example"}}, ValueKind.OPEN_DOMAIN),
        ({"O": "Acme", "CN": {"exact": "a "}}, ValueKind.SURROUNDING_WHITESPACE),
    ],
)
def test_a_doubtful_name_is_found_among_ordinary_ones(value: object, kind: ValueKind) -> None:
    items: list[object] = ["CN=CA,C=DE", {"O": "Acme", "CN": {"prefix": "client-"}}]
    for position in range(2):
        found = values(match={"issuer": [*items[:position], value, *items[position:]]})
        assert [finding.kind for finding in found] == [kind], position


@pytest.mark.parametrize(
    "keys",
    [
        {"match": {"common_name": {"prefix": "a "}}},
        {"match": {"common_name": {"suffix": " CA"}}},
        {"match": {"common_name": {"suffix": ".acme.example"}}},
        {"match": {"common_name": {"suffix": "@acme.example"}}},
        {"match": {"common_name": {"prefix": "client-"}}},
        {"match": {"common_name": {"prefix": "api.acme.example."}}},
        {"match": {"common_name": {"prefix": "v1.2"}}},
        {"match": {"common_name": "api.acme.example"}},
        {"match": {"subject_alt_name": {"dns": {"suffix": ".acme.example"}}}},
        {"match": {"subject_alt_name": {"uri": {"prefix": "urn:acme:a.b"}}}},
        {"match": {"subject_alt_name": [{"email": {"suffix": ".acme.example"}}, {"ip": "2001:db8::1"}]}},
        {"not": {"subject_alt_name": ["DNS:a", "email:a@b", "URI:a:b", "URI:https://m\u00fcller.example/"]}},
        {"match": {"subject": {"emailAddress": {"suffix": "@acme.example"}}}},
        {"match": {"issuer": "CN=CA,O=Acme,C=DE"}},
        {"match": {"subject_alt_name": ["DNS:a", {"exact": "DNS:Inc."}]}},
        {"match": {"organization": ["Inc.", "Example"]}},
        {"match": {"organization": ["\u0439", "\u795e\ufa19", "M\u00fcller", "\uac00"]}},
        {"match": {"serial_number": ["1" * 19, "0" + "1" * 20, "10:" * 9 + "11", "1" * 50], "issuer": "CN=a"}},
        {"match": {"serial_number": "1111111111111111111A", "issuer": "CN=a"}},
        {"match": {"public_key": "1" * 64, "common_name": "1" * 20}},
        {"match": {"organization": ["Example", {"exact": "Inc."}]}},
        {"description": " a "},
        {"allow": ["GET /.well-known/*", "GET /a..b", "GET /a;b/"]},
    ],
)
def test_other_values_are_not_reported(keys: dict[str, Any]) -> None:
    assert not values(**keys)


@pytest.mark.parametrize("content", VALID.values(), ids=VALID)
def test_every_valid_document_can_be_examined(content: bytes) -> None:
    rules = parse_rules(content)
    list(rule_warnings(json.loads(content)))
    list(covered_rules(rules))
    for number, each in enumerate(rules):
        list(contradictions(each, f"rules[{number}]"))


# Whatever is reported is true of every certificate.

NAMES = ["a", "ab", "b"]
texts = st.sampled_from(NAMES)
comparisons = texts | st.fixed_dictionaries({"prefix": texts}) | st.fixed_dictionaries({"suffix": texts})
whole_names = st.lists(
    st.sampled_from(["CN=a", "CN=ab", "O=a", "O=b", "OU=a", "2.5.4.97=a"]), min_size=1, max_size=3
).map(",".join)
attributes = st.dictionaries(st.sampled_from(["CN", "O", "OU", "2.5.4.97"]), comparisons, min_size=1, max_size=2)
uris = st.sampled_from(["URI:spiffe://a/x", "URI:spiffe://b/x", {"uri": {"prefix": "spiffe://a/"}}])
matches = st.fixed_dictionaries(
    {},
    optional={
        "common_name": st.lists(comparisons, min_size=1, max_size=3),
        "organization": st.lists(comparisons, min_size=1, max_size=2),
        "subject": st.lists(whole_names | attributes, min_size=1, max_size=2),
        "subject_alt_name": st.lists(texts.map("DNS:{}".format) | uris, min_size=1, max_size=2),
        "organization_identifier": st.lists(comparisons, min_size=1, max_size=2),
        "spiffe_trust_domain": st.lists(texts, min_size=1, max_size=2),
        "psd2_role": st.just("PSP_AI"),
    },
).filter(bool)
ROUTES = ["GET /a", "GET /a/*", "GET /*", "GET /a/b"]
generated_rules = st.fixed_dictionaries(
    {"match": matches},
    optional={
        "not": st.lists(matches, min_size=1, max_size=2),
        "allow": st.lists(st.sampled_from(ROUTES), min_size=1, max_size=2),
        "context": st.sampled_from([{"tenant": "a"}, {"tenant": {"from": "subject.O"}}]),
        "api_id": st.sampled_from(["a", ["a", "b"]]),
        "not_after": st.sampled_from(["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"]),
    },
)
REQUESTS = [
    (ApiRequest("rest", f"arn:aws:execute-api:eu-central-1:123456789012:{api_id}/stage", "GET/"), time)
    for api_id, time in (
        ("a", datetime(2025, 1, 1, tzinfo=UTC)),
        ("a", datetime(2028, 1, 1, tzinfo=UTC)),
        ("b", datetime(2026, 6, 1, tzinfo=UTC)),
        ("c", datetime(2026, 6, 1, tzinfo=UTC)),
    )
]
INVOCATIONS = ["GET/", "GET/a", "GET/a/", "GET/a/b", "GET/a/b/c", "GET/b", "POST/a"]


IDENTIFIER = "2.5.4.97"


def certificates() -> list[PeerCertificate]:
    subjects = [
        [(kind, text) for kind, texts in (("O", organizations), ("OU", units), ("CN", common_names)) for text in texts]
        for organizations in ([], ["a"], ["b"], ["a", "b"], ["ab"])
        for units in ([], ["a"])
        for common_names in ([], ["a"], ["ab"], ["b"], ["a", "b"], ["aab"])
    ]
    subjects += [[("O", "a"), ("CN", "a"), ("CN", "a")], [("CN", "a"), ("O", "a")], [("CN", "ab"), ("O", "b")]]
    subjects += [
        [*((IDENTIFIER, text) for text in identifiers), *((kind, "a") for kind in others)]
        for identifiers in (["a"], ["ab"], ["b"], ["a", "a"], ["a", "b"])
        for others in ([], ["CN"], ["O"])
    ]
    extensions = [
        *(
            [subject_alt_names(*names)]
            for names in (
                [dns("a")],
                [dns("a"), dns("b")],
                [uri("spiffe://a/x")],
                [*map(uri, ("spiffe://a/x", "spiffe://b/x"))],
            )
        ),
        [psd2_statement("PSP_AI")],
        [psd2_statement()],  # malformed
    ]
    return [
        PeerCertificate.from_pem(pem(certificate_der(name(*subject), name(("CN", "CA")), extensions=each)))
        for subject in subjects
        for each in extensions
    ]


CERTIFICATES = certificates()


def decisions(rules: Iterable[Rule]) -> Iterator[object]:
    """Return what every certificate may call, and the constants for it, for each request."""
    evaluate = RuleSet(rules).evaluate
    for evaluation in map(evaluate, CERTIFICATES):
        for request, now in REQUESTS:
            grant = outcome_for(evaluation, request, now)
            if isinstance(grant, Grant):
                yield grant.context, *(permits(grant.routes, invocation) for invocation in INVOCATIONS)
            else:
                yield None


def excluded_by(exclusion: tuple[Matcher, ...]) -> Iterator[bool]:
    evaluate = RuleSet([Rule("deny", exclusion, (), denies=True)]).evaluate
    return (evaluate(each) is DenyReason.CERTIFICATE_EXCLUDED for each in CERTIFICATES)


@given(st.lists(generated_rules, min_size=1, max_size=4))
def test_findings_are_true_of_every_certificate(generated: list[dict[str, Any]]) -> None:
    rules = parse_rules(document(*({"name": f"r{number}", **each} for number, each in enumerate(generated))))
    sets = [RuleSet([each]) for each in rules]
    clients = [{number for number, each in enumerate(CERTIFICATES) if of_rule.matching(each)} for of_rule in sets]
    for number, each in enumerate(rules):
        for finding in contradictions(each, f"rules[{number}]"):
            _, of_exclusion, position = finding.place.partition(".not")
            event(f"{finding.kind}{of_exclusion}")
            if of_exclusion:
                assert not any(excluded_by(each.exclusions[int(position[1:-1] or 0)]))
            elif finding.kind is WarningKind.NEVER_MATCHES:
                assert not clients[number]
    for finding in covered_rules(rules):
        event(finding.kind)
        number = int(finding.place.removeprefix("rules[").removesuffix("]"))
        other = int(finding.message.partition("(rules[")[2].partition("]")[0])
        assert clients[number] <= clients[other]
        for invocation in INVOCATIONS:
            assert permits(rules[other].routes, invocation) >= permits(rules[number].routes, invocation)
        others = [*rules[:number], *rules[number + 1 :]]
        assert [*decisions(others)] == [*decisions(rules)]
