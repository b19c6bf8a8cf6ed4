"""The command that revokes a client of the local gateway."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from cryptography import x509

from local_gateway.pki.certificates import Pki, make_pki
from local_gateway.revoke import main
from local_gateway.scenarios import LISTED_CN, NAMESAKE_OF_CA, REVOKED, TO_BE_REVOKED, UNTRUSTED

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return make_pki(tmp_path, [LISTED_CN, REVOKED, TO_BE_REVOKED, UNTRUSTED, NAMESAKE_OF_CA])


def in_the_list(pki: Pki) -> tuple[int, list[int]]:
    crl = x509.load_pem_x509_crl(pki.revocation_list.read_bytes())
    number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    return number, [entry.serial_number for entry in crl]


def test_the_list_begins_with_those_that_are_revoked_and_grows_once_for_each_client(
    pki: Pki, capsys: pytest.CaptureFixture[str]
) -> None:
    revoked, to_be_revoked = pki.serial_number(REVOKED), pki.serial_number(TO_BE_REVOKED)
    assert in_the_list(pki) == (1, [revoked])
    for number in (2, 3):
        assert main(["to-be-revoked", f"--folder={pki.folder}"]) == 0
        assert in_the_list(pki) == (number, [revoked, to_be_revoked])
    assert capsys.readouterr().out.endswith(f"client-ca.crl: CRL number {number}, 2 revoked certificates.\n")


@pytest.mark.parametrize("name", ["nobody", "untrusted", "namesake-of-ca", "server", "../x"])
def test_only_clients_of_the_ca_can_be_revoked(pki: Pki, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"--folder={pki.folder}", name])
    assert ended.value.code == 2
    errors = capsys.readouterr().err
    assert f"the CA has issued no certificate to a client {name!r}: name one of " in errors
    assert "listed-cn" in errors
    assert in_the_list(pki)[0] == 1


def test_without_a_gateway_there_is_nothing_to_revoke(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["listed-cn", f"--folder={tmp_path / 'none'}"])
    assert ended.value.code == 2
    assert "start the gateway first" in capsys.readouterr().err


def test_without_a_name_there_is_no_client_to_revoke(pki: Pki, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"--folder={pki.folder}", ""])
    assert ended.value.code == 2
    assert "CLIENT is empty" in capsys.readouterr().err
    assert in_the_list(pki)[0] == 1


def test_an_empty_folder_name_is_not_the_working_directory(
    pki: Pki, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(pki.folder)
    with pytest.raises(SystemExit) as ended:
        main(["listed-cn", "--folder="])
    assert ended.value.code == 2
    assert "argument --folder: it is empty" in capsys.readouterr().err
    assert in_the_list(pki)[0] == 1


def test_an_output_that_cannot_be_written_is_an_error(
    pki: Pki, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 -- a device
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as ended:
            main(["listed-cn", f"--folder={pki.folder}"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith("the output cannot be written: No space left on device\n")
    assert in_the_list(pki)[0] == 2


@pytest.mark.parametrize("file", ["client-ca.crl", "truststore.pem", "client-ca-key.pem"])
def test_a_damaged_file_is_one_line(pki: Pki, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    (pki.folder / file).write_text("garbage")
    with pytest.raises(SystemExit) as ended:
        main(["listed-cn", f"--folder={pki.folder}"])
    assert ended.value.code == 2
    assert f"a file in {pki.folder} cannot be used, so start the gateway again" in capsys.readouterr().err
