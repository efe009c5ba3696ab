"""Which addresses a request may go to whose target somebody else has named.

A name is resolved here, every address that it has is looked at, and what is returned are addresses, not a name:
whoever connects must connect to one of them. To resolve the name a second time would be to ask its owner, who may
answer differently by then.

Refused is what only this machine or its network reaches: an organization could make the server fetch from there what
it cannot fetch itself. What the operator allows (`AllowList`) comes before that.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import msgspec

Address = IPv4Address | IPv6Address
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a name and a port to addresses; raises `socket.gaierror`."""

# Python has lists of its own, but which they are has changed between its versions. These are IANA's.
_NOT_OUTSIDE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("an unspecified address", ("0.0.0.0/8", "::/128")),
    ("this machine's own address", ("127.0.0.0/8", "::1/128")),
    ("a link-local address", ("169.254.0.0/16", "fe80::/10")),
    ("a private address", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10")),
    ("an address behind a provider's translation", ("100.64.0.0/10",)),
    ("a multicast address", ("224.0.0.0/4", "ff00::/8")),
    (
        "a reserved address",
        (
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "2001::/23",  # Teredo and the like, which lead to some address that is not looked at
            "2001:db8::/32",
            "3fff::/20",
        ),
    ),
)
_FORBIDDEN = [(ip_network(net), kind) for kind, networks in _NOT_OUTSIDE for net in networks]
_GLOBAL = ip_network("2000::/3")
# Prefixes behind which an IPv4 address stands, and how many bits stand after it.
_EMBEDDING = (
    (ip_network("::ffff:0:0/96"), 0),
    (ip_network("64:ff9b::/96"), 0),  # NAT64, the way out of a network that has IPv6 only
    (ip_network("2002::/16"), 80),  # 6to4
)
_LOOKUPS = 16


class Refused(Exception):
    """No request may go there. The message says what it is, and not which address."""


class Unresolved(Exception):
    """The name has no address; `temporary` if it may have one in a while."""

    def __init__(self, message: str, *, temporary: bool) -> None:
        super().__init__(message)
        self.temporary = temporary


class AllowList(msgspec.Struct, frozen=True):
    """Hosts and networks that may be asked wherever they are; without a port, on all their ports."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[tuple[IPv4Network | IPv6Network, int | None], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "AllowList":
        """From `127.0.0.1:9000;10.0.0.0/8;files.example;[::1]:80`. Raises ValueError, naming the bad part."""
        hosts, networks = set(), []
        for entry in filter(None, (part.strip() for part in text.split(";"))):
            host, port = _host_and_port(entry)
            network = _network(host)
            if network is not None:
                networks.append((network, port))
            elif not host or not host.isprintable() or set(host) & set("/* "):
                raise ValueError(f"{entry!r} is no host, host:port or network such as 10.0.0.0/8")
            else:
                hosts.add((_plain(host), port))
        return cls(frozenset(hosts), tuple(networks))

    def has_host(self, host: str, port: int) -> bool:
        return not self.hosts.isdisjoint({(_plain(host), port), (_plain(host), None)})

    def has_address(self, address: Address, port: int) -> bool:
        return any(address in network and its in {None, port} for network, its in self.networks)


def why_not(address: Address) -> str | None:
    """What an address is that no request may go to, such as "a private address"; None if one may."""
    if isinstance(address, IPv6Address):
        for network, bits_after in _EMBEDDING:
            if address in network:
                return why_not(IPv4Address(int(address) >> bits_after & 0xFFFF_FFFF))
    kind = next((kind for network, kind in _FORBIDDEN if address in network), None)
    if kind is None and isinstance(address, IPv6Address) and address not in _GLOBAL:
        return "a reserved address"
    return kind


class Addresses:
    """Resolves names to addresses to which a request may go, and to no others. Of names that hang, `at_once` hold up
    all others."""

    def __init__(
        self, allowed: AllowList | None = None, lookup: Lookup | None = None, *, at_once: int = _LOOKUPS
    ) -> None:
        self._allowed = allowed or AllowList()
        self._threads = ThreadPoolExecutor(at_once, "lookup")  # made when they are needed
        self._lookup = lookup or self._system_lookup

    async def of(self, host: str, port: int) -> list[str]:
        """Where to connect, in order of preference; never empty.

        Raises `Refused` if the name leads to no address that may be asked, `Unresolved` if it leads nowhere.
        """
        found = [_address(text) for text in await self._resolved(host, port)]
        if self._allowed.has_host(host, port):
            return [str(address) for address in found]
        verdicts = {a: None if self._allowed.has_address(_bare(a), port) else why_not(a) for a in found}
        good = [str(address) for address, verdict in verdicts.items() if verdict is None]
        if not good:
            raise Refused(next(verdict for verdict in verdicts.values() if verdict is not None))
        return good

    async def _resolved(self, host: str, port: int) -> Sequence[str]:
        for spelled in (ip_address, _in_an_old_spelling):
            with suppress(ValueError, OSError):
                return [str(spelled(host))]
        try:
            found = await self._lookup(host, port)
        except UnicodeError as error:  # from the codec of international names
            raise Unresolved("this is no name of a host", temporary=False) from error
        except socket.gaierror as error:
            unknown = error.errno in {socket.EAI_NONAME, socket.EAI_NODATA}
            words = "no such host is known" if unknown else "its name could not be looked up"
            raise Unresolved(words, temporary=not unknown) from error
        if not found:
            raise Unresolved("it has no address", temporary=False)
        return found

    async def _system_lookup(self, host: str, port: int) -> Sequence[str]:
        def look() -> list[str]:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(str(address[0]) for *_, address in found))

        return await asyncio.get_running_loop().run_in_executor(self._threads, look)


def _in_an_old_spelling(host: str) -> IPv4Address:
    """An address such as `2130706433` or `0x7f.1`, which every resolver takes for one. Raises OSError."""
    return IPv4Address(socket.inet_aton(host))


def _address(text: str) -> Address:
    return ip_address(text)


def _bare(address: Address) -> Address:
    """As an IPv4 address, if it is one in the clothes of IPv6: so an operator's `10.0.0.0/8` means it as well."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def _host_and_port(entry: str) -> tuple[str, int | None]:
    if entry.startswith("["):
        host, bracket, rest = entry[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"{entry!r} has no address between its brackets")
        return host, _port(entry, rest[1:]) if rest else None
    host, colon, port = entry.rpartition(":")
    if not colon or ":" in host:  # more than one colon: an IPv6 address or network
        return entry, None
    return host, _port(entry, port)


def _port(entry: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ValueError(f"{entry!r} has no port between 1 and 65535")
    return int(text)


def _network(host: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(host)
    except ValueError:
        if host.replace(".", "").replace("/", "").isdigit() or ":" in host:
            raise
        return None
