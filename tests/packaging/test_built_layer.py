"""The layer from the zip files, attached to a function as on Lambda."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

import client_certificate_auth
from client_certificate_auth import PeerCertificate
from distribution.layer_builder.wheels import Architecture
from distribution.project import ROOT
from distribution.python_versions import PYTHON_VERSIONS
from tests.aws.api_events import rest_event
from tests.aws.lambda_runtime import CALL_HANDLER, lambda_function
from tests.interpreters import INTERPRETERS
from tests.packaging.attached_function import read_attributes
from tests.shared_folder import shared_folder

HERE = Path(__file__).parent
LAYER = ROOT / "layer"
HANDLER = "watched_function.handler"

ARCHITECTURE = {"aarch64": Architecture.ARM64, "x86_64": Architecture.X86_64}.get(platform.machine())
on_lambdas_platforms = pytest.mark.skipif(
    ARCHITECTURE is None or sys.platform != "linux", reason="the layers are for Lambda's platforms"
)
each_architecture = pytest.mark.parametrize("architecture", Architecture)
each_interpreter = pytest.mark.parametrize("version", INTERPRETERS)


SERIAL_NUMBER = 0x010203


def make_certificate() -> x509.Certificate:
    """Return a certificate with a value for each helper and each attribute."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Acme"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "payments"),
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "Zürich"),
        x509.NameAttribute(NameOID.COMMON_NAME, "authorized-client"),
    ]
    names = [
        x509.DNSName("client.acme.example"),
        x509.RFC822Name("client@acme.example"),
        x509.UniformResourceIdentifier("spiffe://acme.example/client"),
        x509.IPAddress(IPv4Address("192.0.2.1")),
    ]
    responder = x509.UniformResourceIdentifier("http://ocsp.acme.example")
    return (
        x509.CertificateBuilder(
            subject_name=x509.Name(subject),
            issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Acme CA")]),
            public_key=key.public_key(),
            serial_number=SERIAL_NUMBER,
            not_valid_before=datetime(2020, 1, 1, tzinfo=UTC),
            not_valid_after=datetime(2040, 1, 1, tzinfo=UTC),
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(
            x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, responder)]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )


@pytest.fixture(scope="session")
def certificate_pem() -> str:
    return make_certificate().public_bytes(Encoding.PEM).decode()


@pytest.fixture
def task_root(tmp_path: Path) -> Path:
    """Return the folder of a function's own code."""
    folder = tmp_path / "task"
    folder.mkdir()
    for name in ("attached_function.py", "watched_function.py"):
        shutil.copy(HERE / name, folder)
    return folder


@pytest.fixture
def opt_python(unpacked_layers: Path) -> Path:
    """Return the layer for this machine, read-only like /opt/python (root can write nevertheless)."""
    folder = unpacked_layers / str(ARCHITECTURE) / "python"
    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    return folder


def call(interpreter: Path, pem: str, *path: Path, handler: str = HANDLER) -> Any:  # noqa: ANN401 -- any JSON
    """Call a function with only these folders and the standard library on its path."""
    command = [str(interpreter), "-I", "-S", "-c", CALL_HANDLER, handler, *map(str, path)]
    result = subprocess.run(
        command,
        input=json.dumps(rest_event(pem)),
        env={"LAYER": str(path[-1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def call_under_awslambdaric(pem: str, *path: Path) -> dict[str, Any]:
    environment = {"LAYER": str(path[-1])}
    with lambda_function(HANDLER, environment, path=os.pathsep.join(map(str, path))) as function:
        outcome = function.invoke_any(rest_event(pem))
    assert outcome.kind == "response", outcome
    answer: dict[str, Any] = outcome.payload
    return answer


def assert_everything_works(answer: dict[str, Any], pem: str) -> None:
    assert_attributes_and_helpers_work(answer, pem)
    assert answer["x509_serial_number"] == SERIAL_NUMBER


def assert_attributes_and_helpers_work(answer: dict[str, Any], pem: str) -> None:
    assert answer["attributes"] == read_attributes(PeerCertificate.from_pem(pem))
    helpers = {name for name in client_certificate_auth.__all__ if name.startswith(("allow_", "all_of", "any_of"))}
    assert answer["helpers"] == {name: [True, False] for name in helpers}


def listing(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Return mode, time of change in nanoseconds and digest of everything in a folder."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in [folder, *folder.rglob("*")]
    }


def assert_only_compiled_files_were_read(answer: dict[str, Any]) -> None:
    assert answer["compiled"] == []
    assert answer["written"] == []
    assert {Path(name).suffix for name in answer["opened"]} <= {".pyc", ".so", ""}
    modules = [name for name in answer["opened"] if name.endswith(".pyc")]
    assert len([name for name in modules if name.startswith("client_certificate_auth/")]) > 5
    assert len([name for name in modules if name.startswith("cryptography/")]) > 20


NOT_COMPILED = (
    "cryptography/fernet.py",
    "cryptography/hazmat/asn1/",
    "cryptography/hazmat/primitives/serialization/pkcs7.py",
    "cryptography/hazmat/primitives/twofactor/",
)


def pinned_version(requirements: Path) -> str:
    (version,) = re.findall(r"^cryptography==(\S+)", requirements.read_text(), re.MULTILINE)
    return str(version)


# Contents


@each_architecture
def test_the_layer_contains_only_files_that_are_necessary_at_run_time(
    unpacked_layers: Path, architecture: Architecture
) -> None:
    python = unpacked_layers / architecture / "python"
    assert [path.name for path in (unpacked_layers / architecture).iterdir()] == ["python"]
    files = {path.relative_to(python).as_posix() for path in python.rglob("*") if path.is_file()}

    compiled = {name for name in files if name.endswith(".pyc")}
    sources = {name for name in files if name.endswith(".py") and not name.startswith(NOT_COMPILED)}
    tags = [f"cpython-{version.replace('.', '')}" for version in INTERPRETERS]
    expected = {
        str(Path(name).parent / "__pycache__" / f"{Path(name).stem}.{tag}.pyc") for name in sources for tag in tags
    }
    assert compiled == expected

    module = {name for name in files - compiled if name.startswith("client_certificate_auth/")}
    own = {path.relative_to(LAYER).as_posix() for path in (LAYER / "client_certificate_auth").rglob("*.py")}
    own = {name for name in own if not name.startswith("client_certificate_auth/testing/")}
    assert module == {"client_certificate_auth/LICENSE", "client_certificate_auth/py.typed", *own}

    metadata = {re.sub(r"-[0-9.]+\.dist-info/", ": ", name) for name in files if ".dist-info/" in name}
    assert {name for name in metadata if "/" not in name} == {"cffi: METADATA", "cryptography: METADATA"}
    assert metadata >= {"cffi: licenses/LICENSE", "cryptography: licenses/LICENSE"}

    rest = {name for name in files - compiled - module if ".dist-info/" not in name}
    extensions = {name for name in rest if not name.startswith("cryptography/")}
    platform_tag = {"arm64": "aarch64-linux-gnu", "x86_64": "x86_64-linux-gnu"}[architecture]
    assert extensions == {
        f"_cffi_backend.cpython-{version.replace('.', '')}-{platform_tag}.so" for version in PYTHON_VERSIONS
    }
    assert {Path(name).suffix for name in rest - extensions} == {".py", ".so", ".typed"}


def test_both_layers_contain_the_same_files(unpacked_layers: Path) -> None:
    arm64, x86_64 = (
        {
            str(path.relative_to(unpacked_layers / architecture)).replace(machine, "MACHINE"): path.read_bytes()
            for path in (unpacked_layers / architecture).rglob("*")
            if path.is_file()
        }
        for architecture, machine in ((Architecture.ARM64, "aarch64"), (Architecture.X86_64, "x86_64"))
    )
    assert arm64.keys() == x86_64.keys()
    different = {Path(name).suffix for name in arm64 if arm64[name] != x86_64[name]}
    assert different == {".so"}


# e_machine in the ELF header (System V ABI, "Object Files").
ELF_MACHINES = {Architecture.ARM64: 183, Architecture.X86_64: 62}


@each_architecture
def test_every_extension_module_is_for_its_architecture_and_has_its_name(
    unpacked_layers: Path, architecture: Architecture
) -> None:
    elf_files = [
        path
        for path in (unpacked_layers / architecture).rglob("*")
        if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"
    ]
    assert len(elf_files) == len(PYTHON_VERSIONS) + 1
    for path in elf_files:
        assert int.from_bytes(path.read_bytes()[18:20], "little") == ELF_MACHINES[architecture], path
    machine = {"arm64": "aarch64", "x86_64": "x86_64"}[architecture]
    assert {path.name for path in elf_files} == {
        "_rust.abi3.so",
        *(f"_cffi_backend.cpython-{version.replace('.', '')}-{machine}-linux-gnu.so" for version in PYTHON_VERSIONS),
    }


@each_architecture
def test_no_extension_module_needs_a_newer_glibc_than_amazon_linux_2_has(
    unpacked_layers: Path, architecture: Architecture
) -> None:
    for extension in (unpacked_layers / architecture / "python").rglob("*.so"):
        versions = re.findall(rb"GLIBC_2\.([0-9]+)", extension.read_bytes())
        assert max(map(int, versions)) <= 26, extension


# Calls


@on_lambdas_platforms
@each_interpreter
def test_everything_works_with_nothing_else_on_the_path(
    opt_python: Path, task_root: Path, certificate_pem: str, version: str
) -> None:
    before = listing(opt_python)
    answer = call(INTERPRETERS[version], certificate_pem, task_root, opt_python)
    assert_everything_works(answer, certificate_pem)
    assert_only_compiled_files_were_read(answer)
    assert answer["module"] == str(opt_python / "client_certificate_auth/__init__.py")
    pinned = pinned_version(LAYER / "requirements.txt")
    assert answer["cryptography"] == {"version": pinned, "installed": pinned, "folder": str(opt_python)}
    assert listing(opt_python) == before


@on_lambdas_platforms
def test_everything_works_under_awslambdaric_without_writing_or_compiling_files(
    opt_python: Path, task_root: Path, certificate_pem: str
) -> None:
    before = listing(opt_python)
    answer = call_under_awslambdaric(certificate_pem, task_root, opt_python)
    assert_everything_works(answer, certificate_pem)
    assert_only_compiled_files_were_read(answer)
    assert answer["module"] == str(opt_python / "client_certificate_auth/__init__.py")
    assert answer["cryptography"]["folder"] == str(opt_python)
    assert listing(opt_python) == before


@on_lambdas_platforms
@each_interpreter
def test_without_compiled_files_everything_works_and_python_compiles_and_writes_them(
    unpacked_layers: Path, task_root: Path, certificate_pem: str, tmp_path: Path, version: str
) -> None:
    sources = tmp_path / "python"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(
        unpacked_layers / str(ARCHITECTURE) / "python", sources, ignore=ignore, copy_function=shutil.copyfile
    )
    for folder in [sources, *(path for path in sources.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    answer = call(INTERPRETERS[version], certificate_pem, task_root, sources)
    assert_everything_works(answer, certificate_pem)
    assert "client_certificate_auth/__init__.py" in answer["compiled"]
    assert "client_certificate_auth/__pycache__" in answer["written"]


@on_lambdas_platforms
@each_interpreter
def test_without_cryptography_everything_works_except_x509(
    opt_python: Path, task_root: Path, certificate_pem: str, tmp_path: Path, version: str
) -> None:
    """As in a function that contains only the package."""
    alone = tmp_path / "python"
    alone.mkdir()
    (alone / "client_certificate_auth").symlink_to(opt_python / "client_certificate_auth")

    def answer(handler: str) -> Any:  # noqa: ANN401 -- any JSON
        return call(INTERPRETERS[version], certificate_pem, task_root, alone, handler=f"attached_function.{handler}")

    assert_attributes_and_helpers_work(answer("handler_without_cryptography"), certificate_pem)
    assert answer("x509_without_cryptography") == "cryptography"


# A function's own cryptography

PINS = HERE / "cryptography_pins"
REQUIREMENTS = [*sorted(PINS.glob("*.txt")), LAYER / "requirements.txt"]


@pytest.fixture(params=REQUIREMENTS, ids=pinned_version)
def own_cryptography(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> tuple[str, Path]:
    """Return a version of cryptography and the folder that it was installed to."""
    version = pinned_version(request.param)

    def install(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        command += ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "--requirement", request.param, "--target", folder], check=True)

    return version, shared_folder(tmp_path_factory, worker_id, f"cryptography {version}", install)


def test_the_tested_versions_of_cryptography_are_the_documented_ones() -> None:
    documented = re.findall(r"cryptography (\d+\.\d+\.\d+)", client_certificate_auth.__doc__ or "")
    older = [pinned_version(pins) for pins in REQUIREMENTS[:-1]]
    assert documented == older[:1]
    page = (ROOT / "docs/layer/zip.md").read_text()
    assert f"{older[0]} and later; {', '.join(older)} and the layer's own version are tested" in page


@on_lambdas_platforms
@each_interpreter
def test_a_functions_own_cryptography_comes_first_and_the_layer_works_with_it(
    opt_python: Path, task_root: Path, certificate_pem: str, own_cryptography: tuple[str, Path], version: str
) -> None:
    own_version, installed = own_cryptography
    shutil.copytree(installed, task_root, dirs_exist_ok=True)
    answer = call(INTERPRETERS[version], certificate_pem, task_root, opt_python)
    assert answer["cryptography"] == {"version": own_version, "installed": own_version, "folder": str(task_root)}
    assert answer["module"] == str(opt_python / "client_certificate_auth/__init__.py")
    assert_everything_works(answer, certificate_pem)


@on_lambdas_platforms
def test_a_functions_own_cryptography_comes_first_under_awslambdaric(
    opt_python: Path, task_root: Path, certificate_pem: str, own_cryptography: tuple[str, Path]
) -> None:
    own_version, installed = own_cryptography
    shutil.copytree(installed, task_root, dirs_exist_ok=True)
    answer = call_under_awslambdaric(certificate_pem, task_root, opt_python)
    assert answer["cryptography"]["version"] == own_version
    assert_everything_works(answer, certificate_pem)
