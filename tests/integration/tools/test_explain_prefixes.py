"""``explain`` with CRLs below a prefix: it loads the one that the certificate names, and names it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mtls_authorizer.revocation.prefix.catalog import LOADED_COMPLETELY
from mtls_authorizer_cli.main import main
from tests.pki.certificate_authorities import crl_pem
from tests.pki.kept_lists import CA
from tests.pki.partitions import client_of, partition

if TYPE_CHECKING:
    from pathlib import Path


def deploy_partitions(folder: Path) -> tuple[Path, dict[str, str]]:
    """Store more CRLs than are loaded at the start, and return their folder, and the variables for it."""
    crls = folder / ("long" * 20) / "crl"
    crls.mkdir(parents=True)
    for part in range(LOADED_COMPLETELY + 2):
        (crls / f"{part}.crl").write_bytes(partition(part, 2))
    (folder / "truststore.pem").write_bytes(CA.pem)
    return crls, {
        "ALLOWED_COMMON_NAMES": "client",
        "CRL_URIS": crls.as_uri() + "/",
        "TRUSTSTORE_URI": (folder / "truststore.pem").as_uri(),
    }


def test_explain_names_the_crl_below_a_prefix_that_it_has_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, environment = deploy_partitions(tmp_path)
    used = f"crl_uri'{folder.as_uri()}/3.crl'"
    for serial_number, part, status, state, uri in (
        (1, 3, 0, "good", used),
        (2, 3, 1, "revoked", used),
        (1, 99, 1, "unknown,no_list", None),
    ):
        certificate = tmp_path / "client.pem"
        certificate.write_text(client_of(part, serial_number))
        assert main(["explain", str(certificate)], environment) == status
        # Without white space: long lines are folded.
        output = "".join(capsys.readouterr().out.split())
        assert f"found{state}" in output
        assert [f"{uri}" in output, "crl_uri" in output] == [uri is not None] * 2


def test_a_table_has_the_status_of_each_certificate_by_the_crl_that_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, environment = deploy_partitions(tmp_path)
    clients = [(part, serial_number) for part in (0, 3, LOADED_COMPLETELY + 1) for serial_number in (1, 2)]
    (tmp_path / "clients").mkdir()
    for part, serial_number in (*clients, (99, 1)):
        (tmp_path / "clients" / f"{part:03} {serial_number}.pem").write_text(client_of(part, serial_number))
    assert main(["explain", str(tmp_path / "clients"), "--json"], environment) == 1
    reasons = [each["reason"] for each in json.loads(capsys.readouterr().out)["certificates"]]
    assert reasons == [None, "certificate_revoked"] * 3 + ["revocation_status_unknown"]


@pytest.mark.parametrize("uri", ["", "/3.crl"])
def test_the_memory_of_the_function_limits_the_size_of_crls(
    uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, environment = deploy_partitions(tmp_path)
    environment["CRL_URIS"] = folder.as_uri() + (uri or "/")
    (folder / "3.crl").write_bytes(b"x" * 1024 * 1024 + crl_pem(partition(3, 2)))
    certificate = tmp_path / "client.pem"
    certificate.write_text(client_of(3, 1))
    for megabytes, status in (("128", 0), ("8", 1)):
        function = {**environment, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": megabytes}
        assert main(["explain", str(certificate)], function) == status
    assert "larger than 1,048,576 bytes" in " ".join(capsys.readouterr().out.split())
