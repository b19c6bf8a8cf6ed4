"""The local gateway with the user's own rules, variables, truststore and certificates."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import pytest
import trustme

from local_gateway.__main__ import prepare
from local_gateway.configuration import (
    REFRESH_SECONDS,
    SAMPLE_VARIABLES,
    own_configuration,
    sample_configuration,
)
from local_gateway.options import parse, read_variables
from local_gateway.page.overview import Overview
from local_gateway.pki.folder import claim_folder
from local_gateway.report import CURL_MESSAGES
from local_gateway.scenarios import LISTED_CN, SCENARIOS
from mtls_authorizer_cli.command_line import CommandError
from tests.integration.local_gateway.test_command import ENVIRONMENT as PROCESS_ENVIRONMENT
from tests.integration.local_gateway.test_command import ROOT, TIMEOUT, get, run, serving

if TYPE_CHECKING:
    from pathlib import Path

    from local_gateway.pki.certificates import Pki

RULES = '{"rules": [{"name": "alpha", "match": {"organization": "Alpha"}, "allow": ["POST /payments/*"]}]}'


class OwnPki(NamedTuple):
    """A user's files: a truststore with a block that cannot be read, and certificates with keys."""

    truststore: Path
    alpha: Path
    expired: Path


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> OwnPki:
    folder = tmp_path_factory.mktemp("own")
    authority = trustme.CA()
    own = OwnPki(folder / "my truststore.pem", folder / "alpha.pem", folder / "expired.pem")
    damaged = "-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"
    own.truststore.write_text(damaged + authority.cert_pem.bytes().decode())
    day = timedelta(days=1)
    now = datetime.now(UTC).replace(tzinfo=None)
    alpha = authority.issue_cert("alpha.example", organization_name="Alpha")
    expired = authority.issue_cert(
        "alpha.example", organization_name="Alpha", not_before=now - 2 * day, not_after=now - day
    )
    alpha.private_key_and_cert_chain_pem.write_to_path(own.alpha)
    expired.private_key_and_cert_chain_pem.write_to_path(own.expired)
    return own


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "my rules.json"
    path.write_text(RULES)
    return path


def test_without_own_files_the_configuration_is_the_samples(pki: Pki) -> None:
    configuration = own_configuration(pki, {})
    assert configuration == sample_configuration(pki)
    assert configuration.is_sample


def test_own_variables_replace_all_of_the_samples(pki: Pki) -> None:
    own_variables = {"ALLOWED_COMMON_NAMES": "alpha", "RESPONSE_FORMAT": "simple"}
    configuration = own_configuration(pki, own_variables)
    # The response format depends on the API.
    assert configuration.variables == {"ALLOWED_COMMON_NAMES": "alpha"}
    assert (configuration.truststore, configuration.is_sample) == (pki.truststore, False)


def test_own_rules_are_reloaded_soon_and_use_the_truststore(pki: Pki, rules: Path, own: OwnPki) -> None:
    variables = {"AUTHORIZER_RULES": "{}", "PRINCIPAL_ID": "subject_dn"}
    configuration = own_configuration(pki, variables, rules, own.truststore)
    assert configuration.variables == {
        "PRINCIPAL_ID": "subject_dn",
        "AUTHORIZER_RULES_URI": rules.as_uri(),
        "AUTHORIZER_RULES_REFRESH_SECONDS": str(REFRESH_SECONDS),
        "TRUSTSTORE_URI": own.truststore.as_uri(),
    }
    assert own_configuration(pki, {}, rules).variables["TRUSTSTORE_URI"] == pki.stored_truststore.as_uri()
    by_key = {"rules": [{"name": "a", "match": {"issuer_key": pki.client_ca_fingerprint}}]}
    for variable in ("AUTHORIZER_RULES", "AUTHORIZER_SHADOW_RULES"):
        inline = own_configuration(pki, {variable: json.dumps(by_key), "ALLOWED_COMMON_NAMES": "a"}).variables
        assert inline["TRUSTSTORE_URI"] == pki.stored_truststore.as_uri()
    variables = {"TRUSTSTORE_URI": pki.truststore.as_uri(), "AUTHORIZER_RULES_REFRESH_SECONDS": "60"}
    assert variables.items() <= own_configuration(pki, variables, rules).variables.items()


def test_an_own_truststore_alone_keeps_the_samples_lists_without_revocation(pki: Pki, own: OwnPki) -> None:
    configuration = own_configuration(pki, {}, None, own.truststore)
    assert configuration.variables == SAMPLE_VARIABLES
    assert not configuration.is_sample
    # The handshake uses what API Gateway can read.
    assert (
        configuration.truststore.read_text() == own.truststore.read_text().split("MAAA\n-----END CERTIFICATE-----\n")[1]
    )


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, "cannot be read"),
        ("", "it is empty. Name the truststore"),
        ("-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n", "certificate 1 of the truststore cannot be"),
    ],
)
def test_a_truststore_that_cannot_be_used_is_an_error(
    pki: Pki, tmp_path: Path, content: str | None, error: str
) -> None:
    truststore = tmp_path / "truststore.pem"
    if content is not None:
        truststore.write_text(content)
    with pytest.raises(CommandError, match=error):
        own_configuration(pki, {}, None, truststore)


def test_a_configuration_with_which_no_authorizer_starts_is_an_error(pki: Pki, tmp_path: Path, rules: Path) -> None:
    with pytest.raises(CommandError, match="ALLOWED_COMMON_NAMES"):
        own_configuration(pki, {"ALLOWED_COMMON_NAMES": ""})
    rules.write_text('{"rules": [{"name": "alpha"}]}')
    with pytest.raises(CommandError, match="match"):
        own_configuration(pki, {}, rules)
    with pytest.raises(CommandError, match="nothing"):
        own_configuration(pki, {}, tmp_path / "nothing")


ENVIRONMENT = {
    "ALLOWED_COMMON_NAMES": "alpha",
    "PRINCIPAL_ID": "fingerprint",
    "RULES": "x",
    "PATH": "y",
}


def test_variables_are_those_of_the_environment_on_request() -> None:
    assert read_variables(parse([], ""), ENVIRONMENT) == {}
    expected = {"ALLOWED_COMMON_NAMES": "alpha", "PRINCIPAL_ID": "fingerprint"}
    assert read_variables(parse(["--from-environment"], ""), ENVIRONMENT) == expected


def test_variables_of_a_file_replace_those_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / "variables").write_text("ALLOWED_COMMON_NAMES=beta\nHOME=/root\n")
    options = ["--from-environment", "--env-file", str(tmp_path / "variables")]
    assert read_variables(parse(options, ""), ENVIRONMENT) == {"ALLOWED_COMMON_NAMES": "beta"}


def test_misspelt_variables_are_errors() -> None:
    with pytest.raises(CommandError, match="ALLOWED_COMMON_NAME is not a variable"):
        read_variables(parse(["--from-environment"], ""), {"ALLOWED_COMMON_NAME": "alpha"})


def test_a_folder_is_used_by_one_process_at_a_time(tmp_path: Path) -> None:
    default = tmp_path / "build" / "gateway"
    with claim_folder(None, default) as first, claim_folder(None, default) as second:
        assert (first, second) == (default, tmp_path / "build" / "gateway-2")
        with pytest.raises(CommandError, match="gateway is in use by another local gateway"), claim_folder(first):
            pass
    with claim_folder(None, default) as again:
        assert again == default


def test_a_folder_with_the_users_files_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "truststore.pem").write_text("mine")
    with pytest.raises(CommandError, match="contains files that are not a local gateway's"), claim_folder(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["truststore.pem"]


@pytest.mark.parametrize("option", ["--rules", "--truststore", "--folder"])
def test_an_empty_name_is_not_the_working_directory(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([option, ""], "")
    assert ended.value.code == 2
    assert f"argument {option}: it is empty" in capsys.readouterr().err


def test_problems_of_a_truststore_that_api_gateway_rejects_are_printed(tmp_path: Path, own: OwnPki) -> None:
    truststore = tmp_path / "truststore.pem"
    truststore.write_text(own.truststore.read_text(), encoding="utf-16")
    result = run("-m", "local_gateway", "--demo", "--truststore", str(truststore))
    assert result.returncode == 0
    assert "\nWarning: certificate 1 of the truststore cannot be read, so it is ignored" in result.stdout
    assert "\nWarning: the truststore is in UTF-16, and API Gateway requires PEM.\n" in result.stdout


def test_errors_are_one_line(tmp_path: Path) -> None:
    result = run("-m", "local_gateway", "--demo", "--rules", str(tmp_path / "no\nrules"))
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith("local gateway: ")


def make(target: str, **variables: object) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in PROCESS_ENVIRONMENT.items() if name not in {"MAKEFLAGS", "MAKELEVEL"}}
    # The virtual environment is up to date: this one.
    command = ["make", "-o", f"{sys.prefix}/.run", target, f"VENV={sys.prefix}"]
    command += [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT
    )


def test_make_passes_the_truststore_and_variables_on(pki: Pki) -> None:
    # As a variable of the environment, TRUSTSTORE would be rejected.
    ran = make("run", TRUSTSTORE="/no/truststore", ALLOWED_COMMON_NAMES="alpha", ARGS="--demo")
    assert "local gateway: /no/truststore cannot be read" in ran.stderr
    explained = make("explain", TRUSTSTORE=pki.truststore, ALLOWED_COMMON_NAMES="alpha", CERT=pki.client(LISTED_CN))
    assert explained.stdout.startswith("DENIED by the authorizer: common_name_not_allowed")


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_two_gateways_serve_the_users_clients_side_by_side(tmp_path: Path, own: OwnPki, rules: Path) -> None:
    options = ("--truststore", str(own.truststore), "--rules", str(rules))
    with serving(None, *options, cwd=tmp_path) as (process, lines):
        folder = tmp_path / "build" / "local-gateway"
        files = {path: path.read_bytes() for path in folder.glob("*.pem")}
        assert "The clients of the scenarios are not from these CAs, so no scenario is run." in lines
        (command,) = (shlex.split(line) for line in lines if line.startswith("curl --include "))
        base = command[: command.index("--cert")]
        url = command[-1].removesuffix("/hello")

        def curl(*arguments: str) -> subprocess.CompletedProcess[str]:
            full = [*base, "--silent", "--show-error", *arguments]
            return subprocess.run(full, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=TIMEOUT)

        (tmp_path / "variables").write_text("ALLOWED_COMMON_NAMES=authorized-client\n")
        with serving(None, "--env-file", "variables", cwd=tmp_path) as (second, printed):
            assert_nothing_is_expected(printed)
            assert (tmp_path / "build" / "local-gateway-2" / "server-ca.pem").exists()
            other = next(shlex.split(line)[-1] for line in printed if "listed-cn.pem" in line)
            assert get(other, tmp_path / "build" / "local-gateway-2", "listed-cn") == 200
            # The first one's certificates were not replaced, and it still works.
            assert {path: path.read_bytes() for path in folder.glob("*.pem")} == files
            alpha = ("--cert", str(own.alpha))
            allowed = curl(*alpha, "--request", "POST", f"{url}/payments/1")
            assert allowed.stdout.startswith("HTTP/1.1 200 ")
            assert curl(*alpha, f"{url}/payments/1").stdout.startswith("HTTP/1.1 403 ")
            second.send_signal(signal.SIGINT)
            assert second.wait(TIMEOUT) == 0

        assert_rejections_are_the_printed_ones(
            lines,
            {
                "no certificate": curl(f"{url}/hello"),
                "an expired certificate": curl("--cert", str(own.expired), f"{url}/hello"),
                "a CA that is not trusted": curl("--cert", str(folder / "listed-cn.pem"), f"{url}/hello"),
            },
        )

        rules.write_text(RULES.replace("POST /payments/*", "GET /payments/*"))
        deadline = time.monotonic() + TIMEOUT
        while not curl(*alpha, f"{url}/payments/1").stdout.startswith("HTTP/1.1 200 "):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT) == 0


def assert_nothing_is_expected(lines: list[str]) -> None:
    output = "\n".join(lines)
    assert re.search(r"^listed CN +200 \+ context +200 \+ context +200 \+ context$", output, re.MULTILINE)
    assert re.search(r"^listed OU +403 +403 +403 +common_name_not_allowed$", output, re.MULTILINE)
    assert "expected" not in output.partition("rejected: ")[0]
    assert "With your own configuration, there are no expected results." in lines


def assert_rejections_are_the_printed_ones(
    lines: list[str], rejections: dict[str, subprocess.CompletedProcess[str]]
) -> None:
    version = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S607 -- from PATH
    is_described = re.search(r"^curl 7\.88\..* OpenSSL/3\.0\.", version)
    assert rejections.keys() == CURL_MESSAGES.keys()
    for reason, rejected in rejections.items():
        message = CURL_MESSAGES[reason]
        assert any(line.startswith(f"{reason}:") and line.endswith(message) for line in lines)
        assert rejected.stdout == ""
        assert rejected.stderr.startswith(f"curl: ({rejected.returncode}) ")
        if is_described:
            assert without_version(rejected.stderr.splitlines()[0]) == without_version(message)


def without_version(message: str) -> str:
    return re.sub(r"OpenSSL/3\.0\.\d+", "OpenSSL", message)


def test_the_overview_of_the_page_names_the_users_configuration(pki: Pki, own: OwnPki) -> None:
    with_truststore = own_configuration(pki, {}, None, own.truststore)
    overview = Overview(prepare(SCENARIOS, with_truststore), with_truststore, []).document()
    assert (overview["own_truststore"], overview["clients"], overview["scenarios"]) == (True, [], [])
    with_variables = own_configuration(pki, {"ALLOWED_COMMON_NAMES": "alpha"})
    overview = Overview(prepare(SCENARIOS, with_variables), with_variables, []).document()
    assert (overview["own_configuration"], overview["variables"]) == (True, {"ALLOWED_COMMON_NAMES": "alpha"})
    assert '"expected": null' in json.dumps(overview["scenarios"])
