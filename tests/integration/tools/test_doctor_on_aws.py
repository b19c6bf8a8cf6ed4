"""``doctor`` with an API: it finds each planted mistake, and nothing in the project's own templates and examples."""

from __future__ import annotations

import functools
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import pytest

from mtls_authorizer.policy.settings import VARIABLES, load_settings
from mtls_authorizer.stores.aws import session
from mtls_authorizer_cli.doctor.account.aws import AbsentError, Aws, UnavailableError
from mtls_authorizer_cli.doctor.findings import Check
from mtls_authorizer_cli.main import main
from tests.aws.api_gateway_account import Account, Api, ApiGatewayAccount, Function, api_gateway_account
from tests.aws.server import REGION
from tests.fixtures.aws import forget_clients
from tests.integration.examples.test_attach import PEM, TEMPLATES, transformed
from tests.integration.template.stacks import AUTHORIZER, RULES, SAMPLE_API
from tests.integration.tools.doctor_accounts import (
    ACCOUNT_ID,
    FUNCTION_ARN,
    IDENTIFIERS,
    LAYER_ARN,
    add_function,
    add_permission,
    deploy_api,
    function_configuration,
    rest_summary,
    terraform_resources,
)
from tests.pki.certificate_authorities import CertificateAuthority
from tests.servers.faulty_proxy import answer, truncate
from tests.unit.documentation.aws_commands import find_commands, mistakes
from tests.unit.documentation.markdown import fences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import FaultyProxy

LATER = datetime(2100, 1, 1, tzinfo=UTC)
CA = CertificateAuthority("CA", not_after=LATER)
OTHER_CA = CertificateAuthority("Other CA", not_after=LATER)
NAMESAKE = CertificateAuthority("CA", not_after=LATER)

REST, HTTP = IDENTIFIERS["SampleApi"], "api"
DOMAIN = "api.example.com"
TRUSTSTORE_URI = "s3://bucket/truststore.pem"
PARAMETERS = {**SAMPLE_API.stacks["defaults"], "LayerArn": LAYER_ARN}
CONFIGURATION = {
    "Runtime": "python3.13",
    "Handler": "mtls_authorizer.handler.handler",
    "Architectures": ["arm64"],
    "Layers": [{"Arn": LAYER_ARN}],
    "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "LogGroup": "/aws/lambda/authorizer"},
    "Environment": {"Variables": {"ALLOWED_COMMON_NAMES": "alpha"}},
}


LIVE_CHECKS = set(Check) - {check for check in Check if check.startswith("client_")}


class Cloud(NamedTuple):
    """Everything that a test can change."""

    account: Account
    aws: AwsServer
    services: ApiGatewayAccount

    @property
    def configuration(self) -> dict[str, Any]:
        return self.account.functions["authorizer"].configurations["$LATEST"]

    @property
    def variables(self) -> dict[str, str]:
        variables: dict[str, str] = self.configuration["Environment"]["Variables"]
        return variables

    @property
    def domain(self) -> dict[str, Any]:
        return self.account.domains[DOMAIN]

    def put_truststore(self, *authorities: CertificateAuthority) -> str:
        """Put a new version of the truststore, and return its ID."""
        self.aws.put_object(TRUSTSTORE_URI, b"".join(each.pem for each in authorities))
        version: str = self.aws.client("s3").head_object(Bucket="bucket", Key="truststore.pem")["VersionId"]
        return version


@pytest.fixture(scope="session")
def services(served_aws: tuple[AwsServer, FaultyProxy]) -> Iterator[ApiGatewayAccount]:
    with api_gateway_account(served_aws[0]) as services:
        yield services


@pytest.fixture(scope="module")
def clients() -> Iterator[None]:
    """Make these tests share their clients, which take long to create, with no others."""
    forget_clients()
    yield
    forget_clients()


@pytest.fixture
def cloud(
    services: ApiGatewayAccount, aws: AwsServer, clients: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    """Return an account with a truststore and the authorizer's function."""
    assert clients is None
    monkeypatch.setenv("AWS_ENDPOINT_URL", services.url)
    cloud = Cloud(services.reset(), aws, services)
    add_function(cloud.account, json.loads(json.dumps(CONFIGURATION)), "live")
    aws.client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    aws.client("s3").put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    cloud.put_truststore(CA)
    yield cloud
    assert services.problems == []


def pin(cloud: Cloud) -> None:
    """Let the domain name use the newest version of its truststore."""
    version = cloud.aws.client("s3").head_object(Bucket="bucket", Key="truststore.pem")["VersionId"]
    cloud.domain["MutualTlsAuthentication"] = {"TruststoreUri": TRUSTSTORE_URI, "TruststoreVersion": version}


@functools.cache
def sample_api() -> dict[str, Any]:
    resources: dict[str, Any] = SAMPLE_API.deployed("defaults")["Resources"]
    return resources


def deploy(cloud: Cloud, api_id: str) -> None:
    """Deploy an API of each kind without a mistake."""
    if api_id == REST:
        deploy_api(cloud.account, sample_api(), PARAMETERS)
    else:
        (template,) = (each for each in TEMPLATES if each.name == "http_api.cloudformation.yaml")
        deploy_api(cloud.account, transformed(template), PARAMETERS)
    pin(cloud)


def diagnose(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    """Return what doctor finds. Its commands are ones that the AWS CLI accepts."""
    status = main(["doctor", *options, "--json"], {})
    diagnosis: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status == (1 if diagnosis["findings"] else 0)
    for finding in diagnosis["findings"]:
        assert finding["consequence"]
        assert finding["fix"]
        for command in finding["commands"]:
            for found in find_commands(command.removesuffix(" > environment.json")) or [command]:
                assert found.startswith(("aws ", "FUNCTION_URI=")), found
                assert not found.startswith("aws ") or mistakes(found) == []
                # The authorizer would reject them as misspelt if they stayed in the shell.
                variables = re.findall(r"\$([A-Z_]+)", found)
                assert set(VARIABLES).isdisjoint(variables)
                assert load_settings(dict.fromkeys(variables, "x"))
    return diagnosis


def checks(diagnosis: dict[str, Any]) -> set[str]:
    return {finding["check"] for finding in diagnosis["findings"]}


# The project's own templates and examples


@pytest.mark.parametrize("stack", SAMPLE_API.stacks)
def test_nothing_is_found_in_the_sample_api(cloud: Cloud, stack: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = SAMPLE_API.stacks[stack]
    deploy_api(cloud.account, SAMPLE_API.deployed(stack)["Resources"], given)
    cloud.aws.put_object(given["TruststoreUri"], CA.pem)
    domain = given["DomainName"]
    cloud.account.domains[domain]["MutualTlsAuthentication"].pop("TruststoreVersion", None)
    diagnosis = diagnose(capsys, "--domain", domain)
    assert diagnosis["findings"] == []
    # The template leaves the version out by default.
    assert [each["check"] for each in diagnosis["not_checked"]] == [Check.TRUSTSTORE_VERSION]


# The others differ from these in what doctor does not look at.
@pytest.mark.parametrize(
    "stack", ["every-variable", "rules-in-s3", "issuer-keys", "snap-start-with-everything", "provisioned-concurrency"]
)
def test_nothing_is_found_in_the_authorizers_stack(
    cloud: Cloud, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    properties = AUTHORIZER.resolved(AUTHORIZER.deployed(stack)["Resources"]["Authorizer"]["Properties"])
    configuration = function_configuration(properties)
    configuration["Layers"] = []  # of the stack's architecture
    if "SnapStart" in properties:
        configuration["SnapStart"] = {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    add_function(cloud.account, configuration, "live")
    function, qualifier = cloud.account.functions["authorizer"], ""
    if "SnapStart" in properties or stack == "provisioned-concurrency":
        qualifier = ":live"
    if stack == "provisioned-concurrency":
        function.provisioned.append({"FunctionArn": f"{FUNCTION_ARN}:live", "Status": "READY"})
        cloud.variables["ALLOWED_COMMON_NAMES"] = "alpha"  # which this stack leaves out
    if uri := cloud.variables.get("AUTHORIZER_RULES_URI"):
        cloud.aws.put_object(uri, RULES.encode())
    diagnosis = diagnose(capsys, "--function", FUNCTION_ARN + qualifier)
    assert diagnosis["findings"] == []
    assert diagnosis["not_checked"] == []


def check_that_nothing_is_found(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    pin(cloud)
    diagnosis = diagnose(capsys, "--domain", DOMAIN)
    assert diagnosis["findings"] == []
    assert diagnosis["not_checked"] == []
    assert set(diagnosis["checked"]) >= LIVE_CHECKS


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_nothing_is_found_in_the_examples(cloud: Cloud, template: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deploy_api(cloud.account, transformed(template), PARAMETERS)
    check_that_nothing_is_found(cloud, capsys)


@pytest.mark.parametrize("stack", ["RestApi", "HttpApi"])
def test_nothing_is_found_in_the_examples_of_the_cdk(
    cloud: Cloud, synthesized: Path, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    resources = json.loads((synthesized / f"examples/{stack}.template.json").read_text())["Resources"]
    (function,) = (
        each["Properties"]
        for each in resources.values()
        if each["Type"] == "AWS::Lambda::Function" and each["Properties"]["Handler"] == CONFIGURATION["Handler"]
    )
    configuration = function_configuration(function)
    # Without references, such as that to the stack's account.
    configuration["Environment"]["Variables"] = {
        name: value for name, value in configuration["Environment"]["Variables"].items() if isinstance(value, str)
    }
    add_function(cloud.account, configuration)
    deploy_api(cloud.account, resources, PARAMETERS)
    check_that_nothing_is_found(cloud, capsys)


@pytest.mark.parametrize("kind", ["rest", "http"])
def test_nothing_is_found_in_the_example_of_terraform(
    cloud: Cloud, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy_api(cloud.account, terraform_resources(kind), PARAMETERS)
    check_that_nothing_is_found(cloud, capsys)


# Planted mistakes


class Mistake(NamedTuple):
    """A change of an account without mistakes, and what doctor must find, and nothing else.

    ``command`` is part of the command that fixes it, or of the fix if no command can.
    """

    api_id: str
    plant: Callable[[Cloud], object]
    check: Check
    problem: str
    command: str


def rest(cloud: Cloud) -> Api:
    return cloud.account.rest_apis[REST]


def http(cloud: Cloud) -> Api:
    return cloud.account.http_apis[HTTP]


def open_method(cloud: Cloud) -> None:
    rest(cloud).routes.append(
        {"id": "open", "path": "/health", "resourceMethods": {"GET": {"authorizationType": "NONE"}}}
    )
    rest(cloud).deployments["deployed"]["apiSummary"] = rest_summary(rest(cloud))


def open_route(cloud: Cloud) -> None:
    http(cloud).routes += [
        {
            "RouteId": f"route{number}",
            "RouteKey": f"GET /{number}",
            "AuthorizationType": "CUSTOM",
            "AuthorizerId": "authorizer",
        }
        for number in range(3)
    ]
    http(cloud).routes.append({"RouteId": "open", "RouteKey": "$default", "AuthorizationType": "NONE"})


def change_uri(authorizer: dict[str, Any], old: str, new: str) -> None:
    """Let an authorizer invoke another function, or an alias."""
    key = "authorizerUri" if "authorizerUri" in authorizer else "AuthorizerUri"
    authorizer[key] = authorizer[key].replace(old, new)


def other_authorizer(cloud: Cloud) -> None:
    other = {**http(cloud).authorizers[0], "AuthorizerId": "other", "Name": "other"}
    change_uri(other, "function:authorizer", "function:other")
    http(cloud).authorizers.append(other)
    add_other_function(cloud)
    http(cloud).routes.append(
        {"RouteId": "b", "RouteKey": "GET /b", "AuthorizationType": "CUSTOM", "AuthorizerId": "other"}
    )


def add_other_function(cloud: Cloud) -> None:
    own = cloud.account.functions["authorizer"]
    other = {**own.configurations["$LATEST"], "FunctionName": "other", "Handler": "index.handler"}
    cloud.account.functions["other"] = Function({"$LATEST": other})


def truststore_in_the_package(cloud: Cloud) -> None:
    """API Gateway reads truststores only in S3."""
    cloud.domain.pop("MutualTlsAuthentication")
    cloud.variables.update(CRL_URIS="file:///var/task/ca.crl", TRUSTSTORE_URI="file:///var/task/truststore.pem")


def second_domain(cloud: Cloud) -> None:
    cloud.account.domains["other.example.com"] = {"DomainName": "other.example.com"}
    cloud.account.mappings["other.example.com"] = cloud.account.mappings[DOMAIN]


def old_truststore(cloud: Cloud) -> None:
    pin(cloud)
    cloud.put_truststore(CA, OTHER_CA)


def truststore_of_authorizer(cloud: Cloud) -> None:
    cloud.variables.update(TRUSTSTORE_URI="s3://bucket/other.pem", CRL_URIS="s3://bucket/ca.crl")
    cloud.variables["S3_BUCKET_OWNER"] = ACCOUNT_ID
    cloud.aws.put_object("s3://bucket/other.pem", OTHER_CA.pem)


def expired_ca(cloud: Cloud) -> None:
    cloud.put_truststore(CA, CertificateAuthority("Old CA", not_after=datetime(2025, 1, 1, tzinfo=UTC)))
    pin(cloud)


def cache(api: Api, *sources: str, ttl: int = 300) -> None:
    (authorizer,) = api.authorizers
    if "id" in authorizer:
        authorizer.update(authorizerResultTtlInSeconds=ttl, identitySource=", ".join(sources))
    else:
        authorizer.update(AuthorizerResultTtlInSeconds=ttl, IdentitySource=list(sources))


def namesakes(cloud: Cloud) -> None:
    cloud.put_truststore(CA, NAMESAKE)
    pin(cloud)
    cache(rest(cloud), "context.identity.clientCert.issuerDN", "context.identity.clientCert.serialNumber")


def set_rules(cloud: Cloud, **rule: object) -> None:
    document = {"rules": [{"name": "limited", "match": {"organization": "Acme"}, **rule}]}
    cloud.variables["AUTHORIZER_RULES"] = json.dumps(document)


def cached_simple_responses(cloud: Cloud) -> None:
    cache(http(cloud), PEM, ttl=60)
    http(cloud).authorizers[0]["EnableSimpleResponses"] = True
    cloud.variables["RESPONSE_FORMAT"] = "simple"
    del cloud.variables["ALLOWED_COMMON_NAMES"]
    set_rules(cloud, allow=["GET /payments"])


def cached_domain_names(cloud: Cloud) -> None:
    cache(http(cloud), PEM, ttl=60)
    set_rules(cloud, domain_name=[DOMAIN])


def simple_responses(cloud: Cloud) -> None:
    http(cloud).authorizers[0]["EnableSimpleResponses"] = True


def usage_plan_keys(cloud: Cloud) -> None:
    set_rules(cloud, usage_plan_key="fingerprint")


def token_authorizer(cloud: Cloud) -> None:
    rest(cloud).authorizers[0]["type"] = "TOKEN"


def no_permission(cloud: Cloud) -> None:
    cloud.account.functions["authorizer"].statements.clear()


def permission_for_another_api(cloud: Cloud) -> None:
    no_permission(cloud)
    add_permission(cloud.account, "$LATEST", f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:other/authorizers/*")


def open_permission(cloud: Cloud) -> None:
    del cloud.account.functions["authorizer"].statements["$LATEST"][0]["Condition"]


def use_alias(cloud: Cloud, alias: str = "live") -> None:
    change_uri(rest(cloud).authorizers[0], "function:authorizer", f"function:authorizer:{alias}")
    statements = cloud.account.functions["authorizer"].statements
    statements[alias] = statements.pop("$LATEST")


def permission_without_alias(cloud: Cloud) -> None:
    use_alias(cloud)
    statements = cloud.account.functions["authorizer"].statements
    statements["$LATEST"] = statements.pop("live")


def no_such_alias(cloud: Cloud) -> None:
    use_alias(cloud, "production")


def unpublished(cloud: Cloud) -> None:
    use_alias(cloud)
    published = cloud.account.functions["authorizer"].configurations["live"]
    published["Environment"] = {"Variables": {"ALLOWED_COMMON_NAMES": "alpha, mallory"}}


def snap_start(cloud: Cloud) -> None:
    cloud.configuration["SnapStart"] = {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}


def no_snapshot(cloud: Cloud) -> None:
    use_alias(cloud)
    snap_start(cloud)
    cloud.account.functions["authorizer"].configurations["live"]["SnapStart"] = cloud.configuration["SnapStart"]


def provision(cloud: Cloud, **members: object) -> None:
    each = {"FunctionArn": f"{FUNCTION_ARN}:live", "Status": "READY", "RequestedProvisionedConcurrentExecutions": 2}
    cloud.account.functions["authorizer"].provisioned.append({**each, **members})


def failed_provisioning(cloud: Cloud) -> None:
    use_alias(cloud)
    provision(cloud, Status="FAILED", StatusReason="FUNCTION_ERROR_INIT_FAILURE")


def throttled(cloud: Cloud) -> None:
    cloud.account.functions["authorizer"].reserved = 0


def logging_as(cloud: Cloud, **members: str) -> None:
    cloud.configuration["LoggingConfig"].update(members)


def logging_above(cloud: Cloud, level: str, **variables: str) -> None:
    logging_as(cloud, ApplicationLogLevel=level)
    cloud.variables.update(variables)


def no_default_mapping(cloud: Cloud) -> None:
    cloud.account.mappings.clear()


def not_deployed(cloud: Cloud) -> None:
    rest(cloud).deployments["deployed"]["apiSummary"]["/"]["GET"]["authorizationType"] = "NONE"


def failed_deployment(cloud: Cloud) -> None:
    message = "Deployment attempt failed: Unable to deploy API because no routes exist in this API"
    http(cloud).stages[0]["LastDeploymentStatusMessage"] = message


def own_function_is_absent(cloud: Cloud) -> None:
    add_other_function(cloud)
    (authorizer,) = http(cloud).authorizers
    authorizer["Name"] = "other"
    change_uri(authorizer, "function:authorizer", "function:other")
    http(cloud).authorizers.append({**authorizer, "AuthorizerId": "another"})


def rules_at(cloud: Cloud, uri: str) -> None:
    cloud.variables.update(AUTHORIZER_RULES_URI=uri, S3_BUCKET_OWNER=ACCOUNT_ID)


def store_rules(cloud: Cloud, **members: object) -> None:
    rules_at(cloud, "s3://bucket/rules.json")
    cloud.aws.put_object("s3://bucket/rules.json", json.dumps(members).encode())


def rules_besides_any_client(cloud: Cloud) -> None:
    cloud.variables["ALLOW_ANY_CLIENT_CERTIFICATE"] = "true"
    del cloud.variables["ALLOWED_COMMON_NAMES"]
    store_rules(cloud, rules=[{"name": "acme", "match": {"organization": "Acme"}}])


def expired_rule(cloud: Cloud) -> None:
    rule = {"name": "old", "match": {"organization": "Acme"}, "not_after": "2020-01-01T00:00:00Z"}
    store_rules(cloud, rules=[rule])


def issuer_key(cloud: Cloud) -> None:
    rules = [{"name": name, "match": {"issuer_key": CA.signer, "common_name": name}} for name in ("a", "b")]
    store_rules(cloud, rules=rules)


MISTAKES = {
    "an issuer key without a truststore": Mistake(
        HTTP, issuer_key, Check.RULES_DOCUMENT, "no_truststore: rule 'a': rules[0].match.issuer_key ", "Correct it"
    ),
    "invalid rules at a URI": Mistake(
        REST, store_rules, Check.RULES_DOCUMENT, "invalid: ", "mtls-authorizer rules check"
    ),
    "rules at a URI besides ALLOW_ANY_CLIENT_CERTIFICATE": Mistake(
        HTTP,
        rules_besides_any_client,
        Check.RULES_DOCUMENT,
        "invalid: ALLOW_ANY_CLIENT_CERTIFICATE is true, and the document contains rules",
        "Remove ALLOW_ANY_CLIENT_CERTIFICATE, so that the rules decide",
    ),
    "an expired rule at a URI": Mistake(HTTP, expired_rule, Check.RULES_DOCUMENT, "expired: rule 'old'", "Correct it"),
    "the default endpoint of a REST API": Mistake(
        REST,
        lambda cloud: rest(cloud).api.update(disableExecuteApiEndpoint=False),
        Check.DEFAULT_ENDPOINT,
        f"{REST}.execute-api.{REGION}.amazonaws.com is enabled",
        "op=replace,path=/disableExecuteApiEndpoint,value=true",
    ),
    "the default endpoint of an HTTP API": Mistake(
        HTTP,
        lambda cloud: http(cloud).api.pop("DisableExecuteApiEndpoint"),
        Check.DEFAULT_ENDPOINT,
        "is enabled",
        f"aws apigatewayv2 update-api --api-id {HTTP} --disable-execute-api-endpoint",
    ),
    "a domain name without mutual TLS": Mistake(
        REST,
        lambda cloud: cloud.domain.pop("MutualTlsAuthentication"),
        Check.MUTUAL_TLS,
        "it has no mutual TLS",
        'path=/mutualTlsAuthentication/truststoreUri,value="$S3_URI"',
    ),
    "a domain name without mutual TLS, and a truststore in the function's package": Mistake(
        REST,
        truststore_in_the_package,
        Check.MUTUAL_TLS,
        "it has no mutual TLS",
        'path=/mutualTlsAuthentication/truststoreUri,value="$S3_URI"',
    ),
    "a second domain name without mutual TLS": Mistake(
        HTTP, second_domain, Check.MUTUAL_TLS, "it has no mutual TLS", "--domain-name other.example.com"
    ),
    "no domain name": Mistake(
        REST, no_default_mapping, Check.DOMAIN_NAME, "no custom domain name leads to it", "--stage live"
    ),
    "a domain name that waits for a verification": Mistake(
        REST,
        lambda cloud: cloud.domain["DomainNameConfigurations"][0].update(
            DomainNameStatus="PENDING_OWNERSHIP_VERIFICATION"
        ),
        Check.DOMAIN_STATUS,
        "API Gateway requires a certificate that verifies the ownership",
        "get-domain-name --domain-name api.example.com",
    ),
    "a warning about the truststore": Mistake(
        REST,
        lambda cloud: cloud.domain["MutualTlsAuthentication"].update(TruststoreWarnings=["Certificate 2 is invalid"]),
        Check.TRUSTSTORE_WARNINGS,
        "Certificate 2 is invalid",
        'truststoreVersion,value="$VERSION_ID"',
    ),
    "an old version of the truststore": Mistake(
        HTTP,
        old_truststore,
        Check.TRUSTSTORE_VERSION,
        "the newest is",
        "path=/mutualTlsAuthentication/truststoreVersion",
    ),
    "another truststore of the authorizer": Mistake(
        REST,
        truststore_of_authorizer,
        Check.TRUSTSTORE_URI,
        "s3://bucket/other.pem, have different contents",
        "--copy-source 'bucket/truststore.pem?versionId=",
    ),
    "an expired CA in the truststore": Mistake(
        REST, expired_ca, Check.CA_VALIDITY, "expired on 2025-01-01", "Have the CA issue its certificate again"
    ),
    "a method without the authorizer": Mistake(
        REST,
        open_method,
        Check.ROUTES,
        "the authorizer is missing on 1 of 2 routes: GET /health (NONE)",
        "--resource-id open --http-method GET --patch-operations op=replace,path=/authorizationType,value=CUSTOM",
    ),
    "a route without the authorizer, on the third page": Mistake(
        HTTP,
        open_route,
        Check.ROUTES,
        "the authorizer is missing on 1 of 5 routes: $default (NONE)",
        "--route-id open --authorization-type CUSTOM --authorizer-id authorizer",
    ),
    "a route with another authorizer": Mistake(
        HTTP, other_authorizer, Check.ROUTES, "GET /b (another authorizer)", "--route-id b"
    ),
    "a deployment from before the authorizer": Mistake(
        REST,
        not_deployed,
        Check.DEPLOYMENT,
        "GET / (CUSTOM now, NONE in the deployment)",
        f"aws apigateway create-deployment --rest-api-id {REST} --stage-name live",
    ),
    "a deployment that failed": Mistake(
        HTTP, failed_deployment, Check.DEPLOYMENT, "Deployment attempt failed", "create-deployment"
    ),
    "usage plan keys that API Gateway does not use": Mistake(
        REST, usage_plan_keys, Check.API_KEY_SOURCE, "takes keys from HEADER", "path=/apiKeySource,value=AUTHORIZER"
    ),
    "usage plan keys for an HTTP API": Mistake(
        HTTP, usage_plan_keys, Check.API_KEY_SOURCE, "takes keys from nowhere", "Use a REST API for usage plans"
    ),
    "authorizers with other functions only": Mistake(
        HTTP,
        own_function_is_absent,
        Check.AUTHORIZER,
        "none of its authorizers invokes this project's function",
        '--authorizer-uri "$FUNCTION_URI"',
    ),
    "a TOKEN authorizer": Mistake(REST, token_authorizer, Check.AUTHORIZER_TYPE, "its type is TOKEN", "--type REQUEST"),
    "caching by a header on a REST API": Mistake(
        REST,
        lambda cloud: cache(rest(cloud), "context.identity.sourceIp"),
        Check.IDENTITY_SOURCES,
        "it caches for 300 s by context.identity.sourceIp",
        "op=replace,path=/authorizerResultTtlInSeconds,value=0",
    ),
    "caching by nothing": Mistake(
        REST, lambda cloud: cache(rest(cloud)), Check.IDENTITY_SOURCES, "by nothing", "TtlInSeconds,value=0"
    ),
    "caching by the serial number alone on an HTTP API": Mistake(
        HTTP,
        lambda cloud: cache(http(cloud), "$context.identity.clientCert.serialNumber"),
        Check.IDENTITY_SOURCES,
        "by context.identity.clientCert.serialNumber",
        "--authorizer-result-ttl-in-seconds 0",
    ),
    "caching by the issuer's name, with two CAs of one name": Mistake(
        REST, namesakes, Check.IDENTITY_SOURCES, "two CAs of s3://bucket/truststore.pem have one name", "value=0"
    ),
    "a required header on a REST API": Mistake(
        REST,
        lambda cloud: cache(rest(cloud), "method.request.header.Authorization", ttl=0),
        Check.REQUIRED_IDENTITY_SOURCE,
        "it requires method.request.header.Authorization",
        "context.identity.clientCert.issuerDN,context.identity.clientCert.serialNumber",
    ),
    "a required header on an HTTP API": Mistake(
        HTTP,
        lambda cloud: cache(http(cloud), "$request.header.Authorization", ttl=0),
        Check.REQUIRED_IDENTITY_SOURCE,
        "it requires request.header.Authorization",
        "--identity-source '$context.identity.clientCert.clientCertPem'",
    ),
    "cached simple responses with limited routes": Mistake(
        HTTP,
        cached_simple_responses,
        Check.CACHED_SIMPLE_RESPONSES,
        "rules allow some routes only: limited",
        "--authorizer-result-ttl-in-seconds 0",
    ),
    "cached responses with limited domain names": Mistake(
        HTTP, cached_domain_names, Check.CACHED_DOMAIN_NAMES, "rules have a domain_name", "-ttl-in-seconds 0"
    ),
    "simple responses that the function does not send": Mistake(
        HTTP, simple_responses, Check.RESPONSE_FORMAT, "RESPONSE_FORMAT=iam", "--no-enable-simple-responses"
    ),
    "simple responses that the API does not expect": Mistake(
        HTTP,
        lambda cloud: cloud.variables.update(RESPONSE_FORMAT="simple"),
        Check.RESPONSE_FORMAT,
        "RESPONSE_FORMAT=simple",
        " --enable-simple-responses",
    ),
    "no permission to invoke the function": Mistake(
        HTTP,
        no_permission,
        Check.INVOKE_PERMISSION,
        f"API Gateway is not permitted to invoke {FUNCTION_ARN}",
        f"--source-arn arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{HTTP}/authorizers/authorizer",
    ),
    "a permission for another API": Mistake(
        REST, permission_for_another_api, Check.INVOKE_PERMISSION, "is not permitted", "lambda add-permission"
    ),
    "a permission for the function instead of its alias": Mistake(
        REST, permission_without_alias, Check.INVOKE_PERMISSION, f"{FUNCTION_ARN}:live", "--qualifier live"
    ),
    "a permission for every API": Mistake(
        REST, open_permission, Check.OPEN_INVOKE_PERMISSION, "has no source ARN", "remove-permission"
    ),
    "an alias that does not exist": Mistake(
        REST, no_such_alias, Check.FUNCTION, "there is no such function, alias or version", "create-alias"
    ),
    "a function that failed": Mistake(
        REST,
        lambda cloud: cloud.configuration.update(State="Failed", StateReason="The key is disabled"),
        Check.FUNCTION,
        "its State is Failed: The key is disabled",
        "get-function-configuration",
    ),
    "another handler": Mistake(
        REST,
        lambda cloud: cloud.configuration.update(Handler="mtls_authorizer.handler"),
        Check.FUNCTION,
        "its handler is mtls_authorizer.handler",
        "--handler mtls_authorizer.handler.handler",
    ),
    "an alias of an older version": Mistake(
        REST,
        unpublished,
        Check.UNPUBLISHED_CHANGES,
        "$LATEST differs: ALLOWED_COMMON_NAMES",
        "update-alias --function-name",
    ),
    "SnapStart that is not used": Mistake(
        REST, snap_start, Check.QUALIFIER, "SnapStart is enabled, and the API invokes $LATEST", "list-aliases"
    ),
    "a version without a snapshot": Mistake(
        REST, no_snapshot, Check.QUALIFIER, "the version that the API invokes has no snapshot", "publish-version"
    ),
    "provisioned concurrency that is not used": Mistake(
        REST, provision, Check.QUALIFIER, "provisioned concurrency is enabled", "list-aliases"
    ),
    "provisioned concurrency that failed": Mistake(
        REST,
        failed_provisioning,
        Check.CONCURRENCY,
        "FUNCTION_ERROR_INIT_FAILURE",
        "--provisioned-concurrent-executions 2",
    ),
    "a function that is throttled": Mistake(
        HTTP, throttled, Check.CONCURRENCY, "its reserved concurrency is 0", "delete-function-concurrency"
    ),
    "a log in text": Mistake(
        HTTP,
        lambda cloud: logging_as(cloud, LogFormat="Text"),
        Check.LOG_FORMAT,
        "its log format is Text",
        "--logging-config LogFormat=JSON,ApplicationLogLevel=INFO,LogGroup=/aws/lambda/authorizer",
    ),
    "a log without allowed decisions": Mistake(
        HTTP,
        lambda cloud: logging_as(cloud, ApplicationLogLevel="WARN"),
        Check.LOG_FORMAT,
        "its log level is WARN, and LOG_DECISIONS is all",
        "ApplicationLogLevel=INFO",
    ),
    "a log without decisions": Mistake(
        HTTP,
        lambda cloud: logging_above(cloud, "ERROR", LOG_DECISIONS="denied"),
        Check.LOG_FORMAT,
        "its log level is ERROR, and LOG_DECISIONS is denied",
        "ApplicationLogLevel=INFO",
    ),
    "a log without metrics": Mistake(
        HTTP,
        lambda cloud: logging_above(cloud, "WARN", LOG_DECISIONS="denied", METRICS_NAMESPACE="Acme"),
        Check.LOG_FORMAT,
        "its log level is WARN, and METRICS_NAMESPACE is set",
        "ApplicationLogLevel=INFO",
    ),
    "invalid variables": Mistake(
        HTTP,
        lambda cloud: cloud.variables.update(ALLOWED_COMMON_NAME="alpha"),
        Check.CONFIGURATION,
        "ALLOWED_COMMON_NAME is not a variable of this authorizer",
        f"--function-name {FUNCTION_ARN} --environment file://environment.json",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_planted_mistake_is_found_and_nothing_else(
    cloud: Cloud, mistake: Mistake, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, mistake.api_id)
    mistake.plant(cloud)
    diagnosis = diagnose(capsys, "--api", mistake.api_id)
    (finding,) = diagnosis["findings"]
    assert finding["check"] == mistake.check
    assert mistake.problem in finding["problem"]
    assert mistake.command in "\n".join(finding["commands"] or [finding["fix"]])
    assert ("this replaces it" in finding["fix"]) is ("another authorizer" in mistake.problem)


# What cannot be queried


EVERY_READ = {
    "GetAuthorizers": {Check.AUTHORIZER, Check.ROUTES, Check.INVOKE_PERMISSION, Check.FUNCTION, Check.CONFIGURATION},
    "GetResources": {Check.ROUTES, Check.DEPLOYMENT},
    "GetStages": {Check.DEPLOYMENT},
    "GetDeployment": {Check.DEPLOYMENT},
    "GetDomainNames": {Check.DOMAIN_NAME},
    "GetFunctionConfiguration": {Check.FUNCTION, Check.LOG_FORMAT, Check.CONFIGURATION},
    "GetPolicy": {Check.INVOKE_PERMISSION, Check.OPEN_INVOKE_PERMISSION},
    "ListProvisionedConcurrencyConfigs": {Check.QUALIFIER, Check.CONCURRENCY},
    "GetFunctionConcurrency": {Check.CONCURRENCY},
    "HeadObject": {Check.TRUSTSTORE_VERSION},
    "GetObject": {Check.TRUSTSTORE_FILE, Check.CA_CHAIN},
}
PERMISSIONS = {
    "GetAuthorizers": f"apigateway:GET on /restapis/{REST}/authorizers",
    "GetResources": f"apigateway:GET on /restapis/{REST}/resources",
    "GetStages": f"apigateway:GET on /restapis/{REST}/stages",
    "GetDeployment": f"apigateway:GET on /restapis/{REST}/deployments/deployed",
    "GetDomainNames": "apigateway:GET on /domainnames",
    "GetFunctionConfiguration": f"lambda:GetFunctionConfiguration on {FUNCTION_ARN}",
    "GetPolicy": f"lambda:GetPolicy on {FUNCTION_ARN}",
    "ListProvisionedConcurrencyConfigs": f"lambda:ListProvisionedConcurrencyConfigs on {FUNCTION_ARN}",
    "GetFunctionConcurrency": f"lambda:GetFunctionConcurrency on {FUNCTION_ARN}",
    "HeadObject": f"s3:GetObject on {TRUSTSTORE_URI}",
    "GetObject": f"s3:GetObjectVersion on {TRUSTSTORE_URI}",
}


@pytest.mark.parametrize("operation", EVERY_READ)
def test_a_denied_request_is_reported_with_the_missing_permission_and_the_checks_that_were_not_made(
    cloud: Cloud, operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, REST)
    cloud.account.denied.add(operation)
    diagnosis = diagnose(capsys, "--domain", DOMAIN)
    assert diagnosis["findings"] == []
    not_checked = {each["check"]: each for each in diagnosis["not_checked"]}
    assert EVERY_READ[operation] <= not_checked.keys()
    assert not not_checked.keys() & set(diagnosis["checked"])
    assert not_checked.keys() | set(diagnosis["checked"]) == LIVE_CHECKS
    for check in EVERY_READ[operation]:
        assert not_checked[check]["reason"].startswith(("AccessDenied", "403 ("))
        assert not_checked[check]["permission"] == PERMISSIONS[operation]


def test_everything_about_domain_names_that_are_not_known_is_not_checked(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, REST)
    cloud.account.denied.add("GetDomainNames")
    diagnosis = diagnose(capsys, "--api", REST)
    assert diagnosis["findings"] == []
    not_checked = {each["check"] for each in diagnosis["not_checked"]}
    assert not_checked | set(diagnosis["checked"]) == LIVE_CHECKS
    assert {Check.DOMAIN_NAME, Check.MUTUAL_TLS, Check.TRUSTSTORE_VERSION, Check.CA_CHAIN} <= not_checked
    assert Check.DEPLOYMENT in diagnosis["checked"]


def test_the_text_ends_with_the_missing_permissions(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(cloud, REST)
    cloud.account.denied.add("GetPolicy")
    assert main(["doctor", "--domain", DOMAIN], {}) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Nothing found"
    assert lines[1].endswith("2 not possible")
    assert "Not checked" in lines
    assert "lambda:GetPolicy" in " ".join(lines[-2:])
    assert all(len(line) <= 100 for line in lines)


def test_commands_are_folded_so_that_a_shell_joins_them(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(cloud, REST)
    open_method(cloud)
    no_permission(cloud)
    assert main(["doctor", "--api", REST], {}) == 1
    text = capsys.readouterr().out
    assert text.splitlines()[0] == "2 findings"
    assert all(len(line) <= 100 for line in text.splitlines())
    commands = find_commands(text)
    assert [command.split()[2] for command in commands] == ["update-method", "create-deployment", "add-permission"]
    assert [mistakes(command) for command in commands] == [[], [], []]
    assert text.splitlines()[-1].startswith("Next step: Attach the authorizer to each of them (the commands of 1)")


def stage_variable(cloud: Cloud) -> None:
    change_uri(rest(cloud).authorizers[0], "function:authorizer", "function:${stageVariables.f}")


def truststore_in_file(cloud: Cloud) -> None:
    cloud.variables.update(TRUSTSTORE_URI="file:///opt/truststore.pem", CRL_URIS="file:///opt/ca.crl")


def condition(cloud: Cloud) -> None:
    (statement,) = cloud.account.functions["authorizer"].statements["$LATEST"]
    statement["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}


def no_versioning(cloud: Cloud) -> None:
    cloud.aws.put_object("s3://plain/truststore.pem", CA.pem)
    cloud.domain["MutualTlsAuthentication"] = {"TruststoreUri": "s3://plain/truststore.pem"}


def truststore_is(cloud: Cloud, uri: str) -> None:
    cloud.domain["MutualTlsAuthentication"] = {"TruststoreUri": uri, "TruststoreVersion": "1"}


def no_certificates(cloud: Cloud) -> None:
    cloud.aws.put_object(TRUSTSTORE_URI, b"nothing")
    pin(cloud)


def large_truststore(cloud: Cloud) -> None:
    cloud.aws.put_object(TRUSTSTORE_URI, CA.pem + b"#" * 4_000_000)
    pin(cloud)


class Undetermined(NamedTuple):
    """A change of an account after which a check cannot be made, and the reason."""

    api_id: str
    plant: Callable[[Cloud], object]
    check: Check
    reason: str


def unreadable_functions(cloud: Cloud) -> None:
    other_authorizer(cloud)
    http(cloud).routes.pop()
    cloud.account.denied.add("GetFunctionConfiguration")


UNAVAILABLE = {
    "one of two functions may be the authorizer's": Undetermined(
        HTTP, unreadable_functions, Check.AUTHORIZER, "AccessDeniedException (GetFunctionConfiguration)"
    ),
    "the function is named by a stage variable": Undetermined(
        REST, stage_variable, Check.AUTHORIZER, "does not name its function"
    ),
    "a role invokes the function": Undetermined(
        REST,
        lambda cloud: rest(cloud).authorizers[0].update(authorizerCredentials="arn:aws:iam::123456789012:role/r"),
        Check.INVOKE_PERMISSION,
        "whose policies are not read",
    ),
    "a condition of the policy is not evaluated": Undetermined(
        REST,
        condition,
        Check.INVOKE_PERMISSION,
        "has conditions that are not evaluated: SampleApiInvokesAuthorizer",
    ),
    "a stage is deployed by hand": Undetermined(
        HTTP,
        lambda cloud: http(cloud).stages[0].update(AutoDeploy=False),
        Check.DEPLOYMENT,
        "AWS does not show which routes its deployment contains",
    ),
    "the truststore's bucket has no versions": Undetermined(
        REST,
        no_versioning,
        Check.TRUSTSTORE_VERSION,
        "plain has no versioning",
    ),
    "the truststore's object is gone": Undetermined(
        REST,
        lambda cloud: truststore_is(cloud, "s3://bucket/gone.pem"),
        Check.CA_VALIDITY,
        "(GetObject)",
    ),
    "the truststore has no certificates": Undetermined(REST, no_certificates, Check.CA_CHAIN, "Name the truststore"),
    "the truststore is too large": Undetermined(REST, large_truststore, Check.TRUSTSTORE_FILE, "bytes"),
    "the authorizer's truststore is a file": Undetermined(
        REST,
        truststore_in_file,
        Check.TRUSTSTORE_URI,
        "is a file of the function",
    ),
    "the rules are a file": Undetermined(
        REST,
        lambda cloud: rules_at(cloud, "file:///opt/rules.json"),
        Check.API_KEY_SOURCE,
        "the rules are a file of the function",
    ),
    "the rules are gone": Undetermined(
        REST,
        lambda cloud: rules_at(cloud, "s3://bucket/none.json"),
        Check.API_KEY_SOURCE,
        "NoSuchKey",
    ),
    "the variables cannot be decrypted": Undetermined(
        REST,
        lambda cloud: cloud.configuration.update(
            Environment={"Error": {"ErrorCode": "AccessDeniedException", "Message": "refused"}}, KMSKeyArn="arn:key"
        ),
        Check.CONFIGURATION,
        "Lambda cannot decrypt the variables: AccessDeniedException",
    ),
}


@pytest.mark.parametrize("undetermined", UNAVAILABLE.values(), ids=UNAVAILABLE)
def test_facts_that_cannot_be_determined_are_reported_and_not_guessed(
    cloud: Cloud, undetermined: Undetermined, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, undetermined.api_id)
    undetermined.plant(cloud)
    diagnosis = diagnose(capsys, "--api", undetermined.api_id)
    assert diagnosis["findings"] == []
    reasons = {each["check"]: each["reason"] for each in diagnosis["not_checked"]}
    assert undetermined.reason in reasons[undetermined.check]


def test_a_request_that_fails_for_another_reason_has_no_missing_permission(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, REST)
    cloud.account.failing.add("GetPolicy")
    assert main(["doctor", "--api", REST], {}) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "InvalidParameterValueException (GetPolicy)" in " ".join(lines)
    assert lines[-1] == "Next step: check by hand what could not be checked."


# What is examined


def test_the_policy_on_the_page_contains_every_permission() -> None:
    (fence,) = (fence for fence in fences("json") if fence.page == "docs/doctor.md")
    statements = json.loads(fence.text)["Statement"]
    listed = [each["Action"] if isinstance(each["Action"], list) else [each["Action"]] for each in statements]
    assert {action for actions in listed for action in actions} == {
        permission.partition(" ")[0] for permission in PERMISSIONS.values()
    }


def test_the_example_on_the_page_is_what_doctor_prints(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(cloud, REST)
    open_method(cloud)
    cloud.account.denied.add("GetFunctionConcurrency")
    assert main(["doctor", "--api", REST], {}) == 1
    (shown,) = (fence.text for fence in fences("text") if fence.page == "docs/doctor.md")
    assert capsys.readouterr().out.rstrip() == shown.rstrip()


def test_a_function_in_another_region_is_read_there(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(cloud, REST)
    change_uri(rest(cloud).authorizers[0], f"lambda:{REGION}", "lambda:us-east-1")
    throttled(cloud)
    (finding,) = diagnose(capsys, "--api", REST)["findings"]
    assert finding["commands"][0].endswith("--region us-east-1")


def put_rules_in_two_regions(cloud: Cloud) -> None:
    """Store the rules of a function in us-east-1, and a document that is not valid in the region of the shell."""
    for region, document in ((REGION, "{}"), ("us-east-1", RULES)):
        cloud.aws.client_in(region, "ssm").put_parameter(Name="/rules", Value=document, Type="String")
    rules_at(cloud, "ssm:///rules")


def test_the_parameters_of_a_function_in_another_region_are_read_there(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    put_rules_in_two_regions(cloud)
    deploy(cloud, REST)
    change_uri(rest(cloud).authorizers[0], f"lambda:{REGION}", "lambda:us-east-1")
    for arguments in (("--api", REST), ("--function", FUNCTION_ARN.replace(REGION, "us-east-1"))):
        diagnosis = diagnose(capsys, *arguments)
        assert Check.RULES_DOCUMENT in diagnosis["checked"]
        assert Check.RULES_DOCUMENT not in checks(diagnosis)


@pytest.mark.usefixtures("new_clients")
def test_a_function_needs_no_other_region_than_its_own(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_rules_in_two_regions(cloud)
    monkeypatch.delenv("AWS_REGION")
    diagnosis = diagnose(capsys, "--function", FUNCTION_ARN.replace(REGION, "us-east-1"))
    assert Check.RULES_DOCUMENT in diagnosis["checked"]
    assert Check.RULES_DOCUMENT not in checks(diagnosis)


def test_the_same_bytes_elsewhere_are_the_authorizers_truststore(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, REST)
    truststore_of_authorizer(cloud)
    cloud.aws.put_object("s3://bucket/other.pem", CA.pem)
    diagnosis = diagnose(capsys, "--api", REST)
    assert diagnosis["findings"] == []
    assert Check.TRUSTSTORE_URI in diagnosis["checked"]


def test_an_issuer_key_is_no_mistake_with_a_truststore(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(cloud, HTTP)
    issuer_key(cloud)
    cloud.variables["TRUSTSTORE_URI"] = TRUSTSTORE_URI
    diagnosis = diagnose(capsys, "--api", HTTP)
    assert diagnosis["findings"] == []
    assert Check.RULES_DOCUMENT in diagnosis["checked"]


def test_usage_plans_get_their_keys_from_the_authorizer(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(cloud, REST)
    usage_plan_keys(cloud)
    rest(cloud).api["apiKeySource"] = "AUTHORIZER"
    assert diagnose(capsys, "--api", REST)["findings"] == []


def test_simple_responses_may_be_cached_if_every_rule_allows_all_routes(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, HTTP)
    cached_simple_responses(cloud)
    set_rules(cloud)
    assert diagnose(capsys, "--api", HTTP)["findings"] == []


def test_code_that_is_not_published_is_found(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(cloud, REST)
    use_alias(cloud)
    cloud.configuration["CodeSha256"] = "newer"
    (finding,) = diagnose(capsys, "--api", REST)["findings"]
    assert "$LATEST differs: its code" in finding["problem"]


def test_a_stage_that_was_never_deployed_is_noted(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(cloud, REST)
    del rest(cloud).stages[0]["deploymentId"]
    assert diagnose(capsys, "--api", REST)["notes"] == [f"REST API {REST}, stage live, has no deployment"]


def test_a_domain_name_without_mutual_tls_does_not_hide_the_truststore_of_another(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, REST)
    namesakes(cloud)
    second_domain(cloud)
    assert checks(diagnose(capsys, "--api", REST)) == {Check.IDENTITY_SOURCES, Check.MUTUAL_TLS}


def test_rules_at_a_uri_are_those_that_the_function_uses(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(cloud, HTTP)
    cache(http(cloud), PEM, ttl=60)
    store_rules(cloud, rules=[{"name": "one", "match": {"organization": "Acme"}, "domain_name": DOMAIN}])
    assert checks(diagnose(capsys, "--api", HTTP)) == {Check.CACHED_DOMAIN_NAMES}


def test_a_function_of_another_name_is_the_authorizers_if_it_is_named(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, HTTP)
    other_authorizer(cloud)
    diagnosis = diagnose(capsys, "--api", HTTP, "--function", "other")
    assert checks(diagnosis) == {Check.ROUTES, Check.INVOKE_PERMISSION, Check.FUNCTION}


def test_a_domain_name_that_leads_to_no_api_is_examined_alone(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(cloud, HTTP)
    cloud.account.mappings.clear()
    diagnosis = diagnose(capsys, "--domain", DOMAIN)
    assert diagnosis["findings"] == []
    assert diagnosis["notes"] == [f"domain name {DOMAIN} leads to no API"]
    assert [each["reason"] for each in diagnosis["not_checked"]] == ["the authorizer's function is not known"]


@pytest.mark.parametrize(
    ("denied", "plant", "check"),
    [
        ("GetStages", lambda cloud: rest(cloud).api.update(disableExecuteApiEndpoint=False), Check.DEFAULT_ENDPOINT),
        ("GetFunctionConfiguration", lambda cloud: cloud.domain.pop("MutualTlsAuthentication"), Check.MUTUAL_TLS),
    ],
)
def test_a_finding_does_not_depend_on_the_values_in_its_fix(
    cloud: Cloud, denied: str, plant: Callable[[Cloud], object], check: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, REST)
    plant(cloud)
    cloud.account.denied.add(denied)
    assert checks(diagnose(capsys, "--api", REST)) == {check}


def test_domain_names_and_functions_that_two_apis_share_are_examined_once(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, REST)
    deploy(cloud, HTTP)
    cloud.account.mappings[DOMAIN] = [
        {"ApiId": each, "ApiMappingId": each, "ApiMappingKey": each, "Stage": stage}
        for each, stage in ((REST, "live"), (HTTP, "$default"))
    ]
    expired_ca(cloud)
    throttled(cloud)
    diagnosis = diagnose(capsys, "--domain", DOMAIN)
    assert [each["check"] for each in diagnosis["findings"]] == [Check.CA_VALIDITY, Check.CONCURRENCY]


def test_a_canary_deployment_is_named_as_something_that_is_not_examined(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, REST)
    rest(cloud).stages[0]["canarySettings"] = {"deploymentId": "canary"}
    assert "has a canary deployment" in diagnose(capsys, "--api", REST)["notes"][0]


def test_an_api_without_domain_names_and_stages_is_found(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(cloud, REST)
    no_default_mapping(cloud)
    rest(cloud).stages.clear()
    (finding,) = diagnose(capsys, "--api", REST)["findings"]
    assert '--stage "$STAGE"' in finding["commands"][0]


def test_routing_rules_are_named_as_something_that_is_not_read(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, HTTP)
    cloud.domain["RoutingMode"] = "ROUTING_RULE_THEN_API_MAPPING"
    assert "has routing rules, which are not read" in diagnose(capsys, "--domain", DOMAIN)["notes"][0]


def test_nothing_that_aws_has_is_changed_and_everything_is_read_once(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, REST)
    cloud.services.requested.clear()
    diagnose(capsys, "--api", REST)
    requested = [name for name in cloud.services.requested if name != "GetApiMappings"]
    assert all(name.startswith(("Get", "List")) for name in requested)
    assert len(requested) == len(set(requested))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--api", "none"], f"there is no API none in {REGION}: check its spelling, or set AWS_REGION"),
        (["--domain", "none.example.com"], f"there is no domain name none.example.com in {REGION}"),
        (["--api", "socket"], "socket is a WebSocket API: they have no mutual TLS"),
    ],
)
def test_an_api_that_cannot_be_examined_is_bad_input(
    cloud: Cloud, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    socket = {"ApiId": "socket", "Name": "a", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body"}
    cloud.account.http_apis["socket"] = Api(socket)
    assert main(["doctor", *options], {}) == 2
    assert capsys.readouterr().err.startswith(f"mtls-authorizer doctor: {message}")


def test_an_api_that_may_not_be_read_is_bad_input_with_the_permission(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(cloud, REST)
    cloud.account.denied.add("GetRestApi")
    assert main(["doctor", "--api", REST], {}) == 2
    assert f"You need the permission apigateway:GET on /restapis/{REST}" in capsys.readouterr().err


@pytest.mark.usefixtures("new_clients")
def test_an_object_that_ends_early_cannot_be_queried(aws: AwsServer, proxy: FaultyProxy) -> None:
    aws.put_object(TRUSTSTORE_URI, CA.pem)
    proxy.break_with(truncate(3, "/bucket"))
    with pytest.raises(UnavailableError, match=r"^s3://bucket/truststore.pem: "):
        Aws().content("bucket", "truststore.pem")
    proxy.recover()
    assert Aws().content("bucket", "truststore.pem")[0] == CA.pem


@pytest.mark.usefixtures("new_clients")
def test_the_page_of_a_proxy_is_not_printed(
    aws: AwsServer, proxy: FaultyProxy, capsys: pytest.CaptureFixture[str]
) -> None:
    assert aws
    proxy.break_with(answer(200, b"<p>This site is blocked" * 1_000, Content_Type="text/html"))
    assert main(["doctor", "--api", REST], {}) == 2
    error = capsys.readouterr().err
    assert error.startswith("mtls-authorizer doctor: AWS cannot be queried: sts: ")
    assert len(error) < 500


@pytest.mark.usefixtures("cloud", "new_clients")
def test_a_client_of_another_region_is_created_once_and_does_not_wait_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    clients: list[tuple[str, str, float]] = []
    create = boto3.session.Session.client

    def watched(session: boto3.session.Session, service: Any, region_name: str, config: Any) -> Any:  # noqa: ANN401 -- boto3's
        clients.append((service, region_name, config.connect_timeout))
        return create(session, service, region_name=region_name, config=config)

    monkeypatch.setattr(boto3.session.Session, "client", watched)
    credentials = session()
    aws = Aws("us-east-1")
    for operation in ("get_function_configuration", "get_policy"):
        with pytest.raises(AbsentError):
            aws.get("lambda", operation, FunctionName="none")
    assert clients == [("lambda", "us-east-1", 5)]
    # Another session would ask for the code of an MFA device again.
    assert session() is credentials


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"AWS_REGION": None}, "no AWS region: set AWS_REGION"),
        ({"AWS_REGION": ""}, "no AWS region: set AWS_REGION"),
        ({"AWS_REGION": None, "AWS_DEFAULT_REGION": ""}, "no AWS region: set AWS_REGION"),
        ({"AWS_REGION": "no region"}, "AWS cannot be queried: sts: Provided region_name 'no region'"),
        ({"AWS_ACCESS_KEY_ID": None}, "AWS cannot be queried: sts: Unable to locate credentials"),
        ({"AWS_PROFILE": "none"}, "The config profile (none) could not be found"),
        ({"AWS_ENDPOINT_URL": "nonsense"}, "AWS cannot be queried: sts: Invalid endpoint: nonsense"),
        (
            {"AWS_ACCESS_KEY_ID": None, "AWS_ROLE_ARN": "arn:aws:iam::1:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/no"},
            "AWS cannot be queried: sts: [Errno 2] No such file or directory: '/no'",
        ),
    ],
)
@pytest.mark.usefixtures("cloud", "new_clients")
def test_without_credentials_or_a_region_one_line_says_so(
    variables: dict[str, str | None],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    assert main(["doctor", "--api", REST], {}) == 2
    assert capsys.readouterr().err.startswith(f"mtls-authorizer doctor: {message}")


@pytest.mark.parametrize(
    ("region", "domain"),
    [("eu-central-1", "amazonaws.com"), ("us-gov-west-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")],
)
@pytest.mark.usefixtures("cloud")
def test_the_default_endpoint_has_the_domain_of_its_partition(
    region: str, domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    assert Aws(region).endpoint_host(REST) == f"{REST}.execute-api.{region}.{domain}"
