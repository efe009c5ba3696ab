"""Answers, and giving each only once: `Once` is how every face performs a write."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from stackroom import faults
from stackroom.access import Actor
from stackroom.database.transaction import Connection
from stackroom.errors import StackroomError
from stackroom.library import answers
from stackroom.library.answers import Answer
from stackroom.web.shared.requests import services_of, token_of

T = TypeVar("T")
Complete = Callable[[Connection, Answer], Callable[[], Answer]]
"""Makes an answer whole of which only a part is kept. It reads what is missing; what it returns puts that together,
without the database."""
JSON = {"content-type": "application/json", "cache-control": "no-store"}


def answer(
    value: Any, status: int = 200, headers: dict[str, str] | None = None, *, secret: bool = False
) -> Answer:
    """A JSON answer, as it can be kept and sent again. What holds a secret is kept for its receiver alone."""
    body = msgspec.json.encode(value)
    return Answer(status=status, headers={**JSON, **(headers or {})}, body=body, secret=secret)


def reply(given: Answer) -> Response:
    return Response(given.body, given.status, given.headers)


def json_reply(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return reply(answer(value, status, headers))


class Once:
    """One write of one caller: with an Idempotency-Key its answer is kept with its effect, and given again to a repeat.

    return await Once(request, actor, body).write(work)

    What `complete` adds to an answer need not be kept. It finds the same for a repeat as it did for the first call.
    """

    def __init__(self, request: Request, actor: Actor, body: bytes, complete: Complete | None = None) -> None:
        self._services = services_of(request)
        self._complete = complete
        self._at_work: MutableMapping[tuple[int, str], asyncio.Lock] = request.app.state.at_work
        key = self._key_of(request)
        asked: bytes = request.scope["query_string"] + b"\n" + body
        self._request = (
            None
            if key is None
            else answers.identify(
                actor, key, request.method, request.scope["path"], asked, token=token_of(request) or ""
            )
        )

    def _key_of(self, request: Request) -> str | None:
        return request.headers.get("idempotency-key")

    def _given(self, given: Answer) -> Response:
        """How an answer is sent the first time."""
        return reply(given)

    def _replayed(self, found: Answer) -> Response:
        return Response(found.body, found.status, {**found.headers, "Idempotent-Replayed": "true"})

    async def prepare_and_write(
        self, prepare: Callable[[], Awaitable[T]], work: Callable[[Connection, T], Answer]
    ) -> Response:
        """`write`, where something comes before it that is slow, or that the first call uses up."""
        async with self._alone():
            if (before := await self.recall()) is not None:
                return before
            try:
                prepared = await prepare()
            except StackroomError as error:
                return await self.recall_instead(error)
            return await self.write(lambda conn: work(conn, prepared))

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Have a repeat wait until this call is through, instead of doing its work a second time beside it.

        That is for speed, within one process: a client that waited too long for 500 images sends all of them again.
        What is written is written once in any case.
        """
        if self._request is None:
            yield
            return
        mine = (self._request.organization_id, self._request.key)
        lock = self._at_work.setdefault(mine, asyncio.Lock())
        async with lock:
            yield

    async def recall(self) -> Response | None:
        """The answer given before, if any."""
        if self._request is None:
            return None
        wanted, loop = self._request, asyncio.get_running_loop()

        def look(conn: Connection) -> Answer | Future[Answer] | None:
            found = answers.recall(conn, wanted, now=self._services.now())
            return None if found is None else self._whole(conn, found, loop)

        found = await self._services.database.read(look)
        return None if found is None else self._replayed(await _put_together(found))

    async def write(self, work: Callable[[Connection], Answer]) -> Response:
        """Run `work` and keep its answer, in one transaction; or give the answer of the first call.

        Also where `work` refuses because the first call, still on its way when this one began, has since used up
        what both ask for.
        """
        try:
            return await self._write(work)
        except StackroomError as error:
            return await self.recall_instead(error)

    async def _write(self, work: Callable[[Connection], Answer]) -> Response:
        wanted, loop = self._request, asyncio.get_running_loop()

        def transaction(conn: Connection) -> tuple[bool, Answer | Future[Answer]]:
            now = self._services.now()
            before = None if wanted is None else answers.recall(conn, wanted, now=now)
            if before is not None:
                return True, self._whole(conn, before, loop)
            given = work(conn)
            if wanted is not None:
                answers.remember(conn, wanted, given, now=now)
            return False, self._whole(conn, given, loop)

        repeated, whole = await self._services.database.write(transaction)
        given = await _put_together(whole)
        response = self._replayed(given) if repeated else self._given(given)
        faults.reach("answer:after-commit")
        return response

    def _whole(
        self, conn: Connection, kept: Answer, loop: asyncio.AbstractEventLoop
    ) -> Answer | Future[Answer]:
        """What is sent. It is put together in a thread of its own, while this one goes on to commit."""
        if self._complete is None:
            return kept
        rest = self._complete(conn, kept)
        return asyncio.run_coroutine_threadsafe(asyncio.to_thread(rest), loop)

    async def recall_instead(self, error: StackroomError) -> Response:
        """After a refusal: the first call's answer, if it was given while this one was on its way; else the refusal."""
        found = await self.recall()
        if found is None:
            raise error
        return found


async def _put_together(whole: Answer | Future[Answer]) -> Answer:
    return whole if isinstance(whole, Answer) else await asyncio.wrap_future(whole)
