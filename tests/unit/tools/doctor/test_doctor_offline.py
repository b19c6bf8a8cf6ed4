"""``doctor`` without AWS: a truststore, clients' certificates and environment variables."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from local_gateway.pki.certificates import Client, make_pki
from mtls_authorizer_cli.doctor.account.aws import Variable, command
from mtls_authorizer_cli.doctor.findings import Check, Diagnosis, Finding
from mtls_authorizer_cli.doctor.report import as_text
from mtls_authorizer_cli.main import main
from tests.pki import der
from tests.pki.certificate_authorities import ALGORITHMS, ECDSA, IS_A_CA, IS_NO_CA, SHA1, CertificateAuthority
from tests.pki.certificates import KEY_USAGE, extension, name, pem
from tests.unit.documentation.aws_commands import find_commands

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def authority(common_name: str, **options: Any) -> CertificateAuthority:  # noqa: ANN401 -- those of CertificateAuthority
    return CertificateAuthority(common_name, **{"not_after": LATER, **options})


ROOT = authority("Root")
SM2 = ECDSA._replace(identifier=der.sequence(der.oid("1.2.156.10197.1.501")))
ISSUING = authority("Issuing", parent=ROOT)
SECOND = authority("Second", parent=ISSUING)
THIRD = authority("Third", parent=SECOND)
FOURTH = authority("Fourth", parent=THIRD)
CHAIN = (ROOT, ISSUING, SECOND, THIRD, FOURTH)
LEAF = authority("Leaf", parent=ROOT, extensions=[IS_NO_CA])
SIGNS_CRLS_ONLY = authority("CRLs", parent=ROOT, extensions=[IS_A_CA, extension(KEY_USAGE, der.bits(b"\2"))])
ODD_ROOT = authority("Odd root", extensions=[])
BELOW_ODD_ROOT = authority("Below", parent=ODD_ROOT)
SELF_SIGNED_CLIENT = authority("Client", extensions=[IS_NO_CA])
OLD_ROOT = authority("Root", key=ROOT.key, not_after=NOW - DAY)
WEAK_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 -- to be rejected
WEAK = WEAK_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
P_256 = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7"))
NO_KEY = der.sequence(P_256, der.bits(b"\4" + bytes(64)))  # not a point of the curve
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"
SERVER_AUTH = extension("2.5.29.37", der.sequence(der.oid("1.3.6.1.5.5.7.3.1")))


def version_1() -> bytes:
    """Return a root without a version and extensions."""
    subject, validity = name(("CN", "Old")), der.sequence(der.time(NOW - DAY), der.time(LATER))
    return ROOT.sign(der.integer(1), ROOT.algorithm.identifier, subject, validity, subject, ROOT.public_key)


def issue(ca: CertificateAuthority = ISSUING, **options: Any) -> str:  # noqa: ANN401 -- those of issue
    return pem(ca.issue(**{"not_before": NOW - DAY, "not_after": LATER, **options}))


def bundle(*authorities: CertificateAuthority) -> str:
    return b"".join(each.pem for each in authorities).decode()


def diagnose(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    status = main(["doctor", *options, "--json"], {})
    diagnosis: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status == (1 if diagnosis["findings"] else 0)
    return diagnosis


# Truststores


class Mistake(NamedTuple):
    """A file with a mistake: what doctor must find, and nothing else."""

    content: str
    check: Check
    problem: str


TRUSTSTORES = {
    "a certificate that cannot be read": Mistake(
        bundle(ROOT) + pem(b"\x30\x00"), Check.TRUSTSTORE_FILE, "certificate 2 of the truststore cannot be read"
    ),
    "a file that was cut off": Mistake(
        bundle(ROOT, ISSUING)[:-60], Check.TRUSTSTORE_FILE, "The authorizer rejects such a file"
    ),
    "a certificate without its BEGIN line": Mistake(
        bundle(ROOT) + bundle(ISSUING).partition("\n")[2], Check.TRUSTSTORE_FILE, "The authorizer rejects such a file"
    ),
    "too many bytes": Mistake(
        bundle(ROOT) + "#" * 1_000_001, Check.TRUSTSTORE_FILE, "bytes; API Gateway accepts 1,000,000"
    ),
    "a private key": Mistake(bundle(ROOT) + PRIVATE_KEY, Check.TRUSTSTORE_CONTENT, "a private key"),
    "the same certificate twice": Mistake(
        bundle(ROOT, ISSUING, ROOT), Check.DUPLICATE_CERTIFICATE, "is the same as certificate 1"
    ),
    "a certificate of version 1": Mistake(
        bundle(ROOT) + pem(version_1()), Check.CA_VERSION, "it is not an X.509 certificate of version 3"
    ),
    "a signature with SHA-1": Mistake(
        bundle(ROOT, authority("SHA-1", algorithm=SHA1)), Check.CA_SIGNATURE, "it is signed with SHA-1"
    ),
    "a signature with an unsupported algorithm": Mistake(
        bundle(ROOT, authority("SM2", algorithm=SM2)),
        Check.CA_SIGNATURE,
        "it is signed with an unsupported algorithm (1.2.156.10197.1.501)",
    ),
    "a key on P-521": Mistake(
        bundle(authority("P-521", algorithm=ALGORITHMS["ECDSA with P-521"])), Check.CA_KEY, "it has ECDSA on secp521r1"
    ),
    "a key that cannot be read": Mistake(
        bundle(ROOT) + issue(ROOT, public_key=NO_KEY, extensions=[IS_A_CA]), Check.CA_KEY, "one that cannot be read"
    ),
    "an expired CA": Mistake(bundle(OLD_ROOT), Check.CA_VALIDITY, "expired on "),
    "a CA that is not valid yet": Mistake(
        bundle(authority("Future", not_before=NOW + DAY)), Check.CA_VALIDITY, "not valid before "
    ),
    "a CA that expires soon": Mistake(
        bundle(authority("Soon", not_after=NOW + DAY + timedelta(hours=1))),
        Check.CA_EXPIRES_SOON,
        "it expires in 1 day.",
    ),
    "a CA that expires today": Mistake(
        bundle(authority("Today", not_after=NOW + timedelta(hours=1))),
        Check.CA_EXPIRES_SOON,
        "it expires in less than a day.",
    ),
    "an intermediate CA without its root": Mistake(
        bundle(ISSUING), Check.CA_CHAIN, "its issuer 'CN=Root' is not in the truststore"
    ),
    "a chain that ends below its root": Mistake(
        bundle(ROOT, THIRD), Check.CA_CHAIN, "its issuer 'CN=Second' is not in the truststore"
    ),
    "a chain that is too long": Mistake(bundle(*CHAIN), Check.CA_CHAIN, "its chain has more than 4 CA certificates"),
    "a client's certificate": Mistake(bundle(ROOT, LEAF), Check.NOT_A_CA, "it is not a CA's certificate"),
    "a CA that may not sign certificates": Mistake(
        bundle(ROOT, SIGNS_CRLS_ONLY), Check.NOT_A_CA, "its key usage does not include keyCertSign"
    ),
    "a root without basic constraints": Mistake(
        bundle(ODD_ROOT, BELOW_ODD_ROOT), Check.NOT_A_CA, "('CN=Odd root') as a CA: it has no basic constraints"
    ),
}


@pytest.mark.parametrize("mistake", TRUSTSTORES.values(), ids=TRUSTSTORES)
def test_a_mistake_in_a_truststore_is_found_and_nothing_else(
    mistake: Mistake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "truststore.pem"
    file.write_text(mistake.content)
    (finding,) = diagnose(capsys, "--truststore", str(file))["findings"]
    assert finding["check"] == mistake.check
    assert mistake.problem in f"{finding['problem']}."


def test_every_ca_below_a_missing_one_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "truststore.pem"
    file.write_text(bundle(ISSUING, SECOND))
    first, second = diagnose(capsys, "--truststore", str(file))["findings"]
    assert first["problem"] == "its issuer 'CN=Root' is not in the truststore"
    assert second["problem"].startswith("its chain is incomplete: it has 1, up to certificate 1 of the truststore")
    assert second["problem"].endswith("its issuer 'CN=Root' is missing")


def test_a_truststore_in_der_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "truststore.der"
    file.write_bytes(ROOT.certificate)
    (finding,) = diagnose(capsys, "--truststore", str(file))["findings"]
    assert finding["check"] == Check.TRUSTSTORE_FILE
    assert "API Gateway requires PEM" in finding["problem"]


@pytest.mark.parametrize(
    "content",
    [
        bundle(ROOT),
        bundle(*CHAIN[:4]),
        bundle(OLD_ROOT, ROOT),
        bundle(SECOND, ISSUING, ROOT),
        bundle(ROOT, SELF_SIGNED_CLIENT),
    ],
)
def test_a_truststore_without_a_mistake_has_no_findings(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "truststore.pem"
    file.write_text(content)
    assert diagnose(capsys, "--truststore", str(file))["findings"] == []


# Clients' certificates

CLIENTS = {
    "another CA": Mistake(issue(authority("Other")), Check.CLIENT_ISSUER, "no certificate with the subject 'CN=Other'"),
    "a root without basic constraints": Mistake(
        issue(ODD_ROOT), Check.CLIENT_CHAIN, "('CN=Odd root') as a CA: it has no basic constraints"
    ),
    "a CA without its root": Mistake(issue(THIRD), Check.CLIENT_CHAIN, "its issuer 'CN=Second' is missing"),
    "an expired certificate": Mistake(issue(not_after=NOW - timedelta(hours=1)), Check.CLIENT_VALIDITY, "expired on "),
    "a certificate that expires soon": Mistake(
        issue(not_after=NOW + timedelta(hours=30)), Check.CLIENT_EXPIRES_SOON, "it expires in 1 day."
    ),
    "a certificate that expires today": Mistake(
        issue(not_after=NOW + timedelta(hours=1)), Check.CLIENT_EXPIRES_SOON, "it expires in less than a day."
    ),
    "a key that is too small": Mistake(issue(public_key=WEAK), Check.CLIENT_KEY, "RSA with 1024 bits"),
    "a signature with SHA-1": Mistake(
        issue(authority("Weak", algorithm=SHA1)), Check.CLIENT_SIGNATURE, "API Gateway rejects it (signature): SHA-1"
    ),
    "a server's certificate": Mistake(
        issue(extensions=[SERVER_AUTH]), Check.CLIENT_KEY_USAGE, "do not include clientAuth"
    ),
    "a private key": Mistake(PRIVATE_KEY, Check.CLIENT_CERTIFICATE, "is a private key"),
    "a certificate that the authorizer cannot read": Mistake(
        issue(subject=der.sequence(der.sequence())), Check.CLIENT_CERTIFICATE, "cannot be decoded: "
    ),
    "an unknown critical extension": Mistake(
        issue(extensions=[extension("1.2.3.4", b"", critical=True)]),
        Check.CLIENT_CERTIFICATE,
        "a critical extension is unknown or cannot be decoded: 1.2.3.4",
    ),
    "a usage that cannot be decoded": Mistake(
        issue(extensions=[extension("2.5.29.37", b"broken")]),
        Check.CLIENT_CERTIFICATE,
        "an extension that identifies the client cannot be decoded",
    ),
    "a line feed in the subject": Mistake(
        issue(subject=name(("CN", "a\nb"))), Check.CLIENT_CERTIFICATE, "contains a control character"
    ),
    "a certificate with a broken key": Mistake(issue(public_key=NO_KEY), Check.CLIENT_KEY, "one that cannot be read"),
}


@pytest.mark.parametrize("mistake", CLIENTS.values(), ids=CLIENTS)
def test_a_mistake_in_a_clients_certificate_is_found_in_its_folder_and_nothing_else(
    mistake: Mistake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    truststore, folder = tmp_path / "truststore.pem", tmp_path / "clients"
    folder.mkdir()
    truststore.write_text(bundle(ROOT, ISSUING, authority("Weak", algorithm=SHA1)))
    if mistake.check is Check.CLIENT_CHAIN:
        truststore.write_text(bundle(ROOT, ISSUING, THIRD, ODD_ROOT))
    (folder / "good.pem").write_text(issue())
    (folder / "mistake.pem").write_text(mistake.content)
    diagnosis = diagnose(capsys, str(folder), "--truststore", str(truststore))
    (finding,) = [each for each in diagnosis["findings"] if not each["check"].startswith("ca_")]
    assert finding["check"] == mistake.check
    assert finding["subject"] == str(folder / "mistake.pem")
    assert mistake.problem in f"{finding['problem']}."
    assert finding["subject"] not in finding["problem"]
    assert finding["consequence"]


def test_nothing_is_found_in_the_certificates_of_the_local_gateway(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pki = make_pki(tmp_path, [Client("alpha", (("O", "Acme"), ("CN", "alpha"))), Client("beta", (("CN", "beta"),))])
    clients = [str(pki.folder / f"{name}.pem") for name in ("alpha", "beta")]
    diagnosis = diagnose(capsys, *clients, "--truststore", str(pki.truststore))
    assert diagnosis["findings"] == diagnosis["not_checked"] == []
    # One of its CAs is the namesake of another.
    assert "have the subject" in diagnosis["notes"][0]


# Variables

VARIABLES = {
    "a misspelled variable": ({"ALLOWED_COMMON_NAME": "a"}, Check.CONFIGURATION, "is not a variable"),
    "an ignored variable": (
        {"ALLOWED_COMMON_NAMES": "a", "RESPONSE_FORMATS": "simple", "POWERTOOLS_METRICS_NAMESPACE": "a"},
        Check.MISSPELT_VARIABLE,
        "RESPONSE_FORMATS is not a variable of the authorizer, and is similar to RESPONSE_FORMAT",
    ),
    "a variable in lower case": (
        {"ALLOWED_COMMON_NAMES": "a", "metrics_namespace": "a"},
        Check.MISSPELT_VARIABLE,
        "similar to METRICS_NAMESPACE",
    ),
    "no rules": ({}, Check.NO_RULES, "it contains neither allowlists nor rules"),
    "only blocked clients": (
        {"AUTHORIZER_RULES": json.dumps({"deny": {"common_name": "a"}})},
        Check.NO_RULES,
        "it contains neither allowlists nor rules",
    ),
    "buckets of anyone": (
        {"AUTHORIZER_RULES_URI": "s3://acme/rules.json"},
        Check.BUCKET_OWNER,
        "S3_BUCKET_OWNER is not",
    ),
    "too many names": (
        {"ALLOWED_COMMON_NAMES": ",".join(f"client-{number:04}" for number in range(400))},
        Check.VARIABLES_SIZE,
        "bytes together, and Lambda accepts 4,096",
    ),
    "a reversed name": ({"ALLOWED_ISSUERS": "C=DE,O=Acme,CN=CA"}, Check.SUSPICIOUS_RULE, "reversed_name"),
    "an expired rule": (
        {
            "AUTHORIZER_RULES": json.dumps(
                {"rules": [{"name": "a", "match": {"common_name": "a"}, "not_after": "2020-01-01T00:00:00Z"}]}
            )
        },
        Check.SUSPICIOUS_RULE,
        "expired",
    ),
}


@pytest.mark.parametrize(("variables", "check", "problem"), VARIABLES.values(), ids=VARIABLES)
def test_a_mistake_in_the_variables_is_found_and_nothing_else(
    variables: Mapping[str, str], check: Check, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "environment.json"
    file.write_text(json.dumps({"Variables": variables}))
    (finding,) = diagnose(capsys, "--env-file", str(file))["findings"]
    assert finding["check"] == check
    assert problem in finding["problem"]


def test_rules_at_a_uri_in_a_file_are_not_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "authorizer.env"
    file.write_text("AUTHORIZER_RULES_URI=ssm:///rules\nAUTHORIZER_SHADOW_RULES_URI=file:///opt/rules.json\n")
    diagnosis = diagnose(capsys, "--env-file", str(file))
    reason = f"AUTHORIZER_RULES_URI and AUTHORIZER_SHADOW_RULES_URI of {file}: check the document with "
    assert diagnosis["findings"] == []
    assert diagnosis["not_checked"] == [
        {"check": "rules_document", "reason": f"{reason}mtls-authorizer rules check", "permission": None}
    ]


def test_nothing_is_found_in_variables_without_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "authorizer.env"
    file.write_text("ALLOWED_COMMON_NAMES=alpha\n")
    assert diagnose(capsys, "--env-file", str(file))["findings"] == []


def test_no_advice_leads_to_allowing_any_client(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "authorizer.env"
    file.write_text("ALLOWED_COMMON_NAMES=alpha\nNOT_ALLOW_ANY_CLIENT_CERTIFICATE=true\n")
    assert "ALLOW_ANY" not in json.dumps(diagnose(capsys, "--env-file", str(file)))


def test_crls_are_said_not_to_be_read_if_there_are_any(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "authorizer.env"
    for more, notes in (("", 0), ("CRL_URIS=file:///crls/\nTRUSTSTORE_URI=file:///truststore.pem\n", 1)):
        file.write_text(f"ALLOWED_COMMON_NAMES=alpha\n{more}")
        diagnosis = diagnose(capsys, "--env-file", str(file))
        assert diagnosis["findings"] == []
        assert [note.split(".")[0] for note in diagnosis["notes"]] == ["CRLs are not read"] * notes


# The command


def test_the_text_begins_with_the_number_of_findings_and_ends_with_the_next_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "truststore.pem"
    file.write_text(bundle(ISSUING, LEAF))
    assert main(["doctor", "--truststore", str(file)], {}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 findings"
    assert "".join(lines[-2:]).startswith("Next step: Add the missing CA certificates")
    assert lines[-1].endswith(". Then run doctor again.")
    assert all(len(line) <= 100 or str(file) in line for line in lines)


def test_the_text_says_in_its_first_line_that_nothing_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "truststore.pem"
    file.write_text(bundle(ROOT))
    assert main(["doctor", "--truststore", str(file)], {}) == 0
    assert capsys.readouterr().out == "Nothing found\n  10 kinds of checks made\n\nNext step: none.\n"


@pytest.mark.parametrize(
    "value", ["a" * 20, 'it\'s a "key".pem', "$(reboot) `reboot` $HOME", "two  spaces", "'", "a\\b"]
)
def test_a_command_is_folded_between_words_that_a_shell_reads_as_they_are_meant(value: str) -> None:
    words = ["s3api", "copy-object", "--copy-source", f"{value}/{'b' * 60}", "--bucket", value]
    line = command("eu-central-1", *words, "--key", Variable("KEY"))
    text = as_text(Diagnosis(findings=(Finding(Check.ROUTES, "API", "problem", "consequence", "fix", (line,)),)))
    (found,) = find_commands(text)
    assert shlex.split(found) == ["aws", *words, "--key", "$KEY", "--region", "eu-central-1"]
    assert all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "nothing to examine: name --truststore, --env-file, --api, --domain or --function"),
        (["client.pem"], "certificates are compared with a truststore: name it with --truststore"),
        (["--truststore", "{folder}/none.pem"], "none.pem cannot be read: No such file or directory"),
        (["--truststore", "{folder}/empty.pem"], "empty.pem: it is empty"),
        (["--function", "my authorizer"], "function 'my authorizer': write its name or ARN"),
        (["--function", "eu-central-1:authorizer:live"], "function 'eu-central-1:authorizer:live': write its name"),
    ],
)
def test_an_input_that_cannot_be_used_is_named(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.pem").touch()
    assert main(["doctor", *(option.format(folder=tmp_path) for option in options)], {}) == 2
    assert message in capsys.readouterr().err
