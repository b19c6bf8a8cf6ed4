"""A Lambda function that checks its layer: it imports every module, and returns a report.

Attach the layer to it and invoke it with any event. `ok` is whether everything could be imported.
"""

from __future__ import annotations

import importlib
import platform
import sys
from importlib.metadata import version
from pkgutil import walk_packages
from time import perf_counter

# Dependencies first, so that each time is that of the module alone.
_TIMED = ("_cffi_backend", "cryptography.x509", "client_certificate_auth")
_PACKAGES = ("cryptography", "client_certificate_auth")
_LAMBDA_ARCHITECTURES = {"aarch64": "arm64"}

_imported: dict[str, str | None] = {}  # where each module's file is
_failed: dict[str, str] = {}
_compiled_files: set[str] = set()


def handler(_event: object, _context: object) -> dict[str, object]:
    """Return the versions, the time of each import in milliseconds, and the imports that failed."""
    return _REPORT


def _note_compilation(event: str, arguments: tuple[object, ...]) -> None:
    # An audit event: Python compiles a source file because there is no compiled one, or it is outdated.
    if event == "compile":
        _compiled_files.add(str(arguments[1]))


def _import(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 -- reported, whatever it is
        _failed[name] = f"{type(error).__name__}: {error}"
    else:
        _imported[name] = module.__file__


def _timed(*names: str) -> float:
    """Import modules and return the time, in milliseconds."""
    start = perf_counter()
    for name in names:
        _import(name)
    return round((perf_counter() - start) * 1000, 2)


def _submodules() -> list[str]:
    """Return the names of all modules in the layer's packages, as far as these can be imported."""
    packages = [sys.modules[name] for name in _PACKAGES if name in sys.modules]
    return [
        module.name
        for package in packages
        for module in walk_packages(package.__path__, f"{package.__name__}.", onerror=_import)
    ]


def _versions() -> dict[str, str]:
    from cryptography.hazmat.backends.openssl import backend  # noqa: PLC0415 -- without the layer, there is none

    import client_certificate_auth  # noqa: PLC0415

    return {
        "client_certificate_auth": client_certificate_auth.__version__,
        "cryptography": version("cryptography"),
        "cffi": version("cffi"),
        "openssl": backend.openssl_version_text(),
    }


def _check_layer() -> dict[str, object]:
    sys.addaudithook(_note_compilation)
    milliseconds = {name: _timed(name) for name in _TIMED}
    milliseconds["everything else"] = _timed(*_submodules())
    machine = platform.machine()
    return {
        "ok": not _failed,
        "failed": _failed,
        "python": platform.python_version(),
        "architecture": _LAMBDA_ARCHITECTURES.get(machine, machine),
        "versions": {} if _failed else _versions(),
        "files": {name: _imported.get(name) for name in _TIMED},
        "modules": len(_imported),
        "compiled_at_run_time": sorted(name for name, file in _imported.items() if file in _compiled_files),
        "import_milliseconds": milliseconds,
    }


# At start-up, like the imports of any function.
_REPORT = _check_layer()
