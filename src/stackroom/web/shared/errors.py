"""The HTTP status of each kind of refusal, and the plain envelope for addresses that belong to no protocol."""

from starlette.requests import Request
from starlette.responses import Response

from stackroom import errors
from stackroom.errors import StackroomError
from stackroom.web.shared.replies import json_reply

_STATUS: list[tuple[type[StackroomError], int]] = [
    (errors.Invalid, 422),
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.TooLarge, 413),
    (errors.UnsupportedMedia, 415),
    (errors.RateLimited, 429),
    (errors.Unavailable, 503),
]
_BY_CODE = {
    "malformed_json": 400,
    "upload_missing": 400,
    "size_mismatch": 400,
    "incomplete_upload": 400,
    "last_owner": 400,
    "invite_not_pending": 400,
    "directory_not_empty": 400,
    "storage_full": 507,
    "storage_limit_exceeded": 507,
    "bad_image_request": 400,
}


def status_of(error: StackroomError) -> int:
    """What most protocols answer to this refusal. A face may know better."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def headers_of(error: StackroomError) -> dict[str, str]:
    """What a refusal says in headers, in every protocol."""
    if isinstance(error, errors.RateLimited):
        return {"retry-after": str(error.details["retry_after"])}
    return {}


def plain_error(request: Request, error: StackroomError, status: int | None) -> Response:  # noqa: ARG001 - a `Refusal`
    """`detail` is where the older Pictograph clients look: signed URLs are part of their conversation."""
    body = {
        "error": {"code": error.code, "message": error.message, "hint": error.hint, "details": error.details},
        "detail": error.message,
    }
    return json_reply(body, status or status_of(error))
