"""The configuration that ``explain`` applies, as the local gateway's page uses it as well."""

from __future__ import annotations

from mtls_authorizer_cli.configuration.loading import read_configuration
from tests.questions import CLIENT


def test_the_configuration_for_no_certificate_is_that_for_one_without_prefixes() -> None:
    environment = {"ALLOWED_COMMON_NAMES": "Ledger"}
    for pem in (None, "nonsense", CLIENT):
        settings, policy = read_configuration(environment, None, pem)
        assert settings.rules == policy.rules.rules
        assert [rule.name for rule in policy.rules.rules] == ["environment"]
