"""Everything that can be configured or observed is on its reference page, as the code defines it."""

from __future__ import annotations

import ast
import inspect
import re
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

import client_certificate_auth
from client_certificate_auth import DistinguishedName, ExtractionFailureReason, PeerCertificate, testing
from mtls_authorizer.metrics import UNITS, FetchMetric, Metric
from mtls_authorizer.policy import allowlist_warnings
from mtls_authorizer.policy.current_policy import DEFAULT_WAIT_SECONDS
from mtls_authorizer.policy.misspelt_names import _PREFIXES
from mtls_authorizer.policy.rule_warnings import MESSAGES, NOT_EXAMINED
from mtls_authorizer.policy.settings import VARIABLES, load_settings
from mtls_authorizer.reasons import DenyReason
from mtls_authorizer.refresh.refresher import RETRY_SECONDS
from mtls_authorizer.request import checks
from mtls_authorizer.request.assessment import MAX_CACHED_CERTIFICATES
from mtls_authorizer.request.checks import CHECKS
from mtls_authorizer.request.context import build_context
from mtls_authorizer.revocation.chains import MAX_AUTHORITIES, MAX_CHAINS
from mtls_authorizer.revocation.crl.size_limit import MAX_CRL_BYTES
from mtls_authorizer.revocation.documents import _EXPLANATIONS
from mtls_authorizer.revocation.fetch.download import Limits
from mtls_authorizer.revocation.fetch.fetching import Outcome
from mtls_authorizer.revocation.index.indexing import CRL_SUFFIX, INDEX_SUFFIX
from mtls_authorizer.revocation.prefix.cache import MAX_CRLS
from mtls_authorizer.revocation.prefix.catalog import LOADED_COMPLETELY
from mtls_authorizer.revocation.prefix.prefix_crls import MAX_SEARCHED
from mtls_authorizer.revocation.status import RevocationState, RevocationStatus, UnknownReason
from mtls_authorizer.revocation.succession.retention import MAX_RETAINED_LISTS
from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT
from mtls_authorizer.rules.document.validation import LARGEST_CONTEXT, RESERVED_CONTEXT_KEY, RULE_KEYS
from mtls_authorizer.rules.fields import FIELDS
from mtls_authorizer.rules.routes import LARGEST_POLICY
from mtls_authorizer.rules.work_limits import LONGEST_NAMES, MOST_ENTRIES
from mtls_authorizer.stores.store import MAX_LISTED
from mtls_authorizer.stores.uri import Scheme
from mtls_authorizer.telemetry.decision_log import log_fields
from tests.aws.yaml_templates import yaml_parse
from tests.integration.authorizer.revocation.test_crl_against_openssl import TABLE
from tests.integration.authorizer.revocation.test_crl_scope_against_openssl import TABLE as SCOPES
from tests.integration.authorizer.revocation.test_crl_sets_against_openssl import TABLE as SETS
from tests.observations import every_log_field
from tests.pki.certificates import certificate_der, client_pem, name, pem
from tests.unit.documentation.markdown import PROJECT, codes, first_column, pages, section, tables
from tests.unit.layer.test_node_parity import EQUAL, NAMES

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATES = {
    "Authorizer stack": "template.yaml",
    "Revocation stack": "templates/revocation.yaml",
    "Monitoring stack": "templates/monitoring.yaml",
    "Sample API stack": "templates/sample-api.yaml",
}
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")


def template(heading: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml_parse((PROJECT / TEMPLATES[heading]).read_text(encoding="utf-8"))
    return content


def parameter(variable: str) -> str:
    return "".join(map(str.title, variable.split("_")))


# Configuration.


def test_every_variable_has_its_default() -> None:
    (rows,) = tables("docs/configuration.md", "Variables")
    assert codes(*(row[0] for row in rows)) == list(VARIABLES)
    defaults = {codes(row[0])[0]: codes(row[2])[0] for row in rows if codes(row[2])}
    # Without the first two, those of CRLs are errors.
    lists = {"CRL_URIS": "s3://bucket/ca.crl", "TRUSTSTORE_URI": "s3://bucket/truststore.pem"}
    with_defaults, without = load_settings({**lists, **defaults}), load_settings(lists)
    assert with_defaults.rules == without.rules == ()
    assert with_defaults._replace(version=without.version) == without


def test_the_beginnings_of_misspelt_names_are_those_of_the_code() -> None:
    beginnings, _, _ = section("docs/configuration.md", "Misspelt names").partition("or contains")
    assert sorted(codes(beginnings)) == sorted(_PREFIXES)


def test_every_kind_of_store_is_documented() -> None:
    uris = first_column("docs/configuration.md", "Locations")
    assert [uri.partition(":")[0] for uri in uris] == list(Scheme)


@pytest.mark.parametrize("heading", TEMPLATES)
def test_every_parameter_of_a_template_has_its_default(heading: str) -> None:
    parameters = template(heading)["Parameters"]
    variables = {parameter(variable) for variable in VARIABLES} if heading == "Authorizer stack" else set()
    (rows,) = tables("docs/deploy/sam.md", heading)
    documented = {codes(row[0])[0]: row[2] for row in rows}
    assert documented.keys() == parameters.keys() - variables
    for each, default in documented.items():
        properties = parameters[each]
        if default == "required":
            assert "Default" not in properties
        elif default:
            assert str(properties["Default"]) in {codes(default)[0], ""}
        else:
            assert properties["Default"] == ""


def test_every_variable_is_a_parameter() -> None:
    assert {parameter(variable) for variable in VARIABLES} <= template("Authorizer stack")["Parameters"].keys()


@pytest.mark.parametrize("heading", TEMPLATES)
def test_every_output_of_a_template_is_documented(heading: str) -> None:
    _, _, outputs = section("docs/deploy/sam.md", heading).partition("\nOutput")
    assert template(heading)["Outputs"].keys() <= set(codes(outputs))


# Rules.


def test_every_key_of_a_rule_is_documented() -> None:
    assert first_column("docs/rules.md", "Keys of a rule") == list(RULE_KEYS)


def test_no_rule_sets_what_the_access_logs_of_the_examples_contain() -> None:
    folders = (PROJECT / "examples/attach", PROJECT / "terraform/modules")
    examples = [path for folder in folders for kind in ("py", "tf", "yaml") for path in folder.rglob(f"*.{kind}")]
    texts = [*pages().values(), *(path.read_text(encoding="utf-8") for path in examples)]
    logged = set(re.findall(r"\$context\.authorizer\.([A-Za-z]\w*)", "".join(texts))) - {"KEY"}
    assert {"status", "latency", "error", "reason", "clientCertFingerprint256"} <= logged
    assert {key for key in logged if not RESERVED_CONTEXT_KEY.fullmatch(key)} == set()


def test_every_field_is_documented_as_the_table_of_fields_has_it() -> None:
    (rows,) = tables("docs/rules.md", "Fields")
    assert [[cell.strip("`") for cell in row] for row in rows] == [
        [field, each.meaning, each.variable or "", each.reason.value] for field, each in FIELDS.items()
    ]


def test_the_limits_of_rules_are_those_of_the_code() -> None:
    limits = section("docs/rules-limits-and-values.md", "Limits of a document")
    assert f"up to {LARGEST_DOCUMENT // 2**20} MiB" in limits
    assert f"at most {LARGEST_POLICY // 2**10} KiB" in limits
    assert f"up to {MOST_ENTRIES:,} entries" in limits
    assert f"up to {LONGEST_NAMES:,} characters" in limits
    assert f"waits](configuration.md#reloading) {DEFAULT_WAIT_SECONDS.rules:g} seconds for rules" in limits
    assert f"at most {LARGEST_CONTEXT:,} characters" in section("docs/rules.md", "Keys of a rule")


# Decisions.


# On the page, the first check is that of the event, and a missing rule is a check of its own.
NUMBERS = {
    checks.CERTIFICATE: {"2"},
    checks.DECODABLE: {"3"},
    checks.PRINTABLE: {"4"},
    checks.EXTENSIONS: {"5"},
    checks.CRITICAL_EXTENSIONS: {"6"},
    checks.EXTENDED_KEY_USAGE: {"7"},
    checks.RULES: {"8", "9"},
    checks.VALIDITY: {"10"},
    checks.REVOCATION: {"11"},
    checks.ROUTE: {"12"},
}


def test_every_reason_is_documented_with_its_check() -> None:
    (rows,) = tables("docs/deny-reasons.md", "Reasons")
    assert sorted(codes(*(row[0] for row in rows))) == sorted(DenyReason)
    numbers = {reason.value: NUMBERS[check] for check in CHECKS for reason in check.reasons}
    for cell, check, fix in rows:
        (reason,) = codes(cell)
        assert re.split("[,: ]", check)[0] in numbers[reason]
        assert fix
    # The first two have another status than the others.
    assert [codes(row[0])[0] for row in rows[:2]] == [DenyReason.CERTIFICATE_MISSING, DenyReason.CERTIFICATE_MALFORMED]


def test_the_checks_are_in_the_order_of_the_code() -> None:
    numbered = [number for check in CHECKS for number in sorted(NUMBERS[check], key=int)]
    assert numbered == re.findall(r"^(\d+)\. ", section("docs/deny-reasons.md", "Checks"), re.MULTILINE)[1:]


def test_every_context_key_is_documented() -> None:
    kinds = ("C", "ST", "L", "O", "OU", "CN", "emailAddress")
    whole = PeerCertificate.from_pem(pem(certificate_der(name(*((kind, "x") for kind in kinds)))))
    keys = [*build_context(whole, with_header=True), "clientCertDaysToExpiry"]
    assert sorted(first_column("docs/context.md", "Keys")) == sorted(keys)


# Observability.


def test_every_field_of_the_log_is_documented() -> None:
    assert set(first_column("docs/observability.md", "Decision log")) == every_log_field().keys()
    added = inspect.getsource(log_fields) + inspect.getsource(RevocationStatus.details)
    assert set(re.findall(r'(?:fields|details)\["(\w+)"\] = ', added)) <= every_log_field().keys()


AUTHORIZER_CODE = PROJECT / "authorizer" / "mtls_authorizer"


def logged_messages(path: Path) -> set[str]:
    """Return the messages that a module logs."""
    messages: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if name in {"warning", "info", "error", "exception", "_warn", "_record"}:
                texts = [each for argument in node.args[:2] for each in ast.walk(argument)]
                messages |= {
                    each.value for each in texts if isinstance(each, ast.Constant) and isinstance(each.value, str)
                }
    return messages


def test_every_other_log_record_is_documented() -> None:
    logged = {*MESSAGES.values(), *allowlist_warnings.MESSAGES.values(), allowlist_warnings.NOT_ALL, NOT_EXAMINED}
    logged |= set(_EXPLANATIONS)
    for path in AUTHORIZER_CODE.rglob("*.py"):
        if path.parent.name not in {"fetch", "index"}:  # the other functions
            logged |= {message for message in logged_messages(path) if " " in message}
    (rows,) = tables("docs/observability.md", "Other log records")
    assert {code for row in rows for code in codes(row[0])} == logged


def test_every_log_record_of_the_indexer_is_documented() -> None:
    documented = set(first_column("docs/observability.md", "Log of the indexer"))
    assert documented == logged_messages(AUTHORIZER_CODE / "revocation" / "index" / "handler.py")


def test_every_metric_is_documented_with_its_unit() -> None:
    (rows,) = tables("docs/observability.md", "Metrics")
    assert {codes(row[0])[0]: row[1] for row in rows} == {each.value: UNITS.get(each, "Count") for each in Metric}


def test_every_metric_of_the_fetcher_is_documented_with_its_unit() -> None:
    (rows,) = tables("docs/observability.md", "Metrics of the fetcher")
    assert {codes(row[0])[0]: row[1] for row in rows} == {each.value: UNITS.get(each, "Count") for each in FetchMetric}
    logged = section("docs/observability.md", "Metrics of the fetcher")
    assert all(f"`{outcome}`" in logged for outcome in Outcome)


def test_the_limits_of_the_fetcher_are_those_of_the_code() -> None:
    text = section("docs/revocation.md", "Download CRLs on a schedule")
    limits = Limits()
    assert f"{limits.total_seconds:g} seconds for a download in total" in text
    assert f"{limits.connect_seconds:g} to connect" in text
    stack = template("Revocation stack")
    assert f"`{stack['Resources']['CrlFetcher']['Properties']['Handler']}`" in text
    assert f"the function's {stack['Globals']['Function']['Timeout'] // 60} minutes" in text


def test_every_variable_of_the_fetcher_is_documented() -> None:
    text = section("docs/configuration.md", "Variables of the fetcher")
    variables = template("Revocation stack")["Resources"]["CrlFetcher"]["Properties"]["Environment"]["Variables"]
    assert variables.keys() <= set(codes(text))
    assert set(first_column("docs/configuration.md", "Variables of the fetcher")) <= variables.keys()


def test_every_alarm_is_documented() -> None:
    alarms = {
        resource
        for heading in TEMPLATES
        for resource, properties in template(heading)["Resources"].items()
        if properties["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert set(first_column("docs/observability.md", "Alarms")) == alarms


def test_the_description_of_each_alarm_names_the_page_in_the_table() -> None:
    (table,) = tables("docs/observability.md", "Alarms")
    rows = {codes(alarm)[0]: next_step for alarm, _, next_step in table}
    for heading in TEMPLATES:
        for alarm, resource in template(heading)["Resources"].items():
            if resource["Type"] == "AWS::CloudWatch::Alarm":
                page = re.search(r" See docs/([a-z0-9-]+\.md)\.$", resource["Properties"]["AlarmDescription"])
                assert page is not None
                assert f"]({page[1]}" in rows[alarm]


# Revocation.


def test_the_reasons_of_revocation_are_documented() -> None:
    (rows,) = re.findall(r"(?:^\|.*\n)+", pages()["docs/revocation.md"].partition("\n## ")[0], re.MULTILINE)
    reasons = {DenyReason.CERTIFICATE_REVOKED.value, DenyReason.REVOCATION_STATUS_UNKNOWN.value}
    assert {codes(row)[0] for row in rows.splitlines()[2:]} == reasons


def test_every_state_and_every_cause_of_an_unknown_one_is_documented() -> None:
    causes = first_column("docs/stale-crl.md", "Causes of an unknown status")
    assert sorted(causes) == sorted(UnknownReason)
    (row,) = (row for row in tables("docs/observability.md", "Decision log")[0] if "revocation_status" in codes(row[0]))
    assert set(RevocationState) <= set(codes(row[1]))


def test_the_numbers_of_prefixes_are_those_of_the_code() -> None:
    text = section("docs/revocation.md", "Prefixes")
    assert f"whose names\nend with `{CRL_SUFFIX}`" in text
    assert f"at most {MAX_LISTED:,} objects" in text
    assert f"With up to {LOADED_COMPLETELY} CRLs" in text
    text = section("docs/crl-checks.md", "CRLs below a large prefix")
    assert f"more than {LOADED_COMPLETELY} CRLs" in text
    assert f"At most {MAX_SEARCHED} are read in `CRL_REFRESH_SECONDS`" in text
    assert f"up to {MAX_CRLS} CRLs, with" in text
    assert f"waits for the CRL for at most {DEFAULT_WAIT_SECONDS.needed:g} seconds" in text


def test_the_numbers_of_crl_checks_are_those_of_the_code() -> None:
    text = pages()["docs/crl-checks.md"]
    assert f"at most {MAX_CRL_BYTES // 2**20} MiB" in text
    assert f"more than {MAX_RETAINED_LISTS} CRLs, such as those of different CAs" in text
    assert f"followed by `{INDEX_SUFFIX}`" in text
    assert f"at most {MAX_AUTHORITIES} CAs" in text
    assert f"more than {MAX_CHAINS} chains" in text
    assert f"waits at most {DEFAULT_WAIT_SECONDS.request:g} seconds" in text
    assert f"tried again after {RETRY_SECONDS:g} seconds" in text
    start = DEFAULT_WAIT_SECONDS.truststore + DEFAULT_WAIT_SECONDS.crls
    assert f"takes at most {start:g} seconds for truststore and CRLs" in text
    assert f"for at most {DEFAULT_WAIT_SECONDS.request:g} seconds in total" in section(
        "docs/configuration.md", "Reloading"
    )
    assert f"for {len(TABLE)} cases, {len(SCOPES)} more about scope, and {len(SETS)} about several" in text
    handler = template("Revocation stack")["Resources"]["CrlIndexer"]["Properties"]["Handler"]
    assert f"`{handler}`" in text


def test_the_size_of_the_cache_is_that_of_the_code() -> None:
    assert f"for up to {MAX_CACHED_CERTIFICATES} certificates" in section("docs/security-model.md", "Caching")


# The code, for contributors.

_CACHED = "What runs when, and what is cached"
_FOLDERS = ("", "layer/client_certificate_auth", "authorizer/mtls_authorizer", "tools/mtls_authorizer_cli", "tests")


def _find(path: str) -> Path | None:
    paths = (PROJECT / folder / f"{path}{suffix}" for folder in _FOLDERS for suffix in ("", ".py"))
    return next((path for path in paths if path.exists()), None)


@pytest.mark.parametrize("heading", ["Where to change what", _CACHED])
def test_the_architecture_names_code_that_exists(heading: str) -> None:
    for row in tables("docs/architecture.md", heading)[-1]:
        named = [code for code in codes(row[1]) if not code.startswith("make ")]
        files = [path for path in map(_find, named) if path is not None and path.is_file()]
        assert _missing(named, files) == []


def test_the_page_for_contributors_names_helpers_that_exist() -> None:
    modules = list(chain.from_iterable((PROJECT / "tests").glob(pattern) for pattern in ("*.py", "*/*.py")))
    folders, helpers = tables("CONTRIBUTING.md", "Tests")
    assert all((PROJECT / "tests" / code).is_dir() for row in folders for code in codes(row[0]))
    assert _missing(codes(*(row[1] for row in helpers)), modules) == []


def _missing(named: list[str], files: list[Path]) -> list[str]:
    code = "".join(path.read_text(encoding="utf-8") for path in files)
    return [name for name in named if not _find(name) and not re.search(rf"\b{name}\b", code)]


def test_the_architecture_names_modules_that_exist() -> None:
    assert [code for code in codes(pages()["docs/architecture.md"]) if code.endswith(".py") and not _find(code)] == []


def test_the_waiting_times_of_the_architecture_are_those_of_the_code() -> None:
    start, _, refresh, certificate, _ = (row[1] for row in tables("docs/architecture.md", _CACHED)[0])
    wait = DEFAULT_WAIT_SECONDS
    for seconds in (wait.rules, wait.truststore, wait.crls, wait.prefixes):
        assert f"{seconds:g} s" in start
    assert f"({wait.request:g} s altogether)" in refresh
    assert f"({wait.needed:g} s)" in certificate
    assert f"the {MAX_CACHED_CERTIFICATES} most recently used" in section("docs/architecture.md", _CACHED)


# Commands.


def test_every_make_target_is_documented() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", MAKEFILE, re.MULTILINE))
    documented = {code.split()[1] for code in first_column("docs/commands.md", "Make targets")}
    assert documented | {"help"} == targets


# The layer.


def test_every_attribute_of_a_certificate_is_documented() -> None:
    documented = {item.removesuffix("()") for item in first_column("docs/layer/reference.md", "PeerCertificate")}
    public = {attribute for attribute in vars(PeerCertificate) if not attribute.startswith("_")} - {
        "from_pem",
        "from_der",
    }
    annotated = {"subject", "issuer", "serial_number", "not_before", "not_after", "x509"}
    assert documented == public | annotated


def test_every_attribute_of_a_name_is_documented() -> None:
    documented = {item.partition("(")[0] for item in first_column("docs/layer/reference.md", "DistinguishedName")}
    public = {attribute for attribute in vars(DistinguishedName) if not attribute.startswith("_")}
    assert documented == public - {"from_rdns"}


def test_every_key_of_nodes_object_is_documented() -> None:
    (rows,) = tables("docs/layer/reference.md", "PeerCertificate")
    certificate = PeerCertificate.from_pem(client_pem(("CN", "client")))
    documented = codes(*(row[0] if row[1] == "the same" else row[1] for row in rows))
    assert certificate.to_dict().keys() <= set(documented)


def test_the_comparison_with_node_has_the_numbers_of_its_tests() -> None:
    text = section("docs/layer/reference.md", "Differences from Node")
    assert f"for {len(NAMES)} certificates" in text
    assert f"{len(EQUAL)} are read alike, or rejected alike" in text
    assert f": {len(NAMES)} golden certificates" in section("docs/architecture.md", "The certificate parser")
    compared = section("docs/security-model.md", "Not verified on AWS")
    assert f"for the {len(NAMES)} certificates in `tests/golden`" in compared


def test_every_helper_is_documented_and_its_example_works() -> None:
    examples = first_column("docs/layer/reference.md", "Helpers")
    helpers = {helper for helper in client_certificate_auth.__all__ if re.match(r"allow_|a.._of", helper)}
    assert {example.partition("(")[0] for example in examples} == helpers
    for example in examples:
        if "…" not in example:
            assert callable(eval(example, vars(client_certificate_auth)))  # noqa: S307 -- our own page


def test_every_function_of_the_layer_is_documented() -> None:
    documented = "".join(text for page, text in pages().items() if page.startswith("docs/layer/"))
    functions = [name for name in client_certificate_auth.__all__ if name.islower()]
    assert [name for name in functions if not re.search(rf"\b{name}\(", documented)] == []


def test_every_front_door_is_documented_with_its_header() -> None:
    value = quote(client_pem(("CN", "client")), safe="+=/")
    page = pages()["docs/layer/alb-cloudfront.md"].partition("\n## ")[0]
    front_doors, reasons = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
    rows = [row.strip("|").split(" | ") for row in front_doors.splitlines()[2:]]
    for _, call, header, _ in rows:
        event = {"headers": {codes(header)[0]: value}}
        assert eval(codes(call)[0], vars(client_certificate_auth) | {"event": event}).success  # noqa: S307 -- ours
    documented = [codes(row)[0] for row in reasons.splitlines()[2:]]
    documented += [code for code in codes(section("docs/layer/reference.md", "Extraction")) if "lambda_event_" in code]
    assert sorted(documented) == sorted(each for each in ExtractionFailureReason)


def test_every_name_for_tests_of_functions_is_documented() -> None:
    documented = {name.partition("(")[0] for name in codes(pages()["docs/layer/testing.md"])}
    assert set(testing.__all__) - {"Event"} <= documented


def test_calls_for_tests_of_functions_are_documented_with_sufficient_parameters() -> None:
    called = set()
    for code in codes(pages()["docs/layer/testing.md"]):
        name, opened, _ = code.partition("(")
        if opened and name in testing.__all__:
            call: Any = ast.parse(code, mode="eval").body
            inspect.signature(getattr(testing, name)).bind(*call.args, **{each.arg: each for each in call.keywords})
            called.add(name)
    assert called == set(testing.__all__) - {"Event"}


def test_every_key_of_the_canarys_result_is_documented() -> None:
    canary = ast.parse((PROJECT / "examples" / "canary.py").read_text(encoding="utf-8"))
    (check,) = (node for node in canary.body if isinstance(node, ast.FunctionDef) and node.name == "_check_layer")
    result = check.body[-1]
    assert isinstance(result, ast.Return)
    assert isinstance(result.value, ast.Dict)
    keys = {key.value for key in result.value.keys if isinstance(key, ast.Constant)}
    assert set(first_column("docs/layer/zip.md", "Check a layer")) == keys
