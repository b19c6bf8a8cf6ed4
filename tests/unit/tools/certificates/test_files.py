"""Files and folders with client certificates."""

from __future__ import annotations

import errno
import io
import os
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mtls_authorizer_cli.certificates.content import recognize
from mtls_authorizer_cli.certificates.files import read_certificates
from mtls_authorizer_cli.command_line import CommandError
from tests.pki.certificates import certificate_der, name, pem
from tests.pki.kept_lists import CA

if TYPE_CHECKING:
    from pathlib import Path

    from mtls_authorizer_cli.certificates.content import Content

FIRST, SECOND = (certificate_der(name(("CN", each))) for each in ("first", "second"))
KEY = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "partners"
    for file, content in {
        "b.pem": pem(FIRST).encode(),
        "a/second.der": SECOND,
        "a/chain.pem": CA.pem + pem(SECOND).encode(),
        "a/broken.pem": pem(b"\x30\x00").encode(),
        "key.pem": KEY,
        ".hidden": pem(FIRST).encode(),
        ".git/x.pem": pem(FIRST).encode(),
    }.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    (folder / "a" / "loop").symlink_to(folder)
    return folder


def test_the_files_of_a_folder_are_read_recursively_in_the_order_of_their_names(folder: Path) -> None:
    read = read_certificates([str(folder)])
    assert [each.name.removeprefix(f"{folder}/") for each in read] == [
        "b.pem",
        "key.pem",
        "a/broken.pem",
        "a/chain.pem",
        "a/second.der",
    ]
    assert [each.certificate and each.certificate.subject.CN for each in read] == [
        "first",
        None,
        None,
        "second",
        "second",
    ]
    assert [each.pem for each in read] == [pem(FIRST), None, pem(b"\x30\x00"), pem(SECOND), pem(SECOND)]


def test_pipes_and_devices_in_a_folder_are_left_out_and_broken_links_are_reported(tmp_path: Path) -> None:
    # Reading the pipe would wait for ever, and the device would never end.
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "link").symlink_to(tmp_path / "missing")
    (read,) = read_certificates([str(tmp_path)])
    assert str(read.problem).endswith("link cannot be read: No such file or directory")


def test_a_file_without_a_certificate_has_the_reason_and_nothing_of_a_key(folder: Path) -> None:
    read = read_certificates([str(folder / "key.pem"), str(folder / "a" / "broken.pem")])
    problems = [each.problem or "" for each in read]
    assert "is a private key (PEM). It is not needed" in problems[0]
    assert [each.problem == f"{each.name} {each.reason}" for each in read] == [True, True]
    assert read[1].reason.startswith("cannot be decoded: ")
    assert not any(KEY.decode().splitlines()[1] in problem for problem in problems)


def test_what_a_client_has_written_into_a_malformed_certificate_is_shown_in_ascii(tmp_path: Path) -> None:
    file = tmp_path / "client.pem"
    file.write_text(pem(FIRST.replace(b"0Z", b"\xd6Z", 1)))
    (read,) = read_certificates([str(file)])
    assert r"\xd6" in read.reason
    assert read.reason.isascii()


def test_a_copy_that_a_mail_program_has_changed_is_not_taken_for_a_malformed_certificate(tmp_path: Path) -> None:
    file = tmp_path / "mail.txt"
    for before, after in (("\n", "\n> "), ("\n", "<br>\n")):
        file.write_text(pem(FIRST).replace(before, after) + CA.pem.decode())
        (read,) = read_certificates([str(file)])
        assert (read.pem, read.certificate, read.was_read) == (None, None, True)
        assert read.reason.startswith("contains a certificate that was changed on its way")


def test_a_chain_whose_end_was_cut_off_is_not_taken_for_the_certificate_of_a_ca(tmp_path: Path) -> None:
    file = tmp_path / "chain.pem"
    file.write_text(CA.pem.decode() + pem(FIRST)[:-60])
    (read,) = read_certificates([str(file)])
    assert read.pem is None
    assert "PEM without its END line: copy the whole file" in read.reason
    # The client's is complete.
    file.write_text(pem(FIRST) + CA.pem.decode()[:-60])
    (read,) = read_certificates([str(file)])
    assert read.pem == pem(FIRST)


def test_a_certificate_has_the_form_in_which_api_gateway_sends_it(tmp_path: Path) -> None:
    """API Gateway gets DER from the client, and the authorizer accepts only strict PEM, which API Gateway writes."""
    file = tmp_path / "client.pem"
    file.write_text(pem(FIRST).replace("CERTIFICATE", "X509 CERTIFICATE").replace("\n", "  \r\n"))
    (read,) = read_certificates([str(file)])
    assert (read.pem, read.certificate and read.certificate.subject.CN) == (pem(FIRST), "first")
    file.write_text(CA.pem.decode() + pem(FIRST) + pem(FIRST).replace("\n", "\n\n"))
    (read,) = read_certificates([str(file)])
    assert read.pem == pem(FIRST)


def test_the_choice_in_a_bundle_is_noted(folder: Path) -> None:
    (chain,) = read_certificates([str(folder / "a" / "chain.pem")])
    assert "contains 2 certificates, a CA's first: number 2, the client's" in chain.notes[0]


def test_the_standard_input_is_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(FIRST)))
    (read,) = read_certificates(["-"])
    assert (read.name, read.pem) == ("-", pem(FIRST))


def test_a_named_file_that_cannot_be_read_is_an_error(folder: Path) -> None:
    with pytest.raises(CommandError, match="missing cannot be read: No such file or directory"):
        read_certificates([str(folder), str(folder / "missing")])


def test_a_name_that_no_file_can_have_is_an_error() -> None:
    with pytest.raises(CommandError, match="is not a file name: embedded null byte"):
        read_certificates(["a\0b"])


def test_a_folder_that_has_no_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="contains no files: name a folder with client certificates"):
        read_certificates([str(tmp_path)])


def lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid listing a folder, also for root, as which tests run in containers."""
    scandir = os.scandir

    def denied(path: str) -> object:
        if path == str(folder):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)


def test_a_folder_that_cannot_be_read_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(folder, monkeypatch)
    with pytest.raises(CommandError, match="partners cannot be read: Permission denied"):
        read_certificates([str(folder)])


def test_a_folder_in_a_folder_that_cannot_be_read_is_reported_next_to_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "z").mkdir()
    (folder / "z" / "c.pem").write_text(pem(FIRST))
    lock(folder / "a", monkeypatch)
    read = read_certificates([str(folder)])
    assert [each.name.removeprefix(f"{folder}/") for each in read] == ["b.pem", "key.pem", "a", "z/c.pem"]
    assert [each.reason for each in read if not each.was_read] == ["cannot be read: Permission denied"]


def test_files_that_disappear_before_they_are_read_are_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def remove_the_other_files(content: bytes) -> Content:
        (folder / "key.pem").unlink(missing_ok=True)
        shutil.rmtree(folder / "a", ignore_errors=True)
        return recognize(content)

    monkeypatch.setattr("mtls_authorizer_cli.certificates.files.recognize", remove_the_other_files)
    read = read_certificates([str(folder)])
    assert [(each.name.removeprefix(f"{folder}/"), each.reason) for each in read] == [
        ("b.pem", ""),
        ("key.pem", "cannot be read: No such file or directory"),
        ("a", "cannot be read: No such file or directory"),
    ]
