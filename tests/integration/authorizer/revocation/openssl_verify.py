"""One case of revocation, for this project and for ``openssl verify``."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from client_certificate_auth import PeerCertificate
from mtls_authorizer.revocation.crl.reader import find_problem, verify_crl
from mtls_authorizer.revocation.crl.rejection import CrlError
from mtls_authorizer.revocation.lists import RevocationLists
from mtls_authorizer.revocation.settings import CrlCheck
from mtls_authorizer.revocation.status import RevocationState
from mtls_authorizer.revocation.truststore.bundle import read_truststore
from tests.pki.certificate_authorities import NOW
from tests.pki.certificates import pem

if TYPE_CHECKING:
    from pathlib import Path

    from mtls_authorizer.revocation.crl.rejection import CrlRejection
    from tests.pki.certificate_authorities import CertificateAuthority

OPENSSL = shutil.which("openssl")

GOOD, REVOKED, UNKNOWN, _ = RevocationState


class Case(NamedTuple):
    """A client's certificate, the CAs and the lists; what the project says of it, and what OpenSSL says."""

    answer: RevocationState
    crls: list[bytes]
    client: bytes
    truststore: list[CertificateAuthority]
    rejection: CrlRejection | None = None
    """Why the project doesn't take the last list. Of several lists, some may be refused without it."""

    openssl: RevocationState | None = None
    """What OpenSSL says where this project is stricter on purpose."""

    whole_chain: bool = False
    """Whether a CRL of each CA is required: ``CRL_CHECK=chain`` and ``-crl_check_all``."""

    unreadable: bytes = b""
    """A block of the truststore that this project skips. OpenSSL gets the truststore without it."""


def check_answer(case: Case) -> None:
    """Check that this project gives the answer of a case."""
    truststore = read_truststore(b"".join([case.unreadable, *(authority.pem for authority in case.truststore)]))
    assert bool(truststore.skipped) is bool(case.unreadable)
    lists, rejections = [], []
    for crl in case.crls:
        try:
            verified = verify_crl(crl, truststore)
            lists.append(verified)
            problem = find_problem(verified, truststore, NOW)
        except CrlError as error:
            problem = error
        if problem is not None:
            rejections.append(problem.rejection)
    in_force = RevocationLists(lists, truststore, check=CrlCheck.CHAIN if case.whole_chain else CrlCheck.CLIENT)
    status = in_force.status(PeerCertificate.from_pem(pem(case.client)), NOW)
    assert status.state is case.answer
    assert (in_force.deny_reason(status) is None) is (case.answer is GOOD)
    if case.rejection or len(case.crls) == 1:
        assert rejections[-1:] == ([case.rejection] if case.rejection else [])


def check_openssl(case: Case, folder: Path) -> None:
    """Check that OpenSSL gives the answer of a case, or another one where this project is stricter."""
    answer = openssl_answer(case, folder)
    if case.openssl is None:
        assert answer is case.answer
    else:
        assert answer is case.openssl
        assert case.answer is not GOOD


def openssl_answer(case: Case, folder: Path) -> RevocationState:
    """Return OpenSSL's answer to a case."""
    (folder / "client.pem").write_text(pem(case.client))
    (folder / "truststore.pem").write_bytes(b"".join(authority.pem for authority in case.truststore))
    options = ["-attime", str(int(NOW.timestamp())), "-CAfile", "truststore.pem", "-crl_check"]
    options += ["-crl_check_all"] if case.whole_chain else []
    for place, crl in enumerate(case.crls):
        (folder / f"{place}.crl").write_bytes(crl)
        options += ["-CRLfile", f"{place}.crl"]
    command = [str(OPENSSL), "verify", "-no-CApath", "-no-CAstore", *options, "client.pem"]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    if run.returncode == 0:
        return GOOD
    # The command goes on after an error; the library itself stops at the first one. 23: X509_V_ERR_CERT_REVOKED.
    errors = re.findall(r"^error (\d+) at", run.stderr, re.MULTILINE)
    return REVOKED if errors[:1] == ["23"] else UNKNOWN
