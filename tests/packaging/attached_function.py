"""A function with the layer attached. It returns every attribute and the result of every helper."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import client_certificate_auth
from client_certificate_auth import extract_client_certificate_from_lambda_event

if TYPE_CHECKING:
    from client_certificate_auth import PeerCertificate

# For each helper a list that matches the certificate of the tests, and one that does not.
_LISTS: dict[str, tuple[list[Any], list[Any]]] = {
    "allow_cn": (["authorized-client"], ["other"]),
    "allow_ou": (["payments"], ["other"]),
    "allow_organization": (["Acme"], ["other"]),
    "allow_issuer": ([{"CN": "Acme CA"}], [{"CN": "other"}]),
    "allow_subject": ([{"O": "Acme", "OU": "payments"}], [{"O": "Acme", "OU": "other"}]),
    "allow_serial": (["01:02:03"], ["04"]),
    "allow_san": (["URI:spiffe://acme.example/client"], ["DNS:other.example"]),
    "allow_email": (["client@acme.example"], ["other@acme.example"]),
}


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    import cryptography  # noqa: PLC0415 -- the other handler does not have it

    certificate = extract(event)
    return {
        **handler_without_cryptography(event, context),
        "x509_serial_number": certificate.x509.serial_number,
        "module": client_certificate_auth.__file__,
        "cryptography": {
            "version": cryptography.__version__,
            "installed": version("cryptography"),
            "folder": str(Path(cryptography.__file__).parents[1]),
        },
    }


def handler_without_cryptography(event: dict[str, Any], _context: object) -> dict[str, Any]:
    certificate = extract(event)
    return {"attributes": read_attributes(certificate), "helpers": run_helpers(certificate)}


def x509_without_cryptography(event: dict[str, Any], _context: object) -> str | None:
    """Return the name of the missing module."""
    try:
        _ = extract(event).x509
    except ModuleNotFoundError as error:
        return error.name
    raise AssertionError


def extract(event: dict[str, Any]) -> PeerCertificate:
    result = extract_client_certificate_from_lambda_event(event)
    assert result.success, result.reason
    return result.certificate


def read_attributes(certificate: PeerCertificate) -> dict[str, str]:
    """Return the `repr` of all public attributes."""
    omitted = {"fields", "from_der", "from_pem", "x509"}
    names = [name for name in dir(certificate) if not name.startswith("_") and name not in omitted]
    values = {name: getattr(certificate, name) for name in names}
    return {name: repr(value() if callable(value) else value) for name, value in values.items()}


def run_helpers(certificate: PeerCertificate) -> dict[str, list[bool]]:
    """Return the results of each helper for a matching and another list."""
    lists = {**_LISTS, "allow_fingerprints": ([certificate.fingerprint256], ["00" * 32])}
    checks = {name: [getattr(client_certificate_auth, name)(values) for values in lists[name]] for name in lists}
    yes, no = checks["allow_cn"]
    checks["all_of"] = [client_certificate_auth.all_of(yes, yes), client_certificate_auth.all_of(yes, no)]
    checks["any_of"] = [client_certificate_auth.any_of(no, yes), client_certificate_auth.any_of(no, no)]
    return {name: [check(certificate) for check in pair] for name, pair in checks.items()}
