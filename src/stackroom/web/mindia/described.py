"""What an operation takes and answers, said where it is handled. The description of this face is made of nothing else.

    @described("Make a folder", {201: wire.Folder}, body=wire.NewFolder, needs=Role.MEMBER, refuses=(409,))
    async def create(request: Request) -> Response:
        \"\"\"What else there is to say of it, to those who call it too.\"\"\"

What follows from the rest is not said: that ids are refused which are none, keys that do not reach, and the like.
"""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
from starlette.responses import Response

from stackroom.access import Role
from stackroom.media.kinds import Kind
from stackroom.web.shared.face import Handler

Handling = TypeVar("Handling", bound=Callable[..., Awaitable[Response]])
_WORDS: Final[Mapping[Kind | None, tuple[str, str]]] = {
    None: ("an item of any kind", "media of all kinds"),
    Kind.IMAGE: ("an image", "images"),
    Kind.VIDEO: ("a video", "videos"),
    Kind.AUDIO: ("a recording", "recordings"),
    Kind.DOCUMENT: ("a document", "documents"),
}


class Described(msgspec.Struct, frozen=True, kw_only=True):
    summary: str
    detail: str
    answers: Mapping[int, Any]
    """By status: what JSON is given as, the name of another media type, or None for no body."""
    needs: Role | None
    """None where no key is needed."""
    query: type[msgspec.Struct] | None
    body: Mapping[str, Any]
    """By media type: what is taken as JSON, or a schema."""
    must_have_body: bool
    places: Mapping[str, Any]
    """Of what types the parts of the address are that are not what their names tell."""
    refuses: tuple[int, ...]
    once: bool
    """Whether its repeat gets the first answer, by an Idempotency-Key."""


_known: dict[Callable[..., Any], Described] = {}


def described(
    summary: str,
    answers: Any,
    *,
    needs: Role | None = Role.VIEWER,
    query: type[msgspec.Struct] | None = None,
    body: Any = None,
    must_have_body: bool = True,
    places: Mapping[str, Any] | None = None,
    refuses: tuple[int, ...] = (),
    once: bool = True,
) -> Callable[[Handling], Handling]:
    """Of a handler for several kinds of media the summary says `{one}` or `{many}`. What is answered with 200 alone,
    and taken as JSON alone, needs no status and no media type."""
    by_type = {} if body is None else body if isinstance(body, Mapping) else {"application/json": body}

    def say(handler: Handling) -> Handling:
        _known[handler] = Described(
            summary=summary,
            detail=" ".join((handler.__doc__ or "").split()),
            answers=answers if isinstance(answers, Mapping) else {200: answers},
            needs=needs,
            query=query,
            body=by_type,
            must_have_body=must_have_body,
            places=places or {},
            refuses=refuses,
            once=once,
        )
        return handler

    return say


def description_of(handler: Handler) -> Described:
    """Raises `LookupError` for a handler of which nothing was said."""
    function = handler.func if isinstance(handler, partial) else handler
    found = _known.get(function)
    if found is None:
        raise LookupError(f"{function} says nothing of itself: it needs @described")
    if not isinstance(handler, partial):
        return found
    one, many = _WORDS[handler.args[0]]
    return msgspec.structs.replace(found, summary=found.summary.format(one=one, many=many))


def stored(media_type: str) -> Mapping[int, Any]:
    """What is answered with bytes as they are kept: in ranges, and under conditions."""
    return {200: media_type, 206: media_type, 304: None, 412: None, 416: None}
