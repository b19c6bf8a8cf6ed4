"""The command-line tools as their users run them: the launcher, make, pipes, terminals and OpenSSL's own commands."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PublicFormat, pkcs7, pkcs12

from mtls_authorizer.revocation.index.indexing import INDEX_SUFFIX
from mtls_authorizer_cli.launcher import main as write_launcher
from tests.pki.certificate_authorities import DAY, CertificateAuthority, crl_pem, entry
from tests.pki.certificates import name, pem
from tests.pki.todays_crls import CA, TODAY
from tests.rules_documents import document, rule

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).parents[3]
CLIENT = CA.issue(7, subject=name(("CN", "client")), not_before=TODAY - DAY, not_after=TODAY + DAY)
CERTIFICATES = [x509.load_der_x509_certificate(each) for each in (CA.certificate, CLIENT)]


class Tools(NamedTuple):
    """A launcher in a virtual environment with an unusual name, and a folder to work in, which is another one."""

    launcher: Path
    folder: Path

    def __call__(
        self, *arguments: str, stdin: bytes | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [self.launcher, *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **environment},
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert b"Traceback" not in result.stderr
        return subprocess.CompletedProcess(
            result.args, result.returncode, result.stdout.decode(), result.stderr.decode()
        )


def make_environment(folder: Path) -> Path:
    """Return a virtual environment, as far as the launcher and make look: nothing is installed into it."""
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    write_launcher([str(folder / "bin" / "mtls-authorizer")])
    return folder


@pytest.fixture
def tools(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Tools:
    environment = make_environment(tmp_path_factory.mktemp("it's") / "an environment")
    (tmp_path / "client.pem").write_text(pem(CLIENT), encoding="ascii")
    (tmp_path / "ca.pem").write_bytes(CA.pem)
    (tmp_path / "rules.json").write_bytes(document(rule()))
    # Modules in the working directory are never imported.
    (tmp_path / "json.py").write_text("raise SystemExit(99)", encoding="ascii")
    return Tools(environment / "bin" / "mtls-authorizer", tmp_path)


def test_the_launcher_works_from_any_folder_without_a_python_path(tools: Tools) -> None:
    allowed = tools("explain", "client.pem", "--truststore", "ca.pem", ALLOWED_COMMON_NAMES="client")
    assert (allowed.returncode, allowed.stderr) == (0, "")
    assert allowed.stdout.startswith("ALLOWED\n")
    assert tools("explain", "client.pem", PYTHONPATH="/nowhere").returncode == 1
    assert tools("explain", "missing.pem").returncode == 2
    assert tools("rules", "check", "rules.json").returncode == 0


def test_a_ca_with_the_serial_number_0_gives_no_line_of_a_library(tools: Tools) -> None:
    authority = CertificateAuthority("Odd CA", serial_number=0)
    (tools.folder / "odd.pem").write_bytes(authority.pem)
    client = authority.issue(0, subject=name(("CN", "client")), not_before=TODAY - DAY, not_after=TODAY + DAY)
    result = tools("explain", "-", "--truststore", "odd.pem", stdin=client, ALLOWED_COMMON_NAMES="client")
    assert (result.returncode, result.stderr) == (0, "")


def test_arguments_in_any_encoding_are_reported(tools: Tools) -> None:
    result = subprocess.run(
        [tools.launcher, "explain", b"caf\xe9\x1b[31m.pem"], cwd=tools.folder, capture_output=True, check=False
    )
    assert result.returncode == 2
    assert rb"caf\udce9\x1b[31m.pem cannot be read" in result.stderr


def test_the_standard_input_is_read(tools: Tools) -> None:
    assert tools("explain", "-", stdin=CLIENT, ALLOWED_COMMON_NAMES="client").returncode == 0


def test_a_reader_that_stops_reading_gets_no_traceback(tools: Tools) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.run(
        [tools.launcher, "explain", "client.pem"],
        cwd=tools.folder,
        env={"PATH": os.environ["PATH"], "ALLOWED_COMMON_NAMES": "client"},
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (process.returncode, process.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "status", "stderr"),
    [
        ("explain - <&-", 2, "mtls-authorizer explain: the standard input cannot be read: it is closed\n"),
        ("explain --log - <&-", 2, "mtls-authorizer explain: the standard input cannot be read: it is closed\n"),
        (
            "block client.pem --rules rules.json <&-",
            2,
            (
                "mtls-authorizer block: nothing was written: the standard input is not a terminal on which to ask. "
                "Show the change with --dry-run, and write it with --yes\n"
            ),
        ),
        (
            "explain client.pem >&-",
            2,
            "mtls-authorizer explain: the output cannot be written: the standard output is closed\n",
        ),
        ("explain missing.pem 2>&-", 2, ""),
        ("rules diff rules.json rules.json 2>&-", 0, ""),
    ],
)
def test_standard_streams_may_be_closed(arguments: str, status: int, stderr: str, tools: Tools) -> None:
    result = subprocess.run(
        ["/bin/sh", "-c", f'"$0" {arguments}', tools.launcher],
        cwd=tools.folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (status, stderr)


# OpenSSL's commands do what is promised of them.

BUNDLES = {
    "bundle.p7b": pkcs7.serialize_certificates(CERTIFICATES, Encoding.PEM),
    "bundle of acme.p7c": pkcs7.serialize_certificates(CERTIFICATES, Encoding.DER),
    "trusted.pem": pem(CLIENT).encode(),
    "ca first.pem": CA.pem + pem(CLIENT).encode(),
    "another label, and a key.pem": CA.pem.replace(b" CERTIFICATE", b" X509 CERTIFICATE")
    + pem(CLIENT).encode()
    + b"-----BEGIN PRIVATE KEY-----\nMAAA\n-----END PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("file", BUNDLES)
def test_the_suggested_command_extracts_the_clients_certificate(file: str, tools: Tools) -> None:
    (tools.folder / "client.pem").unlink()
    (tools.folder / file).write_bytes(BUNDLES[file])
    if file == "trusted.pem":
        command = ["openssl", "x509", "-in", file, "-trustout", "-out", file]
        subprocess.run(command, cwd=tools.folder, check=True, capture_output=True)
    first = tools("explain", file, "--json", ALLOWED_COMMON_NAMES="client")
    advice = " ".join(json.loads(first.stdout)["notes"]) if first.stdout else first.stderr.strip()
    command_line = re.search(r"(?:openssl|awk) .* client\.pem", advice)
    assert command_line is not None
    subprocess.run(["/bin/sh", "-c", command_line[0]], cwd=tools.folder, check=True)
    assert tools("explain", "client.pem", ALLOWED_COMMON_NAMES="client").returncode == 0
    assert "PRIVATE KEY" not in (tools.folder / "client.pem").read_text()


def test_the_suggested_command_extracts_the_clients_certificate_from_pkcs_12(tools: Tools) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    authority = CertificateAuthority("CA", not_before=TODAY - DAY, not_after=TODAY + DAY)
    public_key = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    client = authority.issue(
        subject=name(("CN", "client")), public_key=public_key, not_before=TODAY - DAY, not_after=TODAY + DAY
    )
    content = pkcs12.serialize_key_and_certificates(
        b"client",
        key,
        x509.load_der_x509_certificate(client),
        [x509.load_der_x509_certificate(authority.certificate)],
        BestAvailableEncryption(b"password"),
    )
    (tools.folder / "client.pem").unlink()
    (tools.folder / "client.p12").write_bytes(content)
    command_line = re.search(r"openssl .* client\.pem", tools("explain", "client.p12").stderr)
    assert command_line is not None
    subprocess.run(
        ["/bin/sh", "-c", f"{command_line[0]} -passin pass:password"], cwd=tools.folder, check=True, capture_output=True
    )
    assert tools("explain", "client.pem", ALLOWED_COMMON_NAMES="client").returncode == 0


# Make.


@pytest.fixture
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs make without installing anything."""
    environment = make_environment(tmp_path_factory.mktemp("make") / "environment")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        # These tests may run under make themselves, with its flags and another environment.
        others = {key: value for key, value in os.environ.items() if not re.match("M(AKE|FLAGS)|VENV|PYTHON", key)}
        return subprocess.run(
            [shutil.which("make") or "make", "-s", f"--old-file={environment}/.run", f"VENV={environment}", *arguments],
            cwd=PROJECT,
            env=others,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_make_explain_passes_files_and_routes_on_as_they_are(
    make: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    client = tmp_path / "the client's $HOME.pem"
    client.write_text(pem(CLIENT), encoding="ascii")
    rules = tmp_path / "rules.json"
    rules.write_bytes(document(rule(allow=["GET /reports/*"])))
    result = make(
        "explain",
        f"CERT={str(client).replace('$', '$$')}",
        f"RULES={rules}",
        'ROUTE=GET /reports/"$$(id)`id`',
        "ARGS=--policy",
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert """route          'GET /reports/"$(id)`id`'\n""" in result.stdout
    assert "policyDocument" in result.stdout


@pytest.mark.parametrize(("content", "status"), [(document(rule()), 0), (b"{}", 2)])
def test_make_validate_rules_fails_as_the_command_does(
    content: bytes, status: int, make: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    path = tmp_path / "the rules.json"
    path.write_bytes(content)
    result = make("validate-rules", f"FILE={path}")
    assert result.returncode == status, result.stderr
    assert ("rules must be a list" in result.stderr) is (status != 0)


def test_make_crl_index_writes_the_index(make: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    crl, truststore = tmp_path / "a$(id)`id`.crl", tmp_path / "bundle.pem"
    crl.write_bytes(CA.revoke(entry(5), this_update=TODAY - DAY, next_update=TODAY + DAY))
    truststore.write_bytes(CA.pem)
    result = make("crl-index", f"FILE={str(crl).replace('$', '$$')}", f"TRUSTSTORE={truststore}")
    assert result.returncode == 0, result.stderr
    assert Path(f"{crl}{INDEX_SUFFIX}").exists()


@pytest.mark.parametrize(
    ("target", "variables", "message"),
    [
        ("crl-index", [], "make crl-index FILE=ca.crl TRUSTSTORE=bundle.pem"),
        ("crl-index", ["FILE=ca.crl"], "make crl-index FILE=ca.crl TRUSTSTORE=bundle.pem"),
        ("validate-rules", [], "make validate-rules FILE=rules.json"),
        ("explain", [], "no certificate: name a file"),
    ],
)
def test_make_says_what_is_missing(
    target: str, variables: list[str], message: str, make: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    result = make(target, *variables)
    assert result.returncode == 2
    assert message in result.stderr


def test_make_help_lists_the_targets(make: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    result = make("help")
    assert (result.returncode, result.stderr) == (0, "")
    targets = re.findall(r"^  make ([a-z0-9-]+) +[A-Z]", result.stdout, re.MULTILINE)
    assert {"help", "explain", "validate-rules", "crl-index", "schema"} <= set(targets)
    assert len(targets) == len(result.stdout.splitlines())


# Terminals.


def run_on_terminal(tools: Tools, *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal, and return its exit status and what it wrote there."""
    ours, theirs = pty.openpty()
    written: list[bytes] = []

    def read() -> None:
        # At the end of a terminal Linux gives an error.
        try:
            while piece := os.read(ours, 65536):
                written.append(piece)
        except OSError:
            pass

    reader = threading.Thread(target=read)
    reader.start()
    process = subprocess.Popen(
        [tools.launcher, *arguments],
        cwd=tools.folder,
        stdout=theirs,
        stderr=theirs,
        env={"PATH": os.environ["PATH"], "TERM": "xterm"},
    )
    os.close(theirs)
    status = process.wait(timeout=60)
    reader.join()
    os.close(ours)
    return status, b"".join(written).decode()


@pytest.mark.parametrize("form", [bytes, crl_pem])
def test_a_terminal_shows_a_progress_bar_and_removes_it(form: Callable[[bytes], bytes], tools: Tools) -> None:
    crl = CA.revoke(*map(entry, range(10_001)), this_update=TODAY - DAY, next_update=TODAY + DAY)
    (tools.folder / "ca.crl").write_bytes(form(crl))
    status, written = run_on_terminal(tools, "crl", "index", "ca.crl", "--truststore", "ca.pem")
    assert status == 0
    steps = written.split("\r\x1b[K")
    assert steps[1:-1] == [
        f"[{'.' * 40}] verifying ca.crl",
        f"[{'.' * 40}] 0 of 10,001 serial numbers",
        f"[{'#' * 20}{'.' * 20}] 5,000 of 10,001 serial numbers",
        f"[{'#' * 40}] 10,000 of 10,001 serial numbers",
        f"[{'#' * 40}] writing",
    ]
    assert steps[-1].startswith("ca.crl.index: ")


# Imports.


def imported(code: str) -> set[str]:
    environment = {"PYTHONPATH": os.pathsep.join(str(PROJECT / folder) for folder in ("layer", "authorizer", "tools"))}
    script = f"import sys\n{code}\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_the_tools_import_no_sdk() -> None:
    assert not {"boto3", "botocore"} & imported("import mtls_authorizer_cli.main")
