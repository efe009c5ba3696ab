"""One call of a client: who asks, what it says, and how it reaches the library.

    @described("Rename a thing", wire.Thing, body=wire.Rename, needs=Role.MEMBER)
    async def rename(request: Request) -> Response:
        call = await Call.begin(request, Role.MEMBER, "renaming")   # 401, 403, 429; then the body is read
        raw, wanted = call.uuid("id"), call.json(wire.Rename)       # 400, 415
        return await call.write(lambda conn, now: answer(things.rename(conn, call.actor, raw, wanted, now=now)))

    call.read(work)            a transaction that only looks; `json_reply(value)` answers with what it gives
    call.write(work)           work(conn, now) -> Answer; a repeat with the same Idempotency-Key gets its answer again
    call.prepare_and_write(prepare, work)   the same, where something slow comes before the transaction
    call.page()  call.query(Struct)  call.each(name)  call.moment(name)  call.uuid(part)  call.number(part)
    Call.begin(…, body=False)  leaves the body to `call.stream()`: for uploads. Then say what the call asks for when
                               it is known: `call.write(work, asked=digest)`, so that its repeat can be told.

Answers are `replies.answer(value, status)` and `NOTHING` (204); refusals are raised: `errors.bad_request(…)`. A repeat
gets those again too, also where they come before `call.write`, as far as the whole body was read. Each
module gives its addresses as `routes()`, which `app.py` gathers: `resource(f"{PREFIX}/things/{{id}}", GET=show)`.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any, Self, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from stackroom import clock
from stackroom.access import Actor, Role, require
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid, StackroomError, UnsupportedMedia
from stackroom.library.answers import Answer
from stackroom.web.mindia import authentication
from stackroom.web.mindia.errors import invalid_input
from stackroom.web.mindia.once import Once
from stackroom.web.mindia.wire.base import Page, parse_uuid
from stackroom.web.shared import requests
from stackroom.web.shared.face import Handler
from stackroom.web.shared.services import Services

T = TypeVar("T")
PREFIX = "/api/v0"
MAX_OFFSET = 2**31 - 1
NOTHING = Answer(status=204, headers={"cache-control": "no-store"}, body=b"")
_JSON = re.compile(r"application/(?:[\w.-]+\+)?json", re.IGNORECASE)
_WHOLE = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_LARGEST = 2**63 - 1  # what clients send that want everything
_BEGUN = "begun"
"""Where a request's state has the call whose whole body was read."""


class Call:
    """A request of somebody whose key is known and reaches as far as its address needs."""

    def __init__(self, request: Request, body: bytes, *, actor: Actor) -> None:
        self.services: Services = requests.services_of(request)
        self.actor = actor
        self._request = request
        self._body = body

    @classmethod
    async def begin(
        cls, request: Request, role: Role = Role.VIEWER, action: str = "reading", *, body: bool = True
    ) -> Self:
        """Find out who asks before anything else is looked at, and read the body unless it is left for `stream`.

        Raises `Unauthenticated`, `Forbidden`, `RateLimited`; `TooLarge` for the body.
        """
        actor = await authentication.authenticate(request)
        require(actor, role, action)
        if not body or request.method in {"GET", "HEAD"}:
            return cls(request, b"", actor=actor)
        call = cls(request, await _body_of(request), actor=actor)
        request.scope["state"][_BEGUN] = call
        return call

    @property
    def base(self) -> str:
        """How this client reaches this server, without a slash at the end."""
        return requests.base_url(self._request)

    @property
    def headers(self) -> Any:
        return self._request.headers

    def now(self) -> int:
        return self.services.now()

    def place(self, name: str) -> str:
        """A part of the address, decoded."""
        value: str = self._request.path_params[name]
        return value

    def uuid(self, name: str) -> bytes:
        """A part of the address that is an id, in any of its spellings. Raises `Invalid` for what is none."""
        return uuid_of(self.place(name), name)

    def number(self, name: str) -> int:
        """A part of the address that is a whole number. Raises `Invalid` for what is none."""
        return whole(self.place(name), name)

    def query(self, kind: type[T]) -> T:
        """The query as `kind`; of a name that stands there several times, the last. Raises `Invalid`."""
        return requests.convert(dict(self._request.query_params), kind)

    def each(self, name: str) -> list[str]:
        """The values of a name of the query that may stand there several times."""
        values = self._request.query_params.getlist(name)
        requests.convert({name: "".join(values)}, dict[str, str])  # no NUL in any of them
        return values

    def asked(self, name: str) -> str | None:
        """One value of the query, if it is there."""
        values = self.each(name)
        return values[-1] if values else None

    def asked_uuid(self, name: str) -> bytes | None:
        """One value of the query that is an id. Raises `Invalid`."""
        given = self.asked(name)
        return None if given is None else uuid_of(given, name)

    def moment(self, name: str) -> int | None:
        """One value of the query that is a moment, with its zone. Raises `Invalid`."""
        given = self.asked(name)
        if given is None:
            return None
        try:
            # A plus that was not encoded arrives as a space. A number alone is no moment, least of all one of 1970.
            found = msgspec.convert(given.replace(" ", "+"), datetime)
        except msgspec.ValidationError:
            found = None
        if found is None or found.tzinfo is None:
            raise invalid_input(f"{name}: {given!r} is not a time such as 2026-03-04T09:15:30Z")
        return clock.from_datetime(found)

    def page(self, *, usual: int = 50, most: int = 100) -> Page:
        """`limit` and `offset` of the query. What is out of range is brought into it; what is no number is refused."""
        limit, offset = self.asked("limit"), self.asked("offset")
        return Page(
            usual if limit is None else min(max(whole(limit, "limit"), 1), most),
            0 if offset is None else min(max(whole(offset, "offset"), 0), MAX_OFFSET),
        )

    def json(self, kind: type[T]) -> T:
        """The body. Raises `UnsupportedMedia` where it is not said to be JSON, and `Invalid` for what it says."""
        content_type = self._request.headers.get("content-type", "").partition(";")[0].strip()
        if not _JSON.fullmatch(content_type):
            raise UnsupportedMedia("Content-Type must be application/json")
        return requests.decode(self._body, kind)

    def json_or(self, fallback: T, kind: type[T]) -> T:
        """The body, where there may be none."""
        return self.json(kind) if self._body else fallback

    def stream(self) -> AsyncIterator[bytes]:
        """The body as it comes in, for a call that was begun without it."""
        return self._request.stream()

    def once(self, asked: bytes | None = None, *, only_caller: bool = False) -> Once:
        """What gives the answer of this call again to its repeat. `asked` is what it asks for, beside its address; the
        body, if not said. An answer that holds a secret is for the `only_caller`. Raises `Invalid` for a bad key.
        """
        return Once(
            self._request, self.actor, self._body if asked is None else asked, only_caller=only_caller
        )

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await self.services.database.read(work)

    async def write(
        self,
        work: Callable[[Connection, int], Answer],
        *,
        asked: bytes | None = None,
        only_caller: bool = False,
    ) -> Response:
        """Run `work` with the present moment; a repeat of this call gets its answer again."""
        now = self.services.now
        return await self.once(asked, only_caller=only_caller).write(lambda conn: work(conn, now()))

    async def prepare_and_write(
        self,
        prepare: Callable[[], Awaitable[T]],
        work: Callable[[Connection, T, int], Answer],
        *,
        asked: bytes | None = None,
    ) -> Response:
        """`write`, where something comes before it that is slow. A repeat waits for the first, and does neither."""
        now = self.services.now
        return await self.once(asked).prepare_and_write(
            prepare, lambda conn, prepared: work(conn, prepared, now())
        )


def refusing_once(handle: Handler) -> Handler:
    """The same handler, of which a repeat gets the refusal again that it gave before there was anything to write."""

    async def handled(request: Request) -> Response:
        try:
            return await handle(request)
        except StackroomError as error:
            call: Call | None = request.scope["state"].get(_BEGUN)
            if call is None:
                raise
            return await call.once().recall_instead(error)

    return handled


def uuid_of(text: str, name: str) -> bytes:
    """An id in any of its spellings. Raises `Invalid`, naming where it stands."""
    raw = parse_uuid(text)
    if raw is None:
        raise invalid_input(f"{name}: {text[:100]!r} is not a UUID")
    return raw


def uuids_of(texts: list[str], name: str) -> list[bytes]:
    """`uuid_of` for each. Raises `Invalid`, naming the first that is none."""
    return [uuid_of(text, f"{name}[{position}]") for position, text in enumerate(texts)]


async def _body_of(request: Request) -> bytes:
    seconds = requests.services_of(request).settings.request_seconds
    try:
        async with asyncio.timeout(seconds):
            return await requests.read_body(request)
    except TimeoutError as error:
        raise StackroomError("Request took too long", code="REQUEST_TIMEOUT") from error


def whole(text: str, name: str) -> int:
    """A whole number of 64 bits in an address or a query. Raises `Invalid`, naming where it stands."""
    if not _WHOLE.fullmatch(text) or not -_LARGEST <= int(text) <= _LARGEST:
        raise Invalid(f"{name}: {text[:100]!r} is not a whole number", code="INVALID_INPUT")
    return int(text)
