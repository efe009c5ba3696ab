"""One call of a client: who asks, in whose name, what it says, and how it reaches the library."""

import base64
import binascii
import hmac
from collections.abc import Callable
from typing import Self, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from stackroom import ids
from stackroom.access import Actor, Role, require
from stackroom.database.transaction import Connection
from stackroom.errors import NotFound, Unauthenticated
from stackroom.library import organizations
from stackroom.library.answers import Answer
from stackroom.library.organizations import Authenticated, Organization
from stackroom.web.dlcs.convert import base as convert
from stackroom.web.dlcs.errors import name_operation
from stackroom.web.dlcs.hydra import Page, page_of
from stackroom.web.dlcs.links import Links, address_of
from stackroom.web.shared import requests
from stackroom.web.shared.replies import Once
from stackroom.web.shared.services import Services

T = TypeVar("T")
MAX_BODY = 100 * 2**20
"""Images come in bodies, in base64."""
_SPELLED = {name.lower(): name for name in ("pageSize", "orderBy", "orderByDescending")}
"""The names in a query that are not in small letters alone."""


class Caller:
    """A request of somebody whose key counts. `holder` is whose key it is."""

    def __init__(self, request: Request, body: bytes, *, actor: Actor, holder: Authenticated) -> None:
        self.services: Services = requests.services_of(request)
        self.actor = actor
        self.holder = holder
        self._request = request
        self._body = body

    @classmethod
    async def begin(cls, request: Request, *, operation: str = "") -> Self:
        """Find out who asks before anything else is looked at. `operation` begins the title of what goes wrong later.

        Raises `Unauthenticated`.
        """
        name_operation(request, operation)
        actor, holder = await authenticated(request)
        return cls(request, await _body_of(request), actor=actor, holder=holder)

    @property
    def base(self) -> str:
        return requests.base_url(self._request)

    @property
    def address(self) -> str:
        """The address of this call, without its query: what a collection is called."""
        return address_of(self._request)

    @property
    def once(self) -> Once:
        return Once(self._request, self.actor, self._body)

    @property
    def page(self) -> Page:
        return page_of(self._named)

    @property
    def query(self) -> dict[str, str]:
        """The query, whose names may be in any case; of one that stands there several times, the last.

        Raises `Invalid` for NUL in it.
        """
        return requests.convert(self._named, dict[str, str])

    @property
    def _named(self) -> dict[str, str]:
        given = ((name.lower(), value) for name, value in self._request.query_params.items())
        return {_SPELLED.get(name, name): value for name, value in given}

    def json(self, kind: type[T]) -> T:
        return convert.body(self._body, kind)

    def let_go_of_body(self) -> None:
        """For who has read it, if it is large and there is still a while to go."""
        self._body = b""

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.services.database.read(work)

    async def write(self, work: Callable[[Connection, int], Answer]) -> Response:
        """Run `work` with the present moment; a repeat of this call gets its answer again."""
        now = self.services.now
        return await self.once.write(lambda conn: work(conn, now()))


class Call(Caller):
    """A request of somebody whose key reaches the customer in its address.

    `actor` acts for that customer, which is another than the `holder`'s where an administrator asks.
    """

    def __init__(
        self, request: Request, body: bytes, *, actor: Actor, holder: Authenticated, customer: Organization
    ) -> None:
        super().__init__(request, body, actor=actor, holder=holder)
        self.customer = customer

    @classmethod
    async def begin(
        cls, request: Request, role: Role = Role.VIEWER, action: str = "reading", *, operation: str = ""
    ) -> Self:
        """As a caller does. Raises `Unauthenticated`, also for another customer's address; `Forbidden` for a key whose
        role does not reach `role`; `NotFound` where an administrator asks for a customer that there is not.
        """
        name_operation(request, operation)
        actor, holder = await authenticated(request)
        customer = await _customer(request, holder)
        require(actor, role, action)
        if customer.id != holder.organization.id:
            actor = msgspec.structs.replace(
                actor, organization_id=customer.id, organization_uuid=customer.uuid
            )
        return cls(request, await _body_of(request), actor=actor, holder=holder, customer=customer)

    @property
    def links(self) -> Links:
        return Links(self.base, self.customer.number)

    @property
    def legacy(self) -> bool:
        """Whether the client may leave out what older servers guessed, such as the media type.

        A body without any Content-Type is from one of those: newer ones all say what they send.
        """
        return self.customer.legacy or "content-type" not in self._request.headers

    def has(self, name: str) -> bool:
        """Whether the address has this part."""
        return name in self._request.path_params

    def place(self, name: str) -> str:
        """A part of the address, decoded."""
        value: str = self._request.path_params[name]
        return value

    def number(self, name: str) -> int:
        """A part of the address that is a number. Raises `NotFound` for what is none, or is larger than any."""
        return numeral(self.place(name))


async def _body_of(request: Request) -> bytes:
    return b"" if request.method in {"GET", "HEAD"} else await requests.read_body(request, MAX_BODY)


async def authenticated(request: Request) -> tuple[Actor, Authenticated]:
    """Whose key this is. With Basic, its id must be right as well. Raises `Unauthenticated`."""
    try:
        actor, holder = await requests.authenticate(request)
    except Unauthenticated as error:
        raise _unknown(error.message) from error
    user = _basic_user(request)
    if user is not None and not hmac.compare_digest(
        user.lower().encode(), ids.text(holder.key_uuid).encode()
    ):
        raise _unknown("unknown or inactive API key")
    return actor, holder


def numeral(raw: str) -> int:
    """A number in an address. Raises `NotFound`: nothing else is found there."""
    number = ids.number(raw)
    if number is None:
        raise NotFound(f"there is nothing with number {raw!r}")
    return number


async def _customer(request: Request, holder: Authenticated) -> Organization:
    asked: str = request.path_params["customer"]
    mine = holder.organization
    if asked == str(mine.number):
        return mine
    if not mine.administrator:
        raise _unknown("this key is another customer's")
    number = numeral(asked)
    return await requests.services_of(request).database.look_up(
        ("customer", number), lambda conn: organizations.by_number(conn, number)
    )


def _basic_user(request: Request) -> str | None:
    """The id of the key, where it is what authenticates."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if "x-api-key" in request.headers or scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _unknown(message: str) -> Unauthenticated:
    return Unauthenticated(
        message,
        hint="Send Basic authentication with a key's id and the key; `stackroom key create` makes one.",
    )
