"""The configuration that ``explain`` applies, as the local gateway's page uses it as well."""

from __future__ import annotations

from client_certificate_auth import PeerCertificate
from mtls_authorizer_cli.configuration.loading import load_configuration
from tests.questions import CLIENT


def test_the_configuration_for_no_certificate_is_that_for_one_without_prefixes() -> None:
    configuration = load_configuration({"ALLOWED_COMMON_NAMES": "Ledger"}, None)
    for certificate in (None, PeerCertificate.from_pem(CLIENT)):
        policy = configuration.policy(certificate)
        assert configuration.settings.rules == policy.rules.rules
        assert [rule.name for rule in policy.rules.rules] == ["environment"]
