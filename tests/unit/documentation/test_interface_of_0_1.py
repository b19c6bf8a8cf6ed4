"""Everything that users of version 0.1 rely on still exists, or the changelog names it among what has changed."""

from __future__ import annotations

import re

import pytest

import client_certificate_auth
from client_certificate_auth import DistinguishedName, ExtractionFailureReason, PeerCertificate
from mtls_authorizer.metrics import Metric
from mtls_authorizer.policy.settings import VARIABLES
from mtls_authorizer.reasons import DenyReason
from tests.aws.yaml_templates import yaml_parse
from tests.unit.documentation.markdown import PROJECT, codes, first_column, pages

TEMPLATE = yaml_parse((PROJECT / "template.yaml").read_text(encoding="utf-8"))

OF_0_1 = {
    "variables": """
        ALLOWED_COMMON_NAMES ALLOWED_ORGANIZATIONAL_UNITS ALLOWED_ORGANIZATIONS ALLOWED_SUBJECT_ALT_NAMES
        ALLOWED_ISSUERS ALLOWED_FINGERPRINTS ALLOWED_SERIAL_NUMBERS ALLOWLIST_MATCH
        ALLOW_ANY_CLIENT_CERTIFICATE REQUIRED_EXTENDED_KEY_USAGE AUTHORIZER_RULES AUTHORIZER_RULES_URI
        AUTHORIZER_SHADOW_RULES AUTHORIZER_SHADOW_RULES_URI AUTHORIZER_RULES_REFRESH_SECONDS CRL_URIS
        TRUSTSTORE_URI CRL_REFRESH_SECONDS CRL_FAILURE_MODE CRL_MAX_AGE_SECONDS RESPONSE_FORMAT
        UNAUTHENTICATED_RESPONSE PRINCIPAL_ID EXPIRY_WARNING_DAYS LOG_DECISIONS METRICS_NAMESPACE
    """,
    "deny reasons": """
        lambda_event_missing_clientcert lambda_event_clientcert_malformed subject_not_printable
        extensions_malformed extended_key_usage_not_allowed no_allowlist_configured common_name_not_allowed
        organizational_unit_not_allowed organization_not_allowed subject_not_allowed
        subject_alt_name_not_allowed issuer_not_allowed fingerprint_not_allowed serial_number_not_allowed
        certificate_excluded no_rule_matched policy_too_large certificate_not_yet_valid certificate_expired
        certificate_revoked revocation_status_unknown route_not_allowed
    """,
    "context keys": """
        clientCertSubjectDN clientCertIssuerDN clientCertCN clientCertOU clientCertO clientCertC
        clientCertST clientCertL clientCertEmailAddress clientCertIssuerCN clientCertOUs
        clientCertSubjectAltNames clientCertSerialNumber clientCertFingerprint256 clientCertNotBefore
        clientCertNotAfter clientCertDaysToExpiry
    """,
    "log fields": """
        decision reason rules principal subject_dn issuer_dn serial_number fingerprint days_to_expiry route
        source_ip request_id cached duration_us configuration_version rules_version shadow_decision
        shadow_reason shadow_rules_version revocation_status crl_issuer crl_number crl_age_seconds
    """,
    "metrics": """
        Allowed Denied Unauthorized ShadowDenied Expiring DaysToExpiry RevocationStatusUnknown
        RevocationListAge RevocationListTimeLeft RulesRefreshFailures DecisionTime
    """,
    "parameters": """
        AllowedCommonNames AllowedOrganizationalUnits AllowedOrganizations AllowedSubjectAltNames
        AllowedIssuers AllowedFingerprints AllowedSerialNumbers AllowlistMatch AllowAnyClientCertificate
        RequiredExtendedKeyUsage AuthorizerRules AuthorizerRulesUri AuthorizerShadowRules
        AuthorizerShadowRulesUri AuthorizerRulesRefreshSeconds AuthorizerPolicyArn CrlUris TruststoreUri
        CrlRefreshSeconds CrlFailureMode CrlMaxAgeSeconds DeployCrlBucket CrlBucketName ResponseFormat
        UnauthenticatedResponse PrincipalId ExpiryWarningDays LogDecisions LogRetentionInDays
        MetricsNamespace DeployDashboard DeployAlarms AlarmTopicArn DurationAlarmMilliseconds
        RevocationListAlarmSeconds ExpiryAlarmDays Tracing Architecture SnapStart ProvisionedConcurrency
        DeploySampleApi SampleApiDomainName SampleApiCertificateArn SampleApiTruststoreUri
        SampleApiTruststoreVersion SampleApiAuthorizerTtl
    """,
    "outputs": """
        LayerArn AuthorizerArn AuthorizerUri AuthorizerLogGroup CrlIndexerLogGroup CrlIndexerFailuresUrl
        DashboardName ApiUrl ApiDomainTarget
    """,
    # Their logical IDs: CloudFormation replaces a resource whose ID changes.
    "resources": """
        LayerArm64 LayerX8664 Authorizer AuthorizerRole AuthorizerLogs AuthorizerVariables
        AuthorizerVariablesApplication AuthorizerVariablesProfile
    """,
    "names of the layer": """
        AlbMutualTlsMode CertificateCheck DistinguishedName ExtractionFailure ExtractionFailureReason
        ExtractionResult ExtractionSuccess MalformedCertificateError PeerCertificate SubjectAltName all_of
        allow_cn allow_email allow_fingerprints allow_issuer allow_organization allow_ou allow_san
        allow_serial allow_subject any_of extract_client_certificate_from_alb_event
        extract_client_certificate_from_cloudfront_event extract_client_certificate_from_lambda_event
        find_client_certificate read_client_certificate
    """,
    "reasons of the layer": """
        lambda_event_missing_clientcert lambda_event_clientcert_malformed alb_event_missing_clientcert
        alb_event_clientcert_malformed cloudfront_event_missing_clientcert
        cloudfront_event_clientcert_malformed
    """,
    "attributes of a certificate": """
        asn1_curve bits ca exponent ext_key_usage extensions_decodable fingerprint fingerprint256
        fingerprint512 from_pem info_access issuer modulus nist_curve not_after not_before pubkey raw
        serial_number subject subject_alt_names subjectaltname to_dict valid_from valid_to x509
    """,
    "attributes of a name": """
        get get_all get_single has_control_characters items keys rdns rfc4514_string single_values to_dict
        values x509
    """,
    "make targets": """
        help run demo revoke explain layer publish bench bench-cold bench-crl crl-index bench-rules soak
        validate-rules test mutation test-interpreters lint format golden lock clean
    """,
}
CURRENT = {
    "variables": VARIABLES,
    "deny reasons": DenyReason,
    "context keys": first_column("docs/context.md", "Keys"),
    "log fields": first_column("docs/observability.md", "Decision log"),
    "metrics": Metric,
    "parameters": TEMPLATE["Parameters"],
    "outputs": TEMPLATE["Outputs"],
    "resources": TEMPLATE["Resources"],
    "names of the layer": client_certificate_auth.__all__,
    "reasons of the layer": ExtractionFailureReason,
    "attributes of a certificate": {*dir(PeerCertificate), *PeerCertificate.__annotations__},
    "attributes of a name": dir(DistinguishedName),
    "make targets": re.findall(r"^([a-z-]+):.*##", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE),
}


@pytest.mark.parametrize("kind", OF_0_1)
def test_every_name_of_0_1_exists_or_is_in_the_changelog(kind: str) -> None:
    removed = set(OF_0_1[kind].split()) - set(CURRENT[kind])
    assert removed <= set(codes(pages()["CHANGELOG.md"]))
