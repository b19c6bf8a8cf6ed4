"""A Lambda function that checks the layer it has: it imports every module, and answers with what it found.

Attach a layer's ARN to it and invoke it with any event. `ok` is whether everything could be imported.
"""

from __future__ import annotations

import importlib
import platform
import sys
from importlib.metadata import version
from pkgutil import walk_packages
from time import perf_counter

# In the order in which each needs what is before it, so that the times are each one's own.
_TIMED = ("_cffi_backend", "cryptography.x509", "client_certificate_auth")
_PACKAGES = ("cryptography", "client_certificate_auth")
_LAMBDA_ARCHITECTURES = {"aarch64": "arm64"}

_imported: dict[str, str | None] = {}  # where each module's file is
_failed: dict[str, str] = {}
_compiled_files: set[str] = set()


def handler(_event: object, _context: object) -> dict[str, object]:
    """Answer with the versions, the time of each import in milliseconds, and what is wrong."""
    return _REPORT


def _note_compilation(event: str, arguments: tuple[object, ...]) -> None:
    # Python tells of every source that it compiles; it does so where it has no compiled file, or an outdated one.
    if event == "compile":
        _compiled_files.add(str(arguments[1]))


def _import(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is what the answer is about
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


# While the function starts, as imports of a function are.
_REPORT = _check_layer()
