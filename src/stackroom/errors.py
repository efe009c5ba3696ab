"""What can go wrong, in the library's own words; each face turns these into its own envelope.

    StackroomError
    ├─ Invalid           the request says something that cannot be done
    ├─ Unauthenticated   no key, an unknown key, or one that no longer counts
    ├─ Forbidden         the key's role does not reach this far
    ├─ NotFound          nothing of that name here (another organization's is nothing, too)
    ├─ Conflict          the name is taken, or the world has moved on
    ├─ TooLarge          past a limit, which the message names
    ├─ RateLimited       the key has had its requests for now; the message says when there are more
    ├─ UnsupportedMedia  bytes that are not what this library keeps
    └─ Unavailable       the disk is full or the server is busy: nothing was changed

`code` is stable and for programs; the message is for people and says what is wrong; `hint` says what to do next.
"""

from collections.abc import Mapping
from typing import Any

_MOST_SAID = 2000  # characters


class StackroomError(Exception):
    """Base of everything the library refuses with.

    A message that repeats something enormous, such as a name of a megabyte, is left out in the middle.
    """

    code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        hint: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        if len(message) > _MOST_SAID:
            message = f"{message[: _MOST_SAID // 2]} … {message[-_MOST_SAID // 2 :]}"
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.hint = hint
        self.details: dict[str, Any] = dict(details or {})

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the way home from a worker process, where the default would lose the keyword fields."""
        return _revive, (type(self), self.message, self.code, self.hint, self.details)


def _revive(
    kind: type[StackroomError], message: str, code: str, hint: str | None, details: dict[str, Any]
) -> StackroomError:
    return kind(message, code=code, hint=hint, details=details)


class Invalid(StackroomError):
    code = "validation_error"


class Unauthenticated(StackroomError):
    code = "unauthorized"


class Forbidden(StackroomError):
    code = "forbidden"


class NotFound(StackroomError):
    code = "not_found"


class Conflict(StackroomError):
    code = "conflict"


class TooLarge(StackroomError):
    code = "payload_too_large"


class RateLimited(StackroomError):
    """`details["retry_after"]` is how many seconds to wait."""

    code = "rate_limited"


class UnsupportedMedia(StackroomError):
    code = "unsupported_media_type"


class Unavailable(StackroomError):
    code = "unavailable"
