from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from client_certificate_auth.x509.pem import PemError, read_pem
from tests.pki.certificates import certificate_der, pem

Change: TypeAlias = Callable[[str], str]

CERTIFICATE = certificate_der()
TEXT = pem(CERTIFICATE)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text, id="as OpenSSL writes it"),
        pytest.param(lambda text: text.removesuffix("\n"), id="no newline at the end"),
        pytest.param(lambda text: text.replace("\n", "\r\n"), id="carriage returns"),
        pytest.param(lambda text: text.replace("\nMI", "\nMI\n"), id="lines of another length"),
        pytest.param(lambda text: "Subject: CN=client\n\n" + text, id="explanatory text before it"),
        pytest.param(lambda text: text + "\nThe end.", id="explanatory text after it"),
        pytest.param(lambda text: f"Subject: O=Müller\n{text}Ende.\u2028", id="explanatory text beyond ASCII"),
    ],
)
def test_one_block_is_read(change: Change) -> None:
    assert read_pem(change(TEXT)) == CERTIFICATE


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda text: text + text, "one certificate expected, 2 blocks found", id="two certificates"),
        pytest.param(
            lambda text: text + "-----BEGIN PRIVATE KEY-----", "2 blocks found", id="the beginning of another block"
        ),
        pytest.param(lambda _text: "", "no lines -----BEGIN", id="an empty string"),
        pytest.param(lambda text: text.replace("CERTIFICATE", "X509 CERTIFICATE"), "no lines", id="another label"),
        pytest.param(lambda text: text.replace("BEGIN", "BEGIN TRUSTED"), "no lines", id="two labels"),
        pytest.param(lambda text: text.replace("END CERTIFICATE", "END X"), "no lines", id="another end"),
        pytest.param(lambda text: "x" + text, "no lines", id="text before the first line"),
        pytest.param(lambda text: text.replace("CERTIFICATE-----\n", "CERTIFICATE----- \n"), "no lines", id="a space"),
        pytest.param(lambda text: text.removesuffix("\n") + "x", "no lines", id="text after the last line"),
        pytest.param(lambda text: text.replace("\n-----END", "-----END"), "no lines", id="an end within a line"),
        pytest.param(lambda text: text.replace("\n", "\r"), "no lines", id="carriage returns alone"),
        pytest.param(
            lambda text: text.replace("-----\nM", "-----\n\nM"), "has an empty line", id="an empty line first"
        ),
        pytest.param(lambda text: text.replace("\n-----E", "\n\n-----E"), "has an empty line", id="an empty line last"),
        pytest.param(lambda text: text[:100] + "\n\n" + text[100:], "has an empty line", id="an empty line within"),
        pytest.param(
            lambda text: text.replace("-----\nM", "-----\nProc-Type: 4,ENCRYPTED\n\nM"),
            "has an empty line",
            id="a header",
        ),
        pytest.param(lambda text: text[:100] + " " + text[100:], "in PEM: ", id="a space within a line"),
        pytest.param(lambda text: text.replace("A\n", "A \n", 1), "in PEM: ", id="a space at the end of a line"),
        pytest.param(lambda text: text[:100] + "\r" + text[100:], "in PEM: ", id="a carriage return within a line"),
        pytest.param(lambda text: text[:100] + "-" + text[100:], "in PEM: ", id="a character that is not base64"),
        pytest.param(lambda text: text[:100] + "_" + text[101:], "in PEM: ", id="a character of another base64"),
        pytest.param(lambda text: text[:100] + "é" + text[101:], "ASCII", id="a character beyond ASCII"),
        pytest.param(lambda text: "é" + text, "no lines", id="text beyond ASCII before the first line"),
        pytest.param(lambda text: "\u2028" + text, "no lines", id="a line separator of Unicode"),
        pytest.param(lambda text: text.replace("-----B", "\u2010----B"), "no lines", id="a hyphen of Unicode"),
        pytest.param(lambda text: text[:100] + "\ud800" + text[101:], "surrogates", id="a surrogate"),
        pytest.param(lambda text: text + "\udce4\n", "surrogates", id="a surrogate after it"),
        pytest.param(lambda text: text[:100] + "=" + text[100:], "in PEM: ", id="padding within"),
        pytest.param(lambda text: text.replace("\n-----END", "=\n-----END"), "in PEM: ", id="too much padding"),
        pytest.param(lambda text: text.replace("=", ""), "in PEM: ", id="no padding"),
        pytest.param(lambda text: text.replace("A==\n-----END", "B==\n-----END"), "canonical", id="bits left over"),
        pytest.param(
            lambda _text: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "no lines", id="no lines within"
        ),
    ],
)
def test_anything_else_is_rejected(change: Change, message: str) -> None:
    # Of a length that leaves bits over, and padding.
    assert len(CERTIFICATE) % 3 == 1
    with pytest.raises(PemError, match=message):
        read_pem(change(TEXT))
