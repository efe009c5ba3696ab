"""Where a delivery may go: nowhere that only this machine or its network reaches, unless the operator allows it.

Addresses are looked at as they are connected to (`network.outbound`). Names that are only used inside are refused
before they are looked up, because what they lead to inside may be an address like any other.
"""

from urllib.parse import urlsplit

from stackroom.errors import Invalid
from stackroom.library.endpoints import check_url
from stackroom.network.addresses import Addresses, AllowList, Refused, Unresolved

_INSIDE = (".local", ".localhost", ".internal", ".corp", ".lan", ".intranet", ".home.arpa")
_PORTS = {"http": 80, "https": 443}


class Targets:
    """The addresses that may be called. `allowed` are those that the operator lets through, private or not; `at_once`
    is how many are called at once, and may all have names that hang."""

    def __init__(self, allowed: AllowList, *, at_once: int) -> None:
        self._allowed = allowed
        self.addresses = Addresses(allowed, at_once=at_once + 1)  # and still one is left for who only asks

    def refuse_name(self, url: str) -> None:
        """Raises `Refused` for a name that is only used inside."""
        host, port = _host_and_port(url)
        inside = host == "localhost" or host.endswith(_INSIDE) or host.startswith("0.")
        if inside and not self._allowed.has_host(host, port):
            raise Refused("a name that is used inside only")

    async def check(self, url: str) -> None:
        """Whether an address may be called as it is now. Raises `Invalid`. Every delivery asks again."""
        check_url(url)
        try:
            self.refuse_name(url)
            await self.addresses.of(*_host_and_port(url))
        except Refused as error:
            raise Invalid(
                f"url: leads to {error}", code="private_address", hint="Use an address that is public."
            ) from error
        except Unresolved as error:
            raise Invalid(f"url: {error}", code="unknown_host", hint="Check the name of the host.") from error


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 80)
