"""Whatever ``rules what-if`` says is determined by a log entry is what the authorizer decides on the certificate."""

from __future__ import annotations

import json
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from hypothesis import event, given
from hypothesis import strategies as st

from client_certificate_auth import PeerCertificate, read_client_certificate
from mtls_authorizer.policy.access_policy import AccessPolicy
from mtls_authorizer.policy.settings import Settings
from mtls_authorizer.request.assessment import assess
from mtls_authorizer.request.decision import decide
from mtls_authorizer.request.event import read_request
from mtls_authorizer.rules.document.reader import parse_rules
from mtls_authorizer.rules.extended_key_usage import CLIENT_AUTH_IF_RESTRICTED, NO_REQUIRED_USAGES, read_required_usages
from mtls_authorizer.rules.rule_set import RuleSet
from mtls_authorizer.telemetry.decision_log import log_fields
from mtls_authorizer.telemetry.observation import Observation
from mtls_authorizer_cli.decision_log.entries import LogEntry
from mtls_authorizer_cli.decision_log.records import read_record
from mtls_authorizer_cli.rules.what_if.replay import Replayer
from tests.aws.api_events import http_1_0_event, http_2_0_event, rest_event
from tests.pki import der
from tests.pki.certificates import (
    ED25519_KEY,
    EXTENDED_KEY_USAGE,
    NOT_AFTER,
    SUBJECT_ALT_NAME,
    certificate_der,
    dns,
    extension,
    name,
    pem,
    subject_alt_names,
    uri,
)
from tests.questions import NOW, document

if TYPE_CHECKING:
    from mtls_authorizer.request.event import ApiRequest
    from mtls_authorizer_cli.decision_log.records import LogRecord

_TEXTS = st.sampled_from(["a", "a", "b", 'a,b+"c"', "#\u00e9 ", "...", "x" * 2100])
_SUBJECTS = st.lists(st.tuples(st.sampled_from(["CN", "O", "OU", "UID", "2.5.4.97"]), _TEXTS), max_size=4)
_USAGES = [
    [],
    *(
        [extension(EXTENDED_KEY_USAGE, der.sequence(*map(der.oid, oids)))]
        for oids in (
            ["1.3.6.1.5.5.7.3.2"],
            ["1.3.6.1.5.5.7.3.1"],
            [f"1.2.{n}" for n in range(16)] + ["1.3.6.1.5.5.7.3.2"],
        )
    ),
]
_ALTERNATIVE_NAMES = [
    [],
    [subject_alt_names(dns("a.b"), uri("spiffe://a/b"))],
    [extension(SUBJECT_ALT_NAME, b"broken")],
]
_CERTIFICATES = st.builds(
    lambda subject, issuer, usages, names: pem(
        certificate_der(name(*subject), name(*issuer), extensions=[*usages, *names])
    ),
    st.sampled_from(
        [*[[("CN", "a"), ("O", "a")]] * 4, [("O", "a"), ("CN", "b")], [("CN", "a"), ("O", "a"), ("CN", "b")]]
    )
    | _SUBJECTS,
    st.just([("CN", "ca")]) | _SUBJECTS,
    st.sampled_from([*_USAGES[:2] * 3, *_USAGES]),
    st.sampled_from([*_ALTERNATIVE_NAMES[:2] * 5, *_ALTERNATIVE_NAMES]),
)

_KEY = sha256(ED25519_KEY).hexdigest()
_VALUES: dict[str, list[Any]] = {
    "common_name": ["a", "b", {"prefix": "a"}],
    "organization": ["a", ["a", "b"], {"suffix": "c"}],
    "organizational_unit": ["a", "b"],
    "subject": ["CN=a,O=a", "O=a,CN=a", {"O": "a", "CN": "a"}, {"UID": "a"}, {"OU": {"prefix": "a"}}],
    "issuer": ["CN=ca", {"CN": {"prefix": "c"}}, {"O": "a"}],
    "subject_alt_name": ["DNS:a.b", {"uri": {"prefix": "spiffe://a/"}}],
    "public_key": [_KEY, "00" * 32],
    "issuer_key": [_KEY],
    "spiffe_trust_domain": ["a"],
    "organization_identifier": ["a", {"prefix": "b"}],
    "psd2_role": ["PSP_AI"],
}
_MATCHES = st.dictionaries(
    st.sampled_from([*_VALUES, *["common_name", "subject"] * 4]), st.integers(0, 9), min_size=1, max_size=2
).map(
    lambda fields: {field: _VALUES[field][number % len(_VALUES[field])] for field, number in fields.items()}
) | st.just({"serial_number": "0102030405", "issuer": "CN=ca"})
_EXCLUSIONS = st.sampled_from([{"common_name": "b"}, {"subject_alt_name": "DNS:x"}]) | _MATCHES.filter(
    lambda match: "issuer_key" not in match
)
_RULES = st.lists(
    st.fixed_dictionaries(
        {"match": _MATCHES},
        optional={
            "allow": st.lists(
                st.sampled_from(["GET /payments/*", "GET /payments", "* /payments/1", "* /*", "POST /payments/1/x"]),
                min_size=1,
                max_size=2,
            ),
            "not": _EXCLUSIONS,
            "context": st.sampled_from(
                [
                    {"t": {"from": "subject.O"}},
                    {"t": {"from": "subject_alt_name.dns"}},
                    {"t": {"from": "issuer.O", "default": ""}},
                ]
            ),
            "extended_key_usage": st.sampled_from([["clientAuth"], ["clientAuth"]]),
            "api_id": st.sampled_from(["a1b2c3d4e5", "z9y8x7w6v5"]),
            "domain_name": st.just("api.example.com"),
            "not_after": st.sampled_from(["2099-01-01T00:00:00Z", "2000-01-01T00:00:00Z"]),
        },
    ),
    max_size=4,
)
_DOCUMENTS = st.builds(
    lambda rules, last, deny: RuleSet(
        parse_rules(
            json.dumps(
                {
                    "rules": [
                        *({"name": f"r{number}", **rule} for number, rule in enumerate(rules)),
                        last,
                    ],
                    **({"deny": deny} if deny else {}),
                }
            ).encode()
        )
    ),
    _RULES,
    st.sampled_from(
        [
            {"name": "last", "match": {"common_name": "a"}, "allow": ["GET /payments/*", "GET /payments"]},
            {"name": "last", "match": {"organization": "a", "issuer": "CN=ca"}},
            {"name": "last", "match": {"organization": "a"}, "not": {"common_name": "b"}},
            {"name": "last", "match": {"common_name": "nobody"}},
        ]
    ),
    st.sampled_from([None] * 4) | _EXCLUSIONS,
)
_SETTINGS = st.sampled_from(
    [
        Settings(required_usages=usages)
        for usages in (CLIENT_AUTH_IF_RESTRICTED, NO_REQUIRED_USAGES, read_required_usages(["clientAuth"]))
    ]
)
_REQUESTED = st.sampled_from(
    [
        (method, template, path)
        for method in ("GET", "POST")
        for template, path in [
            ("/payments", "/payments"),
            ("/payments/{id}", "/payments/1"),
            ("/payments/{id}", "/payments/2"),
            ("/payments/{id}/x", "/payments/1/x"),
            ("/{proxy+}", "/payments/1"),
            ("/{proxy+}", "/payments"),
            ("/", "/"),
        ]
    ]
)


@st.composite
def _requests(draw: st.DrawFn, certificate: object) -> ApiRequest:
    method, template, path = draw(_REQUESTED)
    make = draw(st.sampled_from([rest_event, http_1_0_event, http_2_0_event]))
    made = make(certificate, method, path, resource=template)
    made["routeKey"] = draw(st.sampled_from([f"{method} {template}", f"ANY {template}", "$default"]))
    made["requestContext"] |= draw(
        st.sampled_from([{}, {"domainName": "api.example.com"}, {"domainName": "b.example"}])
    )
    return read_request(made)


def _record(fields: dict[str, object], time: object, kept: set[str] | None) -> LogRecord | None:
    """Return a log entry as it was logged, or the fields that a query in Logs Insights has selected."""
    logged: dict[str, Any] = json.loads(json.dumps(fields))
    if kept is not None:
        selected = {key: str(value) for key, value in logged.items() if key in kept and not isinstance(value, list)}
        logged = {key: value for key, value in selected.items() if value != "None"}
    return read_record(1, LogEntry(logged if kept is not None else json.dumps(logged), time, kept is not None))


@given(_CERTIFICATES, _DOCUMENTS, _DOCUMENTS, _SETTINGS, st.data())
def test_a_determined_decision_is_that_of_the_authorizer(
    client: str, old: RuleSet, new: RuleSet, configured: Settings, data: st.DataObject
) -> None:
    certificate = data.draw(st.sampled_from([*[client] * 9, None, "broken"]))
    request = data.draw(_requests(certificate))
    now = data.draw(st.sampled_from([*[NOW] * 4, NOT_AFTER, NOT_AFTER + timedelta(seconds=1)]))
    extraction = read_client_certificate(certificate)

    def decision_under(rules: RuleSet) -> Any:  # noqa: ANN401 -- a Decision
        policy = AccessPolicy(rules)
        return decide(assess(extraction, configured, policy), configured, policy, request, now)

    logged = decision_under(old)
    fields = log_fields(Observation(logged, request, configured, AccessPolicy(old), now, False, 1, 0))  # noqa: FBT003 -- a named tuple
    kept = data.draw(st.none() | st.sets(st.sampled_from(sorted(fields))).map(lambda names: names | {"decision"}))
    record = _record(fields, now.isoformat(), kept)
    if record is None:
        return
    expected = decision_under(new).allowed
    determined = Replayer(new, configured, {}, issuer_key_known=False).decide(record).allowed.value
    event(f"determined: {determined}")
    assert determined in {None, expected}
    if not extraction.success:
        return
    # With the certificate, only the path can be missing. No truststore: no certificate matches an issuer_key.
    known = {extraction.certificate.fingerprint256: extraction.certificate}
    replayed = Replayer(new, configured, known, issuer_key_known=True).decide(record)
    assert replayed.allowed.value in {None, expected}
    if kept is None:
        assert replayed.allowed.missing <= {"path", "method"}


def test_most_decisions_are_determined_by_what_is_logged() -> None:
    client = pem(certificate_der(name(("O", "a"), ("CN", "a")), name(("CN", "ca"))))
    rules = RuleSet(
        parse_rules(
            document({"name": "a", "match": {"subject": "CN=a,O=a", "issuer": "CN=ca"}, "allow": ["GET /payments/*"]})
        )
    )
    request = read_request(rest_event(client, "GET", "/payments/1", resource="/payments/{id}"))
    policy = AccessPolicy(rules)
    decision = decide(assess(read_client_certificate(client), Settings(), policy), Settings(), policy, request, NOW)
    record = _record(log_fields(Observation(decision, request, Settings(), policy, NOW, False, 1, 0)), None, None)  # noqa: FBT003 -- likewise
    assert record is not None
    assert Replayer(rules, Settings(), {}, issuer_key_known=False).decide(record).allowed.value is True
    assert PeerCertificate.from_pem(client).fingerprint256 == record.text("fingerprint")
