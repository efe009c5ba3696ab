"""The Mindia error answer: one envelope for whatever goes wrong, and the closed list of its codes.

A refusal is raised with a code of this list where the protocol knows one, `Invalid("…", code="BAD_REQUEST")`; else the
library's own words are translated.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import structlog
from msgspec import UNSET, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from stackroom import errors
from stackroom.errors import Invalid, NotFound, StackroomError
from stackroom.web.shared.face import Refusal
from stackroom.web.shared.replies import json_reply
from stackroom.web.shared.requests import request_id

log = structlog.get_logger(__name__)
_CAPITAL = re.compile("([A-Z])")


class Kind(msgspec.Struct, frozen=True):
    """What a code means. What is `sensitive` says `fixed` to everybody, and no details to anybody."""

    status: int
    error_type: str
    action: str
    recoverable: bool = False
    fixed: str | None = None


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    error: str
    details: str | UnsetType = UNSET
    error_type: str | UnsetType = UNSET
    code: str
    recoverable: bool
    suggested_action: str


_ASK_AGAIN = "Try again in a moment; if it goes on, tell who runs this server"
KINDS: dict[str, Kind] = {
    "INVALID_INPUT": Kind(400, "InvalidInput", "Correct the request and send it again"),
    "BAD_REQUEST": Kind(400, "BadRequest", "Correct the request and send it again"),
    "IMAGE_PROCESSING_ERROR": Kind(400, "ImageProcessing", "Send an image that can be decoded"),
    "INVALID_METADATA_KEY": Kind(
        400, "InvalidMetadataKey", "Use 1 to 64 letters, digits, '_', '-', '.' or ':'"
    ),
    "INVALID_METADATA_VALUE": Kind(400, "InvalidMetadataValue", "Keep each value within 512 bytes of JSON"),
    "METADATA_KEY_LIMIT_EXCEEDED": Kind(400, "MetadataKeyLimitExceeded", "Remove some keys first"),
    "INVALID_METADATA_FILTER": Kind(400, "InvalidMetadataFilter", "Correct the metadata filter"),
    "METADATA_FILTER_LIMIT_EXCEEDED": Kind(400, "MetadataFilterLimitExceeded", "Use fewer filters"),
    "BATCH_SIZE_EXCEEDED": Kind(400, "BatchSizeExceeded", "Split the request into batches of at most 50 ids"),
    "INVALID_HEADER": Kind(400, "InvalidInput", "Send an Idempotency-Key of printable characters"),
    "INVALID_KEY_LENGTH": Kind(400, "InvalidInput", "Send an Idempotency-Key of 1 to 256 bytes"),
    "UNAUTHORIZED": Kind(401, "Unauthorized", "Send a valid key: Authorization: Bearer <key>"),
    "FORBIDDEN": Kind(403, "Forbidden", "Use a key with a higher role"),
    "NOT_FOUND": Kind(404, "NotFound", "Verify the resource ID exists"),
    "METADATA_KEY_NOT_FOUND": Kind(404, "MetadataKeyNotFound", "Verify the metadata key exists"),
    "METHOD_NOT_ALLOWED": Kind(405, "MethodNotAllowed", "Use a method that the Allow header names"),
    "REQUEST_TIMEOUT": Kind(408, "RequestTimeout", "Send the request again, and faster", recoverable=True),
    "CONFLICT": Kind(409, "Conflict", "Choose another name, or look at what there is"),
    "PAYLOAD_TOO_LARGE": Kind(413, "PayloadTooLarge", "Send less at once"),
    "UNSUPPORTED_MEDIA_TYPE": Kind(
        415, "UnsupportedMediaType", "Send JSON with Content-Type: application/json"
    ),
    "IDEMPOTENCY_KEY_REUSED": Kind(
        422, "IdempotencyKeyReused", "Use a fresh Idempotency-Key for every new request"
    ),
    "RATE_LIMIT_EXCEEDED": Kind(
        429, "RateLimitExceeded", "Wait as long as Retry-After says", recoverable=True
    ),
    "DATABASE_ERROR": Kind(500, "Database", _ASK_AGAIN, recoverable=True, fixed="Failed to access database"),
    "STORAGE_ERROR": Kind(500, "S3", _ASK_AGAIN, recoverable=True, fixed="Failed to access storage"),
    "INTERNAL_ERROR": Kind(500, "Internal", _ASK_AGAIN, recoverable=True, fixed="Internal server error"),
    "MEDIA_CONVERSION_ERROR": Kind(
        500, "MediaConversionError", "Check that the file can be played", fixed="Failed to convert media"
    ),
    "NOT_IMPLEMENTED": Kind(
        501, "NotImplemented", "Do without: the page on the Mindia face lists what there is"
    ),
    "RESOURCE_EXCEEDED": Kind(503, "ResourceExceeded", _ASK_AGAIN, recoverable=True),
    "INSUFFICIENT_DISK_SPACE": Kind(
        507, "InsufficientDiskSpace", "Free some space, or ask who runs this server", recoverable=True
    ),
}
_OF_OUR_CODES = {
    "database_unavailable": "DATABASE_ERROR",
    "missing_bytes": "STORAGE_ERROR",
    "storage_unreachable": "STORAGE_ERROR",
    "not_offered": "NOT_IMPLEMENTED",
    "method_not_allowed": "METHOD_NOT_ALLOWED",
    "request_timeout": "REQUEST_TIMEOUT",
    "storage_full": "INSUFFICIENT_DISK_SPACE",
    "storage_limit_exceeded": "INSUFFICIENT_DISK_SPACE",
}
_OF_OUR_KINDS: tuple[tuple[type[StackroomError], str], ...] = (
    (errors.Invalid, "INVALID_INPUT"),
    (errors.Unauthenticated, "UNAUTHORIZED"),
    (errors.Forbidden, "FORBIDDEN"),
    (errors.NotFound, "NOT_FOUND"),
    (errors.Conflict, "CONFLICT"),
    (errors.TooLarge, "PAYLOAD_TOO_LARGE"),
    (errors.RateLimited, "RATE_LIMIT_EXCEEDED"),
    (errors.UnsupportedMedia, "UNSUPPORTED_MEDIA_TYPE"),
    (errors.Unavailable, "RESOURCE_EXCEEDED"),
)


def bad_request(message: str) -> Invalid:
    """What the protocol calls BAD_REQUEST: well formed, and yet not to be done."""
    return Invalid(message, code="BAD_REQUEST")


@contextmanager
def as_bad_requests() -> Iterator[None]:
    """What the library calls invalid is well formed all the same: it is a BAD_REQUEST."""
    try:
        yield
    except Invalid as error:
        raise bad_request(error.message) from error


def invalid_input(message: str) -> Invalid:
    return Invalid(message, code="INVALID_INPUT")


def not_found(what: str) -> NotFound:
    """`what` is as people name it: "Media", "Image", "Folder"."""
    return NotFound(f"{what} not found")


def storage_error() -> StackroomError:
    return StackroomError("storage failed", code="STORAGE_ERROR")


def code_of(error: StackroomError) -> str:
    """The code of this protocol for any refusal."""
    if (code := error.code.upper()) in KINDS:
        return code
    if error.code in _OF_OUR_CODES:
        return _OF_OUR_CODES[error.code]
    return next((code for kind, code in _OF_OUR_KINDS if isinstance(error, kind)), "INTERNAL_ERROR")


def refusal(*, production: bool) -> Refusal:
    """What makes this face's error answers. Outside production they say which kind of error it is as well."""

    def refuse(request: Request, error: StackroomError, status: int | None) -> Response:  # noqa: ARG001 - a `Refusal`
        code = code_of(error)
        kind = KINDS[code]
        message = kind.fixed or error.message
        if kind.fixed:  # who is told nothing can name the request to somebody who looks here
            where = {
                "method": request.method,
                "path": request.scope["path"],
                "request_id": request_id(request),
            }
            log.warning("request.failed_for", code=code, reason=error.message, **where)
        told = not (kind.fixed or production)
        body = Envelope(
            error=message,
            details=f"{_words(kind.error_type)}: {message}" if told else UNSET,
            error_type=kind.error_type if told else UNSET,
            code=code,
            recoverable=kind.recoverable,
            suggested_action=error.hint or kind.action,
        )
        return json_reply(body, kind.status)

    return refuse


def _words(error_type: str) -> str:
    """NotFound, as it begins a sentence: "Not found"."""
    return _CAPITAL.sub(r" \1", error_type).strip().capitalize()
