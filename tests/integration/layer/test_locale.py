"""Test events in the locale of a developer's machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.pki import der
from tests.pki.certificates import client_pem

LOCALEDEF = shutil.which("localedef")
SOURCE = Path("/usr/share/i18n/locales/de_DE")
SCRIPT = """
import locale, sys
from datetime import UTC, datetime

from client_certificate_auth.testing import Request, client_certificate, rest_api_event

locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")
assert f"{datetime(2020, 5, 1):%b}" == "Mai"
pem = sys.stdin.read()
print(client_certificate(pem)["validity"])
print(rest_api_event(pem, Request(time=datetime(2020, 5, 1, tzinfo=UTC)))["requestContext"]["requestTime"])
"""


@pytest.mark.skipif(LOCALEDEF is None or not SOURCE.exists(), reason="no other locale can be created here")
def test_the_months_of_test_events_are_in_english(tmp_path: Path) -> None:
    assert LOCALEDEF is not None
    subprocess.run([LOCALEDEF, "-i", "de_DE", "-f", "UTF-8", tmp_path / "de_DE.UTF-8"], check=True)
    times = {
        "not_before": der.time(datetime(2020, 3, 1, tzinfo=UTC)),
        "not_after": der.time(datetime(2040, 12, 1, tzinfo=UTC)),
    }
    environment = {**os.environ, "LOCPATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=client_pem(("CN", "client"), **times),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.splitlines() == [
        "{'notBefore': 'Mar  1 00:00:00 2020 GMT', 'notAfter': 'Dec  1 00:00:00 2040 GMT'}",
        "01/May/2020:00:00:00 +0000",
    ]
