"""One request, watched from outside: how much went in and out, how long it took, and what the record keeps of it."""

import re
import time
from urllib.parse import unquote_plus

from starlette.types import Message, Receive, Scope, Send

from stackroom.access import Actor
from stackroom.events.requests import Seen

MASKED = "***MASKED***"
MAX_QUERY = 2000
CLIENT_LEFT = 499
_SECRET = re.compile("password|token|secret|key|authorization", re.IGNORECASE)
_NOT_RECORDED = ("/api/v0/analytics",)
"""Who looks at the figures does not change them."""


class Watched:
    """Stands between the server and the face for one request."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._began = time.perf_counter()
        self._taken = self._given = 0
        self._status = CLIENT_LEFT

    async def receive(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        self._given += len(message.get("body", b"")) + message.get(
            "count", 0
        )  # the latter of a file sent as it is
        await self._send(message)

    def seen(self, now: int) -> Seen | None:
        """For the record of the organization that asked; of a request of nobody's there is none."""
        actor: Actor | None = self._scope["state"].get("actor")
        if actor is None or self._scope["path"].startswith(_NOT_RECORDED):
            return None
        took = round((time.perf_counter() - self._began) * 1_000_000)
        return Seen(
            actor=actor,
            at=now - took,
            query=masked(self._scope["query_string"].decode("latin-1")) or None,
            status=self._status,
            request_bytes=self._taken,
            response_bytes=self._given,
            duration_us=took,
        )


def masked(query: str) -> str:
    """A query without the values of what sounds like a secret."""
    parts = (_masked(part) for part in query.split("&"))
    return "&".join(parts)[:MAX_QUERY]


def _masked(part: str) -> str:
    name, given, _ = part.partition("=")
    return f"{name}={MASKED}" if given and _SECRET.search(unquote_plus(name)) else part
