"""Pictograph's error answer: every generation of its client finds the message, the code and the fields in it."""

from starlette.requests import Request
from starlette.responses import Response

from stackroom.errors import StackroomError, Unauthenticated
from stackroom.web.shared.errors import status_of
from stackroom.web.shared.replies import json_reply


def refuse(request: Request, error: StackroomError, status: int | None) -> Response:  # noqa: ARG001 - a `Refusal`
    """`detail` is a string, because older clients show no message at all when it is a list."""
    body = {
        "error": {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "details": error.details,
        },
        "detail": error.message,
    }
    challenge = {"www-authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}
    return json_reply(body, status or status_of(error), challenge)
