from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import runpy
import socket
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import pytest

from distribution.digests import write_digests
from distribution.project import ROOT, VERSION, read_metadata
from distribution.publisher import clients
from distribution.publisher.archives import MAXIMUM_SIZE
from distribution.publisher.command_line import NEXT_STEPS, main
from distribution.python_versions import PYTHON_VERSIONS
from tests.packaging.publisher.conftest import write_zip
from tests.packaging.publisher.lambda_service import Fault, LambdaError, LambdaService

PROJECT = read_metadata(ROOT)
if TYPE_CHECKING:
    from pathlib import Path

REGIONS = ["eu-central-1", "us-east-1"]
ARCHITECTURES = ["arm64", "x86_64"]
ARM64 = "client-certificate-auth-arm64"
ORGANIZATION = "o-a1b2c3d4e5"
PLACES = [(region, architecture) for region in REGIONS for architecture in ARCHITECTURES]

DENIED = LambdaError(403, "AccessDeniedException", "not authorized")
THROTTLED = LambdaError(429, "TooManyRequestsException", "Rate exceeded")


class Outcome(NamedTuple):
    """The exit status and the output."""

    status: int
    arns: dict[tuple[str, str], str]
    progress: list[str]


class Publish:
    """The command with a folder of zip files."""

    def __init__(self, build: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.build = build
        self._capsys = capsys

    def __call__(self, *arguments: str, regions: list[str] = REGIONS) -> Outcome:
        status = main([*regions, "--build", str(self.build), *arguments])
        output, progress = self._capsys.readouterr()
        assert "Traceback" not in progress
        rows = [line.split() for line in output.splitlines()]
        return Outcome(
            status, {(region, architecture): arn for region, architecture, arn in rows}, progress.splitlines()
        )

    def result(self) -> dict[str, Any]:
        """Return the result file."""
        written: dict[str, Any] = json.loads((self.build / "layer-arns.json").read_text())
        return written


@pytest.fixture
def publish(service: LambdaService, build: Path, capsys: pytest.CaptureFixture[str]) -> Publish:
    assert service.calls.total() == 0
    return Publish(build, capsys)


def arn(region: str, architecture: str, version: int = 1) -> str:
    return f"arn:aws:lambda:{region}:123456789012:layer:client-certificate-auth-{architecture}:{version}"


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def failures(outcome: Outcome) -> list[str]:
    return [line for line in outcome.progress if ": failed: " in line]


# What is published


def test_both_architectures_are_published_to_every_region(service: LambdaService, publish: Publish) -> None:
    outcome = publish()
    assert (outcome.status, outcome.arns) == (0, {place: arn(*place) for place in PLACES})
    for region, architecture in PLACES:
        (version,) = service.layer_versions(region, f"client-certificate-auth-{architecture}")
        content = (publish.build / f"client-certificate-auth-{architecture}.zip").read_bytes()
        assert version["Content"]["CodeSha256"] == sha256(content)
        assert version["CompatibleArchitectures"] == [architecture]


def test_a_layer_version_has_runtimes_licence_and_description(service: LambdaService, publish: Publish) -> None:
    publish(regions=["eu-central-1"])
    (version,) = service.layer_versions("eu-central-1", ARM64)
    assert version["CompatibleRuntimes"] == [f"python{version}" for version in PYTHON_VERSIONS]
    assert version["LicenseInfo"] == PROJECT["license"]
    assert f" {PROJECT['version']}:" in version["Description"]
    assert len(version["Description"]) <= 256


def test_the_arns_are_written_as_json(publish: Publish) -> None:
    publish()
    content = {
        architecture: (publish.build / f"client-certificate-auth-{architecture}.zip").read_bytes()
        for architecture in ARCHITECTURES
    }
    assert publish.result() == {
        "version": PROJECT["version"],
        "layers": [
            {
                "region": region,
                "architecture": architecture,
                "arn": arn(region, architecture),
                "code_sha256": sha256(content[architecture]),
            }
            for region, architecture in PLACES
        ],
    }


def test_progress_is_reported_per_region_and_architecture(publish: Publish) -> None:
    progress = publish().progress
    for region, architecture in PLACES:
        steps = [line.partition(": ")[2] for line in progress if line.startswith(f"{region} {architecture}: ")]
        assert [re.sub(r"[0-9.]+", "N", step) for step in steps] == [
            "uploading N MB",
            "published version N",
            "downloaded it: the digest is correct",
            "permissions: unchanged",
        ]


def test_progress_that_nobody_reads_does_not_end_the_publication(
    service: LambdaService, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    # Closing it fails once more.
    with suppress(BrokenPipeError), os.fdopen(writing, "w") as progress:
        monkeypatch.setattr(sys, "stderr", progress)
        assert publish().status == 0
    assert [service.calls[region, "PublishLayerVersion"] for region in REGIONS] == [2, 2]


def test_a_repeated_region_is_published_to_once(service: LambdaService, publish: Publish) -> None:
    assert publish(regions=["eu-central-1", "eu-central-1"]).status == 0
    assert len(service.layer_versions("eu-central-1", ARM64)) == 1


# Publishing again


def test_a_second_run_publishes_nothing_and_prints_the_same_arns(service: LambdaService, publish: Publish) -> None:
    first = publish("--public")
    changes = service.changes()
    second = publish("--public")
    assert (second.status, second.arns) == (0, first.arns)
    assert service.changes() == changes
    assert set(changes.values()) == {2}


def test_a_changed_zip_file_becomes_the_next_version_and_the_other_stays(
    service: LambdaService, publish: Publish
) -> None:
    publish()
    changed = write_zip(publish.build, "arm64", "second")
    outcome = publish()
    assert outcome.arns == {place: arn(*place, 2 if place[1] == "arm64" else 1) for place in PLACES}
    for region in REGIONS:
        first, second = service.layer_versions(region, ARM64)
        assert first["Content"]["CodeSha256"] != second["Content"]["CodeSha256"] == sha256(changed)


def test_bytes_that_only_an_older_version_has_are_published_again(service: LambdaService, publish: Publish) -> None:
    publish(regions=["eu-central-1"])
    write_zip(publish.build, "arm64", "second")
    publish(regions=["eu-central-1"])
    write_zip(publish.build, "arm64", "first")
    publish(regions=["eu-central-1"])
    first, second, third = service.layer_versions("eu-central-1", ARM64)
    assert first["Content"]["CodeSha256"] == third["Content"]["CodeSha256"] != second["Content"]["CodeSha256"]


# Who may use it


def test_a_layer_version_is_private_by_default(service: LambdaService, publish: Publish) -> None:
    publish()
    for region, architecture in PLACES:
        assert service.statements(region, f"client-certificate-auth-{architecture}", 1) == []


@pytest.mark.parametrize(
    ("arguments", "name", "organization"),
    [
        (["--public"], "publisher-public", {}),
        (["--organization", ORGANIZATION], f"publisher-{ORGANIZATION}", {"OrganizationId": ORGANIZATION}),
    ],
    ids=["public", "organization"],
)
@pytest.mark.parametrize("already_there", [False, True])
def test_permissions_are_granted_as_requested(  # noqa: PLR0913 -- parameters and fixtures
    *,
    service: LambdaService,
    publish: Publish,
    arguments: list[str],
    name: str,
    organization: dict[str, str],
    already_there: bool,
) -> None:
    if already_there:
        assert publish().status == 0
    assert publish(*arguments).status == 0
    for region, architecture in PLACES:
        (statement,) = service.statements(region, f"client-certificate-auth-{architecture}", 1)
        statement = {key: value for key, value in statement.items() if key not in {"Resource", "Effect"}}
        expected = {"Sid": name, "Action": "lambda:GetLayerVersion", "Principal": "*"}
        assert statement == expected | organization
        assert len(service.layer_versions(region, f"client-certificate-auth-{architecture}")) == 1


@pytest.mark.parametrize(
    ("arguments", "remaining"),
    [([], []), (["--organization", ORGANIZATION], [f"publisher-{ORGANIZATION}"])],
    ids=["private", "organization"],
)
def test_earlier_permissions_are_withdrawn_unless_requested_again(
    service: LambdaService, publish: Publish, arguments: list[str], remaining: list[str]
) -> None:
    publish("--public")
    outcome = publish(*arguments)
    assert [statement["Sid"] for statement in service.statements("us-east-1", ARM64, 1)] == remaining
    assert any(line.endswith("withdraw publisher-public") for line in outcome.progress)


def test_permissions_of_others_stay(service: LambdaService, publish: Publish) -> None:
    publish()
    boto3.client("lambda", region_name="eu-central-1").add_layer_version_permission(
        LayerName=ARM64,
        VersionNumber=1,
        StatementId="partner",
        Action="lambda:GetLayerVersion",
        Principal="210987654321",
    )
    progress = publish().progress
    assert "eu-central-1 arm64: permissions: keep partner, which this command did not add" in progress
    assert [statement["Sid"] for statement in service.statements("eu-central-1", ARM64, 1)] == ["partner"]


@pytest.mark.parametrize("text", ["", "o-", "o-short", "O-A1B2C3D4E5", "o-a1b2c3d4e5\n", "123456789012"])
def test_an_invalid_organization_is_rejected(publish: Publish, text: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        publish("--organization", text)


@pytest.mark.parametrize(
    "change",
    [
        {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-anotherone1"}}},
        {"Principal": "210987654321"},
        {},
    ],
)
def test_a_permission_with_the_right_name_and_another_content_is_replaced(
    service: LambdaService, publish: Publish, change: dict[str, object]
) -> None:
    publish("--organization", ORGANIZATION, regions=["eu-central-1"])
    (statement,) = service.statements("eu-central-1", ARM64, 1)
    expected = dict(statement)
    statement.pop("OrganizationId")
    statement |= change
    outcome = publish("--organization", ORGANIZATION, regions=["eu-central-1"])
    changed = f"eu-central-1 arm64: permissions: grant publisher-{ORGANIZATION}, withdraw publisher-{ORGANIZATION}"
    assert changed in outcome.progress
    assert service.statements("eu-central-1", ARM64, 1) == [expected]
    again = publish("--organization", ORGANIZATION, regions=["eu-central-1"])
    assert "eu-central-1 arm64: permissions: unchanged" in again.progress


def test_both_spellings_of_every_principal_are_equal(service: LambdaService, publish: Publish) -> None:
    publish("--public", regions=["eu-central-1"])
    (statement,) = service.statements("eu-central-1", ARM64, 1)
    statement["Principal"] = {"AWS": "*"}
    assert "eu-central-1 arm64: permissions: unchanged" in publish("--public", regions=["eu-central-1"]).progress


def test_public_and_organization_exclude_each_other(publish: Publish) -> None:
    with pytest.raises(SystemExit, match="2"):
        publish("--public", "--organization", ORGANIZATION)


# Parameters


def parameters(region: str) -> dict[str, tuple[str, int]]:
    """Return the value and the version of each parameter."""
    client = boto3.client("ssm", region_name=region)
    found = client.get_parameters_by_path(Path="/client-certificate-auth", Recursive=True)["Parameters"]
    return {parameter["Name"]: (parameter["Value"], parameter["Version"]) for parameter in found}


def test_arns_are_written_to_parameters_on_request(service: LambdaService, publish: Publish) -> None:
    publish()
    assert parameters("eu-central-1") == {}
    names = [
        [f"/client-certificate-auth/{name}/{version}" for version in (VERSION, "latest")] for name in ARCHITECTURES
    ]
    planned = publish("--ssm-parameters", "--dry-run", regions=["eu-central-1"]).progress
    assert planned == [
        f"eu-central-1 {architecture}: would write {names[0]}, write {names[1]}"
        for architecture, names in zip(ARCHITECTURES, names, strict=True)
    ]
    publish("--ssm-parameters")
    for region in REGIONS:
        assert parameters(region) == {
            name: (arn(region, architecture), 1)
            for architecture, names_of_one in zip(ARCHITECTURES, names, strict=True)
            for name in names_of_one
        }
    changes = service.changes()
    progress = publish("--ssm-parameters", regions=["eu-central-1"]).progress
    assert "eu-central-1 arm64: parameters: unchanged" in progress
    assert service.changes() == changes


def test_parameters_are_updated_with_the_layer(publish: Publish) -> None:
    publish("--ssm-parameters", regions=["eu-central-1"])
    write_zip(publish.build, "arm64", "second")
    planned = publish("--ssm-parameters", "--dry-run", regions=["eu-central-1"]).progress
    prefix = "/client-certificate-auth/arm64"
    assert planned == [
        f"eu-central-1 arm64: would publish 0.0 MB, write {prefix}/{VERSION}, write {prefix}/latest",
        "eu-central-1 x86_64: nothing to do",
    ]
    outcome = publish("--ssm-parameters", regions=["eu-central-1"])
    assert f"eu-central-1 arm64: parameters: {prefix}/{VERSION}, {prefix}/latest" in outcome.progress
    assert parameters("eu-central-1")[f"{prefix}/latest"] == (arn("eu-central-1", "arm64", 2), 2)


def test_a_parameter_that_cannot_be_written_is_a_failure(service: LambdaService, publish: Publish) -> None:
    service.faults = [DENIED.of("eu-central-1", "PutParameter")]
    outcome = publish("--ssm-parameters", regions=["eu-central-1"])
    assert outcome.status == 1
    assert all("AccessDeniedException" in line for line in failures(outcome))
    assert len(failures(outcome)) == 2


# A dry run


def test_a_dry_run_lists_the_changes_without_making_them(service: LambdaService, publish: Publish) -> None:
    outcome = publish("--dry-run", "--public")
    assert (outcome.status, outcome.arns, service.changes()) == (0, {}, {})
    assert outcome.progress == [
        f"{region} {architecture}: would publish 0.0 MB, grant publisher-public" for region, architecture in PLACES
    ]
    assert not (publish.build / "layer-arns.json").exists()


def test_a_dry_run_compares_with_the_present_state(service: LambdaService, publish: Publish) -> None:
    publish("--public", regions=["us-east-1"])
    changes = service.changes()
    assert publish("--dry-run", "--public", regions=["us-east-1"]).progress == [
        f"us-east-1 {architecture}: nothing to do" for architecture in ARCHITECTURES
    ]
    assert publish("--dry-run", regions=["us-east-1"]).progress == [
        f"us-east-1 {architecture}: would withdraw publisher-public" for architecture in ARCHITECTURES
    ]
    assert service.changes() == changes


# Failures


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (
            "PublishLayerVersion",
            LambdaError(403, "AccessDeniedException", "not authorized: lambda:PublishLayerVersion"),
        ),
        ("ListLayerVersions", LambdaError(403, "UnrecognizedClientException", "The security token is invalid.")),
        ("GetLayerVersion", LambdaError(403, "AccessDeniedException", "not authorized: lambda:GetLayerVersion")),
        ("GetLayerVersionPolicy", LambdaError(403, "AccessDeniedException", "not authorized: GetLayerVersionPolicy")),
        ("AddLayerVersionPermission", LambdaError(403, "AccessDeniedException", "not authorized: AddPermission")),
        ("PublishLayerVersion", LambdaError(400, "CodeStorageExceededException", "Code storage limit exceeded.")),
        ("PublishLayerVersion", LambdaError(413, "RequestEntityTooLargeException", "Request must be smaller")),
        ("PublishLayerVersion", LambdaError(400, "InvalidParameterValueException", "one line\nand another")),
    ],
)
def test_a_failure_in_one_region_is_one_line_and_the_others_continue(
    service: LambdaService, publish: Publish, operation: str, error: LambdaError
) -> None:
    service.faults = [error.of("eu-central-1", operation)]
    outcome = publish("--public")
    assert outcome.status == 1
    assert outcome.arns == {place: arn(*place) for place in PLACES if place[0] == "us-east-1"}
    for line, architecture in zip(failures(outcome), ARCHITECTURES, strict=True):
        assert line.startswith(f"eu-central-1 {architecture}: failed: ")
        assert error.code in line
        step = NEXT_STEPS.get(error.code)
        assert line.endswith(error.message.replace("\n", " ") + (f" ({step})" if step else ""))
    assert outcome.progress[-1] == "Failed: eu-central-1 arm64, eu-central-1 x86_64"


def test_one_architecture_can_fail_alone(service: LambdaService, publish: Publish) -> None:
    service.faults = [DENIED.of("us-east-1", "PublishLayerVersion", times=1)]
    outcome = publish()
    assert (outcome.status, len(outcome.arns)) == (1, 3)
    assert outcome.progress[-1] == "Failed: us-east-1 arm64"
    assert [layer["arn"] for layer in publish.result()["layers"]] == list(outcome.arns.values())


def test_the_next_run_completes_a_failed_one(service: LambdaService, publish: Publish) -> None:
    service.faults = [DENIED.of("us-east-1", "AddLayerVersionPermission")]
    assert publish("--public").status == 1
    service.faults.clear()
    assert publish("--public").status == 0
    assert len(service.layer_versions("us-east-1", ARM64)) == 1
    assert len(service.statements("us-east-1", ARM64, 1)) == 1


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _seconds: None)


@pytest.mark.usefixtures("no_waiting")
def test_a_throttled_request_is_retried(service: LambdaService, publish: Publish) -> None:
    service.faults = [THROTTLED.of("eu-central-1", "ListLayerVersions", times=3)]
    assert publish().status == 0
    assert service.calls["eu-central-1", "ListLayerVersions"] == 2 + 3


@pytest.mark.usefixtures("no_waiting")
def test_permanent_throttling_is_a_failure(service: LambdaService, publish: Publish) -> None:
    service.faults = [THROTTLED.of("eu-central-1", "ListLayerVersions")]
    outcome = publish()
    assert outcome.status == 1
    assert all("TooManyRequestsException" in line for line in failures(outcome))
    assert len(outcome.arns) == 2


def test_an_unreachable_endpoint_is_one_line_per_region_with_the_next_step(
    publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    for arguments in ([], ["--dry-run"]):
        outcome = publish(*arguments)
        assert (outcome.status, outcome.arns) == (1, {})
        step = "cannot be reached: check the network, the proxy (HTTPS_PROXY) and AWS_ENDPOINT_URL"
        assert outcome.progress == [
            *(f"{region}: failed: http://127.0.0.1:1 {step}" for region in REGIONS),
            "Failed: eu-central-1, us-east-1",
        ]
    assert publish.result()["layers"] == []


def test_an_endpoint_that_does_not_answer_is_given_up_after_seconds(
    publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert clients.CONNECT_SECONDS + clients.READ_SECONDS <= 6
    monkeypatch.setattr(clients, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:{1}".format(*silent.getsockname()))
        outcome = publish("--dry-run")
    assert outcome.status == 1
    assert all("cannot be reached" in line for line in failures(outcome))
    assert len(failures(outcome)) == len(REGIONS)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"other bytes", sha256(b"other bytes")),
        (200, b"", sha256(b"")),
        (403, b"Request has expired", "HTTP Error 403: FORBIDDEN"),
    ],
    ids=["other bytes", "nothing", "refused"],
)
def test_a_wrong_download_is_a_failure_and_grants_nothing(
    service: LambdaService, publish: Publish, status: int, body: bytes, reason: str
) -> None:
    service.faults = [Fault("eu-central-1", "download", status, body)]
    outcome = publish("--public")
    assert (outcome.status, len(outcome.arns)) == (1, 2)
    assert all(reason in line for line in failures(outcome))
    assert service.statements("eu-central-1", ARM64, 1) == []
    assert len(service.statements("us-east-1", ARM64, 1)) == 1


def test_an_existing_version_is_downloaded_too(service: LambdaService, publish: Publish) -> None:
    publish()
    service.faults = [Fault("eu-central-1", "download", 200, b"other bytes")]
    assert publish().status == 1


# Invalid input


def only_message(publish: Publish, service: LambdaService, regions: list[str] = REGIONS) -> str:
    """Return the only line that the command prints. It must not have called AWS."""
    outcome = publish(regions=regions)
    assert (outcome.status, outcome.arns, service.calls) == (1, {}, {})
    (line,) = outcome.progress
    return line


def test_nothing_is_called_without_credentials(
    publish: Publish, service: LambdaService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert only_message(publish, service) == (
        "there are no AWS credentials: set AWS_PROFILE, or sign in with `aws login` or `aws sso login`"
    )


def test_a_missing_profile_is_named(publish: Publish, service: LambdaService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "nobody" in only_message(publish, service)


def test_a_missing_zip_file_is_named_with_the_command_that_builds_it(publish: Publish, service: LambdaService) -> None:
    file = publish.build / "client-certificate-auth-x86_64.zip"
    file.unlink()
    assert only_message(publish, service) == f"{file} does not exist: run `make layer` first"


def test_an_unreadable_zip_file_is_named(publish: Publish, service: LambdaService) -> None:
    file = publish.build / "client-certificate-auth-x86_64.zip"
    file.unlink()
    file.mkdir()
    assert only_message(publish, service) == f"{file} cannot be read: Is a directory"


@pytest.mark.parametrize("content", [b"other bytes", None])
def test_zip_files_are_compared_with_their_digests(
    publish: Publish, service: LambdaService, content: bytes | None
) -> None:
    file = publish.build / "client-certificate-auth-x86_64.zip"
    if content:
        file.write_bytes(content)
        expected = f"{file} is not the file whose digest is in SHA256SUMS: run `make layer` again"
    else:
        (publish.build / "SHA256SUMS").unlink()
        reason = "cannot be read: No such file or directory: run `make layer`, which writes it"
        expected = f"{publish.build / 'SHA256SUMS'} {reason}"
    assert only_message(publish, service) == expected


def test_a_zip_file_without_a_digest_is_not_published(publish: Publish, service: LambdaService) -> None:
    file = publish.build / "client-certificate-auth-x86_64.zip"
    write_digests(publish.build, [path for path in publish.build.glob("*.zip") if path != file])
    expected = f"{file} is not the file whose digest is in SHA256SUMS: run `make layer` again"
    assert only_message(publish, service) == expected


@pytest.mark.parametrize("excess", [0, 1])
def test_a_zip_file_that_is_too_large_for_a_request_is_named(
    publish: Publish, service: LambdaService, excess: int
) -> None:
    file = publish.build / "client-certificate-auth-x86_64.zip"
    with file.open("wb") as archive:
        archive.truncate(MAXIMUM_SIZE + excess)
    write_digests(publish.build)
    if excess:
        assert only_message(publish, service) == f"{file} has 52428801 bytes, but Lambda accepts at most 52428800"
    else:
        assert publish("--dry-run").status == 0


def test_an_unknown_region_is_named(publish: Publish, service: LambdaService) -> None:
    line = only_message(publish, service, ["eu-central-1", "eu-centrl-1"])
    assert line.startswith("Lambda is not available in eu-centrl-1, ")
    assert line.endswith(": did you mean eu-central-1?")


def test_regions_of_several_partitions_are_rejected(publish: Publish, service: LambdaService) -> None:
    line = only_message(publish, service, ["eu-central-1", "cn-north-1", "us-gov-west-1"])
    assert line.startswith("these regions are in aws, aws-cn, aws-us-gov, ")


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_other_partitions_are_supported(publish: Publish, region: str, partition: str) -> None:
    outcome = publish("--organization", ORGANIZATION, regions=[region])
    assert outcome.status == 0
    assert all(arn.startswith(f"arn:{partition}:lambda:{region}:") for arn in outcome.arns.values())


# The command


def test_the_module_exits_with_the_status(service: LambdaService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["publisher", "eu-central-1", "--build", os.devnull])
    with pytest.raises(SystemExit, match="1"):
        runpy.run_module("distribution.publisher", run_name="__main__")
    assert not service.calls


@pytest.mark.usefixtures("service")
def test_progress_and_arns_are_separate_streams(build: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "distribution.publisher", "eu-central-1", "--build", str(build)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == [
        f"eu-central-1    {architecture:<8}{arn('eu-central-1', architecture)}" for architecture in ARCHITECTURES
    ]
    assert "published version 1" in result.stderr


def test_make_passes_regions_and_arguments() -> None:
    # These tests may run under make themselves, with its flags and another environment.
    environment = {name: value for name, value in os.environ.items() if not re.match("M(AKE|FLAGS)|VENV|PYTHON", name)}
    command = [
        "make",
        "-n",
        "-o",
        ".venv/.run",
        "publish",
        "REGIONS=eu-central-1 us-east-1",
        "ARGS=--public --dry-run",
    ]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    expected = ".venv/bin/python -m distribution.publisher eu-central-1 us-east-1 --public --dry-run"
    assert expected in result.stdout.splitlines()
