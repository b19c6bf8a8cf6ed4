from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

from distribution.project import VERSION
from tests.aws.lambda_runtime import PROJECT, lambda_function

if TYPE_CHECKING:
    from pathlib import Path

LAYER_FOR_THIS_MACHINE = {"aarch64": "arm64", "x86_64": "x86_64"}.get(platform.machine())


def canary(*folders: Path) -> dict[str, Any]:
    """Run the canary with these folders on `sys.path`, after its own."""
    path = os.pathsep.join(map(str, [PROJECT / "examples", *folders]))
    with lambda_function("canary.handler", {"PYTHONDONTWRITEBYTECODE": "1"}, path=path) as function:
        outcome = function.invoke_any({})
    assert outcome.kind == "response", function.log
    report: dict[str, Any] = outcome.payload
    return report


@pytest.fixture
def layer_from_sources(tmp_path: Path) -> Path:
    """Return a folder with the layer's module, and without a compiled file."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "layer/client_certificate_auth", tmp_path / "client_certificate_auth", ignore=ignored)
    return tmp_path


def test_the_report_contains_versions_and_times(layer_from_sources: Path) -> None:
    report = canary(layer_from_sources)
    assert (report["ok"], report["failed"]) == (True, {})
    assert report["python"] == platform.python_version()
    assert report["architecture"] == {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    assert report["versions"].pop("openssl").startswith("OpenSSL ")
    assert report["versions"] == {
        "client_certificate_auth": VERSION,
        "cryptography": version("cryptography"),
        "cffi": version("cffi"),
    }
    assert report["files"]["client_certificate_auth"] == str(layer_from_sources / "client_certificate_auth/__init__.py")
    assert list(report["import_milliseconds"]) == [
        "_cffi_backend",
        "cryptography.x509",
        "client_certificate_auth",
        "everything else",
    ]
    assert all(0 < milliseconds < 30_000 for milliseconds in report["import_milliseconds"].values())


def test_it_names_the_modules_that_had_no_compiled_file(layer_from_sources: Path) -> None:
    sources = (layer_from_sources / "client_certificate_auth").rglob("*.py")
    files = (path.relative_to(layer_from_sources).with_suffix("") for path in sources)
    modules = {".".join(part for part in path.parts if part != "__init__") for path in files}
    compiled = {name for name in canary(layer_from_sources)["compiled_at_run_time"] if "cryptography" not in name}
    # Only its attribute x509 needs cryptography.
    assert compiled == modules - {"client_certificate_auth.cryptography_certificate"}


def test_it_says_what_cannot_be_imported(layer_from_sources: Path) -> None:
    (layer_from_sources / "client_certificate_auth/broken.py").write_text("import nowhere\n")
    report = canary(layer_from_sources)
    assert report["ok"] is False
    assert report["failed"] == {"client_certificate_auth.broken": "ModuleNotFoundError: No module named 'nowhere'"}


def test_without_the_layer_it_says_so(tmp_path: Path) -> None:
    report = canary(tmp_path)
    assert report["ok"] is False
    assert report["failed"]["client_certificate_auth"].startswith("ModuleNotFoundError: ")
    assert report["files"]["client_certificate_auth"] is None


@pytest.mark.skipif(not LAYER_FOR_THIS_MACHINE or sys.platform != "linux", reason="layers are for Lambda's platforms")
def test_the_built_layer_has_a_compiled_file_for_all_that_certificates_need(unpacked_layers: Path) -> None:
    layer = unpacked_layers / str(LAYER_FOR_THIS_MACHINE) / "python"
    report = canary(layer)
    assert [file.startswith(f"{layer}/") for file in report["files"].values()] == [True] * 3
    assert (report["ok"], report["failed"]) == (True, {})
    assert report["compiled_at_run_time"] == [
        "cryptography.fernet",
        *("cryptography.hazmat.asn1", "cryptography.hazmat.asn1.asn1"),
        "cryptography.hazmat.primitives.serialization.pkcs7",
        *(f"cryptography.hazmat.primitives.twofactor{name}" for name in ("", ".hotp", ".totp")),
    ]
