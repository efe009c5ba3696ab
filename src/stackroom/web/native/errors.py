"""Refusals in the native protocol's envelope: `{"error": {code, message, hint, details}}`."""

from starlette.requests import Request
from starlette.responses import Response

from stackroom.errors import StackroomError
from stackroom.web.native.wire import base as wire
from stackroom.web.shared.errors import status_of
from stackroom.web.shared.replies import json_reply

_SPELLING = "See /library/v1/openapi.json for what this address takes."


def refuse(_request: Request, error: StackroomError, status: int | None) -> Response:
    hint = error.hint
    if hint is None and error.code == "validation_error":
        hint = _SPELLING
    body = wire.ErrorBody(code=error.code, message=error.message, hint=hint, details=error.details)
    return json_reply(wire.Error(error=body), status or status_of(error))
