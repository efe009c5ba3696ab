"""What the description of the face promises, held against what the face answers."""

import json
import re
from functools import cache

import httpx
import msgspec

from stackroom.web.mindia import about, app
from stackroom.web.mindia.errors import Envelope
from stackroom.web.mindia.openapi import Operation, operations


@cache
def described() -> list[Operation]:
    return list(operations([*app.offered(), *about.routes()]))


@cache
def _patterns() -> list[tuple[str, re.Pattern[str], Operation]]:
    """Those with the fewest parts to be filled in first."""
    found = []
    for each in sorted(described(), key=lambda it: len(it.parts)):
        pattern = re.sub(r"{\w+}", "[^/]+", re.sub(r"{\w+:path}", ".+", each.path))
        found.append((each.method, re.compile(pattern), each))
    return found


def asked_for(request: httpx.Request) -> Operation | None:
    path = request.url.raw_path.decode().partition("?")[0].rstrip("/")
    for method, pattern, each in _patterns():
        if method == request.method and pattern.fullmatch(path):
            return each
    return None


def keeps(answer: httpx.Response) -> None:
    """Fails for an answer with a status, a type or a shape that nobody was told of."""
    operation = asked_for(answer.request)
    if operation is None:
        return
    status, answers = answer.status_code, operation.said.answers
    where = f"{operation.method} {operation.path} {status}"
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if status in answers:
        promised = answers[status]
        if promised is None:
            assert not answer.read(), where
        elif isinstance(promised, str):
            assert any(_fits(media_type, each) for each in promised.split(", ")), f"{where} {media_type}"
        else:
            assert media_type == "application/json", where
            _is_exactly(answer.read(), promised, where)
    else:
        assert status in operation.refusals() or status >= 500, f"{where} {answer.read()[:300]!r}"
        _is_exactly(answer.read(), Envelope, where)


def _fits(media_type: str, promised: str) -> bool:
    return re.fullmatch(re.escape(promised).replace(r"\*", "[^/]+"), media_type) is not None


def _is_exactly(body: bytes, kind: object, where: str) -> None:
    """What is read as it was promised says as much as what was sent."""
    read: object = msgspec.json.decode(body, type=kind)
    assert json.loads(msgspec.json.encode(read)) == json.loads(body), where
