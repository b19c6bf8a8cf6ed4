"""A checker tells users of the layer what they may rely on."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

USES = {
    "a certificate is there once success is": (
        """
        result = extract_client_certificate_from_lambda_event({})
        if result.success:
            number: str = result.certificate.serial_number
            nothing: None = result.reason
        else:
            value: str = result.reason.value
            none: None = result.certificate
        """,
        "Success",
    ),
    "so it is after an early return": (
        """
        def handler(event: dict[str, object], context: object) -> dict[str, object]:
            result = extract_client_certificate_from_lambda_event(event)
            if not result.success:
                return {"statusCode": 401, "body": result.reason}
            return {"statusCode": 200, "body": f"Hello {result.certificate.subject.CN}"}
        """,
        "Success",
    ),
    # Pyright concludes the same, which it does not from the forms above.
    "so it is where it is not None": (
        """
        def number(event: object) -> str:
            result = extract_client_certificate_from_lambda_event(event)
            if result.certificate is None:
                none: ExtractionFailure = result
                return none.reason.value
            success: ExtractionSuccess = result
            return success.certificate.serial_number
        """,
        "Success",
    ),
    # Pyright concludes this alone.
    "a result that is true may be a failure": (
        """
        def number(event: object) -> str:
            result = extract_client_certificate_from_lambda_event(event)
            return result.certificate.serial_number if result else ""
        """,
        'Item "None" of "PeerCertificate | None" has no attribute "serial_number"',
    ),
    "a certificate is not there before success is known": (
        """
        extract_client_certificate_from_lambda_event({}).certificate.serial_number
        """,
        'Item "None" of "PeerCertificate | None" has no attribute "serial_number"',
    ),
    "every front door gives the same result": (
        """
        results: list[ExtractionResult] = [
            extract_client_certificate_from_cloudfront_event({}),
            extract_client_certificate_from_alb_event({}, mode="passthrough"),
            extract_client_certificate_from_alb_event({}, mode="verify"),
        ]
        """,
        "Success",
    ),
    "a mode that there isn't is an error": (
        """
        extract_client_certificate_from_alb_event({}, mode="off")
        """,
        "incompatible type \"Literal['off']\"",
    ),
    "a common name may be absent or several": (
        """
        result = extract_client_certificate_from_lambda_event({})
        if result.success:
            name: str = result.certificate.subject.CN
        """,
        'expression has type "str | list[str] | None", variable has type "str"',
    ),
    "an attribute that there isn't is an error": (
        """
        def check(certificate: PeerCertificate) -> bool:
            return certificate.serialNumber == "01"
        """,
        'has no attribute "serialNumber"',
    ),
    "a check is a function of a certificate": (
        """
        check: CertificateCheck = all_of(allow_cn(["client"]), lambda certificate: not certificate.ca)
        """,
        "Success",
    ),
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what mypy says of each of these uses. It is started once, since starting it takes longer than all uses."""
    folder = tmp_path_factory.mktemp("uses")
    for number, (code, _) in enumerate(USES.values()):
        body = textwrap.dedent(code)
        (folder / f"use_{number}.py").write_text(f"from client_certificate_auth import *\n{body}")
    options = ["--strict", "--cache-dir", str(folder / "cache"), "--no-error-summary"]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *sorted(path.name for path in folder.glob("*.py"))],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"MYPYPATH": str(Path(__file__).parents[3] / "layer")},
    )
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert all(line.startswith("use_") for line in lines), result.stdout
    return {
        use: "\n".join(line for line in lines if line.startswith(f"use_{number}.py:")) or "Success"
        for number, use in enumerate(USES)
    }


@pytest.mark.parametrize("use", USES)
def test_mypy_reports_the_expected_types_in_strict_mode(use: str, reports: dict[str, str]) -> None:
    assert USES[use][1] in reports[use]
