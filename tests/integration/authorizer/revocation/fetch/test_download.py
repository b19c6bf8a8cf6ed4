"""Downloads from a real server: only complete answers from the checked address, within the limits, are accepted."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from mtls_authorizer.revocation.fetch.download import Limits, Validators, download
from mtls_authorizer.revocation.fetch.errors import DownloadError
from mtls_authorizer.revocation.fetch.url import parse_url
from tests.clocks import LONG
from tests.servers.crl_server import byte_by_byte, conditional, crl_server, ok, raw, silent, truncated, until_closed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    from mtls_authorizer.revocation.fetch.download import Downloaded
    from tests.servers.crl_server import Answer, CrlServer

PATIENT = Limits(total_seconds=30, connect_seconds=30, read_seconds=30, max_bytes=1000)
BODY = b"0" * 500
METADATA = "169.254.169.254"


def get(url: str, known: Validators | None = None, limits: Limits = PATIENT) -> Downloaded | None:
    return download(parse_url(url), known, limits=limits, allow_private=True)


def answers(*addresses: str) -> Callable[..., list[Any]]:
    """Return a resolver whose n-th answer is the n-th argument, which is a list of addresses."""
    left = list(addresses)

    def getaddrinfo(_host: str, port: int, **_arguments: object) -> list[Any]:
        given = left.pop(0).split()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in given]

    return getaddrinfo


def test_an_answer_is_returned_with_its_validators(server: CrlServer) -> None:
    server.answers["/ca.crl"] = conditional(BODY, '"v1"', "Thu, 26 Nov 2026 10:00:00 GMT")
    downloaded = get(server.url("/ca.crl"))
    assert downloaded == (BODY, ('"v1"', "Thu, 26 Nov 2026 10:00:00 GMT"))
    [(_, headers)] = server.requests
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert headers["accept-encoding"] == "identity"
    assert not headers.keys() & {"if-none-match", "if-modified-since", "authorization", "cookie"}


def test_an_unchanged_crl_is_not_sent_again(server: CrlServer) -> None:
    server.answers["/ca.crl"] = conditional(BODY, '"v1"', "Thu, 26 Nov 2026 10:00:00 GMT")
    assert get(server.url("/ca.crl"), Validators('"v1"', "Thu, 26 Nov 2026 10:00:00 GMT")) is None
    [(_, headers)] = server.requests
    assert headers["if-none-match"] == '"v1"'
    assert headers["if-modified-since"] == "Thu, 26 Nov 2026 10:00:00 GMT"
    assert get(server.url("/ca.crl"), Validators('"v0"', None)) is not None
    assert "if-modified-since" not in server.requests[-1][1]
    assert get(server.url("/ca.crl"), Validators(None, "x")) is not None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"ETag": "v1"},
        {"ETag": f'"{"v" * 300}"'},
        {"ETag": '"\x80"'},
        {"Last_Modified": "x" * 100},
        {"Last_Modified": "yesterday"},
        {"Last_Modified": "Thu, 26 Nov 2026 10:00:00 +999999"},
        {"Last_Modified": "Thu, 31 Dec 2099 10:00:00 GMT"},
        {"Last_Modified": "Thu, 99 Dec 2020 10:00:00 GMT"},
        {"Last_Modified": "Tuesday, 31-Dec-69 10:00:00 GMT"},  # 1969 or 2069
        {"Last_Modified": "Tue, 31 Dec 0069 10:00:00 GMT"},
        {"ETag": '"a"b"'},
    ],
)
def test_validators_that_cannot_be_repeated_are_ignored(headers: dict[str, str], server: CrlServer) -> None:
    server.answers["/"] = ok(BODY, **headers)
    downloaded = get(server.url("/"))
    assert downloaded == (BODY, (None, None))


def test_an_answer_may_end_with_its_connection(server: CrlServer) -> None:
    server.answers["/"] = until_closed(BODY)
    downloaded = get(server.url("/"))
    assert downloaded is not None
    assert downloaded.content == BODY


def test_progress_is_reported(server: CrlServer) -> None:
    server.answers["/"] = ok(BODY)
    seen: list[tuple[int, int | None]] = []
    download(
        parse_url(server.url("/")),
        limits=PATIENT,
        allow_private=True,
        watch=lambda received, total: seen.append((received, total)),
    )
    assert seen[-1] == (500, 500)


FAILURES: dict[str, tuple[Answer, str]] = {
    "404": (ok(b"", 404), "HTTP status 404"),
    "500": (ok(BODY, 500), "HTTP status 500"),
    "204": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), "HTTP status 204"),
    "206": (ok(BODY, 206), "HTTP status 206"),
    "304 to an unconditional request": (ok(b"", 304), "HTTP status 304, to an unconditional request"),
    "truncated": (truncated(BODY, 501), "the response ended early"),
    "a chunk that is truncated": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f4\r\nabc"),
        "the response ended early",
    ),
    "oversized": (ok(b"0" * 1001), "the response has 1,001 bytes; at most 1,000 are supported"),
    "oversized, without a length": (until_closed(b"0" * 1001), "the response has more than 1,000 bytes"),
    "oversized, in chunks": (
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"0" * 1001 + b"\r\n0\r\n\r\n"),
        "the response has more than 1,000 bytes",
    ),
    "closed": (raw(b""), "the connection was closed, or the response is not HTTP"),
    "not HTTP": (raw(b"\x16\x03\x01garbage\r\n\r\n"), "the connection was closed, or the response is not HTTP"),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_an_answer_that_is_not_a_complete_document_is_an_error(failure: str, server: CrlServer) -> None:
    answer, message = FAILURES[failure]
    server.answers["/"] = answer
    with pytest.raises(DownloadError, match=f"^{message}"):
        get(server.url("/"))


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Endless:
    """Sends the beginning of an answer, and zeros for as long as the client reads."""

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.sent_bytes = 0

    def __call__(self, request: BaseHTTPRequestHandler, stopped: threading.Event) -> None:
        request.wfile.write(self.head)
        end = time.monotonic() + 5
        while time.monotonic() < end and not stopped.is_set():
            request.wfile.write(b"0" * 65536)
            self.sent_bytes += 65536


@pytest.mark.parametrize(
    "head",
    [
        CHUNKED + b"-1\r\n",  # Python reads to the end for this size of a chunk
        CHUNKED,
        CHUNKED + b"5; extension=",
        CHUNKED + b"1f4\r\n" + BODY + b"\r\n0\r\nTrailer: ",
        b"HTTP/1.1 200 OK\r\nHeader: ",
        b"",
    ],
)
def test_no_part_of_an_answer_is_read_without_a_limit(head: bytes, server: CrlServer) -> None:
    answer = server.answers["/"] = Endless(head)
    with pytest.raises(DownloadError, match=r"^the (response has more than|connection was closed)"):
        get(server.url("/"))
    assert answer.sent_bytes < 16_000_000  # also what is in the buffers of the connection


@pytest.mark.parametrize("header", ["Without a colon", "With a space: b", " at: the start"])
def test_nothing_of_a_query_or_an_answer_is_logged(
    header: str, server: CrlServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Queries may be confidential, and urllib3 logs the whole URL with headers that it cannot parse."""
    server.answers["/ca.crl"] = raw(f"HTTP/1.1 200 OK\r\n{header}\r\n\r\n0".encode())
    assert get(server.url("/ca.crl?token=secret")) is not None
    assert caplog.text == ""


SLOW = b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + b"0" * 4000


@pytest.mark.parametrize(
    "slow",
    [
        byte_by_byte(SLOW, 0.03),  # the headers arrive byte by byte, too
        byte_by_byte(SLOW.replace(b"Content-Length: 4000\r\n", b""), 0.03),  # a shut down connection looks like its end
        byte_by_byte(SLOW.replace(b"Content-Length", b"x" * 900), 0.03),
    ],
)
def test_a_server_that_sends_byte_by_byte_is_given_up_after_the_total_time(slow: Answer, server: CrlServer) -> None:
    server.answers["/"] = slow
    start = time.monotonic()
    with pytest.raises(DownloadError, match=r"^timed out after 1 s$"):
        get(server.url("/"), limits=PATIENT._replace(total_seconds=1, max_bytes=10_000))
    assert time.monotonic() - start < LONG  # all of the answer takes twice as long


def test_a_server_that_never_answers_is_given_up(server: CrlServer) -> None:
    server.answers["/"] = silent()
    with pytest.raises(DownloadError, match=r"^no response for 0\.2 s$"):
        get(server.url("/"), limits=PATIENT._replace(read_seconds=0.2))


def test_a_host_that_does_not_accept_a_connection_is_given_up() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(DownloadError, match=r"^no connection: the server refuses it"):
            get(f"http://127.0.0.1:{listening.getsockname()[1]}/")


def test_a_host_that_drops_packets_is_given_up() -> None:
    with socket.socket() as full, socket.socket() as first:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        first.connect(full.getsockname())  # the queue is full now: further ones are not answered
        with pytest.raises(DownloadError, match=r"^no connection within 0\.2 s$"):
            get(f"http://127.0.0.1:{full.getsockname()[1]}/", limits=PATIENT._replace(connect_seconds=0.2))


def test_a_server_that_accepts_connections_without_tls_is_given_up() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        with pytest.raises(DownloadError, match=r"^no connection within 0\.2 s$"):
            get(f"https://localhost:{listening.getsockname()[1]}/", limits=PATIENT._replace(connect_seconds=0.2))


def test_the_next_address_is_tried_if_one_refuses_connections(server: CrlServer) -> None:
    server.answers["/"] = ok(BODY)
    url = parse_url(server.url("/", "crl.example"))
    for addresses in ("127.0.0.2 127.0.0.1", "127.0.0.1 127.0.0.2"):
        getaddrinfo = answers(addresses)
        assert download(url, limits=PATIENT, allow_private=True, getaddrinfo=getaddrinfo) is not None


# Redirects.


def redirect(location: str, status: int = 302) -> Answer:
    return ok(b"", status, Location=location)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_on_the_same_host_are_followed(status: int, server: CrlServer) -> None:
    server.answers |= {"/a/b": redirect("../c?d", status), "/c": redirect(server.url("/e")), "/e": ok(BODY)}
    downloaded = get(server.url("/a/b"))
    assert downloaded is not None
    assert server.paths == ["/a/b", "/c?d", "/e"]


def test_redirects_to_other_hosts_are_not_followed(server: CrlServer) -> None:
    with crl_server() as other:
        for location in (
            other.url("/"),
            f"http://localhost:{server.port}/",
            f"//127.0.0.2:{server.port}/",
            f"http://{METADATA}/latest/meta-data/",
            f"https://localhost:{server.port}/",
        ):
            server.answers["/"] = redirect(location)
            with pytest.raises(DownloadError, match="only redirects to the same host are followed"):
                get(server.url("/"))
        assert other.requests == []


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://user@127.0.0.1/", "http://a:b/", "ftp://a/"])
def test_redirects_to_other_things_are_not_followed(location: str, server: CrlServer) -> None:
    server.answers["/"] = redirect(location)
    with pytest.raises(DownloadError, match=r"^redirected to something that is not a URL of HTTP"):
        get(server.url("/"))


def test_a_redirect_without_a_location_leads_to_itself_until_there_are_too_many(server: CrlServer) -> None:
    server.answers["/"] = ok(b"", 302)
    with pytest.raises(DownloadError, match=r"^more than 3 redirects$"):
        get(server.url("/"))
    assert len(server.requests) == 4


# Addresses.


def test_a_name_is_resolved_once_and_the_checked_address_is_used(
    server: CrlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second resolution of the name is 169.254.169.254: DNS rebinding."""
    server.answers |= {"/": redirect("/ca.crl"), "/ca.crl": ok(BODY)}
    asked: list[str] = []
    real, fake = socket.getaddrinfo, answers("127.0.0.1", METADATA, METADATA)

    def getaddrinfo(host: str, port: int, *arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401 -- as the real one
        if host != "crl.example":
            return real(host, port, *arguments, **keywords)
        asked.append(host)
        return fake(host, port)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    url = parse_url(server.url("/", "crl.example"))
    downloaded = download(url, limits=PATIENT, allow_private=True, getaddrinfo=getaddrinfo)
    assert downloaded is not None
    assert asked == ["crl.example"]
    assert [headers["host"] for _, headers in server.requests] == [f"crl.example:{server.port}"] * 2


@pytest.mark.parametrize("resolved", [METADATA, "127.0.0.1", f"1.1.1.1 {METADATA}", "1.1.1.1 ::ffff:169.254.169.254"])
def test_no_connection_is_made_if_an_address_is_not_public(
    resolved: str, server: CrlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "create_connection", None)
    monkeypatch.setattr(socket.socket, "connect", None)
    with pytest.raises(DownloadError, match=r"which is not public\. To allow it, add the host to CRL_SOURCE_PR"):
        download(
            parse_url(server.url("/", "crl.example")),
            limits=PATIENT,
            getaddrinfo=answers(resolved),
        )
    assert server.requests == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "0x7f000001", "2130706433", "127.1", "0", "[::ffff:127.0.0.1]", "[::]"]
)
def test_no_spelling_of_loopback_is_public(host: str, server: CrlServer) -> None:
    with pytest.raises(DownloadError, match=r"which is not public|cannot be resolved"):
        download(parse_url(server.url("/", host)), limits=PATIENT)
    assert server.requests == []


def test_a_name_that_does_not_exist_is_an_error() -> None:
    def getaddrinfo(*_arguments: object, **_keywords: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for resolver in (getaddrinfo, answers("")):
        with pytest.raises(DownloadError, match=r"^the name crl\.example cannot be resolved$"):
            download(parse_url("http://crl.example/"), limits=PATIENT, getaddrinfo=resolver)


def test_a_resolver_that_does_not_answer_is_given_up() -> None:
    given_up = threading.Event()

    def getaddrinfo(*_arguments: object, **_keywords: object) -> list[Any]:
        given_up.wait(LONG)
        return []

    with pytest.raises(DownloadError, match=r"^the name crl\.example was not resolved within 0\.\d+ s$"):
        download(parse_url("http://crl.example/"), limits=PATIENT._replace(total_seconds=0.2), getaddrinfo=getaddrinfo)
    given_up.set()


def test_variables_for_proxies_are_ignored(server: CrlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers["/"] = ok(BODY)
    with crl_server() as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url("/"))
            monkeypatch.setenv(name.upper(), proxy.url("/"))
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        assert get(server.url("/")) is not None
        assert proxy.requests == []


# TLS.


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def secure_server(ca: trustme.CA) -> Iterator[CrlServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("crl.example").configure_cert(context)
    with crl_server(context) as server:
        server.answers["/"] = ok(BODY)
        yield server


@pytest.fixture
def trusted(ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def get_securely(server: CrlServer, host: str) -> Downloaded | None:
    url = parse_url(server.url("/", host))
    return download(url, limits=PATIENT, allow_private=True, getaddrinfo=answers("127.0.0.1"))


@pytest.mark.usefixtures("trusted")
def test_the_server_must_have_a_certificate_for_the_name_of_the_host(secure_server: CrlServer) -> None:
    downloaded = get_securely(secure_server, "crl.example")
    assert downloaded is not None
    assert downloaded.content == BODY
    with pytest.raises(DownloadError, match=r"^TLS failed: .*mismatch, certificate is not valid for"):
        get_securely(secure_server, "other.example")


def test_the_certificate_of_the_server_must_be_trusted(
    secure_server: CrlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    with pytest.raises(DownloadError, match=r"^TLS failed: (self.signed certificate|unable to get)"):
        get_securely(secure_server, "crl.example")


def test_a_server_without_tls_is_an_error(server: CrlServer) -> None:
    with pytest.raises(DownloadError, match=r"^TLS failed: \w+$"):
        get(re.sub("^http:", "https:", server.url("/", "localhost")))
