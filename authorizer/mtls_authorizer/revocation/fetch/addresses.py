"""The addresses of a host, and whether a function may connect to them.

Names that an administrator has configured are still resolved by DNS servers of others. Without this check, their
answers could direct the function to services that only it can reach: its own runtime, the network of its VPC, metadata.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from threading import Thread

from mtls_authorizer.revocation.fetch.errors import DownloadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

Resolver: TypeAlias = "Callable[..., list[Any]]"
"""``socket.getaddrinfo``, or a function that takes its place."""

# The registries of special-purpose addresses (IANA, RFC 6890), and multicast. Not Python's is_global, which differs
# from version to version for some of these.
_NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network (RFC 791)
            "10.0.0.0/8",  # private (RFC 1918)
            "100.64.0.0/10",  # shared by carriers, and used inside of AWS (RFC 6598)
            "127.0.0.0/8",  # loopback (RFC 1122)
            "169.254.0.0/16",  # link-local, among them AWS's metadata (RFC 3927)
            "172.16.0.0/12",  # private (RFC 1918)
            "192.0.0.0/24",  # protocol assignments (RFC 6890)
            "192.0.2.0/24",  # documentation (RFC 5737)
            "192.88.99.0/24",  # 6to4 relays (RFC 7526)
            "192.168.0.0/16",  # private (RFC 1918)
            "198.18.0.0/15",  # benchmarks (RFC 2544)
            "198.51.100.0/24",  # documentation (RFC 5737)
            "203.0.113.0/24",  # documentation (RFC 5737)
            "224.0.0.0/4",  # multicast (RFC 5771)
            "240.0.0.0/4",  # reserved, and broadcast (RFC 1112)
        ),
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
"""Global unicast (RFC 4291 §2.4). Not in it: loopback, unspecified, IPv4-mapped, NAT64, unique local, multicast."""

_NOT_PUBLIC_6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments, among them Teredo, which contains IPv4 addresses (RFC 2928)
            "2001:db8::/32",  # documentation (RFC 3849)
            "2002::/16",  # 6to4, which contains IPv4 addresses (RFC 3056)
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is one of the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _PUBLIC_6 and not any(address in network for network in _NOT_PUBLIC_6)


def resolve(
    host: str, port: int, *, allow_private: bool, seconds: float, getaddrinfo: Resolver = socket.getaddrinfo
) -> list[str]:
    """Return the addresses of a host, in the order in which to try them.

    Raises DownloadError if there are none within some seconds, or if any is not public, unless ``allow_private``.
    """
    addresses = [str(answer[4][0]) for answer in _ask(host, port, seconds, getaddrinfo)]
    if not allow_private:
        for address in addresses:
            if not is_public(ip_address(address)):
                message = (
                    f"{host} has the address {address}, which is not public. To allow it, add the host to "
                    "CRL_SOURCE_PRIVATE_HOSTS of the fetcher, or use --private with mtls-authorizer crl fetch"
                )
                raise DownloadError(message)
    return addresses


def _ask(host: str, port: int, seconds: float, getaddrinfo: Resolver) -> list[Any]:
    # In a thread, because the resolver of the system has no timeout that can be chosen.
    answers: SimpleQueue[list[Any] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        message = f"the name {host} was not resolved within {seconds:.3g} s"
        raise DownloadError(message) from None
    if isinstance(answer, Exception) or not answer:
        message = f"the name {host} cannot be resolved"
        raise DownloadError(message)
    return answer
