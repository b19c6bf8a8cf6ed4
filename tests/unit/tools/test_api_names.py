"""The names of an API in options, of which URLs are the most likely mistake."""

from __future__ import annotations

import pytest

from mtls_authorizer_cli.api_names import domain_name
from mtls_authorizer_cli.main import main

API_MESSAGE = "write its ID, such as a1b2c3d4e5"
DOMAIN_MESSAGE = "write it without scheme, port and path, such as api.example.com"


@pytest.mark.parametrize(
    ("arguments", "value", "message"),
    [
        (["explain", "client.pem", "--api-id"], "arn:aws", API_MESSAGE),
        (["explain", "client.pem", "--api-id"], "", "--api-id is empty"),
        (["doctor", "--api"], "a1b2c3d4e5/live", API_MESSAGE),
        (["explain", "client.pem", "--domain-name"], "https://api.example.com/", DOMAIN_MESSAGE),
        (["explain", "client.pem", "--domain-name"], "", "--domain-name is empty"),
        (["doctor", "--domain"], "api.example.com:443", DOMAIN_MESSAGE),
        (["doctor", "--domain"], "api.example.com/orders", DOMAIN_MESSAGE),
    ],
)
def test_a_url_is_not_the_name_of_an_api_or_domain(
    arguments: list[str], value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, value], {})
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", ["API.example.com", "*.example.com"])
def test_every_name_that_a_custom_domain_can_have_is_accepted(name: str) -> None:
    assert domain_name(name) == name
