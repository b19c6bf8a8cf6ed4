"""An exclusion applies to every spelling of the name that it excludes, whatever else the certificate contains."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from client_certificate_auth import PeerCertificate
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.rule_set import RuleSet
from tests.pki.certificates import certificate_der, dns, email, name, pem, subject_alt_names, uri

if TYPE_CHECKING:
    from collections.abc import Callable

HOSTS = st.sampled_from(["evil.example", "a.evil.example", "xn--mnchen-3ya.example", "evil_x.example", "EVIL.example"])
PATHS = st.sampled_from(["", "/", "/Billing/x", "/a.b/C", "/q?x=Y#Z"])
ADDRESS_TYPES = ["1.2.840.113549.1.9.1", "0.9.2342.19200300.100.1.3", "1.3.6.1.4.1.311.20.2.3", "2.5.4.105"]
DOMAIN_TYPES = ["0.9.2342.19200300.100.1.25", "0.9.2342.19200300.100.1.9", "2.5.4.100", "0.9.2342.19200300.100.1.37"]


@st.composite
def spellings(draw: st.DrawFn, text: str) -> str:
    """Text in any case."""
    upper = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    return "".join(each.upper() if is_upper else each.lower() for each, is_upper in zip(text, upper, strict=True))


def exact_or_suffixes(draw: st.DrawFn, text: str, *suffixes: str) -> Any:  # noqa: ANN401 -- JSON
    return draw(st.sampled_from([text, {"exact": text}, *({"suffix": each} for each in suffixes)]))


@st.composite
def alternative_names(draw: st.DrawFn, kind: str) -> tuple[dict[str, Any], bytes]:
    """An exclusion, and a name of the same kind in another spelling."""
    host = draw(HOSTS)
    spelt = draw(spellings(host)) + draw(st.sampled_from([".", ""]))
    parent = host[host.index(".") :]
    match kind:
        case "dns":
            return {"dns": exact_or_suffixes(draw, host, parent)}, dns(spelt)
        case "email":
            wanted = exact_or_suffixes(draw, f"Bob@{host}", f"@{host}", f"b@{host}", parent)
            return {"email": wanted}, email(f"{draw(spellings('Bob'))}@{spelt}")
        case _:
            scheme, rest = draw(st.sampled_from(["https", "spiffe", "LDAP"])), draw(st.sampled_from(["", ":443", ":"]))
            path = draw(PATHS)
            whole = f"{scheme}://{host}{rest}{path}"
            prefix = [{"prefix": whole[: -len(path[1:]) or None]}] if path else []
            wanted = draw(st.sampled_from([whole, {"exact": whole}, *prefix]))
            return {"uri": wanted}, uri(f"{draw(spellings(scheme))}://{spelt}{rest}{path}")


@st.composite
def attributes(draw: st.DrawFn) -> tuple[Any, list[tuple[str, str]]]:
    """An exclusion by a name, and a name in another spelling."""
    host = draw(HOSTS | st.sampled_from(["\u0131\u017f\u00df.example", "\u03c3\u03b1\u03c2.example"]))
    spelt = draw(spellings(host)) + draw(st.sampled_from([".", ""]))
    kind = draw(st.sampled_from(ADDRESS_TYPES + DOMAIN_TYPES))
    local = "Bob@" if kind in ADDRESS_TYPES else ""
    wanted = draw(st.sampled_from([{kind: f"{local}{host}"}, f"{kind}={local}{host},O=Acme"]))
    return wanted, [("O", "Acme"), (kind, draw(spellings(local)) + spelt)]


@given(st.data())
def test_an_exclusion_applies_to_every_spelling_next_to_any_other_name(data: st.DataObject) -> None:
    draw: Callable[..., Any] = data.draw
    subject, issuer, names = [("O", "Acme")], [("O", "CA")], []
    excluded: dict[str, Any]
    match draw(st.sampled_from(["uri", "email", "dns", "subject", "issuer", "common name"])):
        case "uri" | "email" | "dns" as kind:
            wanted, own = draw(alternative_names(kind))
            excluded, names = {"subject_alt_name": draw(st.sampled_from([wanted, [{"dns": "x"}, wanted]]))}, [own]
        case "subject":
            wanted, subject = draw(attributes())
            excluded = {"subject": wanted}
        case "issuer":
            spaces = draw(st.integers(1, 3)) * " "
            issuer = [("O", draw(spellings("Acme"))), ("CN", draw(spellings(" Issuing CA")).replace(" ", spaces))]
            wanted = [{"CN": "Issuing CA"}, "CN=Issuing CA,O=Acme", {"CN": {"suffix": "suing CA"}, "O": "acme"}]
            excluded = {"issuer": draw(st.sampled_from(wanted))}
            if draw(st.booleans()):
                by_attribute, attributes_of_ca = draw(attributes())
                issuer = [(kind, f" {text}{spaces}") for kind, text in attributes_of_ca]
                excluded = {"issuer": by_attribute}
        case _:
            subject = draw(st.permutations([*subject, ("CN", "mallory"), ("CN", "x")]))
            by_prefix = {"subject": {"CN": {"prefix": "mal"}}}
            excluded = draw(st.sampled_from([{"common_name": ["z", "mallory"]}, by_prefix]))
    others = draw(st.lists(st.sampled_from([dns("other"), uri("urn:x"), email("x@y"), dns("b\0")]), max_size=2))
    document: dict[str, Any] = {"rules": [{"name": "a", "match": {"organization": "Acme"}}]}
    names = draw(st.permutations([*names, *others]))
    certificate = PeerCertificate.from_pem(
        pem(certificate_der(name(*subject), name(*issuer), extensions=[subject_alt_names(*names)] if names else []))
    )
    assert not isinstance(RuleSet(parse_rules(json.dumps(document).encode())).evaluate(certificate), DenyReason)
    for with_exclusion in (
        {**document, "deny": [{"common_name": "nobody"}, excluded]},
        {"rules": [{**document["rules"][0], "not": excluded}]},
    ):
        rules = RuleSet(parse_rules(json.dumps(with_exclusion).encode()))
        assert rules.evaluate(certificate) is DenyReason.CERTIFICATE_EXCLUDED
