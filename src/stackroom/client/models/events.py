"""What happened, as the server's record has it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypedDict

from msgspec import Struct

from .base import Moment


class EventFilters(TypedDict, total=False):
    """Which events: those to which all of this applies. `path` is a part of it, in whatever case."""

    types: Iterable[str]
    since: datetime
    until: datetime
    asset: str
    operation: str
    batch: str
    request_id: str
    method: str
    status: int
    path: str
    requests: bool
    """Requests as well, and not only what they changed."""


class Event(Struct, frozen=True, kw_only=True):
    """What happened, and by whose request. `number` is its place in the record, and grows.

    What does not apply is None; so is the id of what is gone, but for an asset's.
    """

    number: int
    id: str
    type: str
    at: Moment
    dataset_id: str | None = None
    asset_id: str | None = None
    operation_id: str | None = None
    batch_id: str | None = None
    key_id: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    method: str | None = None
    path: str | None = None
    query: str | None = None
    status: int | None = None
    request_bytes: int | None = None
    response_bytes: int | None = None
    duration_us: int | None = None
    data: dict[str, Any] = {}
