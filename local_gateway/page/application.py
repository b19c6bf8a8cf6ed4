"""The page's server, as a WSGI application: one HTML file, the overview, and the answers to questions.

It answers its own origin only, because other websites that are open in the same browser can reach loopback, too: by its
address, or by a name of theirs that resolves to it (DNS rebinding). The header ``Content-Security-Policy`` permits the
script and the style of the file by their digests, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request, Response

from local_gateway.page.inquiry import LARGEST_INQUIRY, InquiryError, PrivateKeyError, read_inquiry
from local_gateway.page.inspection import inspect
from local_gateway.server import LOOPBACK
from mtls_authorizer_cli.command_line import CommandError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from wsgiref.types import StartResponse, WSGIEnvironment

    from local_gateway.page.overview import Overview
    from local_gateway.pki.certificates import Pki

PAGE = Path(__file__).with_name("page.html")

_JSON = "application/json"
_PATHS = {"/": "GET", "/overview": "GET", "/inspect": "POST"}


class Page:
    """The page's server (PEP 3333)."""

    def __init__(self, overview: Overview, pki: Pki) -> None:
        self._overview = overview
        self._pki = pki
        self._html = PAGE.read_text(encoding="utf-8")
        self._headers = {
            "Content-Security-Policy": content_security_policy(self._html),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        request = Request(environ)
        request.max_content_length = LARGEST_INQUIRY
        response = self._answer(request)
        response.headers.update(self._headers)
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        rejection = _rejection(request)
        if rejection is not None:
            status, message = rejection
            return _text(status, message)
        if request.path == "/":
            return Response(self._html, content_type="text/html; charset=utf-8")
        if request.path == "/overview":
            return _json(HTTPStatus.OK, self._overview.document())
        return _json(*self._inspect(request))

    def _inspect(self, request: Request) -> tuple[HTTPStatus, Mapping[str, object]]:
        try:
            inquiry = read_inquiry(request.get_data(), self._overview)
            return HTTPStatus.OK, inspect(inquiry, self._overview, self._pki)
        except RequestEntityTooLarge:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": f"At most {LARGEST_INQUIRY:,} bytes."}
        except PrivateKeyError as error:
            return HTTPStatus.UNPROCESSABLE_ENTITY, {"error": str(error), "private_key": True}
        except (InquiryError, CommandError) as error:
            return HTTPStatus.UNPROCESSABLE_ENTITY, {"error": str(error)}


def content_security_policy(html: str) -> str:
    """Return the policy of a page: its own scripts and styles by their digests, and requests to its server."""
    directives = {
        "default-src": "'none'",
        "script-src": " ".join(_digests("script", html)),
        "style-src": " ".join(_digests("style", html)),
        "connect-src": "'self'",
        "img-src": "data:",  # an empty icon, so that browsers ask for none
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _digests(element: str, html: str) -> list[str]:
    """Return the digests of inline elements (CSP Level 3, §6.7.3.3)."""
    contents = re.findall(rf"<{element}>(.*?)</{element}>", html, re.DOTALL)
    digests = (hashlib.sha256(content.encode()).digest() for content in contents)
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


def _rejection(request: Request) -> tuple[HTTPStatus, str] | None:
    """Return why a request is rejected, without anything of the request; None if it is not."""
    port = request.environ["SERVER_PORT"]
    own = {f"{host}:{port}" for host in (LOOPBACK, "localhost")}
    if request.headers.get("Host") not in own:
        return HTTPStatus.MISDIRECTED_REQUEST, "This is not the name of this server."
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site", "none")
    if origin not in {None, *(f"http://{host}" for host in own)} or site not in {"same-origin", "none"}:
        return HTTPStatus.FORBIDDEN, "Other origins may not use this server."
    method = _PATHS.get(request.path)
    if method is None:
        return HTTPStatus.NOT_FOUND, "There is no such page."
    if request.method != method:
        return HTTPStatus.METHOD_NOT_ALLOWED, f"Use {method}."
    if method == "POST" and request.mimetype != _JSON:
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Send {_JSON}."
    return None


def _json(status: HTTPStatus, value: object) -> Response:
    return Response(json.dumps(value), status, content_type=_JSON)


def _text(status: HTTPStatus, message: str) -> Response:
    return Response(f"{message}\n", status, content_type="text/plain; charset=utf-8")
