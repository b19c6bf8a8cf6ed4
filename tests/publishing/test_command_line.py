"""What the command prints and writes, to the letter."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest

from publisher.command_line import main
from publisher.project import VERSION
from tests.publishing.lambda_service import Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.publishing.lambda_service import LambdaService

HELP = """\
usage: publisher [-h] [--public | --organization o-…] [--dry-run] [--build folder] region [region ...]

Publish the layer that `make layer` built, for every architecture. A region that has it keeps it.

positional arguments:
  region              where to publish, such as eu-central-1

options:
  -h, --help          show this help message and exit
  --public            let every AWS account use the layer; by default, only its own may
  --organization o-…  let the accounts of an AWS organization use it
  --dry-run           say what would be done, and do nothing
  --build folder      where the zips are
"""

PROGRESS = """\
eu-central-1 arm64: uploading 0.0 MB
eu-central-1 arm64: published version 1
eu-central-1 arm64: downloaded it, and the digest is the zip's
eu-central-1 arm64: who may use it: as it was
eu-central-1 x86_64: uploading 0.0 MB
eu-central-1 x86_64: published version 1
eu-central-1 x86_64: downloaded it, and the digest is the zip's
eu-central-1 x86_64: who may use it: as it was
"""
ARN = "arn:aws:lambda:eu-central-1:123456789012:layer:client-certificate-auth-"
OUTPUT = f"""\
eu-central-1    arm64   {ARN}arm64:1
eu-central-1    x86_64  {ARN}x86_64:1
"""


def test_the_help_says_what_there_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert capsys.readouterr().out == HELP


def test_what_is_no_organization_is_told_with_what_would_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["eu-central-1", "--organization", "o-short"])
    told = "argument --organization: 'o-short' isn't an organization's identifier, such as o-a1b2c3d4e5"
    assert capsys.readouterr().err.splitlines()[-1] == f"publisher: error: {told}"


def test_zips_are_looked_for_where_make_puts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["eu-central-1"]) == 1
    told = "build/client-certificate-auth-arm64.zip isn't there: run `make layer` first\n"
    assert capsys.readouterr() == ("", told)


@pytest.mark.usefixtures("service")
def test_what_is_published_is_printed_and_written(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_what_is_throttled_is_tried_five_times_in_all(
    service: LambdaService, build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)
    throttled = Refusal(429, "TooManyRequestsException", "Rate exceeded")
    service.faults = [throttled.of("eu-central-1", "ListLayerVersions")]
    assert main(["eu-central-1", "--dry-run", "--build", str(build)]) == 1
    assert service.calls == {("eu-central-1", "ListLayerVersions"): 5 * len(("arm64", "x86_64"))}
