from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from local_gateway.pki import Client, Pki, make_pki
from local_gateway.scenarios import (
    CLIENTS,
    CONTROL_CHARACTER,
    EXPIRED,
    LISTED_CN,
    REVOKED,
    TO_BE_REVOKED,
    TWO_CNS,
    TWO_OUS,
    UNTRUSTED,
)

if TYPE_CHECKING:
    from pathlib import Path


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def values(client: Client, pki: Pki, oid: x509.ObjectIdentifier) -> list[str | bytes]:
    return [attribute.value for attribute in certificate(pki.client(client)).subject.get_attributes_for_oid(oid)]


def test_subjects_are_what_was_asked_for(pki: Pki) -> None:
    assert values(LISTED_CN, pki, NameOID.COMMON_NAME) == ["authorized-client"]
    assert values(TWO_CNS, pki, NameOID.COMMON_NAME) == ["authorized-client", "nobody"]
    assert values(TWO_OUS, pki, NameOID.ORGANIZATIONAL_UNIT_NAME) == ["Operations", "Payments"]
    assert values(CONTROL_CHARACTER, pki, NameOID.COMMON_NAME) == ["invoice\nrun"]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_the_truststore_knows_all_issuers_but_the_untrusted_one(pki: Pki, client: Client) -> None:
    issuer = certificate(pki.truststore)

    assert (certificate(pki.client(client)).issuer == issuer.subject) is client.trusted


def test_the_untrusted_certificate_differs_in_nothing_but_its_issuer(pki: Pki) -> None:
    trusted, untrusted = certificate(pki.client(LISTED_CN)), certificate(pki.client(UNTRUSTED))

    assert trusted.subject == untrusted.subject
    assert trusted.issuer != untrusted.issuer


@pytest.mark.parametrize(
    ("client", "verdict"), [(LISTED_CN, "OK"), (EXPIRED, "certificate has expired"), (UNTRUSTED, "unable to get")]
)
def test_openssl_agrees(pki: Pki, client: Client, verdict: str) -> None:
    command = ["openssl", "verify", "-purpose", "sslclient", "-x509_strict"]
    files = ["-CAfile", str(pki.truststore), str(pki.client(client))]
    try:
        result = subprocess.run([*command, *files], capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        pytest.skip("there is no openssl here")

    assert verdict in result.stdout + result.stderr


def test_openssl_takes_the_revocation_list_and_finds_who_is_in_it(pki: Pki) -> None:
    command = ["openssl", "verify", "-crl_check", "-x509_strict", "-CAfile", str(pki.truststore)]
    command += ["-CRLfile", str(pki.revocation_list)]
    verdicts = {LISTED_CN: ": OK", REVOKED: "certificate revoked", TO_BE_REVOKED: ": OK"}
    for client, verdict in verdicts.items():
        try:
            result = subprocess.run(
                [*command, str(pki.client(client))], capture_output=True, text=True, check=False, timeout=60
            )
        except FileNotFoundError:
            pytest.skip("there is no openssl here")
        assert verdict in result.stdout + result.stderr


def test_a_certificate_can_be_had_without_its_key(pki: Pki) -> None:
    assert pki.certificate(LISTED_CN).startswith("-----BEGIN CERTIFICATE-----\n")
    assert "PRIVATE KEY" not in pki.certificate(LISTED_CN)
    assert certificate(pki.client(LISTED_CN)) == x509.load_pem_x509_certificate(pki.certificate(LISTED_CN).encode())


def test_every_start_makes_new_ones(tmp_path: Path) -> None:
    folder = tmp_path / "build" / "local-gateway"
    contents = []
    for _ in range(2):
        make_pki(folder, [LISTED_CN])
        contents.append({path.name: path.read_bytes() for path in folder.iterdir()})

    names = {"server.pem", "server-ca.pem", "truststore.pem", "untrusted-ca.pem", "listed-cn.pem"}
    names |= {"client-ca-key.pem", "client-ca.crl"}
    assert contents[0].keys() == contents[1].keys() == names
    assert all(contents[0][name] != contents[1][name] for name in names)


def test_private_keys_are_for_nobody_else(tmp_path: Path) -> None:
    make_pki(tmp_path / "pki", [LISTED_CN])

    assert (tmp_path / "pki").stat().st_mode & 0o077 == 0
