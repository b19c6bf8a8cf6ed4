"""What the README says is so."""

from __future__ import annotations

import logging
import re
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from mtls_authorizer.revocation.indexing import INDEX_SUFFIX, LARGEST_CRL

import client_certificate_auth
from client_certificate_auth import ExtractionFailureReason, PeerCertificate
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import VARIABLES, load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.refresh.refresher import RETRY_SECONDS, WAIT_SECONDS
from mtls_authorizer.request.context import build_context
from mtls_authorizer.revocation.truststore import MOST_AUTHORITIES
from mtls_authorizer.rules.document import parse_rules
from mtls_authorizer.rules.fields import FIELDS
from mtls_authorizer.telemetry.metrics import UNITS, Metric
from tests.api_events import EVENTS, rest_event
from tests.certificates import certificate_der, client_pem, name, pem
from tests.integration.authorizer.revocation.test_crl_against_openssl import TABLE

PROJECT = Path(__file__).parents[3]
README = (PROJECT / "README.md").read_text()


def section(heading: str) -> str:
    """Return what stands under a heading, up to the next one of any level."""
    _, _, rest = README.partition(f"# {heading}\n")
    assert rest, f"no heading {heading!r}"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def tables(heading: str) -> list[list[list[str]]]:
    """Return the rows of a section's tables, without their headings."""
    found = re.findall(r"(?:^\|.*\n)+", section(heading), re.MULTILINE)
    return [
        [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table.splitlines()[2:]] for table in found
    ]


def names(cells: list[str]) -> list[str]:
    """Return what stands in code in some cells."""
    return [code for cell in cells for code in re.findall(r"`([^`]+)`", cell)]


def first_column(heading: str) -> list[str]:
    return names([row[0] for row in tables(heading)[0]])


@pytest.mark.parametrize("make_event", EVENTS.values(), ids=EVENTS)
def test_the_layer_in_ten_lines_does_what_it_seems_to(make_event: Any) -> None:  # noqa: ANN401 -- any of three
    (code,) = re.findall(r"```python\n(.*?)```", section("The layer in ten lines"), re.DOTALL)
    assert len([line for line in code.splitlines() if line]) <= 10
    scope: dict[str, Any] = {}
    exec(code, scope)  # noqa: S102 -- the README's own code
    answers = [
        scope["handler"](make_event(certificate), None)
        for certificate in (client_pem(("CN", "authorized-client")), client_pem(("CN", "other")), None, "garbage")
    ]
    assert answers == [
        {"statusCode": 200, "body": "Hello authorized-client"},
        {"statusCode": 403, "body": "Forbidden"},
        {"statusCode": 401, "body": "lambda_event_missing_clientcert"},
        {"statusCode": 401, "body": "lambda_event_clientcert_malformed"},
    ]


def test_every_variable_is_there_with_its_default() -> None:
    (rows,) = tables("Configuration")
    assert names([row[0] for row in rows]) == list(VARIABLES)
    defaults = {names([row[0]])[0]: names([row[2]])[0] for row in rows if names([row[2]])}
    # Without the first, those of CRLs are errors.
    lists = {"CRL_URIS": "s3://bucket/ca.crl", "TRUSTSTORE_URI": "s3://bucket/truststore.pem"}
    with_defaults, without = load_settings({**lists, **defaults}), load_settings(lists)
    assert with_defaults.rules.rules == without.rules.rules == ()
    assert with_defaults._replace(rules=without.rules, version=without.version) == without


def test_every_key_and_field_of_rules_is_there() -> None:
    keys, fields = tables("Rules")
    assert names([row[0] for row in keys]) == list(RULE_KEYS)
    assert [[cell.strip("`") for cell in row] for row in fields] == [
        [name, field.meaning, field.variable or "", field.reason.value] for name, field in FIELDS.items()
    ]


def test_the_rules_that_are_shown_are_rules() -> None:
    (shown,) = re.findall(r"(?:^    .*\n)+", section("Rules"), re.MULTILINE)
    (rule,) = parse_rules(shown.encode())
    assert rule.routes == ("GET/payments/*", "POST/payments")


def test_every_metric_is_there_with_its_unit() -> None:
    (rows,) = tables("Metrics")
    assert {names([row[0]])[0]: row[1] for row in rows} == {each.value: UNITS.get(each, "Count") for each in Metric}


def test_every_context_key_is_there() -> None:
    kinds = ("C", "ST", "L", "O", "OU", "CN", "emailAddress")
    whole = PeerCertificate.from_pem(pem(certificate_der(name(*((kind, "x") for kind in kinds)))))
    keys = [*build_context(whole), "clientCertDaysToExpiry"]
    assert sorted(first_column("What the integration gets")) == sorted(keys)


def test_every_reason_is_there_with_its_status() -> None:
    (rows,) = tables("Who is turned away, and why")
    assert sorted(names([row[0] for row in rows])) == sorted(DenyReason)
    for reason, _, rest_status, http_status in rows:
        unauthenticated = "lambda_event" in reason
        assert rest_status.startswith("401" if unauthenticated else "403")
        assert http_status.startswith("403")


def test_every_field_of_the_log_is_there(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mtls_authorizer")
    Authorizer(load_settings({})).authorize(rest_event(client_pem()))
    (record,) = caplog.records
    usual = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}
    assert vars(record).keys() - usual <= set(names([section("Logs")]))


def test_every_front_door_is_there_with_its_header() -> None:
    value = quote(client_pem(("CN", "client")), safe="+=/")
    for _, call, header, _ in tables("Behind a load balancer or CloudFront")[0]:
        event = {"headers": {names([header])[0]: value}}
        assert eval(names([call])[0], vars(client_certificate_auth) | {"event": event}).success  # noqa: S307 -- ours


def test_every_reason_of_the_layer_is_there() -> None:
    reasons = names([row[0] for row in tables("Behind a load balancer or CloudFront")[1]])
    reasons += [code for code in names([section("The layer")]) if code.startswith("lambda_event_")]
    assert sorted(reasons) == sorted(ExtractionFailureReason)


def test_every_attribute_of_a_certificate_is_there() -> None:
    (attributes, helpers) = tables("The layer")
    documented = {item.removesuffix("()") for item in names([row[0] for row in attributes])}
    public = {attribute for attribute in vars(PeerCertificate) if not attribute.startswith("_")} - {"from_pem"}
    annotated = {"subject", "issuer", "serial_number", "not_before", "not_after", "x509"}
    assert documented == public | annotated
    documented_helpers = {item.partition("(")[0] for item in names([row[0] for row in helpers])}
    assert documented_helpers == {item for item in client_certificate_auth.__all__ if re.match(r"allow_|a.._of", item)}


def test_every_key_of_nodes_object_is_there() -> None:
    attributes = tables("The layer")[0]
    certificate = PeerCertificate.from_pem(client_pem(("CN", "client")))
    documented = names([row[0] if row[1] == "the same" else row[1] for row in attributes])
    assert certificate.to_dict().keys() <= set(documented)


def test_every_example_of_a_helper_can_be_made() -> None:
    for row in tables("The layer")[1]:
        for code in names([row[0]]):
            if "…" not in code:
                assert callable(eval(code, vars(client_certificate_auth)))  # noqa: S307 -- the README's own code


def test_every_parameter_of_the_template_is_there() -> None:
    template = (PROJECT / "template.yaml").read_text()
    _, _, parameters = template.partition("\nParameters:\n")
    in_template = re.findall(
        r"^  ([A-Z]\w+):$", re.split(r"^\w", parameters, maxsplit=1, flags=re.MULTILINE)[0], re.MULTILINE
    )
    of_variables = ["".join(map(str.title, variable.split("_"))) for variable in VARIABLES]
    assert sorted(in_template) == sorted(of_variables + first_column("Deploy the authorizer"))
    outputs = re.findall(r"^  (\w+):$", template.partition("\nOutputs:\n")[2], re.MULTILINE)
    assert set(outputs) <= set(names([section("Deploy the authorizer")]))


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    for target in re.findall(r"(?:^    |`)make ([a-z-]+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize(
    ("results", "heading"),
    [
        ("cold-start.md", "What a cold start costs"),
        ("warm.md", "What a decision costs"),
        ("invocations.md", "What log and metrics cost"),
        ("rules.md", "With many rules"),
        ("soak.md", "Under load"),
        ("crl.md", "What a large list costs"),
    ],
)
def test_the_figures_are_those_that_the_benchmark_wrote(results: str, heading: str) -> None:
    assert (PROJECT / "benchmarks" / "results" / results).read_text() in section(heading)


def test_the_reasons_of_revocation_are_there() -> None:
    reasons = {DenyReason.CERTIFICATE_REVOKED, DenyReason.REVOCATION_STATUS_UNKNOWN}
    assert set(first_column("Revocation")) == reasons


def test_what_is_said_of_revocation_is_what_the_modules_say() -> None:
    text = section("Revocation") + section("Refresh") + section("The index")
    assert f"at most {LARGEST_CRL // 2**20} MiB" in text
    assert f"`{INDEX_SUFFIX}` behind" in text
    assert f"at most {MOST_AUTHORITIES} CAs" in text
    assert f"waits {WAIT_SECONDS:g} seconds at most" in text
    assert f"tried again after {RETRY_SECONDS:g} seconds" in text
    assert "`mtls_authorizer.crl_indexer.handler`" in text
    assert f"a table of {len(TABLE)} cases" in text
    assert callable(import_module("mtls_authorizer.revocation.indexer").handler)


def test_every_link_within_the_readme_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", README, flags=re.DOTALL), re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", README)) <= anchors


def test_the_plot_is_there() -> None:
    assert "(benchmarks/results/warm.svg)" in section("What a decision costs")
