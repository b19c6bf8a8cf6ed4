"""What a cold start imports for each kind of configuration, in an interpreter of its own as on Lambda."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from client_certificate_auth import PeerCertificate
from mtls_authorizer.rules.fields import FIELDS
from tests.aws.api_events import rest_event
from tests.pki.certificates import certificate_der, client_pem, name, pem, subject_alt_names, uri
from tests.pki.kept_lists import CA, FIRST, GOOD, Bucket, Folder, index_of
from tests.pki.psd2_statements import psd2_statement

if TYPE_CHECKING:
    from tests.aws.server import AwsServer
    from tests.pki.kept_lists import Storage

PROJECT = Path(__file__).parents[3]
# As for the tests: the commands could be imported.
PATH = os.pathsep.join(str(PROJECT / folder) for folder in ("layer", "authorizer", "tools", "."))

OTHER = client_pem(("CN", "other"))

RULES = json.dumps({"rules": [{"name": "client", "match": {"common_name": "client"}}]})

LIMITED_RULES = json.dumps({"rules": [{"name": "client", "match": {"common_name": "client"}, "api_id": "a1b2c3d4e5"}]})
RULES_WITH_VALUES = json.dumps(
    {"rules": [{"name": "client", "match": {"common_name": "client"}, "context": {"a": {"from": "subject.CN"}}}]}
)

RULES_BY_KEY = json.dumps(
    {
        "rules": [
            {
                "name": "client",
                "match": {"public_key": sha256(PeerCertificate.from_pem(GOOD).fields.public_key).hexdigest()},
            }
        ]
    }
)

RULES_WITH_USAGES = json.dumps(
    {"rules": [{"name": "a", "match": {"spiffe_trust_domain": "a"}, "extended_key_usage": ["clientAuth"]}]}
)
RULES_BY_ROLE = json.dumps({"rules": [{"name": "client", "match": {"psd2_role": "PSP_AI"}}]})

PARTS = {
    "metrics": ("mtls_authorizer.telemetry.decision_metrics",),
    "rules document": (
        "mtls_authorizer.rules.document.reader",
        "mtls_authorizer.policy.rule_warnings",
    ),
    "corrections of values": ("mtls_authorizer.policy.value_correction",),
    "limits of rules": (
        "mtls_authorizer.rules.request_limits",
        "mtls_authorizer.rules.document.request_limits_validation",
    ),
    "values from the certificate": (
        "mtls_authorizer.rules.certificate_values",
        "mtls_authorizer.rules.document.certificate_value_validation",
    ),
    "refresh": ("mtls_authorizer.refresh",),
    "stores": ("mtls_authorizer.stores",),
    "AWS": ("boto3", "botocore", "mtls_authorizer.stores.aws", "mtls_authorizer.stores.s3"),
    "revocation": ("mtls_authorizer.revocation.",),
    "CRLs": ("mtls_authorizer.revocation.crl.reader", "mtls_authorizer.revocation.index"),
    "indexer": ("mtls_authorizer.crl_indexer", "mtls_authorizer.revocation.index.handler"),
    "fetcher": ("mtls_authorizer.crl_fetcher", "mtls_authorizer.revocation.fetch"),
    "authorizer": ("mtls_authorizer.authorizer", "mtls_authorizer.request", "mtls_authorizer.telemetry"),
    "commands": ("mtls_authorizer_cli",),
    "SnapStart": ("snapshot_restore_py",),
    "cryptography": ("cryptography",),
    "SPIFFE": ("mtls_authorizer.rules.names.spiffe",),
    "usages of rules": ("mtls_authorizer.rules.document.extended_key_usage_validation",),
    "typing": ("typing",),
    "logging": ("logging",),
    "threads": ("threading",),
    "OpenSSL": ("_hashlib",),
    "PSD2": ("mtls_authorizer.rules.psd2",),
}
"""Modules that are imported only where they are needed. A module is part of what contains it."""

REFRESHED = {"refresh", "stores", "typing", "logging", "threads"}
FROM_AWS = {*REFRESHED, "AWS", "OpenSSL"}


class Case(NamedTuple):
    """Environment variables, in which {storage} is the URI of a place with documents, and what they need."""

    variables: dict[str, str]
    parts: set[str]


LISTED = {"ALLOWED_COMMON_NAMES": "client"}
REVOCATION = {"CRL_URIS": "{storage}/ca.crl", "TRUSTSTORE_URI": "{storage}/truststore.pem"}

LOCAL = {
    "lists in the environment": Case(LISTED, set()),
    "metrics": Case({**LISTED, "METRICS_NAMESPACE": "authorizer"}, {"metrics"}),
    "rules": Case({"AUTHORIZER_RULES": RULES}, {"rules document"}),
    "a public key": Case({"AUTHORIZER_RULES": RULES_BY_KEY}, {"rules document"}),
    "a PSD2 role": Case({**LISTED, "AUTHORIZER_RULES": RULES_BY_ROLE}, {"rules document", "PSD2"}),
    "the key of an issuer": Case(
        {"ALLOWED_ISSUER_KEYS": CA.signer, "TRUSTSTORE_URI": "{storage}/truststore.pem"},
        {"revocation", "cryptography", "OpenSSL", *REFRESHED},
    ),
    "a trust domain and usages": Case(
        {**LISTED, "AUTHORIZER_RULES": RULES_WITH_USAGES}, {"rules document", "SPIFFE", "usages of rules"}
    ),
    "rules with limits": Case({"AUTHORIZER_RULES": LIMITED_RULES}, {"rules document", "limits of rules"}),
    "rules with values from the certificate": Case(
        {"AUTHORIZER_RULES": RULES_WITH_VALUES}, {"rules document", "values from the certificate"}
    ),
    "a principal from the certificate": Case(
        {**LISTED, "PRINCIPAL_ID": '{"from": "subject.CN"}'}, {"values from the certificate"}
    ),
    "shadow rules": Case({**LISTED, "AUTHORIZER_SHADOW_RULES": RULES}, {"rules document"}),
    "rules in a file": Case({"AUTHORIZER_RULES_URI": "{storage}/rules.json"}, {"rules document", *REFRESHED}),
    "CRLs in files": Case({**LISTED, **REVOCATION}, {"revocation", "CRLs", "cryptography", "OpenSSL", *REFRESHED}),
    "rules and CRLs in files": Case(
        {"AUTHORIZER_RULES_URI": "{storage}/rules.json", **REVOCATION},
        {"rules document", "revocation", "CRLs", "cryptography", "OpenSSL", *REFRESHED},
    ),
}
AWS = {
    "rules in S3": Case({"AUTHORIZER_RULES_URI": "{storage}/rules.json"}, {"rules document", *FROM_AWS}),
    "rules in SSM": Case({"AUTHORIZER_RULES_URI": "ssm:///rules"}, {"rules document", *FROM_AWS}),
    "rules in AppConfig": Case({"AUTHORIZER_RULES_URI": "appconfig://a/b/c"}, {"rules document", *FROM_AWS}),
    "CRLs in S3": Case({**LISTED, **REVOCATION}, {"revocation", "CRLs", "cryptography", *FROM_AWS}),
}

INVOKE = """
import sys
from mtls_authorizer.handler import handler
answer = handler({event!r}, None)
print(answer["policyDocument"]["Statement"][0]["Effect"], *sys.modules)
"""


def run(program: str, environment: dict[str, str]) -> list[str]:
    """Return the words that a program prints in the end, in an interpreter that has imported nothing."""
    process = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": PATH, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert process.returncode == 0, process.stderr
    # Records of metrics may come before.
    return process.stdout.splitlines()[-1].split()


def parts_of(modules: list[str]) -> set[str]:
    """Return the parts that were imported, at least in part."""
    return {
        part
        for part, names in PARTS.items()
        for name in names
        if any(module == name or module.startswith(f"{name.removesuffix('.')}.") for module in modules)
    }


def test_records_that_python_shows_without_a_configured_log_are_still_shown() -> None:
    program = f"""
import sys
from mtls_authorizer.handler import handler
handler({rest_event(GOOD)!r}, None)
assert "logging" not in sys.modules
handler({rest_event(OTHER)!r}, None)
"""
    environment = {"PYTHONPATH": PATH, **LISTED}
    command = [sys.executable, "-c", program]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert process.stderr == "deny: common_name_not_allowed\n"


SUBJECT = name(("O", "Acme"), ("OU", "payments"), ("2.5.4.97", "PSDDE-BAFIN-1"), ("CN", "client"))
NAMED_PEM = pem(
    certificate_der(SUBJECT, extensions=[subject_alt_names(uri("spiffe://acme.example/a")), psd2_statement("PSP_AI")])
)
NAMED = PeerCertificate.from_pem(NAMED_PEM)
# All fields that can be read from the certificate alone: the key of its issuer is in the truststore.
MATCH = {
    "common_name": "client",
    "organizational_unit": "payments",
    "organization": "Acme",
    "subject": NAMED.subject.rfc4514_string(),
    "subject_alt_name": "URI:spiffe://acme.example/a",
    "issuer": NAMED.issuer.rfc4514_string(),
    "fingerprint": NAMED.fingerprint256,
    "serial_number": NAMED.serial_number,
    "public_key": sha256(NAMED.fields.public_key).hexdigest(),
    "spiffe_trust_domain": "acme.example",
    "organization_identifier": "PSDDE-BAFIN-1",
    "psd2_role": "PSP_AI",
}
LISTS = {FIELDS[field].variable: value for field, value in MATCH.items() if FIELDS[field].variable}
EXCLUDED = {field: value for field, value in MATCH.items() if field != "fingerprint"} | {"common_name": "other"}
EVERY_FIELD = {"deny": EXCLUDED, "rules": [{"name": "client", "match": MATCH, "not": EXCLUDED}]}


@pytest.mark.parametrize(
    ("variables", "parts"),
    [
        (LISTS, {"corrections of values"}),
        (
            {"AUTHORIZER_RULES": json.dumps(EVERY_FIELD)},
            {"corrections of values", "rules document", "SPIFFE", "PSD2"},
        ),
    ],
    ids=["lists", "rules"],
)
def test_no_field_but_the_key_of_the_issuer_needs_cryptography(variables: dict[str, str], parts: set[str]) -> None:
    assert MATCH.keys() == FIELDS.keys() - {"issuer_key"}
    effect, *modules = run(INVOKE.format(event=rest_event(NAMED_PEM)), variables)
    assert effect == "Allow"
    assert parts_of(modules) == {"authorizer"} | parts


def fill(storage: Storage) -> None:
    for file, content in {
        "rules.json": RULES.encode(),
        "ca.crl": FIRST,
        "ca.crl.index": index_of(FIRST),
        "truststore.pem": CA.pem,
    }.items():
        storage.put(file, content)


def parts_after_a_request(case: Case, storage: Storage) -> set[str]:
    """Return the parts that were imported once the handler has allowed a request."""
    folder = storage.uri("x").removesuffix("/x")
    variables = {key: value.replace("{storage}", folder) for key, value in case.variables.items()}
    aws = {key: value for key, value in os.environ.items() if key.startswith(("AWS_", "NO_PROXY"))}
    effect, *modules = run(INVOKE.format(event=rest_event(GOOD)), {**aws, **variables})
    assert effect == "Allow"
    return parts_of(modules) - {"authorizer"}


@pytest.mark.parametrize("case", LOCAL.values(), ids=LOCAL)
def test_a_cold_start_imports_what_its_configuration_needs(case: Case, tmp_path: Path) -> None:
    storage = Folder(tmp_path)
    fill(storage)
    assert parts_after_a_request(case, storage) == case.parts


@pytest.mark.parametrize("case", AWS.values(), ids=AWS)
def test_only_a_store_in_aws_needs_boto3(case: Case, aws: AwsServer) -> None:
    storage = Bucket(aws)
    fill(storage)
    aws.put_parameter("/rules", RULES)
    aws.app_config_data.deploy(("a", "b", "c"), RULES.encode())
    # urllib3, which boto3 brings along, imports pyOpenSSL and so cryptography where the tests' environment has it.
    assert parts_after_a_request(case, storage) | {"cryptography"} == case.parts | {"cryptography"}


@pytest.mark.parametrize("function", ["indexer", "fetcher"])
def test_the_functions_for_revocation_need_nothing_of_the_authorizer(function: str) -> None:
    imported = parts_of(run(f"import sys, mtls_authorizer.crl_{function}\nprint(*sys.modules)", {}))
    assert {function, "revocation"} <= imported
    assert not imported & {"authorizer", "rules document", "metrics", "commands"}
    assert not imported & ({"indexer", "fetcher"} - {function})
