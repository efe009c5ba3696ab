"""The error answer of delivery. The Image API knows no 422: what cannot be understood is a bad request."""

from starlette.requests import Request
from starlette.responses import Response

from stackroom.errors import Invalid, StackroomError, TooLarge, Unauthenticated, UnsupportedMedia
from stackroom.web.shared.errors import plain_error, status_of

CHALLENGE = 'Basic realm="Stackroom"'


def refuse(request: Request, error: StackroomError, status: int | None) -> Response:
    code = status or _status_of(error)
    response = plain_error(request, error, code)
    if isinstance(error, Unauthenticated):
        response.headers["www-authenticate"] = CHALLENGE
    return response


def _status_of(error: StackroomError) -> int:
    if isinstance(error, UnsupportedMedia | TooLarge) or error.code == "empty_file":
        return 500  # nothing was sent: it is what is stored that cannot be decoded
    return 400 if isinstance(error, Invalid) else status_of(error)
