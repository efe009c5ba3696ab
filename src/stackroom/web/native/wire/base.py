"""What all of the native protocol says alike, word for word. The OpenAPI document is generated from these structs."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

MAX_PAGE = 1000
MAX_ITEMS = 10_000
MAX_COUNT = 2**31 - 1
MAX_NUMBER = 2**63 - 1
Id = Annotated[str, Meta(description="A UUID, as text.")]
Moment = Annotated[
    str, Meta(description="UTC, to the microsecond, ending in Z.", extra_json_schema={"format": "date-time"})
]
When = Annotated[datetime, Meta(tz=True, description="ISO 8601, with a time zone.")]
Reference = Annotated[str, Meta(min_length=1, description="A dataset's name or id.")]
Glob = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=1024,
        description="A pattern of * and ? over the whole name; case counts.",
    ),
]
Path = Annotated[str, Meta(description="A folder's path, such as /cars/red; the root is /.")]
Status = Literal["new", "annotate", "review", "complete"]
Split = Literal["train", "val", "test"]
Kind = Literal["image", "video", "audio", "document"]


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request may say. A key that is not known is refused: misspelt, it would quietly widen a selection."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer says."""


class PageQuery(Asked, frozen=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 100
    cursor: str | None = None


class Named(Given, frozen=True, kw_only=True):
    id: Id
    name: str


class ErrorBody(Given, frozen=True, kw_only=True):
    """`code` is stable and for programs, `message` says what is wrong, `hint` what to do next."""

    code: str
    message: str
    hint: str | None
    details: dict[str, Any]


class Error(Given, frozen=True, kw_only=True):
    error: ErrorBody
