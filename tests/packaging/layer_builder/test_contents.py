from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from distribution.layer_builder.contents import assemble_function, assemble_layer
from distribution.project import ROOT
from distribution.python_versions import PYTHON_VERSIONS
from tests.packaging.layer_builder.fake_executables import (
    find_interpreters_only_in,
    link_this_interpreter,
    write_interpreter,
)
from tests.packaging.layer_builder.small_wheels import write_wheel

if TYPE_CHECKING:
    import pytest

LAYER = ROOT / "layer"
THIS_VERSION = "{}.{}".format(*sys.version_info)
TAG = sys.implementation.cache_tag

INCLUDED = {
    "one/__init__.py",
    "one/_native.abi3.so",
    "one/cffi/inner.py",
    "one/stub.pyi.txt",
    "_cffi_backend.so",
    "one-1.0.dist-info/METADATA",
    "one-1.0.dist-info/licenses/LICENSE",
    "one-1.0.dist-info/licenses/RECORD",
    "one-1.0.dist-info/sboms.txt",
    "one/RECORD",
}
OMITTED = {
    "cffi/__init__.py",
    "cffi/_embedding.h",
    "one/stub.pyi",
    "one-1.0.dist-info/RECORD",
    "one-1.0.dist-info/WHEEL",
    "one-1.0.dist-info/entry_points.txt",
    "one-1.0.dist-info/top_level.txt",
    "one-1.0.dist-info/sboms/one.cdx.json",
    "one-1.0.dist-info/sboms/deeper/one.json",
}


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_layer_contains_its_own_package_and_the_necessary_parts_of_all_wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_interpreters_only_in(tmp_path / "machine", monkeypatch)
    write_interpreter(tmp_path / "machine/python3.13", "CPython 3.13.7")
    files = dict.fromkeys((INCLUDED | OMITTED) - {"one-1.0.dist-info/METADATA", "one-1.0.dist-info/WHEEL"}, "")
    wheels = [
        write_wheel(tmp_path / "one-1.0-py3-none-any.whl", files),
        write_wheel(tmp_path / "two-2.0-py3-none-any.whl", {"two.py": "NAME = 'two'"}),
    ]
    steps: list[str] = []
    compiled = assemble_layer(LAYER, wheels, tmp_path / "layer", steps.append)
    sources = {path.relative_to(LAYER).as_posix() for path in (LAYER / "client_certificate_auth").rglob("*.py")}
    for_tests = {name for name in sources if name.startswith("client_certificate_auth/testing/")}
    assert for_tests
    package = {"client_certificate_auth/LICENSE", "client_certificate_auth/py.typed", *sources} - for_tests
    assert {path.name for path in (tmp_path / "layer").iterdir()} == {"python"}
    assert files_in(tmp_path / "layer/python") == INCLUDED | package | {"two.py", "two-2.0.dist-info/METADATA"}
    assert (tmp_path / "layer/python/two.py").read_text() == "NAME = 'two'"
    assert compiled == dict.fromkeys(PYTHON_VERSIONS) | {"3.13": "3.13.7"}
    assert steps == ["compiling with Python 3.13.7"]


def test_modules_unrelated_to_certificates_are_not_compiled_for_a_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link_this_interpreter(tmp_path / "machine", monkeypatch)
    primitives = "cryptography/hazmat/primitives"
    sources_only = {
        *("cryptography/fernet.py", "cryptography/hazmat/asn1/__init__.py", "cryptography/hazmat/asn1/asn1.py"),
        *(f"{primitives}/serialization/pkcs7.py", f"{primitives}/twofactor/hotp.py"),
    }
    compiled = {
        *("fernet.py", "cryptography/x509/fernet.py", "cryptography/hazmat/asn1.py", f"{primitives}/twofactor.py"),
        *(f"{primitives}/serialization/pkcs12.py", "cryptography/fernet_py.py"),
    }
    wheel = write_wheel(tmp_path / "one-1.0-py3-none-any.whl", dict.fromkeys(sources_only | compiled, ""))
    assemble_layer(LAYER, [wheel], tmp_path / "layer", print)
    files = {name for name in files_in(tmp_path / "layer/python") if not name.startswith("client_certificate_auth/")}
    assert {name for name in files if name.endswith(".py")} == sources_only | compiled
    assert {name for name in files if name.endswith(".pyc")} == {
        str(Path(name).parent / "__pycache__" / f"{Path(name).stem}.{TAG}.pyc") for name in compiled
    }


def test_a_function_contains_the_modules_of_its_package_and_subpackages_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_interpreters_only_in(tmp_path / "machine", monkeypatch)
    modules = {"package/__init__.py", "package/module.py", "package/inner/__init__.py", "package/inner/deep/module.py"}
    others = {"package/__pycache__/module.cpython-311.pyc", "package/notes.md", "package/inner/key.pem", "other.py"}
    for name in modules | others:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "package/folder.py").mkdir()
    (tmp_path / "LICENSE").write_text("package/LICENSE")
    assemble_function(tmp_path / "package", tmp_path / "built", "3.13", print)
    modules.add("package/LICENSE")
    assert files_in(tmp_path / "built") == modules
    assert {(tmp_path / "built" / name).read_text() for name in modules} == modules


def test_tracebacks_show_the_folders_of_layers_and_functions_on_lambda(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link_this_interpreter(tmp_path / "machine", monkeypatch)
    wheel = write_wheel(tmp_path / "one-1.0-py3-none-any.whl", {"one.py": ""})
    assemble_layer(LAYER, [wheel], tmp_path / "layer", print)
    (tmp_path / "package").mkdir()
    (tmp_path / "package/two.py").touch()
    assemble_function(tmp_path / "package", tmp_path / "function", THIS_VERSION, print)
    one = tmp_path / f"layer/python/__pycache__/one.{TAG}.pyc"
    two = tmp_path / f"function/package/__pycache__/two.{TAG}.pyc"
    assert b"/opt/python/one.py" in one.read_bytes()
    assert b"/var/task/package/two.py" in two.read_bytes()
