"""The templates, and the stacks of each that the tests look at."""

from __future__ import annotations

from tests.integration.template.templates import ROOT, Template

RULES = '{"rules": [{"name": "one", "match": {"organization": ["Acme"]}}]}'
NAMESPACE = "Partners/Authorizer"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:on-call"
INVALID_SOURCES: tuple[dict[str, str], ...] = (
    *({"ldap:///a": "a.crl"}, {"http://": "a.crl"}, {"http://a/b.crl": "a"}),
    {"http://a/b.crl": "a.crl", "http://c/d.crl": "a.crl"},
)
"""CRLs to download that the fetcher rejects."""
AUTHORIZER_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:authorizer"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundaries/functions"
CRLS = {"CrlUris": "s3://lists/a.crl,s3://lists/b/c.crl", "TruststoreUri": "s3://lists/truststore.pem"}

_AUTHORIZER: dict[str, dict[str, str]] = {
    "defaults": {},
    "x86_64": {"Architecture": "x86_64", "AllowAnyClientCertificate": "true"},
    "every-variable": {
        "AllowedCommonNames": "alpha,beta",
        "AllowedOrganizationalUnits": "partners",
        "AllowedOrganizations": "Acme",
        "AllowedSubjectAltNames": "DNS:a.example.com",
        "AllowedIssuers": "CN=Issuing CA,O=Acme",
        "AllowedFingerprints": "AB" * 32,
        "AllowedSerialNumbers": "0A1B",
        "AllowedIssuerKeys": "AB" * 32,
        "AllowlistMatch": "all",
        "AllowAnyClientCertificate": "false",
        "RequiredExtendedKeyUsage": "clientAuth,1.2.3",
        "AuthorizerRules": RULES,
        "AuthorizerShadowRules": RULES,
        "AuthorizerRulesRefreshSeconds": "30",
        **CRLS,
        "CrlRefreshSeconds": "60",
        "CrlFailureMode": "allow",
        "CrlMaxAgeSeconds": "3600",
        "S3BucketOwner": "210987654321",
        "CrlCheck": "chain",
        "CrlAssumeComplete": "s3://lists/b/c.crl",
        "CrlExemptIssuers": f"{'0a' * 32},{'0b' * 32}",
        "ResponseFormat": "simple",
        "UnauthenticatedResponse": "deny",
        "PrincipalId": "fingerprint",
        "ClientCertHeader": "true",
        "LogDecisions": "denied",
        "ExpiryWarningDays": "14",
        "MetricsNamespace": NAMESPACE,
        "LogRetentionInDays": "30",
    },
    "rules-in-s3": {
        "AuthorizerRulesUri": "s3://rules/now.json",
        "AuthorizerShadowRulesUri": "s3://rules/next/rules.json",
        "AuthorizerPolicyArn": "arn:aws:iam::123456789012:policy/decrypts",
        "PermissionsBoundaryArn": BOUNDARY,
    },
    "rules-in-ssm": {"AuthorizerRulesUri": "ssm:///rules/1,/rules/2", "AuthorizerShadowRulesUri": "ssm:///next"},
    "rules-in-appconfig": {
        "AuthorizerRulesUri": "appconfig://application/production/rules",
        "AuthorizerShadowRulesUri": "file:///opt/rules.json",
        "CrlUris": "file:///opt/a.crl,file:///opt/b.crl",
        "TruststoreUri": "file:///opt/truststore.pem",
    },
    "issuer-keys": {
        "AllowedIssuerKeys": "AB" * 32,
        "TruststoreUri": "s3://lists/truststore.pem",
        "CrlRefreshSeconds": "60",
    },
    "crl-bucket": CRLS | {"CrlBucketName": "lists", "Tracing": "true"},
    "crl-prefixes": {
        "CrlUris": "s3://lists/pki/crl/,s3://other/crl/,s3://third/crl/,s3://lists/b/c.crl",
        "TruststoreUri": "s3://lists/truststore.pem",
    },
    "snap-start": {"SnapStart": "true"},
    "snap-start-with-everything": {
        "SnapStart": "true",
        "Tracing": "true",
        "Architecture": "x86_64",
        "AllowedCommonNames": "alpha",
        "AuthorizerRulesUri": "s3://rules/now.json",
        **CRLS,
    },
    "provisioned-concurrency": {"ProvisionedConcurrency": "2"},
}

CA_IDS = tuple(f"{digit}1234567-89ab-cdef-0123-456789abcdef" for digit in "1234")
CA_ARNS = tuple(
    f"arn:aws:acm-pca:eu-central-1:{account}:certificate-authority/{ca_id}"
    for account, ca_id in zip(("123456789012", "210987654321") * 2, CA_IDS, strict=True)
)
PUBLISHER_ARNS = ("arn:aws:iam::123456789012:role/pki-job", "arn:aws:iam::123456789012:role/ejbca")

_REVOCATION = {"CrlBucketName": "lists", "TruststoreUri": "s3://lists/truststore.pem"}
_MONITORING = {
    "AuthorizerFunctionName": "authorizer",
    "AuthorizerLogGroup": "/aws/lambda/stack-authorizer",
    "MetricsNamespace": NAMESPACE,
}
_SAMPLE_API = {
    "AuthorizerArn": AUTHORIZER_ARN,
    "DomainName": "api.example.com",
    "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
    "TruststoreUri": "s3://bucket/truststore.pem",
}

AUTHORIZER = Template("authorizer", ROOT / "template.yaml", _AUTHORIZER)
REVOCATION = Template(
    "revocation",
    ROOT / "templates/revocation.yaml",
    {
        "defaults": _REVOCATION,
        "everything-set": {
            "CrlBucketName": "other",
            "TruststoreUri": "s3://elsewhere/truststore.pem",
            "CrlMaxAgeSeconds": "60",
            "PrivateCaArns": ",".join(CA_ARNS),
            "PublisherRoleArns": ",".join(PUBLISHER_ARNS),
            "CrlSources": '{"http://crl.example.com/ca.crl": "ca.crl", "https://b.internal/?crl": "b.crl"}',
            "CrlSourcePrivateHosts": "b.internal",
            "CrlFetchSchedule": "rate(10 minutes)",
            "FetcherSubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1",
            "FetcherSecurityGroupIds": "sg-0123456789abcdef0",
            "MetricsNamespace": NAMESPACE,
            "LogRetentionInDays": "30",
            "AlarmTopicArn": TOPIC,
            "Architecture": "x86_64",
            "PermissionsBoundaryArn": BOUNDARY,
        },
        "truststore-in-a-file": _REVOCATION
        | {
            "TruststoreUri": "file:///opt/truststore.pem",
            "DeployAlarms": "false",
            "PrivateCaArns": CA_ARNS[0],
            "PublisherRoleArns": PUBLISHER_ARNS[0],
            "CrlSources": '{"http://crl.example.com/ca.crl": "ca.crl"}',
        },
    },
)
MONITORING = Template(
    "monitoring",
    ROOT / "templates/monitoring.yaml",
    {
        "defaults": _MONITORING,
        "everything-set": {
            "AuthorizerFunctionName": "another",
            "AuthorizerLogGroup": "/aws/lambda/another-authorizer",
            "MetricsNamespace": "Others",
            "UnauthenticatedResponse": "deny",
            "ExpiryWarningDays": "14",
            "CrlIndexerFunctionName": "indexer",
            "CrlIndexerFailuresName": "failures",
            "CrlFetcherFunctionName": "fetcher",
            "AlarmTopicArn": TOPIC,
            "DurationAlarmMilliseconds": "500",
            "RevocationListAlarmSeconds": "3600",
            "ExpiryAlarmDays": "3",
            "TruststoreExpiryAlarmDays": "60",
        },
        "dashboard-only": _MONITORING | {"DeployAlarms": "false", "CrlFetcherFunctionName": "fetcher"},
        "alarms-only": _MONITORING | {"DeployDashboard": "false"},
    },
)
SAMPLE_API = Template(
    "sample-api",
    ROOT / "templates/sample-api.yaml",
    {
        "defaults": _SAMPLE_API,
        "caching": {
            "AuthorizerArn": f"{AUTHORIZER_ARN}:live",
            "AuthorizerTtl": "300",
            "DomainName": "other.example.com",
            "CertificateArn": _SAMPLE_API["CertificateArn"].replace("1234", "4321"),
            "TruststoreUri": "s3://bucket/other.pem",
            "TruststoreVersion": "1",
            "LogRetentionInDays": "30",
            "PermissionsBoundaryArn": BOUNDARY,
        },
    },
)
TEMPLATES = (AUTHORIZER, REVOCATION, MONITORING, SAMPLE_API)
ALL_STACKS = [(template, stack) for template in TEMPLATES for stack in template.stacks]
ALL_STACK_IDS = [f"{template.name}-{stack}" for template, stack in ALL_STACKS]


def parameter_of(variable: str) -> str:
    """Return the authorizer's parameter for a variable: AllowedCommonNames for ALLOWED_COMMON_NAMES."""
    return variable.title().replace("_", "")
