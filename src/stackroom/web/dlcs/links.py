"""Addresses: how this client reaches this server, and where everything of a customer is."""

from urllib.parse import quote

from starlette.requests import Request

from stackroom.web.shared import requests


def address_of(request: Request) -> str:
    """The address that was asked for, without its query, spelled as it was."""
    path: str = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    return requests.base_url(request) + path.rstrip("/")


class Links:
    """Addresses of everything of one customer: absolute, since clients use them as they are."""

    def __init__(self, base: str, customer: int) -> None:
        self.base = base
        self.customer_number = customer
        self.customer = f"{base}/customers/{customer}"

    def of(self, *parts: str | int) -> str:
        """An address below the customer's."""
        return "/".join([self.customer, *(quote(str(part), safe="") for part in parts)])

    def space(self, space: int, *parts: str) -> str:
        return self.of("spaces", space, *parts)

    def image(self, space: int, key: str, *parts: str) -> str:
        return self.of("spaces", space, "images", key, *parts)

    def batch(self, batch: int, *parts: str) -> str:
        return self.of("queue", "batches", batch, *parts)

    def delivery(self, channel: str, space: int, key: str) -> str:
        """Where an image is delivered, which needs no key."""
        return f"{self.base}/{channel}/{self.customer_number}/{space}/{quote(key, safe='')}"

    def context(self, kind: str) -> str:
        return context(self.base, kind)


def context(base: str, kind: str) -> str:
    return f"{base}/contexts/{kind}.jsonld"
