"""What a call can end with instead of its answer.

    StackroomError                    .message .fix .docs_url
    ├─ ConfigurationError             no key, or a setting that cannot work; raised before any request
    ├─ NetworkError                   no answer came
    │  └─ RequestTimeoutError
    ├─ PollTimeoutError               `wait` ran out of time; the operation goes on
    └─ ApiError                       .status_code .code .request_id .response .retry_after
       ├─ AuthError            401
       ├─ ForbiddenError       403
       ├─ NotFoundError        404
       ├─ ConflictError        409
       ├─ ValidationError      400, 415, 422   + .field_errors
       │  └─ InvalidArgument   refused here, without a request; also a ValueError
       │     └─ EmptyUpdate    an update that changes nothing
       ├─ RateLimitError       429
       └─ ServerError          500 to 599, and answers that do not fit (status_code is None)

Every other status is a plain ApiError. All of them can be pickled.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class StackroomError(Exception):
    """Base of everything this package's clients raise on purpose."""

    default_fix: str | None = None

    def __init__(self, message: str, *, fix: str | None = None, docs_url: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix or type(self).default_fix
        self.docs_url = docs_url

    def __str__(self) -> str:
        lines = [self.message + self._facts()]
        if self.fix:
            lines.append(f"Fix: {self.fix}")
        if self.docs_url:
            lines.append(f"Docs: {self.docs_url}")
        return "\n".join(lines)

    def _facts(self) -> str:
        return ""


class ConfigurationError(StackroomError):
    """The client cannot be made: no key, or a setting out of range."""


class NetworkError(StackroomError):
    """No answer came: the connection failed, broke or was refused."""

    default_fix = "Check that the server runs and that base_url (or STACKROOM_BASE_URL) points at it."


class RequestTimeoutError(NetworkError):
    """No answer came in time."""

    default_fix = "Raise timeout= (or STACKROOM_TIMEOUT), or ask for less at once."


class PollTimeoutError(StackroomError):
    """Waiting ran out of time; what was waited for goes on."""

    default_fix = "Wait again with the same id; nothing was stopped."


class ApiError(StackroomError):
    """The server answered with a refusal.

    `response` is the parsed JSON body, or its text. `retry_after` is the wait that a 429 or 503 asked for.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        response: object = None,
        retry_after: float | None = None,
        fix: str | None = None,
        docs_url: str | None = None,
    ) -> None:
        super().__init__(message, fix=fix, docs_url=docs_url)
        self.status_code = status_code
        self.code = code
        self.request_id = request_id
        self.response = response
        self.retry_after = retry_after

    def _facts(self) -> str:
        facts = {"status": self.status_code, "code": self.code, "request_id": self.request_id}
        known = ", ".join(f"{name}={value}" for name, value in facts.items() if value is not None)
        return f" ({known})" if known else ""


class AuthError(ApiError):
    """401: the key is missing, unknown, expired or switched off."""

    default_fix = "Check api_key= (or STACKROOM_API_KEY): it must be an active key of this server."


class ForbiddenError(ApiError):
    """403: the key's role does not reach this far."""

    default_fix = "Use a key with a higher role."


class NotFoundError(ApiError):
    """404: nothing of that name or id here."""


class ConflictError(ApiError):
    """409: the name is taken, or the world has moved on since you looked."""


class ValidationError(ApiError):
    """400, 415, 422: the request says something that cannot be done.

    `field_errors` lists the fields at fault, where the server named them.
    """

    @property
    def field_errors(self) -> list[dict[str, Any]]:
        found = _dig(self.response, "error", "details", "errors") or _dig(self.response, "detail")
        return [error for error in found if isinstance(error, dict)] if isinstance(found, list) else []


class InvalidArgument(ValidationError, ValueError):
    """An argument that cannot work, refused before any request was made."""


class EmptyUpdate(InvalidArgument):
    """An update with nothing to change, refused before any request was made."""

    default_fix = "Name at least one field to change."


class RateLimitError(ApiError):
    """429: too many requests; `retry_after` says how many seconds to wait, where the server did."""


class ServerError(ApiError):
    """The server failed, or answered with something that does not fit (then `status_code` is None)."""


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: ValidationError,
    401: AuthError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    415: ValidationError,
    422: ValidationError,
    429: RateLimitError,
}


def refusal(
    status: int,
    body: bytes,
    *,
    request_id: str | None = None,
    retry_after: float | None = None,
    moved_to: str | None = None,
) -> ApiError:
    """The error that an answer outside 200 to 299 means; `moved_to` is where a redirect leads."""
    response = _parsed(body)
    kind = _BY_STATUS.get(status, ServerError if 500 <= status <= 599 else ApiError)
    return kind(
        _message(response) or f"HTTP {status}",
        status_code=status,
        code=_text(_dig(response, "error", "code")) or _text(_dig(response, "code")),
        request_id=request_id,
        response=response,
        retry_after=retry_after,
        fix=_text(_dig(response, "error", "hint"))
        or _text(_dig(response, "suggested_action"))
        or _fix_of_redirect(moved_to),
        docs_url=_text(_dig(response, "error", "docs_url")),
    )


def _fix_of_redirect(moved_to: str | None) -> str | None:
    """A key must not follow to wherever an answer says, and a POST would arrive as a GET."""
    if moved_to is None:
        return None
    # Without the query: that is where signed addresses keep their credential.
    target = moved_to.partition("?")[0]
    return (
        f"It redirects to {target}: set base_url (or STACKROOM_BASE_URL) so that requests go there at once."
    )


def malformed(problem: str, *, request_id: str | None = None, response: object = None) -> ServerError:
    """The error for an answer of success that cannot be read."""
    return ServerError(
        f"The server's answer does not fit: {problem}",
        code="malformed_answer",
        request_id=request_id,
        response=response,
        fix="Check that base_url points at a Stackroom server of a version this client knows.",
    )


def _parsed(body: bytes) -> object:
    try:
        parsed: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode(errors="replace")
    return parsed


# Where servers of this protocol have put the message over the years, newest first.
_MESSAGE_PLACES: Sequence[tuple[str, ...]] = (
    ("error", "message"),
    ("detail",),
    ("error",),
    ("message",),
    ("detail", "message"),
    ("detail", "detail"),
    ("error", "detail"),
)


def _message(response: object) -> str | None:
    found = (_text(_dig(response, *place)) for place in _MESSAGE_PLACES)
    return next((message for message in found if message), None)


def _dig(value: object, *keys: str) -> object:
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
