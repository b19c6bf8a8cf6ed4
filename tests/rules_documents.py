"""Rules documents: valid ones, and more than two hundred invalid ones, each with its problem."""

from __future__ import annotations

import gzip
import json
from typing import Any, NamedTuple

FINGERPRINT = ":".join(["AB"] * 32)


def rule(**changes: object) -> dict[str, Any]:
    """Return a valid rule, changed by these keys: None removes a key."""
    whole = {"name": "acme", "match": {"common_name": "client"}} | changes
    return {key: value for key, value in whole.items() if value is not None}


def document(*rules: object) -> bytes:
    return json.dumps({"rules": list(rules)}).encode()


def matching(field: str, value: object, **others: object) -> bytes:
    return document(rule(match={field: value, **others}))


ISSUE = {
    "rules": [
        {
            "name": "acme-payments",
            "match": {
                "organizational_unit": ["payments"],
                "issuer": {"O": "Acme", "CN": "Acme Issuing CA"},
                "subject_alt_name": [{"uri": {"prefix": "spiffe://acme.example/payments/"}}],
            },
            "allow": ["GET /payments/*", "POST /payments"],
            "context": {"tenant": "acme"},
            "usage_plan_key": "fingerprint",
        }
    ]
}

OTHER_VALUES: dict[str, object] = {
    "name": "other",
    "description": "other",
    "match": {"common_name": "other"},
    "not": {"organization": "other"},
    "extended_key_usage": ["clientAuth"],
    "allow": ["GET /other"],
    "api_id": "other",
    "domain_name": "other.example",
    "not_before": "2026-01-01T00:00:00Z",
    "not_after": "2027-01-01T00:00:00Z",
    "context": {"other": "other"},
    "usage_plan_key": "fingerprint",
}
"""For each key of a rule, a value that the shortest rule does not have."""

VALID: dict[str, bytes] = {
    "the documentation's": json.dumps(ISSUE).encode(),
    "the shortest": document(rule()),
    "with white space": b' \r\n\t{"rules": [{"name": "a", "match": {"common_name": "client"}}]}\n',
    "with its schema": json.dumps({"$schema": "../rules.schema.json", "rules": [rule()]}).encode(),
    "described": document(rule(description="Whom Acme's accountants asked for.")),
    "every field as a string": document(
        rule(
            match={
                "common_name": "a",
                "organizational_unit": "a",
                "organization": "a",
                "subject": "CN=a,O=b",
                "subject_alt_name": "DNS:a",
                "issuer": r"CN=a\, b\C3\A9+OU=c,2.5.4.10=d",
                "fingerprint": FINGERPRINT,
                "serial_number": "01:ab",
                "public_key": FINGERPRINT,
                "issuer_key": FINGERPRINT,
                "spiffe_trust_domain": "acme.example",
                "organization_identifier": "PSDDE-BAFIN-123456",
                "psd2_role": "PSP_AI",
            }
        )
    ),
    "every field as a list": document(
        rule(
            match={
                "common_name": ["a", {"prefix": "a"}, {"suffix": "a"}, {"exact": "*"}],
                "organizational_unit": ["a"],
                "organization": ["a", "b"],
                "subject": ["CN=a", {"CN": "a"}, {"CN": {"prefix": "a"}, "O": {"suffix": "b"}, "1.2.3": "c"}],
                "subject_alt_name": [
                    *("email:a@b", "URI:urn:a", "IP:192.0.2.1", "dirName:CN=a", "RID:1.2", "otherName:1.2;UTF8:a"),
                    *({"dns": "a"}, {"dns": {"suffix": ".a.example"}}, {"dns": {"exact": "*.a.example"}}),
                    *({"uri": {"prefix": "spiffe://a.example/"}}, {"uri": {"prefix": "urn:a:"}}, {"ip": "2001:DB8::1"}),
                    *({"email": {"suffix": "@a.example"}}, {"email": {"suffix": ".example"}}, {"exact": "DNS:*.b"}),
                ],
                "issuer": [{"exact": "CN=*"}],
                "fingerprint": ["sha256".upper() + ":" + "ab" * 32, {"exact": FINGERPRINT}],
                "serial_number": ["1", "-0A", {"exact": "FF"}],
                "public_key": ["sha256".upper() + ":" + "ab" * 32, {"exact": FINGERPRINT}],
                "issuer_key": ["sha256".upper() + ":" + "ab" * 32, {"exact": FINGERPRINT}],
                "spiffe_trust_domain": ["a", {"exact": "a_b-c.d1"}],
                "organization_identifier": ["a", {"prefix": "PSDDE-BAFIN-"}],
                "psd2_role": ["PSP_AS", "PSP_PI", {"exact": "PSP_IC"}, "0.4.0.19495.1.5"],
            }
        )
    ),
    "excluding one": document(rule(**{"not": {"common_name": "other", "issuer": {"O": "a"}}})),
    "excluding several": document(rule(**{"not": [{"common_name": "other"}, {"organization": ["a", "b"]}]})),
    "only denying": json.dumps({"deny": {"common_name": "a"}}).encode(),
    "denying one": json.dumps({"deny": {"common_name": "a", "issuer": {"O": "b"}}, "rules": [rule()]}).encode(),
    "denying several": json.dumps(
        {"deny": [{"serial_number": "1", "issuer": "CN=a"}, {"organization": ["a", "b"]}], "rules": [rule()]}
    ).encode(),
    "usages of a rule": document(
        rule(name="a", extended_key_usage=["clientAuth"]),
        rule(name="b", extended_key_usage=["1.3.6.1.5.5.7.3.2", "clientAuth"]),
        rule(name="c", extended_key_usage="none", match={"issuer": ["CN=a", "CN=b"], "common_name": ["a", "b"]}),
        rule(
            name="d",
            extended_key_usage=["serverAuth", "1.2.3"],
            match={
                "issuer_key": FINGERPRINT,
                "subject_alt_name": ["DNS:a", {"dns": {"suffix": ".acme.example"}}, {"uri": "urn:a"}],
            },
        ),
    ),
    "every kind of route": document(
        rule(
            allow=["* /*", "GET /", "GET /a", "GET /a/", "DELETE /a/b/*", "PATCH /a~b;c=1,2/@:x", "PUT /a(b)!'&+/.a./*"]
        )
    ),
    "an empty context": document(rule(context={})),
    "values for headers": document(rule(context={"tenant": "Acme, Inc.", "Tier_2": ""})),
    "values from the certificate": document(
        rule(
            context={
                "organization": {"from": "subject.O"},
                "identifier": {"from": "subject.2.5.4.97", "default": ""},
                "ca": {"from": "issuer.CN", "default": "x" * 256},
                "workload": {"from": "subject_alt_name.uri", "after": "spiffe://acme.example/", "default": "none"},
                "host": {"from": "subject_alt_name.dns"},
                "user": {"from": "subject_alt_name.email"},
                "address": {"from": "subject_alt_name.ip"},
                "any": {"from": "subject_alt_name.uri"},
                "urn": {"from": "subject_alt_name.uri", "after": "urn:acme:"},
            },
            usage_plan_key={"from": "subject.CN"},
        )
    ),
    "a usage plan's key": document(rule(usage_plan_key={"value": "k" * 20})),
    "every limit": document(
        rule(
            api_id=["a1b2c3d4e5", "A"],
            domain_name=["api.example.com", "localhost", "a-b.XN--bcher-kva.example"],
            not_before="2026-01-01T00:00:00Z",
            not_after="9999-12-31T23:59:59Z",
        )
    ),
    "two rules": document(rule(), rule(name="b" * 64)),
    "beyond ASCII": matching("common_name", ["Łódź", "😀", "\u202e", "\u0430"]),
    "words of programming languages": document(
        rule(name="__proto__"[2:], context={"constructor": "a", "toString": "b"})
    ),
}


class Hostile(NamedTuple):
    """A document that must be rejected. One problem names ``place`` and contains ``problem``: the value or the fix."""

    content: bytes
    place: str
    problem: str


def _text(content: str) -> bytes:
    return content.encode(errors="surrogatepass")


def _deep(levels: int, opening: str = "[", closing: str = "]") -> str:
    return opening * levels + closing * levels


EMAIL_ADDRESSES = ("emailAddress", "1.2.840.113549.1.9.1", "mail", "0.9.2342.19200300.100.1.3", "msUPN", "2.5.4.105")
"""Attributes that contain email addresses, by short name or OID."""


def _shown(name: str) -> str:
    return f"'{name}'" if name[0].isdigit() else name


GOOD = document(rule()).decode()
MATCH = "rules[0].match"
OBJECT = "must be an object, not"
STRING = "must be a string, not"
ROUTES = "must be a list of routes"
COMPARISON = "must be a string, or an object with one of exact, prefix, suffix"
STAR = "contains a *, and wildcards are not supported"
KNOWN = "is unknown: write one of"
UNPRINTABLE = "contains a control character or half of a surrogate pair"
SEVERAL = "must be 1 to 64 letters, digits and ._-"

_VALUES: dict[tuple[str, str], list[object]] = {
    ("from", "must be"): [
        *(None, 1, "", "O", "subject", "subject.", "subject_alt_name.", ".O"),
        *("common_name.CN", "Subject.O", "2.5.4.97", ["subject.O"], {}),
    ],
    ("from", "is"): [
        *("subject.organization", "subject.uid", "issuer.2.", "subject.O.CN"),
        *("subject_alt_name.URI", "subject_alt_name.dirName"),
    ],
    ("after", "must"): [None, 1, ["urn:a:"]],
    ("after", "must continue after"): ["spiffe://acme.example", "acme", "https:", "//a/"],
    ("after", "is empty"): [""],
    ("after", UNPRINTABLE): ["urn:a:\n"],
    ("default", "must be a string of up to 256"): [None, 1, "x" * 257, "\u00e9", "a\n", []],
    ("value", KNOWN): ["a"],
}
"""Values of the keys of a context value from the certificate, by key and problem."""


_DOCUMENTS: dict[str, Hostile] = {
    # Not JSON, or ambiguous JSON.
    "empty": Hostile(b"", "the document", "is empty"),
    "white space": Hostile(b" \n", "the document", "is empty"),
    "a NUL": Hostile(b"\0", "the document", "contains NUL bytes"),
    "cut short": Hostile(GOOD[:-2].encode(), "the document", "is not JSON"),
    "two documents": Hostile((GOOD + GOOD).encode(), "the document", "is not JSON: Extra data"),
    "a comment": Hostile(b"// rules\n" + GOOD.encode(), "the document", "is not JSON"),
    "a trailing comma": Hostile(GOOD.replace("]}", ",]}").encode(), "the document", "is not JSON"),
    "single quotes": Hostile(GOOD.replace('"', "'").encode(), "the document", "is not JSON"),
    "YAML": Hostile(b"rules:\n- name: acme\n", "the document", "is not JSON"),
    "an entity": Hostile(b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>', "the document", "is not JSON"),
    "a byte order mark": Hostile(b"\xef\xbb\xbf" + GOOD.encode(), "the document", "starts with a byte order mark"),
    "compressed": Hostile(gzip.compress(GOOD.encode()), "the document", "is compressed with gzip: store it"),
    "UTF-16": Hostile(GOOD.encode("utf-16"), "the document", "as in UTF-16: save it in UTF-8"),
    "UTF-16 without a mark": Hostile(GOOD.encode("utf-16-le"), "the document", "as in UTF-16: save it in UTF-8"),
    "Latin-1": Hostile('{"é": 1}'.encode("latin-1"), "the document", "is not UTF-8 (byte 2)"),
    "overlong UTF-8": Hostile(b'{"rules\xc0\xae": 1}', "the document", "is not UTF-8 (byte 7)"),
    "a surrogate in UTF-8": Hostile(_text('{"\ud800": 1}'), "the document", "is not UTF-8 (byte 2)"),
    "a raw control character": Hostile(b'{"rules": "\n"}', "the document", "is not JSON: Invalid control character"),
    "an octal number": Hostile(b'{"rules": 010}', "the document", "is not JSON"),
    "10 MB": Hostile(GOOD[:-1].encode() + b" " * 10_000_000 + b"}", "the document", "has more than 5242880 bytes"),
    "10 MB of brackets": Hostile(b"[" * 10_000_000, "the document", "has more than 5242880 bytes"),
    "5 MB of brackets": Hostile(b"[" * 5_000_000, "the document", "is nested too deeply"),
    "5 MB of braces": Hostile(b'{"":' * 1_250_000, "the document", "is nested too deeply"),
    "deep lists": Hostile(_deep(100_000).encode(), "the document", "is nested too deeply"),
    "deep objects": Hostile(
        (_deep(100_000, '{"a":', "}")[:-100_000] + "1" + "}" * 100_000).encode(),
        *("the document", "is nested too deeply"),
    ),
    "a key twice": Hostile(b'{"rules": [], "rules": []}', "the document", "contains the key"),
    "a key twice, escaped": Hostile(rb'{"rules": [], "r\u0075les": []}', "the document", "contains the key"),
    "a key twice in a rule": Hostile(b'{"rules": [1, {"name": "a", "name": "a"}]}', "rules[1]", "contains the key"),
    "a key twice in a match": Hostile(
        b'{"rules": [{"name": "a", "match": {"common_name": "a", "common_name": "b"}}]}', MATCH, "contains the key"
    ),
    "a key twice behind others": Hostile(
        b'{"a": [{"b": [1, {}]}], "rules": [{"c": 1, "c": 1}]}', "rules[0]", "contains the key"
    ),
    "a key twice in what isn't known": Hostile(b'{"a": {"b": [[{"c": 1, "c": 1}]]}}', "a.b[0][0]", "contains the key"),
    "a key twice, deep": Hostile(
        (_deep(900, '{"a":1,"a":', "}")[:-900] + "1" + "}" * 900).encode(), "the document", "contains the key"
    ),
    # Another value instead of the document.
    "null": Hostile(b"null", "the document", f"{OBJECT} null"),
    "a list of rules": Hostile(json.dumps([rule()]).encode(), "the document", f"{OBJECT} a list"),
    "a string": Hostile(b'"rules"', "the document", f"{OBJECT} 'rules'"),
    "NaN": Hostile(b"NaN", "the document", f"{OBJECT} a number"),
    "a number": Hostile(b"1e999", "the document", f"{OBJECT} a number"),
    "an object without rules": Hostile(b"{}", "rules", "must be a list with at least one rule"),
    "no rules": Hostile(b'{"rules": []}', "rules", "must be a list with at least one rule"),
    "null for rules": Hostile(b'{"rules": null}', "rules", "must be a list with at least one rule"),
    "rules by name": Hostile(json.dumps({"rules": {"acme": rule()}}).encode(), "rules", "must be a list with"),
    "rules in a string": Hostile(json.dumps({"rules": GOOD}).encode(), "rules", "must be a list with"),
    "another key": Hostile(json.dumps({"rules": [rule()], "version": 1}).encode(), "version", KNOWN),
    "a key in capitals": Hostile(json.dumps({"Rules": [rule()]}).encode(), "Rules", KNOWN),
    "a homoglyph for a key": Hostile(json.dumps({"rul\u0435s": [rule()]}).encode(), r"'rul\u0435s'", KNOWN),
    "a prototype": Hostile(b'{"rules": [1], "__proto__": {"rules": []}}', "'__proto__'", KNOWN),
    "half a surrogate pair for a key": Hostile(rb'{"\ud800": 1}', r"'\ud800'", KNOWN),
    "a very long key": Hostile(json.dumps({"x" * 9999: 1}).encode(), "'" + "x" * 80 + r"\u2026'", KNOWN),
    "an empty key": Hostile(b'{"": 1}', "''", KNOWN),
    "no rules next to deny": Hostile(
        b'{"deny": {"common_name": "a"}, "rules": []}', "rules", "must be a list with at least one rule"
    ),
    "an empty list to deny": Hostile(b'{"deny": []}', "deny", "is an empty list, which excludes nothing"),
    "an empty object to deny": Hostile(b'{"deny": {}}', "deny", "is empty and would match every certificate"),
    "a string to deny": Hostile(b'{"deny": "a"}', "deny", f"{OBJECT} 'a'"),
    "null to deny": Hostile(b'{"deny": [null]}', "deny[0]", f"{OBJECT} null"),
    "another field to deny": Hostile(b'{"deny": [{"cn": "a"}]}', "deny[0].cn", KNOWN),
    "a fingerprint to deny": Hostile(
        json.dumps({"deny": [{"common_name": "a"}, {"fingerprint": FINGERPRINT}]}).encode(),
        *("deny[1].fingerprint", "is not a reliable exclusion"),
    ),
    "an issuer's key to deny": Hostile(
        json.dumps({"deny": {"issuer_key": FINGERPRINT}}).encode(),
        *("deny.issuer_key", "is not supported in exclusions"),
    ),
    "an issuer's key to exclude": Hostile(
        document(rule(**{"not": [{"common_name": "a", "issuer_key": FINGERPRINT}]})),
        *("rules[0].not[0].issuer_key", "is not supported in exclusions"),
    ),
    **{
        f"usages like {json.dumps(usages)}": Hostile(
            document(rule(extended_key_usage=usages)), "rules[0].extended_key_usage", problem
        )
        for usages, problem in (
            ([], 'must be a list of usages such as ["serverAuth"], or "none", not an empty list'),
            ("serverAuth", 'must be a list of usages such as ["serverAuth"], or "none"'),
            (True, "must be a list of usages"),
            (["serverAuth"], "needs issuer (whole DNs) or issuer_key in match, because public CAs issue"),
            ("none", "needs issuer (whole DNs) or issuer_key in match"),
            (["clientAuth", "serverAuth"], "needs issuer (whole DNs) or issuer_key in match"),
        )
    },
    **{
        f"a usage like {json.dumps(usage)}": Hostile(
            document(rule(extended_key_usage=["clientAuth", usage])), "rules[0].extended_key_usage[1]", problem
        )
        for usage, problem in (
            ("none", "is 'none': write some of serverAuth, clientAuth"),
            ("serverauth", "is 'serverauth': write some of"),
            ("", "is empty"),
            (1, f"{STRING} a number"),
        )
    },
    **{
        f"usages of a rule that matches {json.dumps(match)}": Hostile(
            document(rule(extended_key_usage=["serverAuth"], match={"issuer": "CN=a"} | match)),
            *("rules[0].extended_key_usage", f"needs {missing}"),
        )
        for match, missing in (
            ({"issuer": {"CN": "a"}, "common_name": "b"}, "issuer (whole DNs) or issuer_key in match"),
            ({"issuer": ["CN=a", {"CN": "a"}], "common_name": "b"}, "issuer (whole DNs) or issuer_key in match"),
            ({}, "common_name or subject_alt_name (exact values"),
            ({"organization": "Acme"}, "common_name or subject_alt_name"),
            ({"common_name": {"suffix": ".acme.example"}}, "common_name or subject_alt_name"),
            ({"common_name": ["a", {"prefix": "b"}]}, "common_name or subject_alt_name"),
            ({"subject_alt_name": {"dns": {"suffix": ".example"}}}, "common_name or subject_alt_name"),
            ({"subject_alt_name": ["DNS:a", {"email": {"suffix": "@a.b"}}]}, "common_name or subject_alt_name"),
            ({"subject_alt_name": {"uri": {"prefix": "urn:a:"}}}, "common_name or subject_alt_name"),
            ({"issuer": {"O": "a"}}, "issuer (whole DNs) or issuer_key, and common_name or subject_alt_name"),
        )
    },
    **{
        f"a trust domain like {written}": Hostile(
            matching("spiffe_trust_domain", written), f"{MATCH}.spiffe_trust_domain", "is not a trust domain: write"
        )
        for written in (
            "spiffe://acme.example",
            "acme.example/",
            "Acme.example",
            "acme.example:443",
            "ä.example",
            "x" * 256,
        )
    },
    **{
        f"a role like {written}": Hostile(
            matching("psd2_role", written), f"{MATCH}.psd2_role", "is not a role: write one"
        )
        for written in ("AISP", "psp_ai", "PSP_AI ", "0.4.0.19495.1.", "PSP")
    },
    "a prefix of a role": Hostile(
        matching("psd2_role", {"prefix": "PSP_"}), f"{MATCH}.psd2_role.prefix", "is not supported for this field"
    ),
    "a prefix of a trust domain": Hostile(
        matching("spiffe_trust_domain", {"prefix": "acme"}),
        *(f"{MATCH}.spiffe_trust_domain.prefix", "is not supported for this field"),
    ),
    "a serial number to deny": Hostile(
        b'{"deny": {"serial_number": "1"}}', "deny.serial_number", "needs exactly one issuer"
    ),
    "a million denied": Hostile(
        b'{"deny": [' + b'{"common_name": "a"},' * 150_000 + b"{}]}", "deny", "exceeds the limit of 120000 entries"
    ),
    "an object for the schema": Hostile(json.dumps({"$schema": {}, "rules": [rule()]}).encode(), "$schema", STRING),
    # Rules.
    "null for a rule": Hostile(document(None), "rules[0]", f"{OBJECT} null"),
    "a string for a rule": Hostile(document(rule(), "allow everything"), "rules[1]", f"{OBJECT} 'allow everything'"),
    "a list for a rule": Hostile(document([rule()]), "rules[0]", f"{OBJECT} a list"),
    "many numbers for rules": Hostile(b'{"rules": [' + b"1," * 30_000 + b"1]}", "rules[99]", f"{OBJECT} a number"),
    "a million numbers for rules": Hostile(
        b'{"rules": [' + b"1," * 1_000_000 + b"1]}", "rules", "exceeds the limit of 120000 entries"
    ),
    "an empty rule": Hostile(document({}), "rules[0].match", "is missing"),
    "no name": Hostile(document(rule(name=None)), "rules[0].name", "is missing"),
    "an empty name": Hostile(document(rule(name="")), "rules[0].name", SEVERAL),
    "a number for a name": Hostile(
        document(rule(name=1)), "rules[0].name", f"{SEVERAL}, starting with a letter or digit"
    ),
    "a list for a name": Hostile(document(rule(name=["a"])), "rules[0].name", "not a list"),
    "a deep list for a name": Hostile(
        document(rule(name="X")).replace(b'"X"', _deep(900).encode()), "rules[0].name", "not a list"
    ),
    "a long name": Hostile(document(rule(name="a" * 65)), "rules[0].name", SEVERAL),
    "a name of 5 MB": Hostile(document(rule(name="a" * 5_000_000)), "rules[0].name", SEVERAL),
    "a new line in a name": Hostile(document(rule(name="a\n")), "rules[0].name", SEVERAL),
    "a homoglyph in a name": Hostile(document(rule(name="\u0430cme")), "rules[0].name", r"not '\u0430cme'"),
    "the environment's name": Hostile(document(rule(name="environment")), "rules[0].name", "other than environment"),
    "a name twice": Hostile(document(rule(), rule()), "rules[1].name", "is 'acme', the name of another rule"),
    "a number for a description": Hostile(document(rule(description=1)), "rules[0].description", STRING),
    "a control character in a description": Hostile(
        document(rule(description="a\x1b[2J")), "rules[0].description", UNPRINTABLE
    ),
    "another key in a rule": Hostile(document(rule(deny=["GET /"])), "rules[0].deny", KNOWN),
    "a key with a space": Hostile(document(rule(**{"allow ": ["GET /"]})), "rules[0].'allow '", KNOWN),
    "a homoglyph in a rule": Hostile(document(rule() | {"\u0430llow": ["GET /"]}), r"rules[0].'\u0430llow'", KNOWN),
    "a constructor": Hostile(document(rule(constructor={})), "rules[0].constructor", KNOWN),
    # What to match.
    "no match": Hostile(document(rule(match=None)), MATCH, "is missing"),
    "null for a match": Hostile(document({"name": "a", "match": None}), MATCH, f"{OBJECT} null"),
    "an empty match": Hostile(document(rule(match={})), MATCH, "is empty and would match every certificate"),
    "a list of matches": Hostile(document(rule(match=[{"common_name": "a"}])), MATCH, f"{OBJECT} a list"),
    "a star for a match": Hostile(document(rule(match="*")), MATCH, f"{OBJECT} '*'"),
    "true for a match": Hostile(document(rule(match=True)), MATCH, f"{OBJECT} true"),
    "another field": Hostile(matching("cn", "a"), f"{MATCH}.cn", KNOWN),
    "a field in camel case": Hostile(matching("commonName", "a"), f"{MATCH}.commonName", KNOWN),
    "a homoglyph for a field": Hostile(matching("comm\u043en_name", "a"), rf"{MATCH}.'comm\u043en_name'", KNOWN),
    "not within a match": Hostile(matching("not", {"common_name": "a"}), f"{MATCH}.not", KNOWN),
    "an empty string to match": Hostile(matching("common_name", ""), f"{MATCH}.common_name", "is empty"),
    "an empty list to match": Hostile(matching("common_name", []), f"{MATCH}.common_name", "is an empty list"),
    "null to match": Hostile(matching("common_name", None), f"{MATCH}.common_name", f"{STRING} null"),
    "false to match": Hostile(matching("common_name", value=False), f"{MATCH}.common_name", f"{STRING} false"),
    "a number to match": Hostile(matching("common_name", 12345), f"{MATCH}.common_name", f"{STRING} a number"),
    "null in a list": Hostile(matching("common_name", ["a", None]), f"{MATCH}.common_name[1]", f"{STRING} null"),
    "an empty string in a list": Hostile(matching("organization", ["a", ""]), f"{MATCH}.organization[1]", "is empty"),
    "a list in a list": Hostile(matching("common_name", [["a"]]), f"{MATCH}.common_name[0]", f"{STRING} a list"),
    "a huge number": Hostile(
        matching("common_name", "X").replace(b'"X"', b"9" * 4_000_000), f"{MATCH}.common_name", f"{STRING} a number"
    ),
    "an infinite number": Hostile(
        matching("common_name", "X").replace(b'"X"', b"-1e999"), f"{MATCH}.common_name", f"{STRING} a number"
    ),
    "no number": Hostile(matching("common_name", float("nan")), f"{MATCH}.common_name", f"{STRING} a number"),
    "a star": Hostile(matching("common_name", "*"), f"{MATCH}.common_name", STAR),
    "a star in a string": Hostile(matching("common_name", ["acme-*"]), f"{MATCH}.common_name[0]", STAR),
    "a star in a prefix": Hostile(matching("common_name", {"prefix": "acme-*"}), f"{MATCH}.common_name.prefix", STAR),
    "a star in an alternative name": Hostile(
        matching("subject_alt_name", "DNS:*.a.example"), f"{MATCH}.subject_alt_name", STAR
    ),
    "a star in an issuer": Hostile(matching("issuer", "CN=*,O=Acme"), f"{MATCH}.issuer", STAR),
    "a star in an attribute": Hostile(matching("issuer", {"CN": "*"}), f"{MATCH}.issuer.CN", STAR),
    "a long string": Hostile(matching("common_name", "a" * 2049), f"{MATCH}.common_name", "has 2049 characters"),
    "a long string in a list": Hostile(
        matching("common_name", ["a", "b" * 2049]), f"{MATCH}.common_name[1]", "has 2049 characters: the limit is 2048"
    ),
    "a NUL in a string": Hostile(matching("common_name", "a\0"), f"{MATCH}.common_name", UNPRINTABLE),
    "a NUL in a list": Hostile(matching("common_name", ["a", "b\0"]), f"{MATCH}.common_name[1]", UNPRINTABLE),
    "a new line in a string": Hostile(matching("organization", "a\r\nb"), f"{MATCH}.organization", UNPRINTABLE),
    "a C1 control character": Hostile(matching("organization", "a\x85"), f"{MATCH}.organization", UNPRINTABLE),
    "half a surrogate pair": Hostile(matching("common_name", "\ud83d"), f"{MATCH}.common_name", UNPRINTABLE),
    "halves in two strings": Hostile(
        matching("common_name", ["\ud83d", "\ude00"]), f"{MATCH}.common_name[0]", UNPRINTABLE
    ),
    "a regular expression": Hostile(matching("common_name", {"regex": "(a+)+$"}), f"{MATCH}.common_name", COMPARISON),
    "an empty object": Hostile(matching("common_name", {}), f"{MATCH}.common_name", COMPARISON),
    "two comparisons": Hostile(
        matching("common_name", {"prefix": "a", "suffix": "b"}), f"{MATCH}.common_name", COMPARISON
    ),
    "a comparison in capitals": Hostile(matching("common_name", {"Prefix": "a"}), f"{MATCH}.common_name", COMPARISON),
    "an empty prefix": Hostile(matching("common_name", {"prefix": ""}), f"{MATCH}.common_name.prefix", "is empty"),
    "an empty suffix": Hostile(matching("common_name", [{"suffix": ""}]), f"{MATCH}.common_name[0].suffix", "is empty"),
    "a list of prefixes": Hostile(
        matching("common_name", {"prefix": ["a"]}), f"{MATCH}.common_name.prefix", f"{STRING} a list"
    ),
    "a comparison in a comparison": Hostile(
        matching("common_name", {"prefix": {"exact": "a"}}), f"{MATCH}.common_name.prefix", f"{STRING} an object"
    ),
    "a type for a common name": Hostile(matching("common_name", {"dns": "a"}), f"{MATCH}.common_name", COMPARISON),
    # Alternative names.
    "an alternative name without a type": Hostile(
        matching("subject_alt_name", "a.example"), f"{MATCH}.subject_alt_name", "is not a type and a value"
    ),
    "a type in lower case": Hostile(
        matching("subject_alt_name", "dns:a.example"), f"{MATCH}.subject_alt_name", "is not a type and a value"
    ),
    "a type without a value": Hostile(
        matching("subject_alt_name", "DNS:"), f"{MATCH}.subject_alt_name", "is not a type and a value"
    ),
    "another type": Hostile(
        matching("subject_alt_name", {"DNS": "a"}), f"{MATCH}.subject_alt_name.DNS", "write one of dns, uri, email, ip"
    ),
    "a comparison without a type": Hostile(
        matching("subject_alt_name", {"prefix": "DNS:a"}),
        f"{MATCH}.subject_alt_name.prefix",
        "cannot be matched: write one of dns, uri, email, ip",
    ),
    "two types": Hostile(
        matching("subject_alt_name", {"dns": "a", "uri": "urn:a"}),
        f"{MATCH}.subject_alt_name",
        "must have exactly one key",
    ),
    "no type": Hostile(matching("subject_alt_name", [{}]), f"{MATCH}.subject_alt_name[0]", "is empty"),
    "a whole authority open at its end": Hostile(
        matching("subject_alt_name", {"uri": {"prefix": "spiffe://acme.example"}}),
        f"{MATCH}.subject_alt_name.uri.prefix",
        "'spiffe://acme.example', and must continue after the authority, such as 'spiffe://example.com/'",
    ),
    "a prefix that is a scheme": Hostile(
        matching("subject_alt_name", {"uri": {"prefix": "spiffe://"}}),
        f"{MATCH}.subject_alt_name.uri.prefix",
        "must continue after the authority",
    ),
    "a prefix that ends in a port": Hostile(
        matching("subject_alt_name", {"uri": {"prefix": "https://a.example:44"}}),
        f"{MATCH}.subject_alt_name.uri.prefix",
        "must continue after the authority",
    ),
    "a prefix with a query instead of a path": Hostile(
        matching("subject_alt_name", {"uri": {"prefix": "https://a?b/"}}),
        f"{MATCH}.subject_alt_name.uri.prefix",
        "must continue after the authority",
    ),
    "a URN's namespace open at its end": Hostile(
        matching("subject_alt_name", {"uri": {"prefix": "urn:acme"}}),
        f"{MATCH}.subject_alt_name.uri.prefix",
        "must continue after the authority",
    ),
    "a domain open at its beginning": Hostile(
        matching("subject_alt_name", {"dns": {"suffix": "acme.example"}}),
        f"{MATCH}.subject_alt_name.dns.suffix",
        "'acme.example', and must start with a dot, such as '.example.com'",
    ),
    "a star for a domain": Hostile(
        matching("subject_alt_name", {"dns": {"suffix": "*.acme.example"}}),
        f"{MATCH}.subject_alt_name.dns.suffix",
        STAR,
    ),
    "a suffix that is a dot": Hostile(
        matching("subject_alt_name", {"dns": {"suffix": "."}}),
        f"{MATCH}.subject_alt_name.dns.suffix",
        "must start with a dot",
    ),
    "an email domain open at its beginning": Hostile(
        matching("subject_alt_name", {"email": {"suffix": "acme.example"}}),
        f"{MATCH}.subject_alt_name.email.suffix",
        "must contain an @ or start with a dot, such as '@example.com'",
    ),
    "an address's domain open at its beginning": Hostile(
        matching("subject", {"emailAddress": {"suffix": "acme.example"}}),
        f"{MATCH}.subject.emailAddress.suffix",
        "must contain an @ or start with a dot, such as '@example.com'",
    ),
    **{
        f"a prefix of {kind}: {name} to {key}": Hostile(
            document(rule(**(excluding | {key: {field: {name: {"prefix": prefix}}}}))),
            f"rules[0].{key}.{field}.{_shown(name)}.prefix",
            f"is not supported for {kind}, because a prefix also matches",
        )
        for key, excluding in (("match", {}), ("not", {"match": {"common_name": "a"}}))
        for kind, prefix, names in (
            (
                "DNS names",
                "api.acme.example",
                [("subject_alt_name", "dns"), ("subject", "dnsName"), ("issuer", "host")],
            ),
            (
                *("email addresses", "admin@acme.example"),
                [
                    ("subject_alt_name", "email"),
                    *((party, name) for party in ("subject", "issuer") for name in EMAIL_ADDRESSES),
                ],
            ),
        )
        for field, name in names
    },
    **{
        f"a suffix of {name} open at its beginning": Hostile(
            matching("subject", {name: {"suffix": "acme.example"}}),
            f"{MATCH}.subject.{_shown(name)}.suffix",
            "must contain an @ or start with a dot, such as '@example.com'",
        )
        for name in ("mail", "0.9.2342.19200300.100.1.3", "1.2.840.113549.1.9.1", "msUPN", "2.5.4.104")
    },
    **{
        f"a {comparison} of a domain component": Hostile(
            matching("subject", {"DC": {comparison: "acme"}}),
            f"{MATCH}.subject.DC.{comparison}",
            "is not supported for domain components",
        )
        for comparison in ("prefix", "suffix")
    },
    "a prefix of a URI in an attribute": Hostile(
        matching("subject", {"1.3.6.1.4.1.250.1.57": {"prefix": "https://acme.example"}}),
        f"{MATCH}.subject.'1.3.6.1.4.1.250.1.57'.prefix",
        "must continue after the authority",
    ),
    "the end of a URI": Hostile(
        matching("subject_alt_name", {"uri": {"suffix": "/payments"}}),
        f"{MATCH}.subject_alt_name.uri.suffix",
        "is not supported for URIs",
    ),
    "a fingerprint to exclude": Hostile(
        document(rule(**{"not": {"fingerprint": FINGERPRINT}})),
        "rules[0].not.fingerprint",
        "Write serial_number and issuer",
    ),
    "a fingerprint among exclusions": Hostile(
        document(rule(**{"not": [{"common_name": "a"}, {"organization": "b", "fingerprint": [FINGERPRINT]}]})),
        "rules[0].not[1].fingerprint",
        "Write serial_number and issuer",
    ),
    "a network": Hostile(
        matching("subject_alt_name", "IP:10.0.0.0/8"), f"{MATCH}.subject_alt_name", "cannot be matched"
    ),
    "the beginning of an address": Hostile(
        matching("subject_alt_name", {"ip": {"prefix": "10."}}),
        f"{MATCH}.subject_alt_name.ip.prefix",
        "is not supported for",
    ),
    "a name for an address": Hostile(
        matching("subject_alt_name", {"ip": "localhost"}), f"{MATCH}.subject_alt_name.ip", "cannot be matched"
    ),
    # Names.
    "an issuer that is no name": Hostile(matching("issuer", "Acme"), f"{MATCH}.issuer", "is not a distinguished name"),
    "an issuer as OpenSSL prints it": Hostile(
        matching("issuer", "/O=Acme/CN=Acme CA"), f"{MATCH}.issuer", "write 'CN=Acme CA,O=Acme'"
    ),
    "an issuer with spaces": Hostile(
        matching("issuer", "CN=Acme CA, O=Acme"), f"{MATCH}.issuer", "write 'CN=Acme CA,O=Acme'"
    ),
    "a user ID in lower case": Hostile(
        document(rule(**{"not": {"subject": {"uid": "mallory"}}})),
        "rules[0].not.subject.uid",
        "write UID or 0.9.2342.19200300.100.1.1 for the attribute that RFC 4519 calls uid",
    ),
    "a user ID in a name": Hostile(
        document(rule(**{"not": {"subject": "uid=mallory,O=Acme"}})), "rules[0].not.subject", "uid is ambiguous"
    ),
    "a user ID in an alternative name": Hostile(
        document(rule(**{"not": {"subject_alt_name": "dirName:uid=mallory,O=Acme"}})),
        *("rules[0].not.subject_alt_name", "uid is ambiguous"),
    ),
    "a directory name with spaces": Hostile(
        matching("subject_alt_name", "dirName:CN=a, O=b"), f"{MATCH}.subject_alt_name", "write 'CN=a,O=b'"
    ),
    "an issuer in hexadecimal": Hostile(
        matching("issuer", "CN=#0C0161"),
        f"{MATCH}.issuer",
        "is not a distinguished name in RFC 4514 form: write 'CN=a'",
    ),
    "an attribute that isn't known": Hostile(
        matching("issuer", "commonName=a"), f"{MATCH}.issuer", "is not a distinguished name"
    ),
    "an empty issuer": Hostile(matching("issuer", {}), f"{MATCH}.issuer", "is empty and would match nothing"),
    "an attribute by its long name": Hostile(
        matching("issuer", {"commonName": "a"}), f"{MATCH}.issuer.commonName", "write an attribute's short name"
    ),
    "an attribute in lower case": Hostile(
        matching("subject", {"cn": "a"}), f"{MATCH}.subject.cn", "write an attribute's short name"
    ),
    "half an OID": Hostile(
        matching("issuer", {"2.": "a"}), f"{MATCH}.issuer.'2.'", "cannot be matched: write an attribute's short name"
    ),
    "an attribute under two names": Hostile(
        matching("issuer", {"O": "a", "2.5.4.10": "b"}),
        f"{MATCH}.issuer.'2.5.4.10'",
        "is the same attribute as another key, O",
    ),
    "a list for an attribute": Hostile(matching("issuer", {"O": ["a", "b"]}), f"{MATCH}.issuer.O", f"{STRING} a list"),
    "null for an attribute": Hostile(matching("issuer", {"O": None}), f"{MATCH}.issuer.O", f"{STRING} null"),
    "a hundred thousand attributes": Hostile(
        matching("issuer", {f"1.2.{number}": "a" for number in range(100_000)} | {"": ""}),
        f"{MATCH}.issuer.''",
        "write an attribute's short name",
    ),
    # What is exact only.
    "a short fingerprint": Hostile(matching("fingerprint", "AB:CD"), f"{MATCH}.fingerprint", "is not a SHA-256"),
    "a SHA-1": Hostile(matching("fingerprint", "ab" * 20), f"{MATCH}.fingerprint", "is not a SHA-256"),
    "a SHA-512": Hostile(matching("fingerprint", "ab" * 64), f"{MATCH}.fingerprint", "is a SHA-512: write the SHA-256"),
    "the beginning of a fingerprint": Hostile(
        matching("fingerprint", {"prefix": "AB"}),
        f"{MATCH}.fingerprint.prefix",
        "is not supported for this field: write exact values",
    ),
    "a serial number alone": Hostile(
        matching("serial_number", "01"), f"{MATCH}.serial_number", "needs exactly one issuer"
    ),
    "a serial number of two issuers": Hostile(
        matching("serial_number", "01", issuer=["CN=a", "CN=b"]), f"{MATCH}.serial_number", "needs exactly one issuer"
    ),
    "a serial number of part of an issuer": Hostile(
        matching("serial_number", "01", issuer={"O": "a"}), f"{MATCH}.serial_number", "needs exactly one issuer"
    ),
    "a serial number of parts of an issuer": Hostile(
        matching("serial_number", "01", issuer={"O": "a", "CN": "b"}),
        f"{MATCH}.serial_number",
        "needs exactly one issuer",
    ),
    "a serial number that isn't one": Hostile(
        matching("serial_number", "0x1G", issuer="CN=a"), f"{MATCH}.serial_number", "is not a serial number"
    ),
    "a number for a serial number": Hostile(
        matching("serial_number", 1, issuer="CN=a"), f"{MATCH}.serial_number", f"{STRING} a number"
    ),
    "the beginning of a serial number": Hostile(
        matching("serial_number", {"prefix": "0"}, issuer="CN=a"),
        f"{MATCH}.serial_number.prefix",
        "is not supported for",
    ),
    # Exclusions.
    "null for an exclusion": Hostile(document(rule() | {"not": None}), "rules[0].not", f"{OBJECT} null"),
    "no exclusions": Hostile(document(rule(**{"not": []})), "rules[0].not", "is an empty list"),
    "an empty exclusion": Hostile(document(rule(**{"not": {}})), "rules[0].not", "is empty"),
    "an empty exclusion in a list": Hostile(
        document(rule(**{"not": [{"common_name": "a"}, {}]})), "rules[0].not[1]", "is empty"
    ),
    "an exclusion of another field": Hostile(document(rule(**{"not": {"cn": "a"}})), "rules[0].not.cn", KNOWN),
    "a serial number alone to exclude": Hostile(
        document(rule(**{"not": [{"serial_number": "01"}]})),
        "rules[0].not[0].serial_number",
        "needs exactly one issuer",
    ),
    # Routes.
    "null for routes": Hostile(document(rule() | {"allow": None}), "rules[0].allow", ROUTES),
    "no routes": Hostile(document(rule(allow=[])), "rules[0].allow", ROUTES),
    "a star for routes": Hostile(document(rule(allow="*")), "rules[0].allow", ROUTES),
    "true for routes": Hostile(document(rule(allow=True)), "rules[0].allow", ROUTES),
    "routes by method": Hostile(document(rule(allow={"GET": "/"})), "rules[0].allow", ROUTES),
    "a number for a route": Hostile(document(rule(allow=["GET /", 1])), "rules[0].allow[1]", f"{STRING} a number"),
    "a key for a usage plan that is short": Hostile(
        document(rule(usage_plan_key={"value": "k" * 19})), "rules[0].usage_plan_key", "20 to 128 letters"
    ),
    "a key for a usage plan that is long": Hostile(
        document(rule(usage_plan_key={"value": "k" * 129})), "rules[0].usage_plan_key", "20 to 128 letters"
    ),
    "a usage plan's key for a header": Hostile(
        document(rule(usage_plan_key={"value": "k" * 20 + "\r\n"})), "rules[0].usage_plan_key", "20 to 128 letters"
    ),
    "a usage plan's key as it is": Hostile(
        document(rule(usage_plan_key="k" * 20)), "rules[0].usage_plan_key", 'must be "fingerprint", {"value": "…"}'
    ),
    "a serial number for a usage plan": Hostile(
        document(rule(usage_plan_key="serial_number")), "rules[0].usage_plan_key", 'must be "fingerprint"'
    ),
    "another key for a usage plan": Hostile(
        document(rule(usage_plan_key={"value": "k" * 20, "plan": "gold"})), "rules[0].usage_plan_key", "must be"
    ),
    "a number for a usage plan": Hostile(
        document(rule(usage_plan_key={"value": 10**30})), "rules[0].usage_plan_key", "must be"
    ),
    "null for a usage plan": Hostile(document(rule() | {"usage_plan_key": None}), "rules[0].usage_plan_key", "must be"),
    "a large policy": Hostile(
        document(rule(allow=[f"* /{number:0300}" for number in range(10)])), "rules[0].allow", "needs a policy of up to"
    ),
    "a policy of 5 MB": Hostile(
        document(rule(allow=[f"GET /{number}" for number in range(300_000)])),
        "rules[0].allow",
        "need a policy of more than 51200 bytes",
    ),
    # Limits.
    "no APIs": Hostile(document(rule(api_id=[])), "rules[0].api_id", "is an empty list, which permits no request"),
    "null for an API": Hostile(document(rule() | {"api_id": None}), "rules[0].api_id", "must be the ID of an API"),
    "a star for an API": Hostile(document(rule(api_id=["a", "*"])), "rules[0].api_id[1]", "must be the ID of an API"),
    "an ARN for an API": Hostile(
        document(rule(api_id="arn:aws:execute-api:eu-central-1:123456789012:a1")), "rules[0].api_id", "must be the ID"
    ),
    "an object for a domain": Hostile(
        document(rule(domain_name={"suffix": ".example.com"})), "rules[0].domain_name", "must be a custom domain name"
    ),
    **{
        f"{text!r} for a domain": Hostile(
            document(rule(domain_name=text)), "rules[0].domain_name", "must be a custom domain name"
        )
        for text in (
            *("", "*.example.com", "api.example.com:443", "api.example.com.", "https://api.example.com", "api..com"),
            *("-a.com", "a-.com", "a." * 127 + "a", "a" * 64, "b\u00fccher.example", "\u212aey.example"),
        )
    },
    **{
        f"{text!r} for a time": Hostile(
            document(rule() | {"not_before": text}), "rules[0].not_before", "must be a time in UTC like"
        )
        for text in (
            *(None, 0, "", "2026-11-22", "2026-11-22T06:54Z", "2026-11-22T06:54:49", "2026-11-22T06:54:49+01:00"),
            *("2026-11-22 06:54:49Z", "2026-11-22t06:54:49z", "2026-11-22T06:54:49.5Z", ["2026-11-22T06:54:49Z"]),
            "\u0662026-11-22T06:54:49Z",
        )
    },
    "a day that a month does not have": Hostile(
        document(rule(not_after="2026-02-29T00:00:00Z")), "rules[0].not_after", "must be a time in UTC like"
    ),
    "an end before the beginning": Hostile(
        document(rule(not_before="2026-11-22T00:00:01Z", not_after="2026-11-22T00:00:00Z")),
        *("rules[0].not_after", "is before not_before"),
    ),
    # Contexts.
    "null for a context": Hostile(document(rule() | {"context": None}), "rules[0].context", f"{OBJECT} null"),
    "a list for a context": Hostile(document(rule(context=[])), "rules[0].context", f"{OBJECT} a list"),
    "a context of 5 MB": Hostile(
        document(rule(context={"a": "x" * 5_000_000})), "rules[0].context", "the limit is 4096"
    ),
    "a context of too many values": Hostile(
        document(rule(context={f"key{number}": {"from": "subject.O"} for number in range(16)})),
        "rules[0].context",
        "the limit is 4096",
    ),
    **{
        f"{key} of a value: {value!r}": Hostile(
            document(rule(context={"tenant": {"from": "subject_alt_name.uri"} | {key: value}})),
            f"rules[0].context.tenant.{key}",
            problem,
        )
        for (key, problem), values in _VALUES.items()
        for value in values
    },
    "a prefix of another value": Hostile(
        document(rule(context={"tenant": {"from": "subject.O", "after": "spiffe://acme.example/"}})),
        *("rules[0].context.tenant.after", "is only supported with"),
    ),
    "a value for the certificate's key": Hostile(
        document(rule(context={"clientCertHeader": {"from": "subject.O"}})),
        *("rules[0].context.clientCertHeader", "is a key that the authorizer or API Gateway sets"),
    ),
    "a value that is no name for a usage plan": Hostile(
        document(rule(usage_plan_key={"from": "O"})), "rules[0].usage_plan_key.from", "must be"
    ),
    "a context of many keys": Hostile(
        document(rule(context={f"key{number}": "" for number in range(100_000)})),
        "rules[0].context",
        "the limit is 4096",
    ),
}
_ROUTES = {
    "no method": ("/payments", "is not a method and a path"),
    "no path": ("GET", "is not a method and a path"),
    "a star for all": ("*", "is not a method and a path"),
    "an empty route": ("", "is empty"),
    "a path that isn't absolute": ("GET payments", "is not a method and a path"),
    "two spaces": ("GET  /payments", "is not a method and a path"),
    "a URL": ("GET https://api.example/payments", "is not a method and a path"),
    "a method in lower case": ("get /payments", "does not start with a method"),
    "another method": ("TRACE /payments", "does not start with a method"),
    "any method by another name": ("ANY /payments", "does not start with a method"),
    "a method with a star": ("P* /payments", "does not start with a method"),
    "a method with a slash": ("GET/x /payments", "does not start with a method"),
    "a dot segment": ("GET /./payments", "contains the segment '.'"),
    "a way out of the stage": ("GET /../../other/prod/GET/payments", "contains the segment '..'"),
    "a way out at the end": ("GET /payments/..", "contains the segment '..'"),
    "a way out before a star": ("GET /payments/../*", "contains the segment '..'"),
    "an empty segment": ("GET /payments//x", "contains the segment ''"),
    "two slashes": ("GET //", "contains the segment ''"),
    "two slashes before a star": ("GET //*", "contains the segment ''"),
    "an encoded way out": ("GET /payments/%2e%2e/x", "contains characters other than"),
    "an encoded slash": ("GET /payments%2Fx", "contains characters other than"),
    "a backslash": ("GET /payments\\..\\x", "contains characters other than"),
    "a star within": ("GET /*/payments", "contains a * that would also match slashes"),
    "a star in a segment": ("GET /pay*", "contains a * that would also match slashes"),
    "two stars": ("GET /payments/**", "contains a * that would also match slashes"),
    "a star in the middle": ("GET /a/*/b/*", "contains a * that would also match slashes"),
    "a question mark": ("GET /payments/?", "contains characters other than"),
    "a query": ("GET /payments?id=1", "contains characters other than"),
    "a fragment": ("GET /payments#x", "contains characters other than"),
    "a policy variable": ("GET /${aws:username}", "contains characters other than"),
    "a path parameter": ("GET /payments/{id}", "contains a path parameter"),
    "a greedy path parameter": ("GET /{proxy+}", "contains a path parameter"),
    "a space in a path": ("GET /pay ments", "contains characters other than"),
    "a quote": ('GET /"', "contains characters other than"),
    "a letter beyond ASCII": ("GET /é", "contains characters other than"),
    "a homoglyph of a slash": ("GET /payments\u2215x", "contains characters other than"),
    "a control character in a path": ("GET /payments\n", UNPRINTABLE),
    "a NUL in a path": ("GET /\0", UNPRINTABLE),
    "a long path": ("GET /" + "a" * 400, "needs a resource of"),
    "a path that is too long with one of the methods": ("* /" + "a" * 304, "needs a resource of 312 characters"),
}
_CONTEXTS = {
    "the certificate's key": ("clientCertCN", "a", "is a key that the authorizer or API Gateway sets"),
    "the certificate's key in another case": ("CLIENTCERTcn", "a", "is a key that the authorizer or API Gateway sets"),
    "any key like the certificate's": ("clientCertTier", "a", "is a key that the authorizer or API Gateway sets"),
    "the principal": ("principalId", "a", "is a key that the authorizer or API Gateway sets"),
    "the reason": ("reason", "a", "is a key that the authorizer or API Gateway sets"),
    **{
        f"a variable of access logs: {key}": (key, "a", "is a key that the authorizer or API Gateway sets")
        for key in ("error", "integrationLatency", "integrationStatus", "latency", "requestId", "status")
    },
    "an empty context key": ("", "a", "must be a letter, followed by up to 63 letters"),
    "a context key with a dot": ("a.b", "a", "must be a letter"),
    "a context key for another header": ("a\r\nX-Admin", "a", "must be a letter"),
    "a prototype for a context key": ("__proto__", "a", "must be a letter"),
    "a homoglyph of the certificate's key": ("\u0441lientCertCN", "a", "must be a letter"),
    "a long context key": ("a" * 65, "a", "must be a letter"),
    "a number in a context": ("a", 1, "must be a string of printable ASCII"),
    "null in a context": ("a", None, "must be a string of printable ASCII"),
    "an object in a context": ("a", {"b": "c"}, "must be a string of printable ASCII"),
    "another header in a context": ("a", "b\r\nX-Admin: true", "must be a string of printable ASCII"),
    "a new line in a context": ("a", "b\n", "must be a string of printable ASCII"),
    "a letter beyond ASCII in a context": ("a", "é", "must be a string of printable ASCII"),
    "half a surrogate pair in a context": ("a", "\udc00", "must be a string of printable ASCII"),
}


def _context_place(key: str) -> str:
    plain = key.replace("_", "").isalnum() and key.isascii() and len(key) < 65 and key[0].isalpha()
    return f"rules[0].context.{key if plain else ascii(key)}"


HOSTILE: dict[str, Hostile] = {
    **_DOCUMENTS,
    **{
        name: Hostile(document(rule(allow=["GET /", text])), "rules[0].allow[1]", problem)
        for name, (text, problem) in _ROUTES.items()
    },
    **{
        name: Hostile(document(rule(context={key: value})), _context_place(key), problem)
        for name, (key, value, problem) in _CONTEXTS.items()
    },
}
