"""The revocation stack: the bucket for CRLs, its policy and the indexer."""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import cfnlint  # type: ignore[import-untyped]
import pytest
from samcli.cli.types import CfnParameterOverridesType  # type: ignore[import-untyped]

from local_gateway.api_gateway.policy import Effect, wildcard_match
from mtls_authorizer.revocation.fetch.settings import read_fetch_settings
from mtls_authorizer.revocation.index.indexing import INDEX_SUFFIX
from tests.integration.template.bucket_policy import by_role, by_service, evaluate
from tests.integration.template.stacks import (
    AUTHORIZER,
    CA_ARNS,
    CA_IDS,
    CRLS,
    INVALID_SOURCES,
    NAMESPACE,
    PUBLISHER_ARNS,
    REVOCATION,
)
from tests.unit.documentation.markdown import fences

each_stack = pytest.mark.parametrize("stack", REVOCATION.stacks)


@each_stack
def test_the_bucket_is_encrypted_versioned_and_private(stack: str) -> None:
    bucket = REVOCATION.properties(stack, "CrlBucket")
    assert bucket["BucketName"] == REVOCATION.stacks[stack]["CrlBucketName"]
    [encryption] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert all(bucket["PublicAccessBlockConfiguration"].values())


@each_stack
def test_the_bucket_and_its_current_objects_are_never_deleted(stack: str) -> None:
    bucket = REVOCATION.deployed(stack)["Resources"]["CrlBucket"]
    # Without the policy, others could write indexes.
    for resource in (bucket, REVOCATION.deployed(stack)["Resources"]["CrlBucketPolicy"]):
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    [rule] = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert not {key for key in rule if key.startswith("Expiration")}


ADMINISTRATOR = "arn:aws:iam::123456789012:role/Administrator"
INDEXER = "CrlIndexerRole.Arn"
"""In place of ARNs, there are logical IDs."""


@cache
def statements(stack: str = "everything-set") -> list[dict[str, Any]]:
    policy = REVOCATION.resolved(REVOCATION.properties(stack, "CrlBucketPolicy"))
    assert policy["Bucket"] == "CrlBucket"
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def effect_on_role(arn: str, action: str, key: str, *, tls: bool = True) -> Effect:
    return evaluate(statements(), by_role(arn, f"s3:{action}", f"CrlBucket.Arn/{key}", tls=tls))


@each_stack
def test_the_policy_allows_only_the_private_cas_and_publishers_of_the_parameters(stack: str) -> None:
    given = REVOCATION.stacks[stack]
    cas = list(filter(None, given.get("PrivateCaArns", "").split(",")))
    publishers = list(filter(None, given.get("PublisherRoleArns", "").split(",")))
    allowing = [statement["Sid"] for statement in statements(stack) if statement["Effect"] == "Allow"]
    expected = ["PrivateCasReadThePropertiesOfTheBucket"] * bool(cas)
    expected += [f"PrivateCa{number}" for number, _ in enumerate(cas, start=1)]
    expected += [f"Publisher{number}" for number, _ in enumerate(publishers, start=1)]
    assert allowing == expected


def test_all_access_is_over_tls() -> None:
    for key in ("truststore.pem", "fetched/ca.crl", "ca.crl.index"):
        assert effect_on_role(ADMINISTRATOR, "GetObject", key, tls=False) is Effect.EXPLICIT_DENY
        assert effect_on_role(ADMINISTRATOR, "GetObject", key) is Effect.IMPLICIT_DENY  # its own policies decide


_ACTIONS = Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json"
S3_ACTIONS: dict[str, Any] = json.loads(_ACTIONS.read_text())["s3"]["Actions"]
"""AWS's own list of actions, in lower case, with the resources of each."""

CHANGES = [
    name
    for name, action in S3_ACTIONS.items()
    if "object" in action.get("Resources", ()) and not name.startswith(("get", "list"))
]


@pytest.mark.parametrize("action", CHANGES)
def test_nobody_else_may_change_or_delete_an_index(action: str) -> None:
    for other in (ADMINISTRATOR, "CrlFetcherRole.Arn", *PUBLISHER_ARNS):
        for key in ("issuing-ca.crl.index", "published/pki-job/ca.crl.index", f"crl/{CA_IDS[0]}/a.crl.index"):
            assert effect_on_role(other, action, key) is Effect.EXPLICIT_DENY
    assert effect_on_role(INDEXER, action, "issuing-ca.crl.index") is Effect.IMPLICIT_DENY
    # CRLs are signed.
    assert effect_on_role(ADMINISTRATOR, action, "issuing-ca.crl") is Effect.IMPLICIT_DENY


def test_the_changes_of_an_index_include_those_that_remove_it() -> None:
    assert {"putobject", "deleteobject", "deleteobjectversion", "replicateobject", "replicatedelete"} <= set(CHANGES)


def test_others_may_read_an_index() -> None:
    for action in ("getobject", "getobjectversion", "getobjecttagging", "listmultipartuploadparts"):
        assert action in S3_ACTIONS
        assert effect_on_role("AuthorizerRole.Arn", action, "issuing-ca.crl.index") is Effect.IMPLICIT_DENY


# Writers of CRLs.


def effect_on_ca(action: str, resource: str, arn: str, account: str, service: str = "acm-pca.amazonaws.com") -> Effect:
    return evaluate(statements(), by_service(service, action, resource, source_arn=arn, source_account=account))


OTHER_CA = f"arn:aws:acm-pca:eu-central-1:123456789012:certificate-authority/9{CA_IDS[0][1:]}"


@pytest.mark.parametrize(("arn", "ca_id"), list(zip(CA_ARNS, CA_IDS, strict=True)))
def test_a_private_ca_may_write_its_crls_and_nothing_else(arn: str, ca_id: str) -> None:
    account = arn.split(":")[4]
    own = [f"crl/{ca_id}.crl", f"crl/{ca_id}/4f7c.crl", f"crl/{ca_id}/{ca_id}.crl", "acm-pca-permission-test-key"]
    for key in own:
        for action in ("s3:PutObject", "s3:PutObjectAcl"):
            assert effect_on_ca(action, f"CrlBucket.Arn/{key}", arn, account) is Effect.ALLOW
    another = next(each for each in CA_IDS if each != ca_id)
    for key in (
        f"crl/{another}.crl",
        f"crl/{another}/4f7c.crl",
        f"crl/{ca_id}.crl.index",
        f"crl/{ca_id}/4f7c.crl.index",
        f"crl/{ca_id}x/4f7c.crl",
        "crl/4f7c.crl",
        "fetched/ca.crl",
        "published/pki-job/ca.crl",
        "truststore.pem",
    ):
        assert effect_on_ca("s3:PutObject", f"CrlBucket.Arn/{key}", arn, account) is not Effect.ALLOW
    for action in ("s3:GetObject", "s3:DeleteObject", "s3:PutBucketPolicy"):
        assert effect_on_ca(action, f"CrlBucket.Arn/{own[0]}", arn, account) is not Effect.ALLOW
    for action in ("s3:GetBucketAcl", "s3:GetBucketLocation"):
        assert effect_on_ca(action, "CrlBucket.Arn", arn, account) is Effect.ALLOW
    assert effect_on_ca("s3:PutBucketPolicy", "CrlBucket.Arn", arn, account) is not Effect.ALLOW


@pytest.mark.parametrize(
    ("arn", "account", "service"),
    [
        (OTHER_CA, "123456789012", "acm-pca.amazonaws.com"),
        (CA_ARNS[0].replace("eu-central-1", "us-east-1"), "123456789012", "acm-pca.amazonaws.com"),
        (CA_ARNS[0].replace("123456789012", "999999999999"), "999999999999", "acm-pca.amazonaws.com"),
        (CA_ARNS[0], "999999999999", "acm-pca.amazonaws.com"),
        (CA_ARNS[0], "123456789012", "cloudtrail.amazonaws.com"),
    ],
)
def test_another_ca_account_or_service_may_write_nothing(arn: str, account: str, service: str) -> None:
    for action, resource in (
        ("s3:PutObject", f"CrlBucket.Arn/crl/{CA_IDS[0]}.crl"),
        ("s3:PutObject", f"CrlBucket.Arn/crl/{CA_IDS[0]}/4f7c.crl"),
        ("s3:PutObject", "CrlBucket.Arn/acm-pca-permission-test-key"),
    ):
        assert effect_on_ca(action, resource, CA_ARNS[0], "123456789012") is Effect.ALLOW
        assert effect_on_ca(action, resource, arn, account, service) is Effect.IMPLICIT_DENY


@pytest.mark.parametrize("arn", PUBLISHER_ARNS)
def test_a_publisher_may_write_below_its_name_and_nowhere_else_whatever_its_own_policies_allow(arn: str) -> None:
    name = arn.partition("/")[2]
    assert effect_on_role(arn, "PutObject", f"published/{name}/a/b.crl") is Effect.ALLOW
    assert effect_on_role(arn, "DeleteObject", f"published/{name}/a.crl") is Effect.IMPLICIT_DENY
    for key in (f"published/{name}", f"published/{name}x/a.crl", "published/other/a.crl", "fetched/ca.crl", "ca.crl"):
        for action in ("PutObject", "DeleteObject", "PutObjectAcl"):
            assert effect_on_role(arn, action, key) is Effect.EXPLICIT_DENY
    assert evaluate(statements(), by_role(arn, "s3:PutBucketPolicy", "CrlBucket.Arn")) is Effect.EXPLICIT_DENY
    other = arn.replace("123456789012", "210987654321")
    assert effect_on_role(other, "PutObject", f"published/{name}/a.crl") is Effect.IMPLICIT_DENY


def test_the_fetcher_stores_crls_where_its_role_may_write_them_and_where_they_invoke_the_indexer() -> None:
    settings = read_fetch_settings(fetcher_variables("everything-set"))
    assert [source.key for source in settings.sources] == ["fetched/ca.crl", "fetched/b.crl"]
    assert [source.allow_private for source in settings.sources] == [False, True]
    assert settings.bucket == "other"
    assert settings.metrics_namespace == NAMESPACE
    [policy] = REVOCATION.properties("everything-set", "CrlFetcherRole")["Policies"]
    writing = REVOCATION.resolved(policy["PolicyDocument"]["Statement"])[1]
    for source in settings.sources:
        assert wildcard_match(writing["Resource"], f"arn:aws:s3:::other/{source.key}")
        assert source.key.endswith(".crl")


def test_the_sam_cli_takes_the_sources_as_the_documentation_writes_them() -> None:
    [fence] = [each for each in fences("sh") if "CrlSources=" in each.text]
    words = shlex.split(fence.text)
    value = CfnParameterOverridesType().convert((words[-1],), None, None)["CrlSources"]
    assert re.fullmatch(REVOCATION.pattern("CrlSources"), value)
    settings = read_fetch_settings({"CRL_DESTINATION": "s3://acme-revocation/fetched/", "CRL_SOURCES": value})
    assert [source.key for source in settings.sources] == ["fetched/issuing-ca.crl"]


@pytest.mark.parametrize("sources", INVALID_SOURCES, ids=json.dumps)
def test_the_fetcher_rejects_invalid_sources(sources: dict[str, str]) -> None:
    value = json.dumps(sources)
    with pytest.raises(ValueError, match="CRL_SOURCES"):
        read_fetch_settings({"CRL_DESTINATION": "s3://lists/fetched/", "CRL_SOURCES": value})
    # A pattern cannot compare keys.
    assert not re.fullmatch(REVOCATION.pattern("CrlSources"), value) or len(sources) > 1


def fetcher_variables(stack: str) -> dict[str, str]:
    variables = REVOCATION.resolved(REVOCATION.properties(stack, "CrlFetcher")["Environment"]["Variables"])
    assert isinstance(variables, dict)
    return variables


def test_the_fetcher_has_the_variables_that_it_reads() -> None:
    assert fetcher_variables("truststore-in-a-file") == {
        "CRL_SOURCES": '{"http://crl.example.com/ca.crl": "ca.crl"}',
        "CRL_DESTINATION": "s3://lists/fetched/",
        "TRUSTSTORE_URI": "file:///opt/truststore.pem",
        "S3_BUCKET_OWNER": "123456789012",
    }
    variables = fetcher_variables("everything-set")
    assert (variables["CRL_MAX_AGE_SECONDS"], variables["METRICS_NAMESPACE"]) == ("60", NAMESPACE)


def test_the_fetcher_runs_in_the_subnets_of_the_parameter_if_there_are_any() -> None:
    assert REVOCATION.properties("everything-set", "CrlFetcher")["VpcConfig"] == {
        "SubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
        "SecurityGroupIds": ["sg-0123456789abcdef0"],
    }
    assert "VpcConfig" not in REVOCATION.properties("truststore-in-a-file", "CrlFetcher")


def test_the_fetcher_runs_on_the_schedule_of_the_parameter_and_is_not_retried() -> None:
    [rule] = REVOCATION.properties_of_type("everything-set", "AWS::Events::Rule")
    assert rule["ScheduleExpression"] == "rate(10 minutes)"
    [target] = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["CrlFetcher", "Arn"]}
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 0}
    assert REVOCATION.source["Parameters"]["CrlFetchSchedule"]["Default"] == "rate(1 hour)"
    assert "CrlFetcher" not in REVOCATION.deployed("defaults")["Resources"]


def test_an_uploaded_crl_and_nothing_else_invokes_the_indexer() -> None:
    [notification] = REVOCATION.properties("defaults", "CrlBucket")["NotificationConfiguration"]["LambdaConfigurations"]
    assert notification["Event"] == "s3:ObjectCreated:*"
    assert notification["Function"] == {"Fn::GetAtt": ["CrlIndexer", "Arn"]}
    [rule] = notification["Filter"]["S3Key"]["Rules"]
    assert rule["Name"] == "suffix"
    assert all(uri.endswith(rule["Value"]) for uri in CRLS["CrlUris"].split(","))
    assert not f"a.crl{INDEX_SUFFIX}".endswith(rule["Value"])
    assert not CRLS["TruststoreUri"].endswith(rule["Value"])
    # S3 verifies the permission when it creates the notification.
    assert REVOCATION.deployed("defaults")["Resources"]["CrlBucket"]["DependsOn"] == "CrlBucketInvokesIndexer"


@pytest.mark.parametrize("function", ["CrlIndexer", "CrlFetcher"])
def test_a_function_has_the_runtime_and_the_code_of_the_authorizer(function: str) -> None:
    indexer = REVOCATION.properties("everything-set", function)
    assert indexer["Runtime"] == AUTHORIZER.properties("defaults", "Authorizer")["Runtime"]
    assert (indexer["MemorySize"], indexer["Timeout"]) == (2048, 300)
    module, handler = indexer["Handler"].rsplit(".", 1)
    assert callable(getattr(import_module(module), handler))
    code = [
        (template.path.parent / template.source["Resources"][function]["Properties"]["CodeUri"]).resolve()
        for template, function in ((AUTHORIZER, "Authorizer"), (REVOCATION, function))
    ]
    assert code[0] == code[1]


@pytest.mark.parametrize(
    ("stack", "expected"),
    [
        ("defaults", {"TRUSTSTORE_URI": "s3://lists/truststore.pem", "S3_BUCKET_OWNER": "123456789012"}),
        (
            "everything-set",
            {
                "TRUSTSTORE_URI": "s3://elsewhere/truststore.pem",
                "S3_BUCKET_OWNER": "123456789012",
                "CRL_MAX_AGE_SECONDS": "60",
            },
        ),
    ],
)
def test_the_indexer_has_the_variables_that_it_reads(stack: str, expected: dict[str, str]) -> None:
    variables = REVOCATION.properties(stack, "CrlIndexer")["Environment"]["Variables"]
    assert REVOCATION.resolved(variables) == expected


def test_the_event_of_an_upload_that_fails_three_times_is_sent_to_a_queue() -> None:
    [invocation] = REVOCATION.properties_of_type("defaults", "AWS::Lambda::EventInvokeConfig")
    assert invocation["FunctionName"] == {"Ref": "CrlIndexer"}
    assert invocation["MaximumRetryAttempts"] == 2
    queue = {"Fn::GetAtt": ["CrlIndexerFailures", "Arn"]}
    assert invocation["DestinationConfig"]["OnFailure"]["Destination"] == queue
    assert REVOCATION.properties("defaults", "CrlIndexerFailures")["SqsManagedSseEnabled"] is True


def test_the_bucket_does_not_require_the_authorizers_stack() -> None:
    required = {name for name, parameter in REVOCATION.source["Parameters"].items() if "Default" not in parameter}
    assert required == {"CrlBucketName", "TruststoreUri"}
    bucket_name = REVOCATION.source["Outputs"]["CrlBucketName"]["Value"]
    assert bucket_name == {"Ref": "CrlBucket"}
    assert "CrlBucketName" in AUTHORIZER.source["Parameters"]
