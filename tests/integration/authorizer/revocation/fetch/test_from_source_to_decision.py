"""A CRL on its way: from the server of a CA by way of the fetcher and the indexer to the decision of the authorizer."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.crl_fetcher import handler as fetch
from mtls_authorizer.crl_indexer import handler as index
from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import load_settings
from tests.aws.api_events import rest_event
from tests.aws.lambda_runtime import Context
from tests.aws.server import ACCOUNT
from tests.pki.certificate_authorities import DAY, CertificateAuthority
from tests.pki.certificates import pem
from tests.pki.todays_crls import CA, OTHER_CA, TODAY, crl
from tests.refreshing import LONG_WAITS
from tests.servers.crl_server import crl_server, ok

if TYPE_CHECKING:
    import pytest

    from tests.aws.server import AwsServer


SHARED = {"TRUSTSTORE_URI": "s3://revocation/truststore.pem", "S3_BUCKET_OWNER": ACCOUNT}
"""The variables that the authorizer and the fetcher have in common."""


def certificate(serial_number: int) -> str:
    return pem(CA.issue(serial_number, not_before=TODAY - DAY, not_after=TODAY + DAY))


def uploaded(key: str) -> dict[str, Any]:
    s3 = {"bucket": {"name": "revocation"}, "object": {"key": key}}
    return {"Records": [{"eventName": "ObjectCreated:Put", "s3": s3}]}


def configure_fetcher(monkeypatch: pytest.MonkeyPatch, sources: dict[str, str]) -> None:
    variables = {"CRL_DESTINATION": "s3://revocation/fetched/", "CRL_SOURCE_PRIVATE_HOSTS": "127.0.0.1", **SHARED}
    for name, value in {"CRL_SOURCES": json.dumps(sources), **variables}.items():
        monkeypatch.setenv(name, value)


def authorizer_with(crl_uris: str) -> Authorizer:
    settings = load_settings({"ALLOW_ANY_CLIENT_CERTIFICATE": "true", "CRL_URIS": crl_uris, **SHARED})
    return Authorizer(settings, CurrentPolicy(settings, wait_seconds=LONG_WAITS))


def test_a_client_is_denied_once_the_crl_that_lists_it_was_fetched(
    aws: AwsServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    aws.put_object("s3://revocation/truststore.pem", CA.pem)
    reasons = []
    with crl_server() as server:
        configure_fetcher(monkeypatch, {server.url("/ca.crl"): "ca.crl"})
        for served in (crl(1, number=1), crl(1, 2, number=2)):
            server.answers["/ca.crl"] = ok(served)
            fetch({}, Context())
            index(uploaded("fetched/ca.crl"), None)
            authorizer = authorizer_with("s3://revocation/fetched/ca.crl")
            with caplog.at_level(logging.INFO, "mtls_authorizer"):
                for serial_number in (1, 2, 3):
                    caplog.clear()
                    authorizer.authorize(rest_event(certificate(serial_number)))
                    reasons.append(vars(caplog.records[-1])["reason"])
    revoked = "certificate_revoked"
    assert reasons == [revoked, None, None, revoked, revoked, None]


def test_an_attacker_on_the_network_cannot_end_the_revocation_of_a_ca_with_the_crl_of_another_one(
    aws: AwsServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A CA above the issuer without a CRL is skipped, but an expired CRL revokes, and proves nothing good."""
    revoked_ca = CertificateAuthority(
        "Revoked CA", parent=CA, serial_number=7, not_before=TODAY - DAY, not_after=TODAY + DAY
    )
    aws.put_object("s3://revocation/truststore.pem", CA.pem + revoked_ca.pem + OTHER_CA.pem)
    aws.put_object("s3://revocation/fetched/root.crl", crl(7, days_left=-1))
    aws.put_object("s3://revocation/fetched/ca.crl", crl(ca=revoked_ca))
    with crl_server() as server:
        configure_fetcher(monkeypatch, {server.url("/root.crl"): "root.crl"})
        server.answers["/root.crl"] = ok(crl(ca=OTHER_CA, number=400))
        fetch({}, Context())
    authorizer = authorizer_with("s3://revocation/fetched/ca.crl,s3://revocation/fetched/root.crl")
    client = pem(revoked_ca.issue(1, not_before=TODAY - DAY, not_after=TODAY + DAY))
    with caplog.at_level(logging.INFO, "mtls_authorizer"):
        authorizer.authorize(rest_event(client))
    assert vars(caplog.records[-1])["reason"] == "certificate_revoked"
