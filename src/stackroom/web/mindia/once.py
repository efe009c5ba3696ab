"""Giving an answer only once, as this protocol does it: the headers are its own, and refusals are kept as well."""

import hashlib
from http import HTTPStatus

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from stackroom.access import Actor
from stackroom.database.transaction import Connection
from stackroom.errors import Invalid, StackroomError
from stackroom.library import answers
from stackroom.library.answers import Answer
from stackroom.web.mindia.errors import KINDS, code_of
from stackroom.web.shared import replies
from stackroom.web.shared.face import Refusal

MAX_KEY = 256
_NOT_KEPT = frozenset({401, 403, 408, 422, 429})
"""What says something about the caller or the moment, and not about what was asked for."""


class Once(replies.Once):
    """Keys count for the organization, the method and the path; for the `only_caller` where an answer holds a secret.

    Raises `Invalid` for a key that is none.
    """

    def __init__(self, request: Request, actor: Actor, asked: bytes, *, only_caller: bool = False) -> None:
        self._key = request.headers.get("idempotency-key")
        whose = actor if only_caller else msgspec.structs.replace(actor, key_id=None)
        super().__init__(request, whose, asked)
        self._refuse: Refusal = request.app.state.refusal
        self._from = request

    async def recall_instead(self, error: StackroomError) -> Response:
        """The first call's answer; else the refusal, which from now on is the answer to its repeats."""
        found = await self.recall()
        if found is not None:
            return found
        status = KINDS[code_of(error)].status
        if self._request is None or status in _NOT_KEPT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise error
        refused = self._refuse(self._from, error, None)
        given = Answer(status=status, headers=dict(refused.headers), body=bytes(refused.body))
        return await self._keep(self._request, given)

    async def _keep(self, wanted: answers.Request, given: Answer) -> Response:
        def keep(conn: Connection) -> Response:
            now = self._services.now()
            before = answers.recall(conn, wanted, now=now)
            if before is not None:
                return self._replayed(before)
            answers.remember(conn, wanted, given, now=now)
            return self._given(given)

        return await self._services.database.write(keep)

    def _key_of(self, request: Request) -> str | None:
        key = request.headers.get("idempotency-key")
        if key is None:
            return None
        if not 1 <= len(key) <= MAX_KEY:
            raise Invalid(f"Idempotency-Key must be 1 to {MAX_KEY} bytes", code="INVALID_KEY_LENGTH")
        if not (key.isascii() and key.isprintable()):
            raise Invalid("Idempotency-Key must be printable text", code="INVALID_HEADER")
        return hashlib.sha256(key.encode()).hexdigest()

    def _given(self, given: Answer) -> Response:
        named = {} if self._key is None else {"x-idempotent-key": self._key}
        return Response(given.body, given.status, {**given.headers, **named})

    def _replayed(self, found: Answer) -> Response:
        response = self._given(found)
        response.headers["x-idempotent-replayed"] = "true"
        return response
