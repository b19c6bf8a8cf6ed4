"""The policy in force while its stores are slow, and the modules that settings need."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.aws.lambda_runtime import PROJECT
from tests.clocks import until
from tests.pki.kept_lists import (
    CA,
    EVERYBODY,
    FIRST,
    GOOD,
    NEXT,
    OTHER,
    REVOKED,
    SECOND,
    WITHDRAWN,
    Bucket,
    EventAuthorizer,
    client,
    crl,
    make_live,
    settings,
)
from tests.refreshing import LONG_WAITS
from tests.servers.faulty_proxy import byte_by_byte, hang

if TYPE_CHECKING:
    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import FaultyProxy

RULES = b'{"rules": [{"name": "one", "match": {"common_name": "client"}, "allow": ["GET /hello"]}]}'


def test_no_request_waits_longer_than_is_documented_even_if_all_documents_are_slow(
    aws: AwsServer, proxy: FaultyProxy, caplog: pytest.LogCaptureFixture
) -> None:
    storage = Bucket(aws)
    storage.put("rules.json", RULES)
    storage.put("truststore.pem", CA.pem)
    storage.put("ca.crl", FIRST)
    storage.put("other.crl", crl(1, ca=OTHER))
    loaded = settings(
        storage,
        CRL_URIS=f"{storage.uri('ca.crl')}, {storage.uri('other.crl')}",
        AUTHORIZER_RULES_URI=storage.uri("rules.json"),
    )
    limits = LONG_WAITS._replace(request=0.6)
    authorizer = EventAuthorizer(make_live(storage, loaded._replace(rules_refresh_seconds=0), wait_seconds=limits))
    # OTHER is not in the truststore, so that one of the lists was never loaded.
    for fault in (hang(), byte_by_byte(0.5)):
        proxy.break_with(fault)
        for _request in range(2):
            began = time.monotonic()
            assert authorizer.deny_reasons(WITHDRAWN) == [REVOKED]
            # A busy machine may add to it. The stores take minutes.
            assert time.monotonic() - began < limits.request + 10
        proxy.recover()
    assert caplog.records
    storage.put("truststore.pem", EVERYBODY)
    storage.put("ca.crl", SECOND)
    until(lambda: authorizer.deny_reasons(GOOD, NEXT, client(1, OTHER)) == [None, REVOKED, None])


@pytest.mark.parametrize("module", ["mtls_authorizer.revocation.settings", "mtls_authorizer.stores.uri"])
def test_modules_that_settings_need_import_neither_boto3_nor_cryptography(module: str) -> None:
    process = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"],
        env={"PYTHONPATH": os.pathsep.join(("layer", "authorizer"))},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    modules = set(process.stdout.split())
    assert module in modules
    assert not modules & {"boto3", "botocore", "cryptography"}
