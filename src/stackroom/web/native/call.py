"""What nearly every handler of the native face does: read the query, find out who asks, run one transaction."""

from collections.abc import Callable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from stackroom.access import Actor
from stackroom.database.transaction import Connection
from stackroom.library.answers import Answer
from stackroom.web.shared import requests
from stackroom.web.shared.replies import Once
from stackroom.web.shared.requests import authenticate, read_body, services_of

T = TypeVar("T")
PREFIX = "/library/v1"
MAX_BODY = 2**16


async def query(request: Request, kind: type[T]) -> T:
    """The query as `kind`, of somebody whose key counts, which is found out first.

    An empty value is one that was not given; `tags` and `type` may be there several times.
    """
    await authenticate(request)
    given: dict[str, Any] = {key: value for key, value in request.query_params.items() if value}
    for name in ("tags", "type"):
        # Each of them by itself: were the last one empty, the others would be lost, and the selection widened.
        given.pop(name, None)
        if several := [value for value in request.query_params.getlist(name) if value]:
            given[name] = several
    return requests.convert(given, kind)


async def read(request: Request, work: Callable[[Connection, Actor], T]) -> T:
    actor, _ = await authenticate(request)
    return await services_of(request).database.read(lambda conn: work(conn, actor))


async def write_body(
    request: Request, kind: type[T], work: Callable[[Connection, Actor, T], Answer], *, limit: int = MAX_BODY
) -> Response:
    """A write of what the body says, which may be nothing."""
    actor, _ = await authenticate(request)
    raw = await read_body(request, limit)
    body = requests.decode(raw or b"{}", kind)
    return await Once(request, actor, raw).write(lambda conn: work(conn, actor, body))


async def write(request: Request, work: Callable[[Connection, Actor], Answer]) -> Response:
    """A write whose body says nothing."""
    actor, _ = await authenticate(request)
    return await Once(request, actor, await read_body(request)).write(lambda conn: work(conn, actor))
