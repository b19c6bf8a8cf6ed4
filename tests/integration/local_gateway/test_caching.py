"""Two clients of one CA, both with the serial number 01, behind an API that caches the authorizer's responses."""

from __future__ import annotations

import http.client
import json
from contextlib import contextmanager
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple

import pytest

from local_gateway.api_gateway.api import ApiKind, Caching
from local_gateway.api_gateway.functions import CountedFunction
from local_gateway.api_gateway.gateway import Gateway
from local_gateway.deployment import sample_api
from local_gateway.pki.certificates import Client, Pki, make_pki
from local_gateway.server import LOOPBACK, serve
from local_gateway.tls import client_context, custom_domain_context, default_endpoint_context
from mtls_authorizer.authorizer import Authorizer
from mtls_authorizer.policy.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTED = ("$context.identity.clientCert.clientCertPem",)
ISSUER_AND_SERIAL_NUMBER = ("$context.identity.clientCert.issuerDN", "$context.identity.clientCert.serialNumber")

ALPHA = Client("alpha", (("CN", "alpha"),), serial_number=1)
BETA = Client("beta", (("CN", "beta"),), serial_number=1)
MALLORY = Client("mallory", (("CN", "mallory"),), serial_number=1)
CLIENTS = (ALPHA, BETA, MALLORY)
OWN = {ALPHA: (200, "alpha"), BETA: (200, "beta"), MALLORY: (403, None)}
"""The status and the common name that each client gets without a cache."""

HTTP_APIS = [ApiKind.HTTP_IAM, ApiKind.HTTP_SIMPLE]


class Served(NamedTuple):
    """An API that is being served: its port with mutual TLS, that of its default endpoint, and its authorizer."""

    port: int
    default_endpoint: int
    authorizer: CountedFunction


@pytest.fixture(scope="module")
def same_serial_number(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    pki = make_pki(tmp_path_factory.mktemp("pki"), CLIENTS)
    assert {pki.serial_number(client) for client in CLIENTS} == {1}
    return pki


@contextmanager
def served(pki: Pki, kind: ApiKind, identity_sources: tuple[str, ...], **environment: str) -> Iterator[Served]:
    """Serve an API with the real authorizer, which allows alpha and beta, and cache its responses for an hour."""
    response_format = "simple" if kind is ApiKind.HTTP_SIMPLE else "iam"
    lists = {} if "AUTHORIZER_RULES" in environment else {"ALLOWED_COMMON_NAMES": "alpha, beta"}
    settings = load_settings({**lists, "RESPONSE_FORMAT": response_format, **environment})
    authorize = Authorizer(settings).authorize
    authorizer = CountedFunction(lambda event, _context: authorize(event))
    gateway = Gateway(replace(sample_api(kind, authorizer), caching=Caching(identity_sources, 3600)))
    with (
        serve(gateway, custom_domain_context(pki, pki.truststore)) as port,
        serve(gateway, default_endpoint_context(pki)) as default,
    ):
        yield Served(port, default, authorizer)


def get(port: int, pki: Pki, client: Client | None, host: str = "api.example.com") -> tuple[int, str | None]:
    """Return the status, and the common name that the function behind the authorizer received."""
    connection = http.client.HTTPSConnection(LOOPBACK, port, timeout=30, context=client_context(pki, client))
    try:
        connection.request("GET", "/hello", headers={"Host": host})
        response = connection.getresponse()
        return response.status, json.loads(response.read()).get("clientCertCN")
    finally:
        connection.close()


@pytest.mark.parametrize("order", list(permutations(CLIENTS)), ids=lambda order: "-".join(each.name for each in order))
@pytest.mark.parametrize("kind", HTTP_APIS)
def test_with_the_documented_identity_source_each_client_gets_its_own_response(
    kind: ApiKind, order: tuple[Client, ...], same_serial_number: Pki, caplog: pytest.LogCaptureFixture
) -> None:
    with served(same_serial_number, kind, DOCUMENTED) as api:
        for client in order * 3:
            assert get(api.port, same_serial_number, client) == OWN[client]
        # The others came from the cache.
        assert api.authorizer.calls == len(CLIENTS)
    collisions = [vars(record) for record in caplog.records if record.message == "serial number collision"]
    assert [(each["issuer_dn"], each["serial_number"]) for each in collisions] == [
        ("OU=Client CA,O=Local gateway", "01")
    ]


@pytest.mark.parametrize(("first", "second"), list(permutations(CLIENTS, 2)))
@pytest.mark.parametrize("kind", HTTP_APIS)
def test_with_issuer_and_serial_number_the_second_client_gets_the_response_for_the_first(
    kind: ApiKind, first: Client, second: Client, same_serial_number: Pki
) -> None:
    with served(same_serial_number, kind, ISSUER_AND_SERIAL_NUMBER) as api:
        assert get(api.port, same_serial_number, first) == OWN[first]
        assert get(api.port, same_serial_number, second) == OWN[first] != OWN[second]
        assert api.authorizer.calls == 1


@pytest.mark.parametrize("kind", HTTP_APIS)
def test_without_a_certificate_the_answer_is_401_and_not_another_clients(
    kind: ApiKind, same_serial_number: Pki
) -> None:
    with served(same_serial_number, kind, DOCUMENTED) as api:
        assert get(api.port, same_serial_number, ALPHA) == OWN[ALPHA]
        assert get(api.default_endpoint, same_serial_number, None) == (401, None)
        assert get(api.default_endpoint, same_serial_number, ALPHA) == (401, None)
        assert api.authorizer.calls == 1


@pytest.mark.parametrize("kind", HTTP_APIS)
def test_without_identity_sources_an_http_api_responds_with_401_only_on_request(
    kind: ApiKind, same_serial_number: Pki
) -> None:
    for variables, status in (({}, 403), ({"UNAUTHENTICATED_RESPONSE": "unauthorized"}, 401)):
        with served(same_serial_number, kind, (), **variables) as api:
            for _ in range(2):
                assert get(api.default_endpoint, same_serial_number, None) == (status, None)
                assert get(api.port, same_serial_number, ALPHA) == OWN[ALPHA]
                assert get(api.port, same_serial_number, MALLORY) == OWN[MALLORY]
            # Without identity sources nothing is cached.
            assert api.authorizer.calls == 6


@pytest.mark.parametrize("kind", HTTP_APIS)
def test_with_the_certificate_as_identity_source_the_gateway_itself_responds_with_401(
    kind: ApiKind, same_serial_number: Pki
) -> None:
    with served(same_serial_number, kind, DOCUMENTED, UNAUTHENTICATED_RESPONSE="unauthorized") as api:
        for _ in range(2):
            assert get(api.default_endpoint, same_serial_number, None) == (401, None)
            assert get(api.port, same_serial_number, ALPHA) == OWN[ALPHA]
            assert get(api.port, same_serial_number, MALLORY) == OWN[MALLORY]
        # Two responses, which were cached.
        assert api.authorizer.calls == 2


RULES_OF_A_DOMAIN = json.dumps(
    {"rules": [{"name": "alpha", "match": {"common_name": "alpha"}, "domain_name": "one.example.com"}]}
)


@pytest.mark.parametrize("kind", HTTP_APIS)
def test_with_the_domain_name_as_identity_source_each_domain_name_gets_its_own_response(
    kind: ApiKind, same_serial_number: Pki
) -> None:
    sources = (*DOCUMENTED, "$context.domainName")
    with served(same_serial_number, kind, sources, AUTHORIZER_RULES=RULES_OF_A_DOMAIN) as api:
        for _ in range(2):
            assert get(api.port, same_serial_number, ALPHA, "one.example.com") == OWN[ALPHA]
            assert get(api.port, same_serial_number, ALPHA, "two.example.com") == (403, None)
        assert api.authorizer.calls == 2


@pytest.mark.parametrize("kind", HTTP_APIS)
def test_without_this_identity_source_one_domain_name_gets_the_response_for_another_which_is_logged(
    kind: ApiKind, same_serial_number: Pki, caplog: pytest.LogCaptureFixture
) -> None:
    with served(same_serial_number, kind, DOCUMENTED, AUTHORIZER_RULES=RULES_OF_A_DOMAIN) as api:
        assert get(api.port, same_serial_number, ALPHA, "one.example.com") == OWN[ALPHA]
        assert get(api.port, same_serial_number, ALPHA, "two.example.com") == OWN[ALPHA]
    assert [record.message for record in caplog.records].count("domain name is not an identity source") == 1
