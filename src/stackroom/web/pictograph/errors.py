"""Pictograph's error answer: every generation of its client finds the message, the code and the fields in it."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from stackroom.errors import StackroomError, Unauthenticated
from stackroom.web.shared.errors import status_of
from stackroom.web.shared.replies import json_reply

_OF_FIELDS = {400, 422}


def refuse(request: Request, error: StackroomError, status: int | None) -> Response:
    """`detail` is a string, because older clients show no message at all when it is a list."""
    code = status or status_of(error)
    details = _pointing(request, error) if code in _OF_FIELDS else error.details
    body = {
        "error": {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "details": details,
        },
        "detail": error.message,
    }
    challenge = {"www-authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}
    return json_reply(body, code, challenge)


def _pointing(request: Request, error: StackroomError) -> Mapping[str, Any]:
    """Newer clients make their list of field errors of `details.errors`, so there is one, whoever found the fault."""
    if "errors" in error.details:
        return error.details
    place = "query" if request.method in {"GET", "DELETE"} else "body"
    field = error.message.partition(":")[0]
    location = [place, field] if field.isidentifier() else [place]
    return {**error.details, "errors": [{"loc": location, "msg": error.message, "type": error.code}]}
