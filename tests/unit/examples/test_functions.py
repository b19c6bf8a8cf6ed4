from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from examples import (
    behind_an_alb,
    behind_an_alb_in_passthrough,
    behind_cloudfront,
    behind_the_authorizer,
    layer_only,
)
from local_gateway.api_gateway.api import ApiKind
from local_gateway.api_gateway.events import ClientRequest, integration_event
from local_gateway.deployment import sample_api
from local_gateway.front_doors import FrontDoorKind, certificate_headers
from local_gateway.pki.certificates import issue
from local_gateway.scenarios import EXPIRED, LISTED_CN, OTHER_CN, UNTRUSTED
from tests.pki import der
from tests.pki.certificate_authorities import DAY, IS_A_CA, MAY_SIGN_BOTH, CertificateAuthority, authority_key
from tests.pki.certificates import attribute, certificate_der, name, pem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local_gateway.pki.certificates import Client, Pki


@dataclass
class Case:
    client: Client | None
    answer: dict[str, object]


@pytest.mark.parametrize("kind", ApiKind)
@pytest.mark.parametrize(
    "case",
    [
        Case(LISTED_CN, {"statusCode": 200, "body": "Hello authorized-client"}),
        Case(OTHER_CN, {"statusCode": 403, "body": "Forbidden"}),
        Case(None, {"statusCode": 401, "body": "lambda_event_missing_clientcert"}),
    ],
)
def test_the_layer_alone_is_enough(kind: ApiKind, case: Case, certificate_pem: Callable[[Client], str]) -> None:
    request = ClientRequest("GET", "/layer-only", certificate_pem=case.client and certificate_pem(case.client))
    api = sample_api(kind)
    match = api.match(request.method, request.path)
    assert match is not None

    assert layer_only.handler(integration_event(api, match, request, None), None) == case.answer


@pytest.mark.parametrize("event", [{}, None, {"requestContext": {}}])
def test_an_event_without_a_certificate_is_401(event: object) -> None:
    assert layer_only.handler(event, None)["statusCode"] == 401


@pytest.mark.parametrize(
    ("event", "context"),
    [
        ({"requestContext": {"authorizer": {"a": "b", "principalId": "c"}}}, {"a": "b", "principalId": "c"}),
        ({"version": "1.0", "requestContext": {"authorizer": {"a": "b"}}}, {"a": "b"}),
        ({"version": "2.0", "requestContext": {"authorizer": {"lambda": {"a": "b"}}}}, {"a": "b"}),
    ],
)
def test_the_context_is_read_where_each_kind_of_api_puts_it(event: dict[str, Any], context: object) -> None:
    answer = behind_the_authorizer.handler(event, None)

    assert answer["statusCode"] == 200
    assert json.loads(str(answer["body"])) == context


def handlers(truststore: Path) -> dict[FrontDoorKind, Callable[[object, object], dict[str, object]]]:
    return {
        FrontDoorKind.ALB_VERIFY: behind_an_alb.handler,
        FrontDoorKind.ALB_PASSTHROUGH: behind_an_alb_in_passthrough.make_handler(truststore),
        FrontDoorKind.CLOUDFRONT: behind_cloudfront.handler,
    }


@pytest.mark.parametrize("kind", FrontDoorKind)
@pytest.mark.parametrize(
    "case",
    [
        Case(LISTED_CN, {"statusCode": 200, "body": "Hello authorized-client"}),
        Case(OTHER_CN, {"statusCode": 403, "body": "Forbidden"}),
    ],
)
def test_behind_each_front_door_the_listed_client_is_greeted(kind: FrontDoorKind, case: Case, pki: Pki) -> None:
    assert case.client is not None
    event = {"headers": certificate_headers(kind, pki.certificate(case.client))}

    assert handlers(pki.truststore)[kind](event, None) == case.answer


@pytest.mark.parametrize("kind", FrontDoorKind)
@pytest.mark.parametrize("event", [None, {}, {"headers": None}, {"headers": {"CloudFront-Viewer-Cert-Present": "0"}}])
def test_behind_each_front_door_a_request_without_a_certificate_gets_401(
    kind: FrontDoorKind, event: object, pki: Pki
) -> None:
    answer = handlers(pki.truststore)[kind](event, None)

    assert answer["statusCode"] == 401
    assert str(answer["body"]).endswith("_event_missing_clientcert")


@pytest.mark.parametrize("sent", FrontDoorKind)
@pytest.mark.parametrize("kind", FrontDoorKind)
def test_a_function_does_not_read_what_another_front_door_sends(
    kind: FrontDoorKind, sent: FrontDoorKind, pki: Pki
) -> None:
    event = {"headers": certificate_headers(sent, pki.certificate(LISTED_CN))}

    assert handlers(pki.truststore)[kind](event, None)["statusCode"] == (200 if sent is kind else 401)


@pytest.mark.parametrize("client", [EXPIRED, UNTRUSTED])
def test_in_passthrough_mode_the_function_rejects_a_chain_that_it_cannot_verify(client: Client, pki: Pki) -> None:
    event = {"headers": certificate_headers(FrontDoorKind.ALB_PASSTHROUGH, pki.certificate(client))}
    handler = handlers(pki.truststore)[FrontDoorKind.ALB_PASSTHROUGH]

    assert handler(event, None) == {"statusCode": 403, "body": "Not verified"}


@pytest.mark.parametrize(
    "unreadable",
    [
        certificate_der(name([])),
        certificate_der(name(("CN", "authorized-client"), attribute("O", "A&B", der.PRINTABLE_STRING))),
    ],
)
def test_in_passthrough_mode_a_certificate_that_cryptography_cannot_read_is_not_verified(
    unreadable: bytes, pki: Pki
) -> None:
    handler = handlers(pki.truststore)[FrontDoorKind.ALB_PASSTHROUGH]
    listed, untrusted = pki.certificate(LISTED_CN), pki.certificate(UNTRUSTED)
    for chain in (pem(unreadable), pem(unreadable) + listed, untrusted + pem(unreadable)):
        event = {"headers": certificate_headers(FrontDoorKind.ALB_PASSTHROUGH, chain)}
        assert handler(event, None) == {"statusCode": 403, "body": "Not verified"}


def test_in_passthrough_mode_a_chain_may_have_intermediates_and_needs_them(tmp_path: Path) -> None:
    root = trustme.CA()
    intermediate = root.create_child_ca()
    truststore = tmp_path / "truststore.pem"
    root.cert_pem.write_to_path(truststore)
    handler = behind_an_alb_in_passthrough.make_handler(truststore)
    leaf, stranger = (issue(ca, LISTED_CN).decode() for ca in (intermediate, trustme.CA()))
    leaf, stranger = (text[text.index("-----BEGIN CERTIFICATE") :] for text in (leaf, stranger))

    def answer(*pems: str) -> object:
        chain = certificate_headers(FrontDoorKind.ALB_PASSTHROUGH, "".join(pems))
        return handler({"multiValueHeaders": {name: [value] for name, value in chain.items()}}, None)["body"]

    child = intermediate.cert_pem.bytes().decode()
    assert answer(leaf, child) == "Hello authorized-client"
    assert answer(leaf, child, root.cert_pem.bytes().decode()) == "Hello authorized-client"
    assert answer(leaf) == "Not verified"
    # Only the first is the client's, whatever else is sent along.
    assert answer(stranger, leaf, child) == "Not verified"
    assert answer(child, leaf) == "Not verified"


def test_in_passthrough_mode_intermediates_that_sign_each_other_do_not_multiply_the_work(pki: Pki) -> None:
    # Each of them can be the issuer of the client and of each other one. cryptography 48 examines all paths: minutes.
    now = datetime.now(UTC)
    validity: dict[str, Any] = {"not_before": now - DAY, "not_after": now + DAY}
    own = CertificateAuthority("own", **validity)
    identifier = authority_key(b"own")
    extensions = (IS_A_CA, MAY_SIGN_BOTH, identifier)
    intermediates = [
        own.issue(number, subject=own.name, public_key=own.public_key, extensions=extensions, **validity)
        for number in (2, 3, 4, 5)
    ]
    client = own.issue(1, subject=name(("CN", "authorized-client")), extensions=(identifier,), **validity)
    event = {"headers": certificate_headers(FrontDoorKind.ALB_PASSTHROUGH, "".join(map(pem, [client, *intermediates])))}
    handler = handlers(pki.truststore)[FrontDoorKind.ALB_PASSTHROUGH]
    before = time.process_time()

    assert handler(event, None) == {"statusCode": 403, "body": "Not verified"}
    assert time.process_time() - before < 5
