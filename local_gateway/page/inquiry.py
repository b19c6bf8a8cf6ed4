"""The question that the page asks.

Private keys are rejected. Errors repeat nothing of what was sent, except the names in several certificates.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

from mtls_authorizer.rules.routes import METHODS
from mtls_authorizer_cli.certificates.bundle import choose_client
from mtls_authorizer_cli.certificates.content import mislabelled_kind, recognize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_gateway.deployment import Endpoint
    from local_gateway.page.overview import Overview
    from local_gateway.pki.certificates import Client

LARGEST_INQUIRY = 256 * 1024
"""In bytes. A certificate chain has a few thousand."""

KEY_REFUSED = (
    "This contains a private key. Nothing of it was used, stored or logged. Clear the field, paste the certificate "
    "alone, and consider replacing a key that you have pasted anywhere."
)

_PATH = re.compile(r"""/[!"$-~]{0,2000}""")
_KEYS = frozenset({"client", "pem", "kind", "method", "path", "mutual_tls", "header_client"})
# Also of formats that this project does not know, such as PuTTY's and PGP's.
_MENTIONS_KEY = re.compile(r"PRIVATE[ _-]*(KEY|LINES)", re.IGNORECASE)


class Inquiry(NamedTuple):
    """A client and its request.

    ``client`` is a client of the scenarios, whose key the local gateway has; ``pem`` is a certificate without a key.
    There is at most one of them. ``header_client`` is the client whose certificate is sent in a header.
    """

    client: Client | None
    pem: str | None
    endpoint: Endpoint
    method: str
    path: str
    mutual_tls: bool
    header_client: Client | None
    notes: tuple[str, ...]


class InquiryError(ValueError):
    """The question cannot be answered."""


class PrivateKeyError(InquiryError):
    """The question contains a private key."""


def read_inquiry(body: bytes, overview: Overview) -> Inquiry:
    """Read a question in JSON. Raises InquiryError, and CommandError if the client's certificate cannot be found."""
    text = body.decode(errors="replace")
    if _MENTIONS_KEY.search(text):
        raise PrivateKeyError(KEY_REFUSED)
    try:
        question = json.loads(text)
    except (ValueError, RecursionError):
        question = None
    _require(
        isinstance(question, dict) and question.keys() == _KEYS, f"Send an object with {', '.join(sorted(_KEYS))}."
    )
    _require(isinstance(question["mutual_tls"], bool), "mutual_tls must be true or false.")
    _require(str(question["kind"]) in overview.endpoints, "There is no such API.")
    _require(question["method"] in METHODS, f"The method must be one of {', '.join(METHODS)}.")
    _require(
        isinstance(question["path"], str) and _PATH.fullmatch(question["path"]) is not None,
        "The path must begin with / and have at most 2,001 printable ASCII characters without spaces and #.",
    )
    client, pem = _client(question, "client", overview), question["pem"]
    notes: tuple[str, ...] = ()
    if pem is not None:
        _require(isinstance(pem, str) and client is None, "Either choose a client or paste a certificate.")
        pem, notes = _read_certificate(pem)
    return Inquiry(
        client,
        pem,
        overview.endpoints[str(question["kind"])],
        question["method"],
        question["path"],
        question["mutual_tls"],
        _client(question, "header_client", overview),
        notes,
    )


def _client(question: Mapping[str, object], key: str, overview: Overview) -> Client | None:
    if question[key] is None:
        return None
    client = overview.clients.get(str(question[key]))
    _require(client is not None, "There is no such client.")
    return client


def _read_certificate(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the client's certificate, and notes. Raises InquiryError and CommandError."""
    content = recognize(text.encode(errors="replace"))
    # Escapes in JSON can hide it above.
    if _MENTIONS_KEY.search(text) or content.has_private_key:
        raise PrivateKeyError(KEY_REFUSED)
    advice = "Paste a certificate in PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----."
    _require(bool(content.certificates), f"This is {content.kinds[0]}. {advice}")
    pem, notes = choose_client("the pasted text", content)
    kind = mislabelled_kind(pem)
    _require(kind is None, f"This is {kind} with the label of a certificate. {advice}")
    return pem, notes


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 -- like assert
    if not condition:
        raise InquiryError(message)
