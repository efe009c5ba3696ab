"""Events: what has happened."""

from typing import Annotated, Any

from msgspec import Meta

from stackroom.web.native.wire.base import MAX_NUMBER, MAX_PAGE, Asked, Given, Id, Moment, When


class EventsQuery(Asked, frozen=True, kw_only=True):
    """All that is given must apply. Without `type`, what was changed and not what was asked for."""

    type: tuple[str, ...] = ()
    """May be given again for more."""
    requests: bool = False
    """Requests as well."""
    since: When | None = None
    until: When | None = None
    asset: Id | None = None
    operation: Id | None = None
    batch: Id | None = None
    request_id: str | None = None
    method: str | None = None
    status: Annotated[int, Meta(ge=100, le=599)] | None = None
    path: str | None = None
    """A part of it, in whatever case."""


class EventsPageQuery(EventsQuery, frozen=True, kw_only=True):
    """Newest first, from `before` on; or, with `after`, oldest first those that followed it."""

    before: Annotated[int, Meta(ge=0, le=MAX_NUMBER)] | None = None
    after: Annotated[int, Meta(ge=0, le=MAX_NUMBER)] | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = 50


class Event(Given, frozen=True, kw_only=True):
    """What happened, and by whose request. `number` is its place in the record."""

    number: int
    id: Id
    type: str
    at: Moment
    dataset_id: Id | None
    asset_id: Id | None
    operation_id: Id | None
    batch_id: Id | None
    key_id: Id | None
    ip: str | None
    user_agent: str | None
    request_id: str | None
    method: str | None
    path: str | None
    query: str | None
    status: int | None
    request_bytes: int | None
    response_bytes: int | None
    duration_us: int | None
    data: dict[str, Any]


class Events(Given, frozen=True, kw_only=True):
    """A page; `next` is the `before`, or the `after`, of the one that follows."""

    events: list[Event]
    next: int | None
