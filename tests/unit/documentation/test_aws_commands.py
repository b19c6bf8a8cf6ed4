from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.documentation.aws_commands import find_commands, mistakes
from tests.unit.documentation.markdown import pages

ROOT = Path(__file__).parents[3]
DOCUMENTS = [
    *(ROOT / page for page in pages()),
    *sorted(file for folder in ("examples", "templates") for file in (ROOT / folder).rglob("*") if file.is_file()),
]
COMMANDS = [
    pytest.param(command, id=f"{document.name}: {' '.join(command.split()[1:3])}")
    for document in DOCUMENTS
    if document.suffix in {".md", ".py", ".tf", ".yaml"}
    for command in find_commands(document.read_text())
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_we_show_is_one_that_aws_takes(command: str) -> None:
    assert mistakes(command) == []


@pytest.mark.parametrize("page", ["block-a-client-now.md", "onboard-a-partner.md"])
def test_a_document_that_is_changed_and_replaced_is_downloaded_before(page: str) -> None:
    """Otherwise the document that is uploaded contains only the new rule or CA, and locks out all other clients."""
    commands = [command.split() for command in find_commands((ROOT / "docs" / page).read_text())]
    objects = [(words[2], words[words.index("--key") + 1]) for words in commands if words[1] == "s3api"]
    replaced = {key for action, key in objects if action == "put-object" and not key.endswith(".crl")}
    assert replaced
    for key in replaced:
        assert objects.index(("get-object", key)) < objects.index(("put-object", key))


def test_commands_are_found_in_code_blocks_over_several_lines() -> None:
    text = """
What aws is.

    aws lambda invoke --function-name f \\
        out.json
    make

```
aws sts get-caller-identity
```
"""
    assert find_commands(text) == ["aws lambda invoke --function-name f out.json", "aws sts get-caller-identity"]


@pytest.mark.parametrize(
    "command",
    [
        "aws lambda invoke --function-name f out.json  # a comment",
        "aws lambda wait function-active-v2 --function-name f --region eu-central-1",
        "aws lambda list-layers --compatible-architecture arm64 --max-items 5 --no-paginate",
        "aws logs filter-log-events --log-group-name g --max-items 1",
        "aws lambda publish-layer-version --layer-name l --zip-file fileb://layer.zip",
        "aws apigateway update-rest-api --rest-api-id a --patch-operations op=replace,path=/name,value=b",
        """aws apigateway update-rest-api --rest-api-id a --patch-operations '[{"op":"replace","value":"a,b"}]'""",
        "aws lambda update-function-configuration --function-name f --layers []",
        "aws acm-pca update-certificate-authority --certificate-authority-arn a --revocation-configuration file://a.json",
        "aws apigatewayv2 update-api --api-id a --no-disable-execute-api-endpoint",
        (
            "aws signer start-signing-job --profile-name p --source s3={bucketName=b,key=k,version=v}"
            " --destination s3={bucketName=b}"
        ),
    ],
)
def test_a_right_command_is_right(command: str) -> None:
    assert mistakes(command) == []


@pytest.mark.parametrize(
    ("command", "mistake"),
    [
        ("aws lamda invoke", "lamda has no invoke"),
        ("aws lambda invoke-it", "lambda has no invoke-it"),
        ("aws lambda wait function-asleep --function-name f", "lambda has no function-asleep"),
        ("aws lambda invoke out.json", "--function-name is missing"),
        ("aws lambda invoke --function-name out.json", "--function-name : takes a value"),
        ("aws lambda get-function f --function-name f", "f belongs to no option"),
        ("aws lambda get-function --function-name f extra", "--function-name f extra: takes one value"),
        (
            "aws acm-pca update-certificate-authority --certificate-authority-arn a --revocation-configuration a.json",
            "--revocation-configuration a.json: there is no a.json",
        ),
        ("aws lambda get-function --function-name", "--function-name : takes a value"),
        ("aws lambda get-function --function-name f --name g", "there is no --name"),
        ("aws lambda get-function --function-name f --region", "--region has too many values, or too few"),
        ("aws lambda publish-layer-version --layer-name l", "--content is missing"),
        ("aws lambda publish-layer-version --layer-name l --zip-file layer.zip", "--zip-file is not a file"),
        (
            "aws lambda update-function-configuration --function-name f --timeout long",
            "--timeout long: long is not a number",
        ),
        ("aws logs filter-log-events --log-group-name g --max-items some", "--max-items is not a number"),
        ("aws lambda get-function --function-name f --max-items 1", "there is no --max-items"),
        (
            "aws lambda list-layers --compatible-architecture arm",
            "--compatible-architecture arm: arm is none of x86_64, arm64",
        ),
        (
            "aws apigateway update-rest-api --rest-api-id a --patch-operations op=replace,key=/name",
            "--patch-operations op=replace,key=/name: there is no key",
        ),
        (
            """aws apigateway update-rest-api --rest-api-id a --patch-operations '[{"op":"replace","key":"/name"}]'""",
            """--patch-operations [{"op":"replace","key":"/name"}]: there is no key""",
        ),
        (
            (
                "aws signer start-signing-job --profile-name p --source s3={bucketName=b,name=k}"
                " --destination s3={bucketName=b}"
            ),
            "--source s3={bucketName=b,name=k}: there is no name",
        ),
        (
            "aws apigatewayv2 update-api --api-id a --disable-execute-api-endpoint true",
            "--disable-execute-api-endpoint true: takes no value",
        ),
    ],
)
def test_a_wrong_command_is_detected(command: str, mistake: str) -> None:
    assert mistakes(command) == [mistake]
