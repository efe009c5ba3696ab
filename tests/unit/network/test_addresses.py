"""Which addresses may be asked: never what only this machine or its network reaches, unless the operator says so."""

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackroom.network.addresses import Addresses, AllowList, Refused, Unresolved, why_not

FORBIDDEN = """
0.0.0.0 0.1.2.3 127.0.0.1 127.255.255.254 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254
100.64.0.1 100.127.255.255 100.100.100.200 192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255
198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 fe80::1 fe80::1%eth0
fec0::1 fc00::1 fd00:ec2::254 ff02::1 2001::1 2001:db8::1 3fff::1 4000::1 5f00::1 100::1 64:ff9b:1::808:808
::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 ::8.8.8.8 2002:7f00:1:: 2002:a00:1::1 2002:c0a8:101::
64:ff9b::7f00:1 64:ff9b::a9fe:a9fe
"""
FINE = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255
172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
2001:4860:4860::8888 2606:4700::1111 2a00::1 ::ffff:8.8.8.8 2002:808:808::1 64:ff9b::808:808
"""


@pytest.mark.parametrize("address", FORBIDDEN.split())
def test_what_is_not_outside_is_not_asked(address: str) -> None:
    assert why_not(ipaddress.ip_address(address)) is not None


@pytest.mark.parametrize("address", FINE.split())
def test_what_is_outside_may_be_asked(address: str) -> None:
    assert why_not(ipaddress.ip_address(address)) is None


@given(st.ip_addresses())
def test_nothing_may_be_asked_that_python_knows_to_be_private(address: ipaddress.IPv4Address) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        # What another stands in is judged as that other; Python's newer versions call all such private.
        inside = address.version == 6 and (address.ipv4_mapped or address.sixtofour)  # type: ignore[attr-defined]
        assert why_not(address) or inside


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_as_itself(address: ipaddress.IPv4Address) -> None:
    digits = int(address)
    for inside in (0xFFFF << 32 | digits, 0x64_FF9B << 96 | digits, 0x2002 << 112 | digits << 80):
        assert why_not(ipaddress.IPv6Address(inside)) == why_not(address)


def says(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def lookup(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return lookup


def resolved(host: str, allowed: str = "", *, port: int = 80, leads_to: Sequence[str] = ()) -> list[str]:
    return asyncio.run(Addresses(AllowList.parse(allowed), says(*leads_to)).of(host, port))


def test_a_name_leads_to_its_public_addresses_only() -> None:
    assert resolved("files.example", leads_to=["10.0.0.1", "1.1.1.1", "::1", "2a00::1"]) == [
        "1.1.1.1",
        "2a00::1",
    ]
    with pytest.raises(Refused, match="a private address"):
        resolved("files.example", leads_to=["10.0.0.1", "127.0.0.1"])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "169.254.169.254"])
def test_a_literal_address_is_judged_without_a_look_up(host: str) -> None:
    with pytest.raises(Refused):
        resolved(host, leads_to=["1.1.1.1"])


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1"])
def test_this_machine_is_recognised_by_all_its_names(host: str) -> None:
    with pytest.raises(Refused, match="this machine's own"):
        asyncio.run(Addresses().of(host, 80))


@pytest.mark.parametrize(
    ("allowed", "host", "leads_to", "port"),
    [
        ("files.example", "FILES.example.", "10.0.0.1", 80),
        ("files.example:9000", "files.example", "127.0.0.1", 9000),
        ("10.0.0.0/8", "files.example", "10.2.3.4", 80),
        ("127.0.0.1:9000", "localhost", "127.0.0.1", 9000),
        ("127.0.0.1", "localhost", "::ffff:7f00:1", 80),
        ("[::1]:9000; fd00::/8", "files.example", "fd00::1", 80),
        ("[::1]:9000", "localhost", "::1", 9000),
    ],
)
def test_what_is_allowed_may_be_asked(allowed: str, host: str, leads_to: str, port: int) -> None:
    found = resolved(host, allowed, port=port, leads_to=[leads_to])
    assert [ipaddress.ip_address(each) for each in found] == [ipaddress.ip_address(leads_to)]


@pytest.mark.parametrize(
    ("allowed", "host", "leads_to", "port"),
    [
        ("files.example:9000", "files.example", "10.0.0.1", 80),
        ("files.example", "files.example.org", "10.0.0.1", 80),
        ("files.example", "a.files.example", "10.0.0.1", 80),
        ("10.0.0.0/8", "files.example", "192.168.0.1", 80),
        ("127.0.0.1:9000", "localhost", "127.0.0.1", 9001),
        ("10.0.0.0/8", "files.example", "64:ff9b::a00:1", 80),
    ],
)
def test_what_is_near_to_it_may_not(allowed: str, host: str, leads_to: str, port: int) -> None:
    with pytest.raises(Refused):
        resolved(host, allowed, port=port, leads_to=[leads_to])


@pytest.mark.parametrize(
    "text",
    [
        "http://files.example",
        "10.0.0.1/8",
        "a b",
        "a:0",
        "a:99999",
        "a:x",
        ":80",
        "[::1",
        "*.example",
        "a/b",
        "::g",
    ],
)
def test_a_list_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        AllowList.parse(f"files.example;{text}")


@pytest.mark.parametrize(
    ("error", "temporary"),
    [
        (socket.EAI_AGAIN, True),
        (socket.EAI_FAIL, True),
        (socket.EAI_NONAME, False),
        (socket.EAI_NODATA, False),
    ],
)
def test_a_name_that_leads_nowhere_is_told_from_one_that_may_later(error: int, *, temporary: bool) -> None:
    async def lookup(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(error, "…")

    with pytest.raises(Unresolved) as raised:
        asyncio.run(Addresses(lookup=lookup).of("files.example", 80))
    assert raised.value.temporary is temporary


def test_a_name_without_addresses_or_that_is_none_leads_nowhere() -> None:
    with pytest.raises(Unresolved):
        resolved("files.example")
    with pytest.raises(Unresolved):
        asyncio.run(Addresses().of("a" * 70 + ".example", 80))


def test_names_that_hang_hold_up_no_others_as_long_as_they_are_fewer_than_may_be_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()

    def look(host: str, port: int, **_: object) -> list[Any]:
        if host.startswith("hangs"):
            over.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", port))]

    async def scenario() -> list[str]:
        addresses = Addresses(at_once=31)
        hanging = [asyncio.create_task(addresses.of(f"hangs{n}.example", 80)) for n in range(30)]
        try:
            return await asyncio.wait_for(addresses.of("answers.example", 80), 30)
        finally:
            over.set()
            await asyncio.gather(*hanging)

    monkeypatch.setattr(socket, "getaddrinfo", look)
    assert asyncio.run(scenario()) == ["1.1.1.1"]
