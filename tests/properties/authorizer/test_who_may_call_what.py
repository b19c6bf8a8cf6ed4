"""Random rules, clients and requests: the policy, the simple response and an oracle say the same.

The oracle is written from the documentation, with other means: it reads the document and what the certificate was made
of, neither certificates nor anything of the authorizer's.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import event, given
from hypothesis import strategies as st

from client_certificate_auth import PeerCertificate
from local_gateway.api_gateway.policy import Effect, evaluate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.rules.conditions import Comparison, Condition, Fact, SatisfiedConditions
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.fields import FIELDS
from mtls_authorizer.rules.rule_set import RuleSet
from tests.aws.api_events import STAGE_ARN, http_1_0_event, http_2_0_event, rest_event
from tests.aws.responses import checking
from tests.pki import der
from tests.pki.certificates import (
    EXTENDED_KEY_USAGE,
    attribute,
    certificate_der,
    dns,
    email,
    extension,
    ip,
    name,
    pem,
    subject_alt_names,
    uri,
)
from tests.pki.psd2_statements import psd2_statement
from tests.properties.authorizer.outcomes import (
    API_IDS,
    Situation,
    is_in_effect,
    limits,
    situations,
    sources,
    usage_plan_key,
    value_of,
)
from tests.properties.authorizer.signed_clients import (
    AUTHORITIES,
    KEY_FINGERPRINTS,
    PUBLIC_KEYS,
    TRUSTSTORE_URI,
    policy_with_truststore,
    sign,
)

if TYPE_CHECKING:
    from collections.abc import Callable

Rdns = list[list[tuple[str, str]]]

KEYS = [*KEY_FINGERPRINTS, "ab" * 32]
ROLES = ["PSP_AS", "PSP_PI", "PSP_AI", "PSP_IC"]

# Few values, so that rules and clients meet.
VALUES = ["admin", "Admin", "admin-1", "payments", "x,CN=admin", "a", "acme.example", "ä"]
OID_KINDS = {"2.5.4.3": "CN", "2.5.4.10": "O", "2.5.4.11": "OU"}
NAMES: dict[str, Rdns] = {
    "CN=a,O=Acme": [[("O", "Acme")], [("CN", "a")]],
    "O=Acme,CN=a": [[("CN", "a")], [("O", "Acme")]],
    "CN=a+O=Acme": [[("CN", "a"), ("O", "Acme")]],
    "O=Acme+CN=a": [[("CN", "a"), ("O", "Acme")]],
    "2.5.4.3=a,2.5.4.10=Acme": [[("O", "Acme")], [("CN", "a")]],
    "CN=admin,CN=a,O=Acme": [[("O", "Acme")], [("CN", "a")], [("CN", "admin")]],
    r"CN=x\,CN\=admin": [[("CN", "x,CN=admin")]],
    r"OU=payments,CN=\C3\A4": [[("CN", "ä")], [("OU", "payments")]],
    "CN=a,DC=acme": [[("DC", "acme")], [("CN", "a")]],
    "CN=a,DC=ACME": [[("DC", "ACME")], [("CN", "a")]],
}
ALTERNATIVE_NAMES = [
    *(("DNS", "a.acme.example"), ("DNS", "A.Acme.example"), ("DNS", "a.acme.example."), ("DNS", "acme.example")),
    *(("DNS", "acme.example.evil"), ("DNS", "spiffe://acme.example/a"), ("DNS", "evil/.acme.example")),
    *(("URI", "spiffe://acme.example/a"), ("URI", "spiffe://acme.example.evil/a"), ("URI", "a.acme.example")),
    *(("URI", "spiffe://ACME.example/a"), ("URI", "spiffe://acme.example"), ("URI", "spiffe://acme.example/a/../b")),
    *(("email", "a@acme.example"), ("email", "A@ACME.example")),
    *(("email", "a@acme.example.evil"), ("URI", "a@acme.example")),
    *(("IP", "192.0.2.1"), ("IP", "2001:db8::1"), ("DNS", "192.0.2.1")),
]
CLIENT_AUTH, SERVER_AUTH = "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"
USAGE_OIDS = {"clientAuth": CLIENT_AUTH, "serverAuth": SERVER_AUTH}
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


def packed_ip(text: str) -> bytes:
    return ip(ipaddress.ip_address(text).packed)


class Client(NamedTuple):
    subject: Rdns
    issuer: Rdns
    alternative_names: list[tuple[str, str]]
    serial_number: int
    usages: list[str] | None
    key: int
    """The number of its key."""
    signer: int | None
    """The number of the CA's key that signed it."""
    roles: list[str] | None
    """Of its PSD2 statement; an empty list is a statement that is malformed."""

    def der(self) -> bytes:
        make = {"DNS": dns, "URI": uri, "email": email, "IP": packed_ip}
        extensions = [subject_alt_names(*(make[kind](value) for kind, value in self.alternative_names))]
        usages = [extension(EXTENDED_KEY_USAGE, der.sequence(*map(der.oid, self.usages or [])))]
        roles = [psd2_statement(*(self.roles or []))]
        signer = self.signer
        return certificate_der(
            *(name(*([attribute(*each) for each in rdn] for rdn in rdns)) for rdns in (self.subject, self.issuer)),
            serial_number=der.integer(self.serial_number),
            public_key=PUBLIC_KEYS[self.key],
            extensions=extensions * bool(self.alternative_names)
            + usages * (self.usages is not None)
            + roles * (self.roles is not None),
            sign=(lambda _signed: bytes(64)) if signer is None else (lambda signed: sign(signer, signed)),
        )

    def fingerprint(self) -> str:
        return hashlib.sha256(self.der()).hexdigest()


kinds = st.sampled_from(["CN", "CN", "OU", "OU", "O", "UID", "2.5.4.97"])
rdns = st.lists(
    st.lists(st.tuples(kinds, st.sampled_from([*VALUES * 4, "admin\x7f"])), min_size=1, max_size=2, unique=True),
    max_size=3,
)
clients = st.builds(
    Client,
    rdns | st.sampled_from(list(NAMES.values())),
    st.sampled_from(list(NAMES.values())),
    st.lists(st.sampled_from([*ALTERNATIVE_NAMES, *[("URI", "spiffe://acme.example/a")] * 4]), max_size=2),
    st.sampled_from([1, 0xAB, 16**39]),
    st.sampled_from([None, None, None, None, [CLIENT_AUTH], [SERVER_AUTH], [SERVER_AUTH, CLIENT_AUTH], ["1.2.3"]]),
    st.sampled_from([0, 1]),
    st.sampled_from([None, 0, 1, 2]),
    st.sampled_from([None, None, None, [], ["PSP_AI"], ["PSP_PI", "PSP_AI"]]),
)


def one_or_several(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return items | st.lists(items, min_size=1, max_size=3)


def texts(own: list[str]) -> st.SearchStrategy[str]:
    """Values, more often than not the client's own."""
    return st.sampled_from([value for value in own if value.isprintable()] * 8 + VALUES)


def values(own: list[str]) -> st.SearchStrategy[Any]:
    cuts = [*(value[:3] for value in own if value.isprintable()), *(value[-3:] for value in own if value.isprintable())]
    patterns = st.builds(
        lambda comparison, text: {comparison: text},
        st.sampled_from(["exact", "prefix", "suffix"]),
        st.sampled_from([*cuts * 4, "a", "admin", "min", "-1", "pay", "admin-1", "ä"]),
    )
    return texts(own) | patterns


def names(rdns: Rdns) -> st.SearchStrategy[Any]:
    by_kind = {
        kind: values([value for rdn in rdns for each, value in rdn if each == kind]) for kind in ("CN", "O", "OU")
    }
    by_kind |= {"2.5.4.3": by_kind["CN"], "UID": values([])}
    own = [text for text, structure in NAMES.items() if structure == rdns]
    attributes = (
        st.lists(st.sampled_from(sorted(by_kind)), min_size=1, max_size=2, unique=True)
        .filter(lambda kinds: not {"CN", "2.5.4.3"} <= set(kinds))
        .flatmap(lambda kinds: st.fixed_dictionaries({kind: by_kind[kind] for kind in kinds}))
    )
    return one_or_several(st.sampled_from([*NAMES, *own * 8]) | attributes)


def alternative_names(own: list[tuple[str, str]]) -> st.SearchStrategy[Any]:
    some = st.sampled_from(ALTERNATIVE_NAMES + own * 8)
    return one_or_several(
        some.map(":".join)
        | some.map(lambda each: {each[0].lower(): each[1]})
        | st.sampled_from(
            [
                {"uri": {"prefix": "spiffe://acme.example/"}},
                {"dns": "spiffe://acme.example/"},
                {"dns": {"suffix": ".acme.example"}},
                {"uri": {"prefix": "spiffe://acme.example/payments/"}},
                {"email": {"suffix": "@acme.example"}},
                {"ip": "2001:0DB8:0::1"},
            ]
        )
    )


@st.composite
def matches(draw: st.DrawFn, client: Client) -> dict[str, Any]:
    own = {
        kind: [value for rdn in client.subject for each, value in rdn if each == kind]
        for kind in ("CN", "O", "OU", "2.5.4.97")
    }
    # Made where they are drawn from: to make a strategy takes longer than all else here.
    fields: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "common_name": lambda: one_or_several(values(own["CN"])),
        "organizational_unit": lambda: one_or_several(values(own["OU"])),
        "organization": lambda: one_or_several(values(own["O"])),
        "subject": lambda: names(client.subject),
        "subject_alt_name": lambda: alternative_names(client.alternative_names),
        "issuer": lambda: names(client.issuer),
        "fingerprint": lambda: one_or_several(st.sampled_from([client.fingerprint(), "ab" * 32])),
        "serial_number": lambda: one_or_several(st.sampled_from(["1", "aB", "AB:", "f", f"{client.serial_number:x}"])),
        "public_key": lambda: one_or_several(st.sampled_from([KEY_FINGERPRINTS[client.key] for _ in "1234"] + KEYS)),
        "issuer_key": lambda: one_or_several(st.sampled_from([KEY_FINGERPRINTS[client.signer or 0], *KEYS])),
        "spiffe_trust_domain": lambda: one_or_several(st.sampled_from(["acme.example", "acme.example.evil", "acme"])),
        "organization_identifier": lambda: one_or_several(values(own["2.5.4.97"])),
        "psd2_role": lambda: one_or_several(st.sampled_from([*(client.roles or []), *ROLES, "0.4.0.19495.1.3"])),
    }
    assert fields.keys() == FIELDS.keys()
    kinds = {"common_name": own["CN"], "organizational_unit": own["OU"], "organization": own["O"]}
    kinds["organization_identifier"] = own["2.5.4.97"]
    absent = {field for field, of_kind in kinds.items() if not of_kind}
    absent |= set() if client.alternative_names else {"subject_alt_name", "spiffe_trust_domain"}
    absent |= set() if client.roles is not None else {"psd2_role"}
    some = [field for field in fields if field not in absent] if draw(st.integers(0, 7)) else list(fields)
    chosen = draw(st.lists(st.sampled_from(some), min_size=1, max_size=2, unique=True))
    match = {field: draw(fields[field]()) for field in chosen}
    if "serial_number" in match:
        own_issuer = [text for text, structure in NAMES.items() if structure == client.issuer]
        match["issuer"] = draw(st.sampled_from([*NAMES, *own_issuer * 8]))
    return match


paths = st.sampled_from(["/", "/*", "/a", "/a/", "/a/*", "/a/b", "/a/b/*", "/a.b/*", "/..a", "/A"])
routes = st.builds("{} {}".format, st.sampled_from(["GET", "POST", "OPTIONS", "*"]), paths)


def exclusions(client: Client) -> st.SearchStrategy[Any]:
    # Without fingerprints and keys of CAs, by which nobody can be excluded.
    excluded = matches(client).map(
        lambda match: {key: match[key] for key in match if key not in {"fingerprint", "issuer_key"}}
    )
    excluded = excluded.filter(bool)
    return excluded | st.lists(excluded, min_size=1, max_size=2)


USAGES: list[Any] = [["clientAuth"], ["serverAuth"], ["serverAuth", "clientAuth"], ["1.2.3"], "none"]


def names_client(match: dict[str, Any]) -> bool:
    """Return whether a rule may have other usages than clientAuth: it names the CA, and the client exactly."""
    alternatives = {field: value if isinstance(value, list) else [value] for field, value in match.items()}
    issuer = "issuer_key" in match or all(isinstance(each, str) for each in alternatives.get("issuer", [{}]))

    def is_exact(each: Any) -> bool:  # noqa: ANN401 -- JSON
        return isinstance(each, str) or each.keys() == {"exact"}

    return issuer and (
        all(map(is_exact, alternatives.get("common_name", [{}])))
        or all(
            isinstance(each, str)
            or all(isinstance(value, str) for value in each.values())
            or each == {"dns": {"suffix": ".acme.example"}}
            for each in alternatives.get("subject_alt_name", [{"": {}}])
        )
    )


@st.composite
def identities(draw: st.DrawFn, client: Client) -> dict[str, Any]:
    """Draw what a rule for other usages than clientAuth must match: the client's own CA, and one of its names."""
    issuers = [text for text, structure in NAMES.items() if structure == client.issuer]
    common_names = [value for rdn in client.subject for kind, value in rdn if kind == "CN" and value.isprintable()]
    own = [{"common_name": value} for value in common_names]
    own += [{"subject_alt_name": ":".join(each)} for each in client.alternative_names]
    return {"issuer": draw(st.sampled_from(issuers)), **draw(st.sampled_from(own or [{"common_name": "admin"}]))}


@st.composite
def documents(draw: st.DrawFn, client: Client) -> dict[str, Any]:
    rules = []
    for number in range(draw(st.integers(1, 4))):
        rule: dict[str, Any] = {"name": f"r{number}", "match": draw(matches(client))}
        if draw(st.integers(0, 5)) == 0:
            rule["not"] = draw(exclusions(client))
        if draw(st.integers(0, 3)) == 0:
            if draw(st.booleans()):
                rule["match"] = draw(identities(client))
            rule["extended_key_usage"] = draw(st.sampled_from(USAGES if names_client(rule["match"]) else USAGES[:1]))
        if draw(st.integers(0, 3)):
            rule["allow"] = draw(st.lists(routes, min_size=1, max_size=3))
        if draw(st.booleans()):
            rule["context"] = {"tenant": draw(st.just(rule["name"]) | sources)}
        if draw(st.booleans()):
            rule["usage_plan_key"] = draw(
                st.sampled_from(["fingerprint", {"value": f"key-of-the-usage-plan-{number}"}]) | sources
            )
        if draw(st.booleans()):
            rule |= draw(limits)
        rules.append(rule)
    return {"rules": rules} | ({"deny": draw(exclusions(client))} if draw(st.integers(0, 7)) == 0 else {})


SEGMENTS = [
    *("a", "b", "A", "a.b", "", "*", "?", ".", "..", "...", "..a"),
    *("..;", "%2e%2e", "%2E.", "a%2fb", "a%2Fb", "%5C", "%252e"),
    *("%09", "%0a.", ".%0D./", "\t..", "%2%65", "%%32%65", "%3f", "%23", "%u002e", "%C0%ae", "%7f", "%c2%85"),
    *("%e0%80%ae", "%E0%9F%bf", "%f0%80%80%af", "%e0%a4%85"),
    *("%20", " ", "a\\b", "%", "%41", "%c3%a9", ".;", "$default", "${aws:username}", "{id}", "é", "\n", "a?x"),
    *("a#x", "a:b", "x" * 600),
]
ENDINGS = [
    "",
    "",
    "",
    *("/", "x", "/x", "//", "?x", "/..", "/..;/x", "/%2e%2E/x", "%2Fx", "/%5cx", "/%252e%252e/x", "\\x"),
]
requests = st.tuples(
    st.sampled_from([*METHODS, "GET", "GET", "TRACE", "get", "*", "ANY"]),
    st.lists(st.sampled_from(SEGMENTS) | st.sampled_from(["a", "b"]), max_size=4).map(
        lambda segments: "".join(f"/{segment}" for segment in segments)
    ),
)


# The oracle.


def compare(wanted: str | dict[str, str], value: str) -> bool:
    if isinstance(wanted, str):
        return value == wanted
    ((how, text),) = wanted.items()
    return {"exact": value == text, "prefix": value.startswith(text), "suffix": value.endswith(text)}[how]


def has(rdns: Rdns, kind: str, wanted: str | dict[str, str], *, excluding: bool) -> bool:
    values = [value for rdn in rdns for each, value in rdn if each == kind]
    return (kind != "CN" or len(values) == 1 or excluding) and any(compare(wanted, value) for value in values)


def is_name(rdns: Rdns, wanted: Any, *, excluding: bool) -> bool:  # noqa: ANN401 -- JSON
    if isinstance(wanted, str):
        return comparable(NAMES[wanted], excluding=excluding) == comparable(rdns, excluding=excluding)
    return all(has(rdns, OID_KINDS.get(kind, kind), each, excluding=excluding) for kind, each in wanted.items())


def is_issuer_in_any_case(rdns: Rdns, wanted: Any) -> bool:  # noqa: ANN401 -- JSON
    if isinstance(wanted, str):
        return bool(lower_case(NAMES[wanted]) == lower_case(rdns))
    in_lower_case = {
        OID_KINDS.get(kind, kind): each.lower() if isinstance(each, str) else {how: each[how].lower() for how in each}
        for kind, each in wanted.items()
    }
    return all(has(lower_case(rdns), kind, each, excluding=True) for kind, each in in_lower_case.items())


def lower_case(name: Any) -> Any:  # noqa: ANN401 -- the names of clients, and those of rules
    """Return a name or a text in lower case."""
    return (
        name.lower() if isinstance(name, str) else [sorted((kind, text.lower()) for kind, text in rdn) for rdn in name]
    )


def comparable(rdns: Rdns, *, excluding: bool) -> list[list[tuple[str, str]]]:
    return [
        sorted((kind, spelling(kind, value) if excluding and kind == "DC" else value) for kind, value in rdn)
        for rdn in rdns
    ]


def is_alternative_name(kind: str, value: str, wanted: Any, *, excluding: bool) -> bool:  # noqa: ANN401 -- JSON
    if isinstance(wanted, str):
        wanted_kind, _, wanted = wanted.partition(":")
    else:
        ((wanted_kind, wanted),) = wanted.items()
    if kind.lower() != wanted_kind.lower():
        return False
    if kind == "IP":
        return ipaddress.ip_address(value) == ipaddress.ip_address(wanted)
    if not excluding:
        is_suffix = isinstance(wanted, dict) and "suffix" in wanted
        is_read_differently = (kind == "URI" and ".." in value.split("/")) or (
            kind == "DNS" and "/" in value and is_suffix
        )
        return not is_read_differently and compare(wanted, value)
    wanted = spelling(kind, wanted) if isinstance(wanted, str) else {how: spelling(kind, wanted[how]) for how in wanted}
    return compare(wanted, spelling(kind, value))


def spelling(kind: str, text: str) -> str:
    if kind == "URI":
        scheme, slashes, rest = text.partition("://")
        authority, slash, path = rest.partition("/")
        return f"{scheme}{slashes}{authority}".lower() + slash + path if slashes else text
    return text.lower().removesuffix(".")


def one_matches(client: Client, field: str, wanted: Any, *, excluding: bool) -> bool:  # noqa: ANN401 -- JSON
    match field:
        case "common_name" | "organizational_unit" | "organization":
            kind = {"common_name": "CN", "organizational_unit": "OU", "organization": "O"}[field]
            return has(client.subject, kind, wanted, excluding=excluding)
        case "subject" | "issuer":
            rdns = client.subject if field == "subject" else client.issuer
            in_any_case = excluding and field == "issuer"
            return is_issuer_in_any_case(rdns, wanted) if in_any_case else is_name(rdns, wanted, excluding=excluding)
        case "subject_alt_name":
            return any(is_alternative_name(*each, wanted, excluding=excluding) for each in client.alternative_names)
        case "fingerprint":
            return bool(wanted == client.fingerprint())
        case "serial_number":
            return int(wanted.replace(":", ""), 16) == client.serial_number
        case _:
            return has_other_value(client, field, wanted, excluding=excluding)


def has_other_value(client: Client, field: str, wanted: Any, *, excluding: bool) -> bool:  # noqa: ANN401 -- JSON
    """Return whether a client has a key, an issuer with a key, a trust domain, an identifier or a role."""
    match field:
        case "public_key":
            return bool(wanted == KEY_FINGERPRINTS[client.key])
        case "issuer_key":
            issuer = list(map(sorted, client.issuer))
            return client.signer is not None and any(
                number == client.signer
                and wanted == KEY_FINGERPRINTS[number]
                and list(map(sorted, NAMES[ca])) == issuer
                for ca, number in AUTHORITIES
            )
        case "spiffe_trust_domain":
            return wanted in trust_domains(client, excluding=excluding)
        case "organization_identifier":
            values = [value for rdn in client.subject for each, value in rdn if each == "2.5.4.97"]
            return (len(values) == 1 or excluding) and any(compare(wanted, value) for value in values)
        case _:
            return {"0.4.0.19495.1.3": "PSP_AI"}.get(wanted, wanted) in (client.roles or [])


def trust_domains(client: Client, *, excluding: bool) -> list[str]:
    """Return the trust domain of the only URI, if that is a SPIFFE ID; to exclude, of all that resemble one."""
    uris = [value for kind, value in client.alternative_names if kind == "URI"]
    if excluding:
        return [value.split("/")[2].lower() for value in uris if value.startswith("spiffe://")]
    return [
        value.split("/")[2]
        for value in uris
        if len(uris) == 1
        and value.startswith("spiffe://")
        and value == value.lower()
        and len(value.split("/")) > 3
        and ".." not in value.split("/")
    ]


def all_match(client: Client, match: dict[str, Any], *, excluding: bool = False) -> bool:
    return all(
        any(
            one_matches(client, field, each, excluding=excluding)
            for each in (value if isinstance(value, list) else [value])
        )
        for field, value in match.items()
    )


def rules_for(client: Client, document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rules that match a client in some situation, none for one that no rule could allow."""
    if any("\x7f" in value for rdn in client.subject for _, value in rdn):
        return []
    denied = document.get("deny", [])
    if any(all_match(client, each, excluding=True) for each in (denied if isinstance(denied, list) else [denied])):
        return []
    if client.roles == [] and "psd2_role" in json.dumps(document):
        return []
    matching = []
    for rule in document["rules"]:
        if not may_have(client.usages, rule.get("extended_key_usage")):
            continue
        exclusions = rule.get("not", [])
        exclusions = exclusions if isinstance(exclusions, list) else [exclusions]
        excluded = any(all_match(client, each, excluding=True) for each in exclusions)
        values = [context_of(rule, client), key_of(rule, client)]
        if all_match(client, rule["match"]) and not excluded and None not in values:
            matching.append(rule)
    return matching


def may_have(usages: list[str] | None, own: Any) -> bool:  # noqa: ANN401 -- JSON
    """Return whether a rule with its own usages, or without, accepts those of a certificate."""
    if own is None:
        return usages is None or CLIENT_AUTH in usages
    return own == "none" or any(USAGE_OIDS.get(each, each) in (usages or []) for each in own)


def context_of(rule: dict[str, Any], client: Client) -> dict[str, str] | None:
    """Return the context of a rule, None if a value is missing."""
    context = {}
    for key, value in rule.get("context", {}).items():
        found = value_of(value, *client[:3]) if isinstance(value, dict) else value
        if found is None:
            return None
        context[key] = found
    return context


def key_of(rule: dict[str, Any], client: Client) -> str | None:
    """Return the usage plan key of a rule, an empty one without any, None if its value is missing."""
    key = rule.get("usage_plan_key", {"value": ""})
    if key == "fingerprint":
        return client.fingerprint().upper()
    return key["value"] if "value" in key else usage_plan_key(value_of(key, *client[:3]))


def covers(route: str, method: str, segments: list[str]) -> bool:
    wanted_method, path = route.split(" ")
    if method not in (METHODS if wanted_method == "*" else [wanted_method]):
        return False
    wanted = path.split("/")
    if wanted[-1] != "*":
        return segments == wanted
    before, below = segments[: len(wanted) - 1], segments[len(wanted) - 1 :]
    # /payments/ is not below /payments/*, but everything is below /*.
    return before == wanted[:-1] and bool(below) and (below != [""] or before == [""])


ESCAPES = re.compile(
    r"%(2[35ef]|3[bf]|5c|[01].|7f|c[01]|c2%[89].|e0%[89].|f[08c]%8.|u|%|.%)", re.IGNORECASE | re.DOTALL
)


def is_ambiguous(path: str) -> bool:
    """Return whether somebody could read the path as another one."""
    segments = path.split("/")[1:]
    return (
        "" in segments[:-1]
        or any(
            segment == "." or segment.startswith(("..", ".;", ";", " ", "%20", ". ", ".%20")) for segment in segments
        )
        or any(character in "\\#\x7f" or character < " " for character in path)
        or ESCAPES.search(path) is not None
    )


def may_call(rules: list[dict[str, Any]], method: str, path: str) -> bool:
    if not rules:
        return False
    if any("allow" not in rule for rule in rules):
        return True
    segments = path.split("/")
    return not is_ambiguous(path) and any(covers(route, method, segments) for rule in rules for route in rule["allow"])


@given(
    data=st.data(),
    client=clients,
    asked=st.lists(requests, min_size=1, max_size=8),
    several=st.lists(situations, min_size=1, max_size=2),
)
def test_policy_simple_response_and_oracle_say_the_same(
    data: st.DataObject, client: Client, asked: list[tuple[str, str]], several: list[Situation]
) -> None:
    document = data.draw(documents(client))
    environment = {"AUTHORIZER_RULES": json.dumps(document, ensure_ascii=data.draw(st.booleans()))}
    if "issuer_key" in environment["AUTHORIZER_RULES"]:
        environment["TRUSTSTORE_URI"] = TRUSTSTORE_URI
    situation = several[0]
    authorize, authorize_simply = (
        checking(Authorizer(settings, policy_with_truststore(settings), clock=lambda: situation.now))
        for settings in (load_settings(environment | {"RESPONSE_FORMAT": form}) for form in ("iam", "simple"))
    )
    matching = rules_for(client, document)
    event(f"rules that match: {len(matching)}, of all routes: {any('allow' not in rule for rule in matching)}")
    # The certificate is in the cache from the second situation on.
    for situation in several:
        rules = [rule for rule in matching if is_in_effect(rule, situation)]
        event(f"rules that match, but are not in effect: {len(matching) - len(rules)}")
        compare_in_situation(data, client, rules, asked, situation, authorize, authorize_simply)


def compare_in_situation(  # noqa: PLR0913, PLR0917 -- one for each part of the comparison
    data: st.DataObject,
    client: Client,
    rules: list[dict[str, Any]],
    asked: list[tuple[str, str]],
    situation: Situation,
    authorize: Callable[[Any], dict[str, Any]],
    authorize_simply: Callable[[Any], dict[str, Any]],
) -> None:
    certificate = pem(client.der())
    stage_arn = STAGE_ARN.replace(API_IDS[0], situation.api_id)
    # And what their routes cover, or nearly.
    for route in dict.fromkeys(route for rule in rules for route in rule.get("allow", ["GET /a"])):
        method, path = route.split()
        asked = [
            *asked,
            (
                method.replace("*", data.draw(st.sampled_from(["GET", "OPTIONS"]))),
                path.replace("*", data.draw(st.sampled_from(SEGMENTS))) + data.draw(st.sampled_from(ENDINGS)),
            ),
        ]
    # What is asked for first may be cached for all that follow.
    policies = [
        authorize(situation.apply(make_event(certificate, *asked[0]), API_IDS[0]))
        for make_event in (rest_event, http_1_0_event, http_2_0_event)
    ]
    for method, path in asked:
        expected = may_call(rules, method, path)
        event(f"allowed: {expected}")
        for policy in policies:
            effect = evaluate(policy["policyDocument"], f"{stage_arn}/{method}{path}")
            assert (effect is Effect.ALLOW) is expected
        simple = authorize_simply(situation.apply(http_2_0_event(certificate, method, path), API_IDS[0]))
        assert simple["isAuthorized"] is expected
    context: Any = policies[0]["context"]
    assert ("reason" in context) is (not rules)
    if rules:
        assert {key: value for key, value in context.items() if key == "tenant"} == context_of(rules[0], client)
        assert policies[0].get("usageIdentifierKey", "") == key_of(rules[0], client)


def is_satisfied(condition: Condition, facts: list[Fact], *, excluding: bool) -> bool:
    for label, value, is_ambiguous in facts:
        if label == condition.label and (excluding or not is_ambiguous):
            match condition.comparison:
                case Comparison.EXACT if value == condition.value:
                    return True
                case Comparison.PREFIX if str(value).startswith(str(condition.value)):
                    return True
                case Comparison.SUFFIX if str(value).endswith(str(condition.value)):
                    if excluding or label != "DNS" or "/" not in str(value):
                        return True
    return False


@given(data=st.data(), client=clients)
def test_the_index_finds_the_same_rules_as_a_comparison_with_every_rule(data: st.DataObject, client: Client) -> None:
    drawn = data.draw(st.lists(documents(client), min_size=1, max_size=6))
    parsed = [rule for document in drawn for rule in parse_rules(json.dumps(document).encode())]
    # A rule can lack a value of the certificate, which is no matter of the index.
    rules = [rule._replace(certificate_context={}, usage_plan_key=None) for rule in parsed]
    certificate = PeerCertificate.from_pem(pem(client.der()))
    rule_set = RuleSet(rules)
    facts = {name: list(field.facts(certificate)) for name, field in FIELDS.items()}
    conditions = {condition for rule in rules for condition in rule.conditions()}
    issuers = [fact._replace(value=lower_case(fact.value)) for fact in facts["issuer"]]
    matching, excluding = (
        frozenset(each for each in conditions if is_satisfied(each, facts[each.field], excluding=excluding))
        for excluding in (False, True)
    )
    by_issuer = frozenset(
        condition
        for rule in rules
        for matchers in ((rule.matchers,) if rule.denies else rule.exclusions)
        for matcher in matchers
        for condition in matcher.conditions()
        if condition.field == "issuer"
        and is_satisfied(condition._replace(value=lower_case(condition.value)), issuers, excluding=True)
    )
    satisfied = SatisfiedConditions(matching, excluding | by_issuer)
    event(f"ambiguous: {len(satisfied.any_fact - satisfied.unambiguous)}")
    assert rule_set.satisfied_by(certificate) == satisfied
    denying = [
        rule for rule in rules if rule.denies and all(each.matches(satisfied.any_fact) for each in rule.matchers)
    ]
    assert rule_set.denying(satisfied) == denying
    usages = certificate.ext_key_usage
    by_comparison = [rule for rule in rules if not rule.denies and rule.mismatch(satisfied, usages) is None]
    event(f"rules that match: {len(by_comparison)}")
    assert rule_set.matching(certificate) == by_comparison
