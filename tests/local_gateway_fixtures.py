from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local_gateway.deployment import Endpoint
    from local_gateway.pki.certificates import Client, Pki


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    # Only tests of the gateway need trustme and werkzeug.
    from local_gateway.pki.certificates import make_pki  # noqa: PLC0415 -- see above
    from local_gateway.scenarios import CLIENTS  # noqa: PLC0415 -- see above

    return make_pki(tmp_path_factory.mktemp("pki"), CLIENTS)


@pytest.fixture(scope="session")
def endpoints(pki: Pki) -> Iterator[list[Endpoint]]:
    from local_gateway.deployment import deploy  # noqa: PLC0415 -- see pki

    with deploy(pki) as endpoints:
        yield endpoints


@pytest.fixture
def certificate_pem(pki: Pki) -> Callable[[Client], str]:
    """A client's certificate, as API Gateway has it from the TLS connection."""

    def read(client: Client) -> str:
        text = pki.client(client).read_text()
        certificate = text[text.index("-----BEGIN CERTIFICATE-----") :]
        return ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(certificate))

    return read
