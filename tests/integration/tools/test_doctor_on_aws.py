"""``doctor`` with an API: it finds each planted mistake, and nothing in the project's own templates and examples."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from mtls_authorizer_cli.doctor.findings import Check
from mtls_authorizer_cli.main import main
from tests.api_gateway_account import Account, ApiGatewayAccount, api_gateway_account
from tests.aws_server import REGION
from tests.certificate_authorities import DAY, CertificateAuthority
from tests.integration.examples.test_attach import TEMPLATES, synthesized, transformed
from tests.integration.template.stacks import AUTHORIZER, SAMPLE_API
from tests.integration.tools.doctor_accounts import (
    ACCOUNT_ID,
    FUNCTION_ARN,
    LAYER_ARN,
    add_function,
    add_permission,
    deploy_api,
    function_configuration,
    rest_summary,
)
from tests.unit.documentation.aws_commands import find_commands, mistakes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.aws_server import AwsServer
    from tests.faulty_proxy import FaultyProxy

__all__ = ["synthesized"]

LATER = datetime(2100, 1, 1, tzinfo=UTC)
CA = CertificateAuthority("CA", not_after=LATER)
OTHER_CA = CertificateAuthority("Other CA", not_after=LATER)
NAMESAKE = CertificateAuthority("CA", not_after=LATER)

REST, HTTP = "sampleapi", "api"
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


@pytest.fixture
def cloud(
    services: ApiGatewayAccount, aws: AwsServer, new_clients: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cloud]:
    """Return an account with a truststore and the authorizer's function."""
    assert new_clients is None
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


@cache
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
            for found in find_commands(command) or [command]:
                assert found.startswith(("aws ", "AUTHORIZER_URI=")), found
                assert not found.startswith("aws ") or mistakes(found) == []
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


@pytest.mark.parametrize("stack", AUTHORIZER.stacks)
def test_nothing_is_found_in_the_authorizers_stack(
    cloud: Cloud, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    resources = AUTHORIZER.deployed(stack)["Resources"]
    properties = AUTHORIZER.resolved(resources["Authorizer"]["Properties"])
    configuration = function_configuration(properties)
    is_published = "ProvisionedConcurrencyConfig" in properties or "SnapStart" in properties
    del is_published
    configuration["Architectures"] = ["arm64"]
    add_function(cloud.account, configuration)
    deploy(cloud, REST)
    diagnosis = diagnose(capsys, "--function", FUNCTION_ARN)
    findings = [finding for finding in diagnosis["findings"] if finding["check"] != Check.NO_RULES]
    assert findings == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_nothing_is_found_in_the_examples(cloud: Cloud, template: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deploy_api(cloud.account, transformed(template), PARAMETERS)
    pin(cloud)
    assert diagnose(capsys, "--domain", DOMAIN)["findings"] == []


@pytest.mark.parametrize("stack", ["RestApi", "HttpApi"])
def test_nothing_is_found_in_the_examples_of_the_cdk(
    cloud: Cloud, synthesized: Path, stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    resources = json.loads((synthesized / f"{stack}.template.json").read_text())["Resources"]
    deploy_api(cloud.account, resources, PARAMETERS)
    pin(cloud)
    assert diagnose(capsys, "--domain", DOMAIN)["findings"] == []
