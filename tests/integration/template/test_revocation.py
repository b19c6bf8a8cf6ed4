"""The revocation stack: the bucket for CRLs, its policy and the indexer."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import cfnlint  # type: ignore[import-untyped]
import pytest

from local_gateway.api_gateway.policy import wildcard_match
from mtls_authorizer.revocation.index.indexing import INDEX_SUFFIX
from tests.integration.template.stacks import AUTHORIZER, CRLS, REVOCATION

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
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    [rule] = bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert not {key for key in rule if key.startswith("Expiration")}


@each_stack
def test_only_the_indexer_may_write_indexes_and_all_access_is_over_tls(stack: str) -> None:
    policy = REVOCATION.resolved(REVOCATION.properties(stack, "CrlBucketPolicy"))
    assert policy["Bucket"] == "CrlBucket"
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "OverTlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["CrlBucket.Arn", "CrlBucket.Arn/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Sid": "IndexesByTheIndexerOnly",
            "Effect": "Deny",
            "Principal": "*",
            "NotAction": ["s3:Get*", "s3:List*"],
            "Resource": f"CrlBucket.Arn/*{INDEX_SUFFIX}",
            "Condition": {"ArnNotEquals": {"aws:PrincipalArn": "CrlIndexerRole.Arn"}},
        },
    ]


_ACTIONS = Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json"
S3_ACTIONS: dict[str, Any] = json.loads(_ACTIONS.read_text())["s3"]["Actions"]
"""AWS's own list of actions, in lower case, with the resources of each."""

CHANGES = [
    name
    for name, action in S3_ACTIONS.items()
    if "object" in action.get("Resources", ()) and not name.startswith(("get", "list"))
]


def denied(action: str, key: str, principal: str) -> bool:
    """Return whether the bucket policy denies an action, over TLS."""
    policy = REVOCATION.resolved(REVOCATION.properties("defaults", "CrlBucketPolicy"))
    [statement] = [each for each in policy["PolicyDocument"]["Statement"] if each["Sid"] == "IndexesByTheIndexerOnly"]
    key_of_actions = "NotAction" if "NotAction" in statement else "Action"
    listed = any(wildcard_match(pattern.lower(), f"s3:{action}") for pattern in statement[key_of_actions])
    concerned = wildcard_match(statement["Resource"], f"CrlBucket.Arn/{key}") and listed == (key_of_actions == "Action")
    return concerned and principal != statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]


@pytest.mark.parametrize("action", CHANGES)
def test_nobody_else_may_change_or_delete_an_index(action: str) -> None:
    assert denied(action, "issuing-ca.crl.index", "arn:aws:iam::123456789012:role/Administrator")
    assert not denied(action, "issuing-ca.crl.index", "CrlIndexerRole.Arn")
    # CRLs are signed.
    assert not denied(action, "issuing-ca.crl", "arn:aws:iam::123456789012:role/Administrator")


def test_the_changes_of_an_index_include_those_that_remove_it() -> None:
    assert {"putobject", "deleteobject", "deleteobjectversion", "replicateobject", "replicatedelete"} <= set(CHANGES)


def test_others_may_read_an_index() -> None:
    for action in ("getobject", "getobjectversion", "getobjecttagging", "listmultipartuploadparts"):
        assert action in S3_ACTIONS
        assert not denied(action, "issuing-ca.crl.index", "AuthorizerRole.Arn")


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


def test_the_indexer_has_the_runtime_and_the_code_of_the_authorizer() -> None:
    indexer = REVOCATION.properties("defaults", "CrlIndexer")
    assert indexer["Runtime"] == AUTHORIZER.properties("defaults", "Authorizer")["Runtime"]
    assert (indexer["MemorySize"], indexer["Timeout"]) == (2048, 300)
    module, handler = indexer["Handler"].rsplit(".", 1)
    assert callable(getattr(import_module(module), handler))
    code = [
        (template.path.parent / template.source["Resources"][function]["Properties"]["CodeUri"]).resolve()
        for template, function in ((AUTHORIZER, "Authorizer"), (REVOCATION, "CrlIndexer"))
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
