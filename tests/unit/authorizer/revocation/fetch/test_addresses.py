from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_authorizer.revocation.fetch.addresses import is_public, resolve

PUBLIC = [
    "1.1.1.1",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::200e",
    "2001:4860:4860::8888",
]
NOT_PUBLIC = {
    "unspecified": ["0.0.0.0", "0.1.2.3", "::"],  # noqa: S104 -- nothing is bound
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd00:ec2::254"],
    "shared": ["100.64.0.1", "100.100.100.200", "100.127.255.255"],
    "link-local": ["169.254.169.254", "169.254.170.2", "fe80::1", "febf::1"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": ["240.0.0.1", "255.255.255.255", "192.0.0.8", "192.0.0.170", "100::1", "5f00::1", "4000::1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarks": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "IPv4-mapped": ["::ffff:169.254.169.254", "::ffff:1.1.1.1", "::ffff:0:1.1.1.1"],
    "IPv4-compatible": ["::169.254.169.254", "::1.1.1.1"],
    "NAT64": ["64:ff9b::169.254.169.254", "64:ff9b::1.1.1.1", "64:ff9b:1::1"],
    "6to4": ["2002:a9fe:a9fe::1", "2002:7f00:1::", "192.88.99.1"],
    "Teredo": ["2001:0:4136:e378:8000:63bf:5601:5601"],
    "site-local": ["fec0::1"],
    "scoped": ["fe80::1%eth0"],
}


# The first and the last address of networks, if those before and after them are public.
NETWORKS = [
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
]


@pytest.mark.parametrize(("first", "last"), NETWORKS)
def test_exactly_the_addresses_of_special_networks_are_not_public(first: str, last: str) -> None:
    begin, end = ip_address(first), ip_address(last)
    assert [is_public(each) for each in (begin - 1, begin, end, end + 1)] == [True, False, False, True]


def test_special_networks_at_an_end_have_public_addresses_on_one_side() -> None:
    table = {"0.255.255.255": False, "1.0.0.0": True, "223.255.255.255": True, "224.0.0.0": False}
    assert {each: is_public(ip_address(each)) for each in table} == table


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(("kind", "address"), [(kind, each) for kind, many in NOT_PUBLIC.items() for each in many])
def test_an_address_for_a_special_purpose_is_not_public(kind: str, address: str) -> None:
    assert not is_public(ip_address(address)), kind


def test_all_addresses_of_a_host_are_returned_if_they_are_public() -> None:
    def getaddrinfo(host: str, port: int, **_arguments: object) -> list[Any]:
        assert (host, port) == ("crl.example", 80)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in PUBLIC]

    found = resolve("crl.example", 80, allow_private=False, seconds=10, getaddrinfo=getaddrinfo)
    assert found == PUBLIC


@given(st.ip_addresses())
def test_an_address_with_a_special_purpose_according_to_python_is_not_public(
    address: IPv4Address | IPv6Address,
) -> None:
    special = (
        address.is_private,
        address.is_loopback,
        address.is_link_local,
        address.is_multicast,
        address.is_reserved,
        address.is_unspecified,
    )
    if any(special):
        assert not is_public(address)
