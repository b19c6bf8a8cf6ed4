from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from local_gateway.pki.certificates import PARTS, Ca, Client, Pki, make_pki
from local_gateway.pki.partner import fetch_crl, publish
from local_gateway.scenarios import (
    CLIENTS,
    CONTROL_CHARACTER,
    EXPIRED,
    LISTED_CN,
    PARTNER,
    REVOKED,
    REVOKED_IN_PART,
    REVOKED_PARTNER,
    TO_BE_REVOKED,
    TWO_CNS,
    TWO_OUS,
    UNTRUSTED,
)
from mtls_authorizer.revocation.fetch.fetching import Outcome
from mtls_authorizer.revocation.truststore.bundle import read_truststore

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
    cas = x509.load_pem_x509_certificates(pki.truststore.read_bytes())

    is_trusted = client.ca in {Ca.CLIENT, Ca.NAMESAKE, Ca.PARTNER, Ca.PARTITIONED}
    assert (certificate(pki.client(client)).issuer in {ca.subject for ca in cas}) is is_trusted


def test_the_stored_truststore_has_a_block_that_cannot_be_read_and_is_skipped(pki: Pki) -> None:
    content = pki.stored_truststore.read_bytes()
    assert content.count(b"-----BEGIN CERTIFICATE-----") == 5
    truststore = read_truststore(content)
    assert [block.position for block in truststore.skipped] == [5]
    assert len(truststore.authorities) == 4


def test_each_part_of_the_partitioned_ca_has_a_crl_and_a_revoked_client_is_in_that_of_its_part(pki: Pki) -> None:
    crls = {path.name: x509.load_pem_x509_crl(path.read_bytes()) for path in pki.partitions.iterdir()}
    assert crls.keys() == {f"{part}.crl" for part in range(PARTS)}
    listed = {name: [entry.serial_number for entry in crl] for name, crl in crls.items() if len(crl)}
    assert listed == {f"{REVOKED_IN_PART.part}.crl": [pki.serial_number(REVOKED_IN_PART)]}


def test_the_crl_of_the_partner_is_fetched_from_its_server(tmp_path: Path) -> None:
    pki = make_pki(tmp_path, [PARTNER, REVOKED_PARTNER])
    with publish(pki.published_crl) as url:
        assert not pki.fetched_crl.exists()
        assert fetch_crl(url, pki).outcome is Outcome.STORED
        assert pki.fetched_crl.read_bytes() == pki.published_crl.read_bytes()
        assert fetch_crl(url, pki).outcome is Outcome.UNCHANGED
    [revoked] = x509.load_pem_x509_crl(pki.fetched_crl.read_bytes())
    assert revoked.serial_number == pki.serial_number(REVOKED_PARTNER)


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


def test_openssl_accepts_the_revocation_list_and_finds_its_entries(pki: Pki) -> None:
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


def test_a_certificate_is_available_without_its_key(pki: Pki) -> None:
    assert pki.certificate(LISTED_CN).startswith("-----BEGIN CERTIFICATE-----\n")
    assert "PRIVATE KEY" not in pki.certificate(LISTED_CN)
    assert certificate(pki.client(LISTED_CN)) == x509.load_pem_x509_certificate(pki.certificate(LISTED_CN).encode())


def test_every_start_makes_new_ones(tmp_path: Path) -> None:
    folder = tmp_path / "build" / "local-gateway"
    contents = []
    for _ in range(2):
        make_pki(folder, [LISTED_CN])
        contents.append({path.name: path.read_bytes() for path in folder.rglob("*.*")})

    names = {"server.pem", "server-ca.pem", "truststore.pem", "untrusted-ca.pem", "listed-cn.pem"}
    names |= {"client-ca-key.pem", "client-ca.crl", "stored-truststore.pem", "partner-ca.crl"}
    names |= {f"{part}.crl" for part in range(PARTS)}
    assert contents[0].keys() == contents[1].keys() == names
    assert all(contents[0][name] != contents[1][name] for name in names)


def test_only_the_user_can_read_private_keys(tmp_path: Path) -> None:
    make_pki(tmp_path / "pki", [LISTED_CN])

    assert (tmp_path / "pki").stat().st_mode & 0o077 == 0
