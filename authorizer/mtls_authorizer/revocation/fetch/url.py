"""The URLs of CRLs: their grammar, and which redirects are followed."""

from __future__ import annotations

import re
from urllib.parse import urljoin

from client_certificate_auth.records import NamedTuple
from mtls_authorizer.revocation.fetch.errors import DownloadError

_PORTS = {"http": 80, "https": 443}
# One way to read a URL: no user, no fragment, no backslash, nothing that is not printable ASCII.
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9_-][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>(?:/[!-\"$-\[\]-~]*)?(?:\?[!-\"$-\[\]-~]*)?)"
)
_ADDRESS = re.compile(r"[0-9.]+|.*:.*")
_MAX_PORT = 65535
_MAX_URL = 2048
_MAX_SHOWN = 200


class CrlUrl(NamedTuple):
    """A URL, in parts that cannot be read in two ways."""

    scheme: str
    host: str
    """In lower case, without brackets and without the dot at the end."""

    port: int
    target: str
    """Path and query, as they are requested."""

    @property
    def host_header(self) -> str:
        """The value of the header ``Host`` (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL for logs, without its query, which may be confidential."""
        path, query, _ = self.target.partition("?")
        return f"{self.scheme}://{self.host_header}{path}{query and '?…'}"[:_MAX_SHOWN]


def parse_url(text: str) -> CrlUrl:
    """Return the parts of a URL. Raises ValueError; its message repeats no user, password, query or fragment."""
    match = _URL.fullmatch(text)
    port = int(match["port"] or _PORTS[match["scheme"]]) if match else 0
    if match is None or not 0 < port <= _MAX_PORT or len(text) > _MAX_URL:
        message = (
            f"{_shown(text)!r} is not the URL of a CRL: write http:// or https://, a host in "
            "ASCII without a user, and a path; no spaces and no fragment"
        )
        raise ValueError(message)
    target = match["target"]
    host = match["host"].strip("[]").rstrip(".").lower()
    if match["scheme"] == "https" and _ADDRESS.fullmatch(host):
        # urllib3 1.26, which some runtimes of Lambda have, does not verify a certificate for an address.
        message = f"https://{match['host']} has an address for a host: write the name in the server's certificate"
        raise ValueError(message)
    return CrlUrl(match["scheme"], host, port, target if target.startswith("/") else f"/{target}")


def _shown(text: str) -> str:
    """Return the part of a rejected URL that may be shown."""
    scheme, separator, _ = text.partition("://")
    if "@" in text:
        return f"{scheme[:_MAX_SHOWN]}{separator}…" if separator else "…"
    return re.split("[?#]", text, maxsplit=1)[0][:_MAX_SHOWN]


def redirected(url: CrlUrl, location: str | None) -> CrlUrl:
    """Return where a redirect leads: to the same host and port, or from HTTP to HTTPS on it. Raises DownloadError."""
    base = f"{url.scheme}://{url.host_header}{url.target}"
    try:
        target = parse_url(urljoin(base, location or ""))
    except ValueError:
        message = "redirected to something that is not a URL of HTTP"
        raise DownloadError(message) from None
    upgraded = (url.scheme, url.port, target.scheme, target.port) == ("http", 80, "https", 443)
    if target.host != url.host or not (upgraded or target[:3] == url[:3]):
        message = f"redirected to {target.scheme}://{target.host_header}: only redirects to the same host are followed"
        raise DownloadError(message[:_MAX_SHOWN])
    return target
