"""`GET /search`: by what media are about, by what their users have said of them, or both."""

import math
import re
from collections.abc import Iterator
from typing import Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from stackroom.errors import Invalid
from stackroom.library.searching import Clue, Comparison, Hit, Mode, Wanted, search
from stackroom.media.kinds import Kind
from stackroom.web.mindia.call import PREFIX, Call
from stackroom.web.mindia.convert.media import file_path
from stackroom.web.mindia.described import described
from stackroom.web.mindia.errors import invalid_input
from stackroom.web.mindia.wire import queries
from stackroom.web.mindia.wire import search as wire
from stackroom.web.mindia.wire.base import uuid
from stackroom.web.shared.face import resource
from stackroom.web.shared.replies import json_reply

Word = TypeVar("Word", Mode, Kind)
USUAL, MOST = 20, 100
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)
_COMPARISONS: Final = {
    "metadata": Comparison.EQUALS,
    "metadata_min": Comparison.LEAST,
    "metadata_max": Comparison.MOST,
    "metadata_contains": Comparison.CONTAINS,
}
_CODES: Final = {
    "too_many_metadata_filters": "METADATA_FILTER_LIMIT_EXCEEDED",
    "invalid_metadata_filter": "INVALID_METADATA_FILTER",
}


@described("Search", wire.Found, query=queries.Search)
async def show(request: Request) -> Response:
    call = await Call.begin(request)
    wanted = _wanted(call, request)
    try:
        found = await search(
            call.services.database,
            call.actor,
            wanted,
            embedder=call.services.embedding.embedder,
            now=call.now(),
        )
    except Invalid as error:
        message = "Semantic search is not enabled" if error.code == "semantic_search_off" else error.message
        raise Invalid(message, code=_CODES.get(error.code, "INVALID_INPUT"), hint=error.hint) from error
    by_meaning = wanted.query is not None and wanted.mode is not Mode.METADATA
    if by_meaning and await call.services.embedding.expect_search(call.actor.organization_id):
        call.services.indexer.wake()
    return json_reply(
        wire.Found(query=wanted.query, results=[_hit(call, each) for each in found], count=len(found))
    )


def _wanted(call: Call, request: Request) -> Wanted:
    """What is out of range is refused here, and not brought into it."""
    return Wanted(
        query=call.asked("q"),
        mode=_one_of(call, "search_mode", Mode) or Mode.BOTH,
        clues=tuple(_clues(call, request)),
        kind=_one_of(call, "type", Kind),
        folder=call.asked_uuid("folder_id"),
        min_similarity=_similarity(call),
        limit=_number(call, "limit", USUAL, 1, MOST),
        offset=_number(call, "offset", 0, 0, None),
    )


def _clues(call: Call, request: Request) -> Iterator[Clue]:
    for name in dict.fromkeys(request.query_params):
        how, dot, key = name.partition(".")
        if not dot or how not in _COMPARISONS:
            continue
        if not key:
            raise Invalid(f"{name}: a key is missing after the dot", code="INVALID_METADATA_FILTER")
        for value in call.each(name):
            yield Clue(key, _COMPARISONS[how], value)


def _one_of(call: Call, name: str, words: type[Word]) -> Word | None:
    given = call.asked(name)
    if given is None:
        return None
    try:
        return words(given)
    except ValueError as error:
        raise invalid_input(f"{name}: {given[:100]!r} is not one of {', '.join(words)}") from error


def _similarity(call: Call) -> float:
    given = call.asked("min_similarity")
    if given is None:
        return Wanted().min_similarity
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise invalid_input(f"min_similarity: {given[:100]!r} is not a number from 0 to 1")
    return value


def _number(call: Call, name: str, usual: int, least: int, most: int | None) -> int:
    given = call.asked(name)
    if given is None:
        return usual
    value = int(given) if _WHOLE.fullmatch(given) else None
    if value is None or value < least or (most is not None and value > most):
        bounds = f"from {least} to {most}" if most is not None else f"of at least {least}"
        raise invalid_input(f"{name}: {given[:100]!r} is not a whole number {bounds}")
    return value


def _hit(call: Call, found: Hit) -> wire.Hit:
    path = file_path(call.actor.organization_uuid, found.media.uuid, found.media.original_name)
    return wire.Hit(
        id=uuid(found.media.uuid),
        entity_type=found.media.kind.value,
        filename=found.media.original_name,
        url=call.base + path,
        description=found.description,
        similarity_score=found.similarity,
        content_type=found.media.content_type,
        file_size=found.media.size,
    )


def routes() -> list[BaseRoute]:
    return [resource(f"{PREFIX}/search", GET=show)]
