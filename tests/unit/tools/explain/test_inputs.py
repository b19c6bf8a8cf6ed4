"""The files that ``explain`` is given: what each one is, and the one right command for those it cannot use."""

from __future__ import annotations

import io
import json
import shlex
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    pkcs7,
    pkcs12,
)

from client_certificate_auth.x509.extensions import BASIC_CONSTRAINTS
from mtls_authorizer_cli.main import main
from tests.aws.api_events import STAGE_ARN, http_2_0_event, rest_event
from tests.pki import der
from tests.pki.certificate_authorities import CertificateAuthority
from tests.pki.certificates import attribute, certificate_der, client_pem, extension, name, pem
from tests.questions import CLIENT

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = "mtls-authorizer explain"
ROOT = CertificateAuthority("Root")
ISSUING = CertificateAuthority("Issuing", parent=ROOT)
LEAF = ISSUING.issue(7, subject=name(("CN", "leaf")))
OTHER_LEAF = ISSUING.issue(8, subject=name(("CN", "other")))
KEY = ec.generate_private_key(ec.SECP256R1())
CERTIFICATES = [x509.load_der_x509_certificate(each) for each in (LEAF, ISSUING.certificate)]
REQUEST = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(KEY, hashes.SHA256())
# Of version 1, without extensions: that it is a CA's shows by what it has issued.
OLD_CA = certificate_der(name(("CN", "Old CA")), name(("CN", "Old CA")), version=None, extensions=None)
OF_OLD_CA = certificate_der(name(("CN", "old leaf")), name(("CN", "Old CA")))
# In Latin-1 as OpenSSL reads it, although the type of the string does not allow it.
MUELLER = name(attribute("CN", "M\u00fcller", der.T61_STRING))
MUELLER_CA = certificate_der(MUELLER, MUELLER, version=None, extensions=None)
OF_MUELLER_CA = certificate_der(name(("CN", "old leaf")), MUELLER)

ALLOWED_NAMES = json.dumps(["leaf", "Ledger", "old leaf"])


class Run:
    """A run of ``explain`` with the files of a folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._folder = folder
        self._capsys = capsys

    def write(self, file: str, content: bytes | str | dict[str, Any]) -> str:
        if isinstance(content, dict):
            content = json.dumps(content)
        (self._folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def __call__(self, *arguments: str, **environment: str) -> tuple[int, dict[str, Any]]:
        status = main(["explain", *arguments, "--json", "--at", "2026-06-01T00:00:00Z"], environment)
        output, errors = self._capsys.readouterr()
        assert (status == 2) is (not output) is bool(errors)
        return status, json.loads(output) if output else {"error": errors}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    return Run(tmp_path, capsys)


def private(encoding: Encoding, encryption: Any = NoEncryption()) -> bytes:  # noqa: ANN401, B008 -- cryptography's
    return KEY.private_bytes(encoding, PrivateFormat.PKCS8, encryption)


def public(encoding: Encoding) -> bytes:
    return KEY.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


THE_CERTIFICATE_OF_THE_KEY = "It is not needed: keep it secret, and name the certificate that belongs to it"
OTHER_BEGIN_LINE = "it has other dashes or spaces in its BEGIN line, as word processors and chat programs write them"
THE_FILE_ITSELF = "Get the file itself, such as an attachment"
A_CERTIFICATE = "Name a certificate in PEM (-----BEGIN CERTIFICATE-----) or DER"
TO_CHECK_IT = "To check it: mtls-authorizer rules check FILE"
PASSWORD = BestAvailableEncryption(b"password")
UNUSABLE: dict[str, tuple[bytes, str, str]] = {
    "PKCS #7 in PEM": (
        pkcs7.serialize_certificates(CERTIFICATES, Encoding.PEM),
        "is a PKCS #7 bundle (PEM)",
        "openssl pkcs7 -in FILE -print_certs -out client.pem",
    ),
    "PKCS #7 in DER": (
        pkcs7.serialize_certificates(CERTIFICATES, Encoding.DER),
        "is a PKCS #7 bundle (DER)",
        "openssl pkcs7 -inform DER -in FILE -print_certs -out client.pem",
    ),
    # OpenSSL reads it.
    "PKCS #7 with the label of a certificate": (
        pem(pkcs7.serialize_certificates(CERTIFICATES, Encoding.DER)).encode(),
        "is a PKCS #7 bundle (PEM, with the label of a certificate)",
        "openssl pkcs7 -in FILE -print_certs -out client.pem",
    ),
    "Java keystore": (
        b"\xfe\xed\xfe\xed\0\0\0\2",
        "is a Java keystore",
        "keytool -exportcert -rfc -keystore FILE -alias ALIAS -file client.pem",
    ),
    "PKCS #12": (
        pkcs12.serialize_key_and_certificates(b"client", KEY, None, CERTIFICATES, PASSWORD),
        "is a PKCS #12 bundle",
        "openssl pkcs12 -in FILE -clcerts -nokeys -out client.pem",
    ),
    "private key in PEM": (private(Encoding.PEM), "is a private key (PEM)", THE_CERTIFICATE_OF_THE_KEY),
    "private key in DER": (private(Encoding.DER), "is a private key (DER)", THE_CERTIFICATE_OF_THE_KEY),
    "encrypted key in PEM": (
        private(Encoding.PEM, PASSWORD),
        "is an encrypted private key (PEM)",
        THE_CERTIFICATE_OF_THE_KEY,
    ),
    "encrypted key in DER": (
        private(Encoding.DER, PASSWORD),
        "is an encrypted private key (DER)",
        THE_CERTIFICATE_OF_THE_KEY,
    ),
    "key after its parameters": (
        b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + private(Encoding.PEM),
        "is a private key (PEM)",
        THE_CERTIFICATE_OF_THE_KEY,
    ),
    "public key in PEM": (public(Encoding.PEM), "is a public key (PEM)", "Name the certificate that contains it"),
    "public key in DER": (public(Encoding.DER), "is a public key (DER)", "Name the certificate that contains it"),
    "CSR in PEM": (
        REQUEST.public_bytes(Encoding.PEM),
        "is a certificate signing request (PEM)",
        "Name the certificate that the CA has issued for it",
    ),
    "CSR in DER": (
        REQUEST.public_bytes(Encoding.DER),
        "is a certificate signing request (DER)",
        "Name the certificate that the CA has issued for it",
    ),
    "CRL": (
        ROOT.revoke(),
        "is a certificate revocation list",
        "mtls-authorizer crl index FILE --truststore BUNDLE",
    ),
    "OpenSSL's own format": (
        pem(LEAF).replace("CERTIFICATE", "TRUSTED CERTIFICATE").encode(),
        "is a certificate in OpenSSL's own format",
        "openssl x509 -in FILE -out client.pem",
    ),
    "torn PEM": (pem(LEAF).encode()[:-9], "is PEM without its END line", "the line that begins with -----END"),
    "other PEM": (
        b"-----BEGIN PGP MESSAGE-----\n-----END PGP MESSAGE-----",
        "is PEM with another label",
        A_CERTIFICATE,
    ),
    "rules": (
        b'{"rules": []}',
        "is a rules document",
        "To check it: mtls-authorizer rules check FILE",
    ),
    "only blocked clients": (
        b'{"deny": []}',
        "is a rules document",
        "To check it: mtls-authorizer rules check FILE",
    ),
    "a log entry": (
        b'{"decision": "deny", "rules": []}',
        "is an entry of the decision log",
        "To explain it: mtls-authorizer explain --log FILE",
    ),
    "a log": (
        b'{"decision": "deny"}\n{"decision": "allow"}\n',
        "begins with an entry of the decision log",
        "To explain it: mtls-authorizer explain --log FILE",
    ),
    "other JSON": (
        b'{"type": "TOKEN"}',
        "is JSON (not an event of a Lambda authorizer of type REQUEST)",
        "Name the event that the authorizer received, or the client's certificate, such as the text of clientCertPem",
    ),
    "broken JSON": (
        b'{"type": ',
        "is invalid JSON (Expecting value",
        "Save the event again, as the authorizer received it",
    ),
    "PEM whose dashes were replaced": (
        pem(LEAF).replace("-----", "\u2013\u2013-").encode(),
        f"is text, but not PEM ({OTHER_BEGIN_LINE})",
        THE_FILE_ITSELF,
    ),
    "PEM with a no-break space": (
        pem(LEAF).replace("BEGIN ", "BEGIN\u00a0").encode(),
        f"is text, but not PEM ({OTHER_BEGIN_LINE})",
        THE_FILE_ITSELF,
    ),
    "PEM without its BEGIN line": (
        "\n".join(pem(LEAF).splitlines()[1:]).encode(),
        "is text, but not PEM (its BEGIN line is missing)",
        THE_FILE_ITSELF,
    ),
    # As aws acm-pca get-certificate and Vault print them.
    "JSON that contains a certificate": (
        json.dumps({"Arn": "arn", "CertificateChain": ROOT.pem.decode(), "Certificate": pem(LEAF)}).encode(),
        "is JSON (not an event of a Lambda authorizer of type REQUEST)",
        """jq -r '.["Certificate"]' FILE > client.pem""",
    ),
    "JSON with a certificate further down": (
        json.dumps([1, {"data": {"ca_chain": [ROOT.pem.decode()], "certificate": pem(LEAF)}}]).encode(),
        "is JSON (not an event of a Lambda authorizer of type REQUEST)",
        """jq -r '.[1]["data"]["certificate"]' FILE > client.pem""",
    ),
    "base64 alone": (
        "\n".join(pem(LEAF).splitlines()[1:-1]).encode(),
        "is text, but not PEM (it looks like base64 without its BEGIN and END lines)",
        "tr -cd A-Za-z0-9+/= < FILE | base64 -d > client.cer",
    ),
    "text": (b"hello\x1b[31m", "is text, but not PEM", A_CERTIFICATE),
    "binary data": (b"\x00\xff", "is binary data of an unknown kind", A_CERTIFICATE),
    "nothing": (b"\n", "is empty", "Name the client's certificate"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_file_that_cannot_be_used_is_named_with_what_to_do_instead_and_without_its_key(case: str, run: Run) -> None:
    content, kind, advice = UNUSABLE[case]
    for file in ("some file.pem", "it's.der"):
        status, result = run(run.write(file, content))
        assert status == 2
        assert result["error"].startswith(f"{PROGRAM}: {file} {kind}")
        assert result["error"].endswith(f"{advice.replace('FILE', shlex.quote(file))}\n")
        assert result["error"][:-1].isprintable()
        lines = [line for line in content.decode("latin-1").splitlines() if len(line) > 10 and "-----" not in line]
        assert "key" not in case or not any(line in result["error"] for line in lines)


@pytest.mark.parametrize("content", [LEAF, pem(LEAF).encode(), pem(LEAF).replace("\n", "\r\n").encode()])
def test_a_certificate_is_read_in_pem_and_der(content: bytes, run: Run) -> None:
    status, result = run(run.write("client", content), ALLOWED_COMMON_NAMES="leaf")
    assert (status, result["certificate"]["subject_dn"]) == (0, "CN=leaf")
    assert any("client is in DER" in note for note in result["notes"]) is (content == LEAF)


def test_a_file_can_be_the_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(LEAF)))
    assert run("-", ALLOWED_COMMON_NAMES="leaf")[0] == 0
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(private(Encoding.PEM))))
    status, result = run("-")
    assert (status, "the standard input is a private key" in result["error"]) == (2, True)
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(UNUSABLE["PKCS #12"][0])))
    assert "-in FILE -clcerts" in run("-")[1]["error"]


def bundle(*certificates: bytes) -> bytes:
    return "".join(map(pem, certificates)).encode()


@pytest.mark.parametrize(
    ("content", "subject", "note"),
    [
        (bundle(LEAF, ISSUING.certificate, ROOT.certificate), "CN=leaf", "the first, the client's, is used"),
        (bundle(ROOT.certificate, ISSUING.certificate, LEAF), "CN=leaf", "number 3, the client's ('CN=leaf')"),
        (bundle(OLD_CA, OF_OLD_CA), "CN=old leaf", "number 2, the client's ('CN=old leaf')"),
        (bundle(MUELLER_CA, OF_MUELLER_CA), "CN=old leaf", "number 2, the client's ('CN=old leaf')"),
        (bundle(LEAF, LEAF), "CN=leaf", "the first, the client's, is used"),
        (private(Encoding.PEM) + bundle(LEAF), "CN=leaf", "also contains a private key, which is not read"),
        (private(Encoding.PEM, PASSWORD) + bundle(LEAF), "CN=leaf", "also contains a private key"),
    ],
)
def test_the_clients_certificate_is_found_among_those_of_cas(content: bytes, subject: str, note: str, run: Run) -> None:
    status, result = run(run.write("bundle.pem", content), ALLOWED_COMMON_NAMES=ALLOWED_NAMES)
    assert (status, result["certificate"]["subject_dn"]) == (0, subject)
    assert any(note in each for each in result["notes"])


def test_a_ca_first_bundle_is_reported_with_the_command_that_extracts_the_clients_certificate(run: Run) -> None:
    content = bundle(ROOT.certificate, LEAF)
    _, result = run(run.write("ca first.pem", content), ALLOWED_COMMON_NAMES="leaf")
    assert any(
        note.endswith(
            "To extract it: awk '/-BEGIN (X509 )?CERTIFICATE-/ && ++n==2, /-END/' 'ca first.pem' > client.pem"
        )
        for note in result["notes"]
    )


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (bundle(ROOT.certificate), "contains a CA's certificate, not a client's"),
        (bundle(ROOT.certificate, ISSUING.certificate), "contains CA certificates only: the first is used"),
    ],
)
def test_a_ca_is_explained_with_a_note_if_there_is_no_client(content: bytes, note: str, run: Run) -> None:
    status, result = run(run.write("ca.pem", content), ALLOWED_COMMON_NAMES="leaf")
    assert (status, result["certificate"]["subject_dn"]) == (1, "CN=Root")
    assert any(note in each for each in result["notes"])


UNREADABLE = pem(LEAF).replace("M", "N", 1)
WITH_BROKEN_EXTENSION = certificate_der(
    name(("CN", "broken")), name(("CN", "x")), extensions=[extension(BASIC_CONSTRAINTS, der.tlv(der.NULL))]
)


def of_unreadable_name(subject: bytes, issuer: bytes) -> bytes:
    """Return a certificate without extensions, so that only its names can tell whether it is a CA's."""
    return certificate_der(subject, issuer, version=None, extensions=None)


NOT_UTF_8 = der.sequence(der.tlv(der.SET, der.sequence(der.oid("2.5.4.3"), der.tlv(der.UTF8_STRING, b"\xff"))))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (
            bundle(of_unreadable_name(NOT_UTF_8, NOT_UTF_8), of_unreadable_name(name(("CN", "a")), name(("CN", "b")))),
            ["number 1 (unreadable)", "number 2 ('CN=a')"],
        ),
        (bundle(LEAF, OTHER_LEAF), ["number 1 ('CN=leaf')", "number 2 ('CN=other')"]),
        (bundle(LEAF) + UNREADABLE.encode(), ["number 2 (unreadable)"]),
        (bundle(LEAF, WITH_BROKEN_EXTENSION), ["number 2 ('CN=broken')"]),
    ],
)
def test_several_clients_are_named_with_the_command_that_extracts_one(
    content: bytes, named: list[str], run: Run
) -> None:
    status, result = run(run.write("two.pem", content))
    assert status == 2
    assert "contains 2 certificates that could be the client's" in result["error"]
    assert all(each in result["error"] for each in named)
    assert "awk '/-BEGIN (X509 )?CERTIFICATE-/ && ++n==1, /-END/' two.pem > client.pem" in result["error"]


def test_a_certificate_that_cannot_be_decoded_is_the_authorizers_to_explain(run: Run) -> None:
    status, result = run(run.write("client.pem", UNREADABLE))
    assert (status, result["reason"]) == (1, "lambda_event_clientcert_malformed")


# Events.


@pytest.mark.parametrize("option", [[], ["--event"], ["--cert"]])
def test_an_event_gives_certificate_stage_and_route_whatever_option_names_it(option: list[str], run: Run) -> None:
    event = run.write("event", http_2_0_event(CLIENT, "GET", "/reports/1"))
    status, result = run(*option, event, ALLOWED_COMMON_NAMES="Ledger")
    assert (status, result["stage_arn"], result["route"]) == (0, STAGE_ARN, "GET /reports/1")
    assert (result["event_format"], result["notes"]) == ("http-2.0", [])


def test_a_certificate_replaces_the_one_of_the_event(run: Run) -> None:
    event = run.write("event", rest_event(client_pem(("CN", "other"))))
    client = run.write("client", CLIENT)
    for arguments in ([event, client], ["--cert", client, "--event", event], [client, "--event", event]):
        status, result = run(*arguments, ALLOWED_COMMON_NAMES="Ledger")
        assert (status, result["stage_arn"]) == (0, STAGE_ARN)
        assert result["notes"] == ["the certificate given is used, not the event's"]


def test_another_event_of_api_gateway_gives_its_certificate(run: Run) -> None:
    integration = rest_event(CLIENT)
    del integration["type"]
    status, result = run(run.write("event", integration), ALLOWED_COMMON_NAMES="Ledger")
    assert (status, result["route"]) == (0, None)
    assert "is not an authorizer's event" in result["notes"][0]
    assert "only its certificate is used" in result["notes"][0]


def test_an_event_without_a_certificate_is_a_denied_request(run: Run) -> None:
    status, result = run(run.write("event", rest_event()))
    assert (status, result["reason"]) == (1, "lambda_event_missing_clientcert")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no certificate: name a file"),
        (["event", "--event", "event"], "event and event both contain an event: name one"),
        (["missing"], "missing cannot be read: No such file or directory"),
        (["large"], "large has more than 6,291,456 bytes, more than any certificate or event"),
    ],
)
def test_other_mistakes_are_named(arguments: list[str], message: str, run: Run) -> None:
    run.write("client", CLIENT)
    run.write("event", rest_event(CLIENT))
    run.write("large", bytes(6 * 1024 * 1024 + 1))
    status, result = run(*arguments)
    assert (status, result["error"].startswith(f"{PROGRAM}: {message}")) == (2, True)


def test_a_file_as_large_as_an_event_can_be_is_read(run: Run) -> None:
    largest = run.write("client", CLIENT.ljust(6 * 1024 * 1024))
    assert run(largest, ALLOWED_COMMON_NAMES="Ledger")[0] == 0
