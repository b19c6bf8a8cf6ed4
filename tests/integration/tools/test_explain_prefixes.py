"""``explain`` with CRLs below a prefix: it loads the one that the certificate names, and names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtls_authorizer.revocation.prefix.prefix import LOADED_COMPLETELY
from mtls_authorizer_cli.main import main
from tests.kept_lists import CA
from tests.partitions import client_of, partition

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_explain_names_the_crl_below_a_prefix_that_it_has_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / ("long" * 20) / "crl"
    folder.mkdir(parents=True)
    for part in range(LOADED_COMPLETELY + 2):
        (folder / f"{part}.crl").write_bytes(partition(part, 2))
    (tmp_path / "truststore.pem").write_bytes(CA.pem)
    environment = {
        "ALLOWED_COMMON_NAMES": "client",
        "CRL_URIS": folder.as_uri() + "/",
        "TRUSTSTORE_URI": (tmp_path / "truststore.pem").as_uri(),
    }
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
