"""The DLCS error answer: a Hydra error that is a problem document (RFC 7807) as well."""

from collections.abc import Mapping
from http import HTTPStatus

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from stackroom.errors import Invalid, StackroomError, Unauthenticated
from stackroom.web.dlcs import hydra
from stackroom.web.dlcs.links import address_of
from stackroom.web.dlcs.wire import base as wire
from stackroom.web.shared.errors import status_of
from stackroom.web.shared.replies import reply

CHALLENGE = 'Basic realm="DLCS-API"'
_OWN = {"not_offered": 501}
_TITLES = {400: "Bad request", 404: "Not Found"}
_FAILED = {400: "Validation failed", 409: "Conflict", 507: "Storage limit exceeded"}


def name_operation(request: Request, operation: str) -> None:
    """What a refusal from now on says that failed: "Create batch failed: Validation failed"."""
    request.scope["state"]["operation"] = operation


def refuse(request: Request, error: StackroomError, status: int | None) -> Response:
    """One shape for whatever goes wrong. Nothing here is 422: the protocol calls that a bad request."""
    code = status or status_of(error)
    code = _OWN.get(error.code, 400 if code == HTTPStatus.UNPROCESSABLE_ENTITY else code)
    body = wire.Error(
        status_code=code,
        title=_title(request, error, code),
        description=error.message,
        status=code,
        detail=error.message,
        instance=_instance(request, error.details),
        code=error.code,
        hint=error.hint or UNSET,
    )
    challenge = {"www-authenticate": CHALLENGE} if isinstance(error, Unauthenticated) else {}
    return reply(hydra.answer(body, code, challenge))


def _title(request: Request, error: StackroomError, code: int) -> str:
    if title := error.details.get("title"):
        return str(title)
    operation = request.scope["state"].get("operation")
    # What a body says is looked at before the library is: that is no failure of the operation yet.
    if operation and code in _FAILED and not (isinstance(error, Invalid) and _about_the_body(error)):
        return f"{operation} failed: {_FAILED[code]}"
    return _TITLES.get(code) or HTTPStatus(code).phrase


def _about_the_body(error: Invalid) -> bool:
    return "errors" in error.details or error.code in {"malformed_json", "control_character"}


def _instance(request: Request, details: Mapping[str, object]) -> str:
    given = details.get("instance")
    query = request.scope["query_string"].decode("latin-1")
    return str(given) if given else address_of(request) + (f"?{query}" if query else "")
