"""What `sam build` ships, and that it answers an event."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import trustme

from tests.aws.lambda_runtime import CALL_HANDLER
from tests.aws.yaml_templates import yaml_parse
from tests.integration.template.stacks import AUTHORIZER, MONITORING, SAMPLE_API, TEMPLATES
from tests.integration.template.templates import ROOT
from tests.interpreters import INTERPRETERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.integration.template.templates import Template

LAYERS = {"LayerArm64": "arm64", "LayerX8664": "x86_64"}
LAYER_FOR_THIS_MACHINE = {"aarch64": "LayerArm64", "x86_64": "LayerX8664"}.get(platform.machine())


def contents_of(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_sam_builds_each_function_and_layer_of_a_template(built: Callable[[str], Path], template: Template) -> None:
    folder = built(template.name)
    shipped = {
        name: resource["Properties"]
        for name, resource in template.source["Resources"].items()
        if resource["Type"] in {"AWS::Serverless::Function", "AWS::Serverless::LayerVersion"}
    }
    assert {path.name for path in folder.iterdir()} == shipped.keys() | {"template.yaml"}
    assert all(contents_of(folder / name) for name in shipped)
    resources = yaml_parse((folder / "template.yaml").read_text())["Resources"]
    for name, properties in shipped.items():
        [code] = {"CodeUri", "ContentUri"} & properties.keys()
        assert (folder / resources[name]["Properties"][code]).resolve() == (folder / name).resolve()
    if template is MONITORING:
        assert not shipped


@pytest.mark.parametrize(("layer", "architecture"), LAYERS.items())
def test_a_layer_contains_the_files_of_the_zip_that_make_layer_writes(
    built: Callable[[str], Path], unpacked_layers: Path, layer: str, architecture: str
) -> None:
    expected = contents_of(unpacked_layers / architecture)
    for template in ("authorizer", "revocation"):
        assert contents_of(built(template) / layer) == expected


def test_the_authorizer_contains_its_package_with_compiled_files_for_its_runtime(built: Callable[[str], Path]) -> None:
    package = ROOT / "authorizer/mtls_authorizer"
    sources = {path.relative_to(package.parent) for path in package.rglob("*.py")}
    licence = package.relative_to(package.parent) / "LICENSE"
    version = AUTHORIZER.source["Resources"]["Authorizer"]["Properties"]["Runtime"].removeprefix("python")
    tag = f"cpython-{version.replace('.', '')}"
    compiled = {path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc" for path in sources}
    contents = contents_of(built("authorizer") / "Authorizer")
    assert contents.keys() == {licence, *sources} | (compiled if version in INTERPRETERS else set())
    for path in compiled & contents.keys():
        assert f"/var/task/{path.parents[1] / path.name.split('.')[0]}.py".encode() in contents[path]


@pytest.mark.parametrize("function", ["CrlIndexer", "CrlFetcher"])
def test_the_functions_for_revocation_contain_the_same_files(built: Callable[[str], Path], function: str) -> None:
    assert contents_of(built("revocation") / function) == contents_of(built("authorizer") / "Authorizer")


def test_the_sample_function_contains_only_its_module(built: Callable[[str], Path]) -> None:
    [module] = (built("sample-api") / "SampleFunction").iterdir()
    handler = SAMPLE_API.source["Resources"]["SampleFunction"]["Properties"]["Handler"]
    assert module.name == f"{handler.removesuffix('.handler')}.py"


@pytest.fixture(scope="module")
def event() -> str:
    """Return the event that a REST API sends to its authorizer, as JSON."""
    certificate = trustme.CA().issue_cert("client.example.com", common_name="authorized-client")
    pem = certificate.cert_chain_pems[0].bytes().decode()
    return json.dumps(
        {
            "type": "REQUEST",
            "methodArn": "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/live/GET/",
            "httpMethod": "GET",
            "path": "/",
            "resource": "/",
            "requestContext": {"identity": {"clientCert": {"clientCertPem": pem}}, "stage": "live", "requestId": "1"},
        }
    )


def python(interpreter: Path, script: str, *arguments: str | Path, event: str) -> str:
    """Run a script that sees the standard library and nothing that is installed, and writes no bytecode."""
    command = [interpreter, "-I", "-S", "-B", "-c", script, *arguments]
    environment = {"ALLOWED_COMMON_NAMES": "authorized-client"}
    result = subprocess.run(command, input=event, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.skipif(not LAYER_FOR_THIS_MACHINE or sys.platform != "linux", reason="layers are for Lambda's platforms")
@pytest.mark.parametrize(("version", "interpreter"), INTERPRETERS.items())
def test_the_built_layer_and_the_built_authorizer_allow_a_listed_client(
    built: Callable[[str], Path], event: str, version: str, interpreter: Path
) -> None:
    folder = built("authorizer")
    folders = folder / "Authorizer", folder / str(LAYER_FOR_THIS_MACHINE) / "python"
    handler = AUTHORIZER.source["Resources"]["Authorizer"]["Properties"]["Handler"]
    answer = json.loads(python(interpreter, CALL_HANDLER, handler, *folders, event=event))
    assert answer["principalId"] == "authorized-client", version
    assert [statement["Effect"] for statement in answer["policyDocument"]["Statement"]] == ["Allow"]
