from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from layer_builder.contents import assemble_function, assemble_layer
from layer_builder.interpreters import PYTHON_VERSIONS
from tests.layer.made_up_wheels import write_wheel
from tests.layer.stand_ins import without_interpreters, write_interpreter

if TYPE_CHECKING:
    import pytest

PACKAGE = Path(__file__).parents[2] / "layer/client_certificate_auth"
THIS_VERSION = "{}.{}".format(*sys.version_info)

KEPT = {
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
LEFT_OUT = {
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


def keep_this_interpreter_only(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    without_interpreters(monkeypatch, folder)
    folder.mkdir()
    (folder / f"python{THIS_VERSION}").symlink_to(Path(sys.executable).resolve())


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_layer_is_its_module_and_of_all_wheels_what_is_needed_at_run_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_interpreters(monkeypatch, tmp_path / "machine")
    write_interpreter(tmp_path / "machine/python3.13", "CPython 3.13.7")
    files = dict.fromkeys((KEPT | LEFT_OUT) - {"one-1.0.dist-info/METADATA", "one-1.0.dist-info/WHEEL"}, "")
    wheels = [
        write_wheel(tmp_path / "one-1.0-py3-none-any.whl", files),
        write_wheel(tmp_path / "two-2.0-py3-none-any.whl", {"two.py": "NAME = 'two'"}),
    ]
    steps: list[str] = []
    compiled = assemble_layer(wheels, tmp_path / "layer", steps.append)
    module = {f"client_certificate_auth/{path.name}" for path in PACKAGE.iterdir() if path.is_file()}
    assert {path.name for path in (tmp_path / "layer").iterdir()} == {"python"}
    assert files_in(tmp_path / "layer/python") == KEPT | module | {"two.py", "two-2.0.dist-info/METADATA"}
    assert (tmp_path / "layer/python/two.py").read_text() == "NAME = 'two'"
    assert compiled == dict.fromkeys(PYTHON_VERSIONS) | {"3.13": "3.13.7"}
    assert steps == ["compiling with Python 3.13.7"]


def test_what_has_nothing_to_do_with_certificates_is_not_compiled_for_a_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_this_interpreter_only(monkeypatch, tmp_path / "machine")
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
    assemble_layer([wheel], tmp_path / "layer", print)
    tag = sys.implementation.cache_tag
    files = {name for name in files_in(tmp_path / "layer/python") if not name.startswith("client_certificate_auth/")}
    assert {name for name in files if name.endswith(".py")} == sources_only | compiled
    assert {name for name in files if name.endswith(".pyc")} == {
        str(Path(name).parent / "__pycache__" / f"{Path(name).stem}.{tag}.pyc") for name in compiled
    }


def test_tracebacks_show_where_lambda_unpacks_layers_and_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_this_interpreter_only(monkeypatch, tmp_path / "machine")
    wheel = write_wheel(tmp_path / "one-1.0-py3-none-any.whl", {"one.py": ""})
    assemble_layer([wheel], tmp_path / "layer", print)
    (tmp_path / "package").mkdir()
    (tmp_path / "package/two.py").touch()
    assemble_function(tmp_path / "package", tmp_path / "function", THIS_VERSION, print)
    tag = sys.implementation.cache_tag
    one = tmp_path / f"layer/python/__pycache__/one.{tag}.pyc"
    two = tmp_path / f"function/package/__pycache__/two.{tag}.pyc"
    assert b"/opt/python/one.py" in one.read_bytes()
    assert b"/var/task/package/two.py" in two.read_bytes()
