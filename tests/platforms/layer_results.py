"""A script that prints all that a layer and the authorizer return for certificates, as JSON.

It runs in any interpreter with only the standard library and the folders in its arguments on the path. The input is a
list of certificates in PEM.
"""

from __future__ import annotations

import json
import platform
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path += sys.argv[1:]

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import client_certificate_auth
from client_certificate_auth import MalformedCertificateError, PeerCertificate
from mtls_authorizer.handler import handler

STAGE_ARN = "arn:aws:execute-api:eu-central-1:123456789012:a1b2c3d4e5/prod"


def main() -> None:
    pems = json.load(sys.stdin)
    with redirect_stdout(sys.stderr):  # the decision log
        results = [describe(pem) for pem in pems]
    version = "{}.{}".format(*sys.version_info)
    print(json.dumps({"version": version, "machine": platform.machine(), "results": results}))


def describe(pem: str) -> dict[str, Any]:
    answer = attempt(lambda: handler(rest_event(pem), None))
    try:
        certificate = PeerCertificate.from_pem(pem)
    except MalformedCertificateError as error:
        return {"malformed": str(error), "answer": answer}
    return {
        "answer": answer,
        "attributes": read_attributes(certificate),
        "helpers": run_helpers(certificate),
        "cryptography": attempt(lambda: encode_with_cryptography(certificate)),
    }


def attempt(call: Callable[[], object]) -> object:
    """Return a result, or the exception as text: it must be the same everywhere, too."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001 -- see above
        return f"{type(error).__name__}: {error}"


def read_attributes(certificate: PeerCertificate) -> dict[str, str]:
    """Return the `repr` of all public attributes."""
    omitted = {"fields", "from_der", "from_pem", "x509"}
    names = [name for name in dir(certificate) if not name.startswith("_") and name not in omitted]
    values = {name: getattr(certificate, name) for name in names}
    return {name: repr(value() if callable(value) else value) for name, value in values.items()}


def run_helpers(certificate: PeerCertificate) -> dict[str, list[Any]]:
    """Return the results of each helper for the certificate's own values and for others."""
    subject, issuer, names = certificate.subject, certificate.issuer, certificate.subject_alt_names
    email = [name.value for name in names if name.type == "email"]
    lists: dict[str, tuple[list[Any], list[Any]]] = {
        "allow_cn": (subject.get_all("CN"), ["other"]),
        "allow_email": (subject.get_all("emailAddress") + email, ["other"]),
        "allow_fingerprints": ([certificate.fingerprint256, certificate.fingerprint512], ["00" * 32]),
        "allow_issuer": ([{"CN": value} for value in issuer.get_all("CN")], [{"CN": "other"}]),
        "allow_organization": (subject.get_all("O"), ["other"]),
        "allow_ou": (subject.get_all("OU"), ["other"]),
        "allow_san": ([str(name) for name in names], ["DNS:other", "IP:192.0.2.255"]),
        "allow_serial": ([certificate.serial_number], ["FF"]),
        "allow_subject": ([{"CN": value} for value in subject.get_all("CN")], [{"CN": "other"}]),
    }

    def run(name: str, values: list[Any]) -> object:
        return attempt(lambda: getattr(client_certificate_auth, name)(values)(certificate))

    return {name: [run(name, values) for values in pair] for name, pair in lists.items()}


def encode_with_cryptography(certificate: PeerCertificate) -> list[str]:
    """Return the certificate and its public key."""
    key = certificate.x509.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return [certificate.x509.public_bytes(Encoding.DER).hex(), key.hex()]


def rest_event(pem: str) -> dict[str, Any]:
    return {
        "type": "REQUEST",
        "methodArn": f"{STAGE_ARN}/GET/hello",
        "resource": "/hello",
        "path": "/hello",
        "httpMethod": "GET",
        "headers": {},
        "requestContext": {"requestId": "1", "stage": "prod", "identity": {"clientCert": {"clientCertPem": pem}}},
    }


main()
