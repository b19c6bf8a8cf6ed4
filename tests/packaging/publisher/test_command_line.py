"""The output of the command."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest

from distribution.project import VERSION
from distribution.publisher.command_line import main
from tests.packaging.publisher.lambda_service import Fault, LambdaError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.packaging.publisher.lambda_service import LambdaService

PROGRESS = """\
eu-central-1 arm64: uploading 0.0 MB
eu-central-1 arm64: published version 1
eu-central-1 arm64: downloaded it: the digest is correct
eu-central-1 arm64: permissions: unchanged
eu-central-1 x86_64: uploading 0.0 MB
eu-central-1 x86_64: published version 1
eu-central-1 x86_64: downloaded it: the digest is correct
eu-central-1 x86_64: permissions: unchanged
"""
ARN = "arn:aws:lambda:eu-central-1:123456789012:layer:client-certificate-auth-"
OUTPUT = f"""\
eu-central-1    arm64   {ARN}arm64:1
eu-central-1    x86_64  {ARN}x86_64:1
"""


def test_the_help_lists_all_options(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    help_text = capsys.readouterr().out
    assert {"--public", "--organization", "--dry-run", "--build", "--ssm-parameters", "region"} <= set(
        help_text.split()
    )


def test_without_regions_one_line_shows_how_to_name_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--dry-run"]) == 2
    message = 'name the regions to publish to: make publish REGIONS="eu-central-1 us-east-1"\n'
    assert capsys.readouterr() == ("", message)


def test_an_invalid_organization_is_rejected_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["eu-central-1", "--organization", "o-short"])
    message = "argument --organization: 'o-short' is not the identifier of an organization, such as o-a1b2c3d4e5"
    assert capsys.readouterr().err.splitlines()[-1] == f"python -m distribution.publisher: error: {message}"


def test_zip_files_are_read_from_the_folder_that_make_writes_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["eu-central-1"]) == 1
    message = "build/client-certificate-auth-arm64.zip does not exist: run `make layer` first\n"
    assert capsys.readouterr() == ("", message)


@pytest.mark.usefixtures("service")
def test_published_layers_are_printed_although_their_file_cannot_be_written(
    build: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (build / "layer-arns.json").mkdir()
    assert main(["eu-central-1", "--build", str(build)]) == 1
    message = f"[Errno 21] Is a directory: '{build}/layer-arns.json'\nFailed: layer-arns.json\n"
    assert capsys.readouterr() == (OUTPUT, f"{PROGRESS}{message}")


@pytest.mark.usefixtures("service")
def test_published_layers_are_printed_and_written(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eu-central-1", "--build", str(build)]) == 0
    assert capsys.readouterr() == (OUTPUT, PROGRESS)
    arm64, x86_64 = (
        base64.b64encode(hashlib.sha256((build / f"client-certificate-auth-{name}.zip").read_bytes()).digest()).decode()
        for name in ("arm64", "x86_64")
    )
    assert (
        (build / "layer-arns.json").read_text()
        == f"""\
{{
  "version": "{VERSION}",
  "layers": [
    {{
      "region": "eu-central-1",
      "architecture": "arm64",
      "arn": "{ARN}arm64:1",
      "code_sha256": "{arm64}"
    }},
    {{
      "region": "eu-central-1",
      "architecture": "x86_64",
      "arn": "{ARN}x86_64:1",
      "code_sha256": "{x86_64}"
    }}
  ]
}}
"""
    )


@pytest.mark.parametrize("operation", ["ListLayerVersions", "PublishLayerVersion"])
def test_the_page_of_a_proxy_is_one_line_and_the_other_regions_are_published_to(
    operation: str, service: LambdaService, build: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    service.faults = [Fault("eu-west-1", operation, 200, b"<html>This site is blocked</html>")]
    assert main(["eu-west-1", "eu-central-1", "--build", str(build)]) == 1
    output, errors = capsys.readouterr()
    assert output == OUTPUT
    assert errors.count("a proxy may have answered instead of AWS") == 2
    assert errors.endswith("Failed: eu-west-1 arm64, eu-west-1 x86_64\n")


def test_a_throttled_request_is_attempted_five_times(
    service: LambdaService, build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    throttled = LambdaError(429, "TooManyRequestsException", "Rate exceeded")
    service.faults = [throttled.of("eu-central-1", "ListLayerVersions")]
    assert main(["eu-central-1", "--dry-run", "--build", str(build)]) == 1
    assert service.calls == {("eu-central-1", "ListLayerVersions"): 5 * len(("arm64", "x86_64"))}
