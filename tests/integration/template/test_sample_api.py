"""The sample API: mutual TLS, the authorizer on each operation, and caching by certificate."""

from __future__ import annotations

import pytest

from tests.integration.template.stacks import SAMPLE_API

each_stack = pytest.mark.parametrize("stack", SAMPLE_API.stacks)


@each_stack
def test_the_sample_api_is_reachable_only_on_its_domain_with_mutual_tls(stack: str) -> None:
    given = SAMPLE_API.stacks[stack]
    servers = SAMPLE_API.properties(stack, "SampleApi")["Body"]["servers"]
    assert servers == [{"x-amazon-apigateway-endpoint-configuration": {"disableExecuteApiEndpoint": True}}]
    domain = SAMPLE_API.properties(stack, "SampleApiDomain")
    assert domain["SecurityPolicy"] == "TLS_1_2"
    assert domain["DomainName"] == given["DomainName"]
    assert domain["RegionalCertificateArn"] == given["CertificateArn"]
    version = {"TruststoreVersion": given["TruststoreVersion"]} if "TruststoreVersion" in given else {}
    assert domain["MutualTlsAuthentication"] == {"TruststoreUri": given["TruststoreUri"]} | version
    mapping = {"DomainName": {"Ref": "SampleApiDomain"}, "RestApiId": {"Ref": "SampleApi"}}
    assert SAMPLE_API.properties(stack, "SampleApiMapping").items() >= mapping.items()
    assert len(SAMPLE_API.properties_of_type(stack, "AWS::ApiGateway::Stage")) == 1


@each_stack
def test_each_operation_requires_the_authorizer(stack: str) -> None:
    body = SAMPLE_API.properties(stack, "SampleApi")["Body"]
    operations = [operation for path in body["paths"].values() for operation in path.values()]
    assert [operation["security"] for operation in operations] == [[{"ClientCertificate": []}]]
    scheme = body["components"]["securitySchemes"]["ClientCertificate"]
    assert scheme["x-amazon-apigateway-authtype"] == "custom"
    authorizer = SAMPLE_API.resolved(scheme["x-amazon-apigateway-authorizer"])
    assert authorizer["type"] == "request"
    arn = SAMPLE_API.stacks[stack]["AuthorizerArn"]
    assert authorizer["authorizerUri"] == (
        f"arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    )


@pytest.mark.parametrize(
    ("stack", "caching"),
    [
        ("defaults", {"authorizerResultTtlInSeconds": 0}),
        (
            "caching",
            {
                "authorizerResultTtlInSeconds": "300",
                "identitySource": "context.identity.clientCert.issuerDN, context.identity.clientCert.serialNumber",
            },
        ),
    ],
)
def test_responses_are_cached_by_certificate_and_only_on_request(stack: str, caching: dict[str, object]) -> None:
    scheme = SAMPLE_API.properties(stack, "SampleApi")["Body"]["components"]["securitySchemes"]["ClientCertificate"]
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    assert {key: value for key, value in authorizer.items() if key not in {"type", "authorizerUri"}} == caching


def test_the_outputs_name_the_domain_and_the_target_of_its_record() -> None:
    outputs = SAMPLE_API.deployed("defaults")["Outputs"]
    assert outputs["ApiUrl"]["Value"] == "https://api.example.com/"
    assert outputs["ApiDomainTarget"]["Value"] == {"Fn::GetAtt": ["SampleApiDomain", "RegionalDomainName"]}
